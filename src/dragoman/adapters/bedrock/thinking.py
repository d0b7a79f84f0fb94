"""How much to think: Converse leaves that to each family's own fields.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html
and https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from dragoman.adapters.bedrock.models import Family
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, Effort, ReasoningOptions
from dragoman.wire.anthropic_messages.thinking import (
    claude_version,
    is_thinking,
    render_thinking,
    stop_thinking,
)
from dragoman.wire.effort import nearest_effort

Warn = Callable[[str], None]

_ROOM = 49_152
"""The room that budgets are fitted to where nobody limits the answer: what Opus 4 can say."""

_LEAST_TOP_P = 0.95
"""What top_p must be at least while Claude thinks."""

_NOVA: Mapping[Effort, str] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


class Additional:
    """The fields that go to the model itself, `additionalModelRequestFields`."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}

    def put(self, path: tuple[str, ...], value: Any) -> None:
        """Set a field, inside objects that are made if need be."""
        *outer, name = path
        place = self.fields
        for key in outer:
            place = place.setdefault(key, {})
        place[name] = value

    def unwanted(
        self, model: str, config: Mapping[str, Any], top_k: int | None, thinks: bool
    ) -> Iterator[str]:
        """Name the settings of `config`, and `top_k`, that a model refuses beside the others."""
        temperature, top_p = config["temperature"], config["topP"]
        nova = self.fields.get("reasoningConfig") or {}
        if nova.get("type") == "enabled":
            hindered = {"temperature": temperature, "topP": top_p, "top_k": top_k}
            if nova.get("maxReasoningEffort") == "high":
                hindered["maxTokens"] = config["maxTokens"]
            yield from (name for name, value in hindered.items() if value is not None)
            return
        version = claude_version(model)
        if version is None:
            return
        if thinks:
            if temperature not in (None, 1):
                yield "temperature"
            if top_p is not None and top_p < _LEAST_TOP_P:
                yield "topP"
            if top_k is not None:
                yield "top_k"
            return
        if temperature is not None and temperature > 1:
            yield "temperature"
        elif version > (4, 0) and temperature is not None and top_p is not None:
            yield "topP"


def render_reasoning(
    request: ChatRequest,
    model: str,
    dialect: Dialect,
    family: Family,
    additional: Additional,
    warn: Warn,
) -> bool:
    """Write how much to think. Tells whether the model is Claude, and will."""
    options: ReasoningOptions | None = request.reasoning
    if options is None:
        return False
    if family.effort is None or dialect.reasoning == "none":
        warn("reasoning options are not sent: it is not known how this model takes them")
        return False
    if family.effort == "claude":
        room = request.max_tokens or max(_ROOM, (options.budget_tokens or 0) + 1)
        body: dict[str, Any] = {"max_tokens": room}
        render_thinking(request, model, dialect, body, warn)
        del body["max_tokens"]
        additional.fields |= body
        return is_thinking(body)
    effort = options.effort
    if effort is None:
        effort = nearest_effort(options.budget_tokens or 0) if options.budget_tokens else "medium"
        if options.budget_tokens:
            warn(f"a reasoning budget is sent as the effort {effort!r}")
    _render_effort(effort, family, additional)
    return False


def _render_effort(effort: Effort, family: Family, additional: Additional) -> None:
    if family.effort == "flat":
        additional.put(("reasoning_effort",), effort)
    elif family.effort == "nested":
        additional.put(("reasoning", "effort"), "low" if effort == "minimal" else effort)
    elif effort == "none":
        additional.put(("reasoningConfig",), {"type": "disabled"})
    else:
        config = {"type": "enabled", "maxReasoningEffort": _NOVA[effort]}
        additional.put(("reasoningConfig",), config)


def settle(
    body: dict[str, Any], additional: Additional, calls_without_thought: bool, warn: Warn
) -> bool:
    """Take thinking out where the rest of the request rules it out. Tells whether it stays."""
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    fields = additional.fields
    if choice and "auto" not in choice:
        stop_thinking(fields, "a model that thinks can't be made to call a tool", warn)
    elif fields["thinking"]["type"] == "enabled" and calls_without_thought:
        reason = "the last calls of tools come from a model whose reasoning can't be sent back"
        stop_thinking(fields, reason, warn)
    return "thinking" in fields
