"""What may be done to a request that a server would not take, so that it takes it.

Law: a repair comes from a stranger's words, so it can only be one of these few. A field is dropped
where the answer stays an answer to the same question; it is renamed among names for the same thing,
and never to a name of the stranger's own choosing; instructions change their role, and text its
form. What a request is about is never dropped: whoever cannot do it has to say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dragoman.types.provider import Dialect

RepairKind: TypeAlias = Literal["drop", "rename", "role", "text", "strict", "reasoning"]

MOST_REPAIRS = 16
"""So many are kept for one model; no server known needs half of them."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

ESSENTIAL = frozenset(
    {
        "model", "messages", "input", "instructions", "system", "prompt", "contents", "stream",
        "tools", "tool_choice", "functions", "function_call", "response_format", "text",
        "output_config", "output_format", "format", "guided_json", "guided_regex", "guided_grammar",
        "guided_choice", "structured_outputs", "grammar", "json_schema", "stop", "stop_sequences",
        "n", "max_tokens", "max_completion_tokens", "max_output_tokens", "modalities", "audio",
        "previous_response_id", "conversation", "background", "thread", "include", "mcp_servers",
        "safety_settings", "safe_prompt", "guardrails", "guardrail_config", "encoding_format",
        "dimensions", "input_type",
    }
)  # fmt: skip
"""What a request is about, what bounds its cost, and what keeps its answer safe: never dropped."""

_SYNONYMS = (
    ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    ("seed", "random_seed"),
    ("user", "safety_identifier"),
)

_OTHER_ROLE: dict[str, Literal["system", "user"]] = {"developer": "system", "system": "user"}


class Repair(Struct, frozen=True, omit_defaults=True):
    """One change. `name` is the field or role that was refused, `new` the field's other name.

    text: send text as one string. strict: leave a tool's `strict` out. reasoning: leave reasoning
    out of the history.
    """

    kind: RepairKind
    name: str
    new: str = ""

    def __str__(self) -> str:
        return _SAID[self.kind].format(name=self.name, new=self.new or _OTHER_ROLE.get(self.name))

    @property
    def allowed(self) -> bool:
        """Whether it is one that may be made at all, whoever proposes it."""
        if self.kind == "drop":
            return _NAME.fullmatch(self.name) is not None and snake_case(self.name) not in ESSENTIAL
        if self.kind == "rename":
            return any(
                self.name != self.new and {self.name, self.new} <= set(group) for group in _SYNONYMS
            )
        if self.kind == "role":
            return self.name in _OTHER_ROLE
        return True

    @property
    def is_inside(self) -> bool:
        """Whether it changes what stands inside messages or tools, not a field at the top."""
        return self.kind not in ("drop", "rename")


_SAID = {
    "drop": "{name} is left out",
    "rename": "{name} is sent as {new}",
    "role": "instructions are sent in the role {new}, not {name}",
    "text": "text is sent as one string",
    "strict": "a tool's `strict` is left out",
    "reasoning": "reasoning is left out of the history",
}


def snake_case(name: str) -> str:
    """Turn `presencePenalty` into `presence_penalty`."""
    return re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)


def fit(dialect: Dialect, repairs: Iterable[Repair]) -> Dialect:
    """Put repairs into a dialect; those that may not be made are passed over."""
    for repair in repairs:
        if repair.allowed:
            dialect = replace(dialect, **_changed(dialect, repair))
    return dialect


def settings(repairs: Iterable[Repair]) -> dict[str, Any]:
    """Say repairs as settings of a `dialect` table: what to write to keep them for good."""
    fitted = fit(Dialect(), repairs)
    return {
        name: value
        for name in fitted.__struct_fields__
        if (value := getattr(fitted, name)) != getattr(Dialect(), name)
    }


def _changed(dialect: Dialect, repair: Repair) -> dict[str, Any]:
    if repair.kind == "drop":
        named = dict.fromkeys((*dialect.drop, repair.name))
        changed: dict[str, Any] = {"drop": tuple(named)}
        if repair.name == "stream_options":
            changed["stream_usage"] = False
        return changed
    if repair.kind == "rename":
        before = {
            old: repair.new if new == repair.name else new for old, new in dialect.rename.items()
        }
        names = {**before, repair.name: repair.new}
        return {"rename": {old: new for old, new in names.items() if old != new}}
    if repair.kind == "role":
        return {"system_role": _OTHER_ROLE[repair.name]}
    if repair.kind == "text":
        return {"content_as_string": True}
    if repair.kind == "strict":
        return {"strict_tools": False}
    return {"reasoning_as_text": False, "reasoning_field": None}
