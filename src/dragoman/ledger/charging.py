"""What an exchange took of what was allowed: counted from its record, and from nothing else.

Law: whoever counts (the worker that answered, one that found a dead worker's journal, the one that
writes rows) comes to the same figure, because all of them ask here.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from dragoman.types.allowance import OF_DEPLOYMENTS, Allowance, Charge
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

COUNTING = "/messages/count_tokens"
"""An endpoint whose requests count for nothing."""
LOOKING = "/responses/{"
"""What the endpoints begin with that look at a response that was made before. Their requests count
for nothing; what they settle does."""

_has_asked = attrgetter("has_asked")
_is_metered = attrgetter("is_metered")


def charge_of(allowance: Allowance, subject: str, since: int) -> Charge:
    """Say that something counts against an allowance, in the period that began at `since`."""
    return Charge(
        allowance_id=allowance.id,
        kind=allowance.kind,
        subject=subject,
        measure=allowance.measure,
        since=since,
        assumed=allowance.assumed,
    )


def is_counted(exchange: Exchange) -> bool:
    """Whether an exchange counts for limits at all; `store.spent` has the same in SQL."""
    endpoint = exchange.endpoint or ""
    if endpoint.startswith(COUNTING):
        return False
    if endpoint.startswith(LOOKING):
        return any(map(_is_metered, exchange.attempts))
    return bool(exchange.attempts)


def taken(charge: Charge, exchange: Exchange) -> int:
    """Count what an exchange took of an allowance: requests, tokens, or nano-dollars.

    Of places at a time it has taken none, now that it is over.

    A request counts when a provider was asked for it, whatever came of it: also when the worker
    died then. What that had cost is not known, and counts as any unknown cost does. Who looks at
    what was made before takes what is settled by that, and is no request.
    """
    attempts, measure, endpoint = exchange.attempts, charge.measure, exchange.endpoint
    if charge.kind in OF_DEPLOYMENTS:
        attempts = _concerned(charge, attempts)
    if endpoint is not None and endpoint.startswith(LOOKING):
        attempts = [] if measure == "requests" else [one for one in attempts if one.is_metered]
    if measure == "requests":
        return 1 if any(map(_has_asked, attempts)) else 0
    amount = 0
    if measure == "spend":
        for attempt in attempts:
            cost = attempt.cost_nanousd
            if cost is not None:
                amount += cost
            elif attempt.is_paid:
                amount += charge.assumed
    elif measure == "tokens":
        for attempt in attempts:
            amount += tokens_of(attempt.usage)
    return amount


def tokens_of(usage: Usage | None) -> int:
    """Count the tokens of an attempt, prompt and completion; what nobody reported is none."""
    if usage is None:
        return 0
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)


def _concerned(charge: Charge, attempts: Sequence[Attempt]) -> list[Attempt]:
    subject = charge.subject
    if charge.kind == "provider":
        return [one for one in attempts if one.provider == subject]
    return [one for one in attempts if f"{one.provider}/{one.model}" == subject]
