"""How much to think: efforts and budgets, read and written.

Law: whoever speaks this API chose his words for his model, and they go on unchanged. What comes
from elsewhere is fitted: an effort where the model takes efforts, a budget where it takes budgets.

Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking and
/adaptive-thinking (read 2026-11)
"""

from __future__ import annotations

import re
from typing import Any, get_args

from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, Effort, ReasoningOptions
from dragoman.wire.anthropic_messages.content import Warn
from dragoman.wire.anthropic_messages.schema import NAME, own
from dragoman.wire.fields import read_count, read_object, read_text

MIN_BUDGET = 1024

_EFFORTS = frozenset(get_args(Effort))
_BUDGETS: dict[Effort, int] = {
    "minimal": 1024,
    "low": 4096,
    "medium": 12288,
    "high": 24576,
    "xhigh": 32768,
    "max": 49152,
}
_ADAPTIVE = (4, 6)
"""The version of Claude that began to take efforts, and was the last to take budgets."""

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d)(?:[-.](\d{1,2})(?!\d))?")


def claude_version(model: str) -> tuple[int, int] | None:
    """Read a model's version; None for another vendor's, and (99, 0) for an unnumbered one."""
    if "claude" not in model:
        return None
    found = _VERSION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else (99, 0)


def parse_thinking(rest: dict[str, Any]) -> ReasoningOptions | None:
    """Read `thinking` and `output_config.effort`, and take them out. Raises: InvalidRequest."""
    effort = _parse_effort(rest)
    if "thinking" not in rest:
        return ReasoningOptions(effort) if effort else None
    said = dict(read_object(rest.pop("thinking"), "thinking"))
    kind = read_text(said.get("type"), "thinking.type")
    budget = None
    if kind == "enabled":
        budget = read_count(said.pop("budget_tokens", None), "thinking.budget_tokens")
    summary = "auto" if said.get("display") == "summarized" else None
    if kind == "disabled" and effort is None:
        effort = "none"
    return ReasoningOptions(effort, budget, summary, {NAME: said})


def _parse_effort(rest: dict[str, Any]) -> Any:
    config = rest.get("output_config")
    effort = config.get("effort") if isinstance(config, dict) else None
    if effort is None or read_text(effort, "output_config.effort") not in _EFFORTS:
        return None
    del rest["output_config"]["effort"]
    return effort


def render_thinking(
    request: ChatRequest, model: str, dialect: Dialect, body: dict[str, Any], warn: Warn
) -> None:
    """Write `thinking` and `output_config.effort` into a body that holds `max_tokens`."""
    options = request.reasoning
    if options is None:
        return
    effort, budget = options.effort, options.budget_tokens
    said = own(options.meta)
    if dialect.reasoning == "none":
        warn("reasoning options are not sent: this provider does not know them")
        return
    if request.format == NAME or said:
        if said:
            body["thinking"] = {**said, "budget_tokens": budget} if budget else dict(said)
    elif effort == "none" or budget == 0:
        body["thinking"] = {"type": "disabled"}
    else:
        effort = _render_foreign(options, model, dialect, body, warn)
    if effort not in (None, "none"):
        config = body.setdefault("output_config", {})
        config["effort"] = "low" if effort == "minimal" else effort
        if effort == "minimal":
            warn("the reasoning effort 'minimal' is sent as 'low', the least here")


def _render_foreign(
    options: ReasoningOptions, model: str, dialect: Dialect, body: dict[str, Any], warn: Warn
) -> Effort | None:
    """Fit an effort or a budget to the model; return the effort that is to be sent."""
    version = claude_version(model)
    takes_effort = version is not None and version >= _ADAPTIVE and dialect.reasoning != "thinking"
    takes_budget = version is None or version <= _ADAPTIVE or dialect.reasoning == "thinking"
    effort, budget = options.effort, options.budget_tokens
    if budget is not None and not takes_budget:
        effort = effort or _nearest_effort(budget)
        warn(f"a reasoning budget of {budget} tokens is sent as the effort {effort!r}")
        budget = None
    if budget is None and takes_effort:
        body["thinking"] = {"type": "adaptive"}
    else:
        wanted = budget if budget is not None else _BUDGETS.get(effort or "medium", 0)
        fitted = _fit_budget(wanted, body["max_tokens"], exact=budget is not None, warn=warn)
        if fitted is None:
            return None
        if budget is None:
            warn(f"the reasoning effort {effort or 'medium'!r} is sent as {fitted} tokens")
        body["thinking"] = {"type": "enabled", "budget_tokens": fitted}
        effort = None
    if options.summary:
        body["thinking"]["display"] = "summarized"
    return effort


def _nearest_effort(budget: int) -> Effort:
    return next((effort for effort, limit in _BUDGETS.items() if budget <= limit), "max")


def _fit_budget(budget: int, max_tokens: int, *, exact: bool, warn: Warn) -> int | None:
    """Keep a budget within its limits: at least 1024, and less than the whole answer.

    An effort leaves half of the answer to what is said; a budget (`exact`) is the caller's word.
    """
    if max_tokens <= MIN_BUDGET:
        warn(f"reasoning is not asked for: max_tokens {max_tokens} leaves no room for it")
        return None
    limit = max_tokens - 1 if exact else max_tokens // 2
    fitted = max(min(budget, limit), MIN_BUDGET)
    if exact and fitted != budget:
        warn(f"the reasoning budget of {budget} tokens is sent as {fitted}")
    return fitted


def stop_thinking(body: dict[str, Any], reason: str, warn: Warn) -> None:
    """Take thinking out of a body where it would be refused."""
    del body["thinking"]
    warn(f"reasoning is not asked for: {reason}")


def is_thinking(body: dict[str, Any]) -> bool:
    """Whether the model is asked to think."""
    return (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
