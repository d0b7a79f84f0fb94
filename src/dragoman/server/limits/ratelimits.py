"""How clients are told what is left, and why they are not let through.

Sources: https://platform.openai.com/docs/guides/rate-limits, `x-ratelimit-*`, and
https://platform.claude.com/docs/en/api/rate-limits, `anthropic-ratelimit-*` (read 2026-11)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from dragoman.errors import BudgetExceeded, LimitExceeded
from dragoman.ledger.counting import Decision, Line
from dragoman.ledger.describing import amount_of, describe

HELD_S = 1.0
"""What is held for others may come back soon: nobody knows when."""
FRESH_S = 61.0
"""What has just been taken of a minute's limit comes back after that minute, one part late."""

_SHORTER = "a shorter answer (`max_tokens`)"
_MORE = "ask whoever runs this gateway for more"

_OPENAI: Mapping[str, tuple[str, str, str]] = {
    name: (
        f"x-ratelimit-limit-{name}",
        f"x-ratelimit-remaining-{name}",
        f"x-ratelimit-reset-{name}",
    )
    for name in ("requests", "tokens")
}
"""The names of headers: of the limit, of what is left, of when all is left again."""
_ANTHROPIC: Mapping[str, tuple[str, str, str]] = {
    name: (
        f"anthropic-ratelimit-{name}-limit",
        f"anthropic-ratelimit-{name}-remaining",
        f"anthropic-ratelimit-{name}-reset",
    )
    for name in _OPENAI
}

_WHOSE: Mapping[str, str] = {
    "organisation": "the organisation",
    "project": "the project",
    "member": "this member",
    "key": "this key",
    "provider": "the provider {}",
    "model": "the model {}",
}


def tell(lines: Sequence[Line], path: str, now: float, *, passed: bool) -> dict[str, str]:
    """Write the headers that say what is left: of each measure, for what is tightest.

    Only of what would refuse the client: what is soft lets it pass, what is optional leaves it
    another way, and for a provider's own limits it is made to wait. `now` is Unix time.
    """
    headers: dict[str, str] = {}
    anthropic = path.startswith("/messages")
    names = _ANTHROPIC if anthropic else _OPENAI
    tightest: dict[str, tuple[int, Line]] = {}
    for line in lines:
        term = line.term
        measure = term.told
        if measure is None or line.optional:
            continue
        left = term.most - line.used
        if passed:
            left -= line.amount
        if measure not in tightest or left < tightest[measure][0]:
            tightest[measure] = left, line
    for name, (left, line) in tightest.items():
        term = line.term
        limit, remaining, reset = names[name]
        headers[limit] = str(term.most)
        headers[remaining] = str(left) if left > 0 else "0"
        if term.is_quota:
            reset_s = None if term.until is None else max(0.0, term.until - now)
        else:
            reset_s = FRESH_S if passed else line.reset_s
        if reset_s is None:  # there is no such time
            continue
        if anthropic:
            headers[reset] = _moment(now + reset_s)
        else:
            headers[reset] = _FRESH if reset_s is FRESH_S else _length(reset_s)
    return headers


def refusal(lines: Sequence[Line], decision: Decision) -> LimitExceeded:
    """Say what is used up: of several, what lasts longest."""

    def lasts(position: int) -> float:
        line = lines[position]
        if line.term.is_quota:
            return math.inf
        return HELD_S if line.wait_s is None else line.wait_s

    needed = [n for n in decision.refused if not lines[n].optional] or list(decision.refused)
    position = max(needed, key=lasts)
    line = lines[position]
    if line.term.is_quota:
        return _used_up(line)
    error = _too_soon(line)
    error.retry_after = float(math.ceil(lasts(position)))
    return error


def _too_soon(line: Line) -> LimitExceeded:
    """Say that a limit of a minute has no room, or none for as much as may be asked for here."""
    allowance = line.term.allowance
    left = allowance.amount - line.used
    whose = f"{describe(allowance)} for {_whose(line)}"
    what, less = f"the limit of {whose} is reached", ""
    if allowance.measure == "tokens" and left > 0:
        what = f"this request may take more than the {amount_of(allowance, left)} left of {whose}"
        less = f" allow it {_SHORTER},"
    return LimitExceeded(what, hint=f"ask again later,{less} or {_MORE}")


def _used_up(line: Line) -> LimitExceeded:
    """Say that a quota has no room; where others hold more than they may use, it may have soon."""
    allowance = line.term.allowance
    left = allowance.amount - line.used
    whose = f"{describe(allowance)} for {_whose(line)}"
    begins = "" if line.term.until is None else f"; it begins anew at {_moment(line.term.until)}"
    may_come_back = allowance.measure != "requests" and line.held > 0
    comes_back = may_come_back and line.used - line.held + line.amount <= allowance.amount
    if left > 0 and line.amount > left:
        what = f"this request may take up to {amount_of(allowance, line.amount)}, and"
        what = f"{what} {amount_of(allowance, left)} are left of {whose}"
        soon = "ask again in a moment, or " if comes_back else ""
        less = f"allow it {_SHORTER}"
        if line.amount == allowance.assumed_nanousd:  # it is that for an answer of any length
            less = "ask a model whose price is known"
        hint = f"{soon}{less}, or {_MORE}{begins}"
    elif comes_back:
        what = f"what is left of the budget of {whose} is held by requests under way"
        hint = "ask again in a moment: what they do not use comes back"
    else:
        what = f"the budget of {whose} is used up"
        hint = f"{_MORE}{begins}"
    error = BudgetExceeded(what, code="budget_exceeded", hint=hint)
    error.retry_after = HELD_S if comes_back else None
    return error


def _whose(line: Line) -> str:
    term = line.term
    return _WHOSE[term.allowance.kind].format(term.subject) if term.subject else "this gateway"


def _length(seconds: float) -> str:
    """Write a length of time as OpenAI does: `850ms`, `7.5s`, `6m0s`, `23h59m12s`."""
    if seconds < 1:
        return f"{max(math.ceil(seconds * 1000), 0)}ms"
    whole = math.ceil(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(math.ceil(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_FRESH = _length(FRESH_S)
