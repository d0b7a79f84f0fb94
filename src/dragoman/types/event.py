"""The steps of an answer's stream.

    Start (PartStart PartDelta* PartEnd)* (Finish | Failure)

Parts may interleave by `index`: parallel tool calls need all their parts open at once; text and
reasoning close each other. Indexes count up from 0 in order of `PartStart`. Nothing follows
`Finish` or `Failure`, and exactly one of them ends a stream. `Failure` leaves parts open that were
open: a tool call that broke off must never look complete.

A delta with an empty `text` only carries `meta` (a citation, a signature) and is not content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.types.message import Meta, Part
from dragoman.types.usage import Usage

FinishReason: TypeAlias = Literal[
    "stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error", "other"
]
DeltaKind: TypeAlias = Literal["text", "refusal", "reasoning", "tool_call"]


class Start(Struct, frozen=True, tag="start", omit_defaults=True):
    """The provider has begun; `created` is Unix seconds. Not yet content.

    `usage` is what some providers report in advance: the prompt's tokens, mostly.
    """

    id: str | None = None
    model: str | None = None
    created: int | None = None
    usage: Usage | None = None


class PartStart(Struct, frozen=True, tag="part_start", omit_defaults=True):
    """A part opens: text parts empty, a tool call with id and name, other parts whole."""

    index: int
    part: Part


class PartDelta(Struct, frozen=True, tag="part_delta", omit_defaults=True):
    """More of an open part: text, or a piece of a tool call's arguments.

    `logprobs` are of the tokens of this piece, as in `Text`.
    """

    index: int
    kind: DeltaKind
    text: str
    meta: Meta | None = None
    logprobs: tuple[Mapping[str, Any], ...] = ()


class PartEnd(Struct, frozen=True, tag="part_end", omit_defaults=True):
    """A part closes; `part` is all of it."""

    index: int
    part: Part


class Finish(Struct, frozen=True, tag="finish", omit_defaults=True):
    """The answer is whole. `raw_reason` is the provider's own word, `usage` what it reported last.

    `stop_sequence` is the one that ended the answer, where the provider says. `meta` holds the
    answer's own fields that no part carries, `warnings` what looked wrong, a sentence each.
    """

    reason: FinishReason
    raw_reason: str | None = None
    usage: Usage | None = None
    stop_sequence: str | None = None
    meta: Meta | None = None
    warnings: tuple[str, ...] = ()


class Failure(Struct, frozen=True, tag="failure"):
    """The answer broke off; what came before stands. `usage` is what was reported until then."""

    error: DragomanError
    usage: Usage | None = None


Event: TypeAlias = Start | PartStart | PartDelta | PartEnd | Finish | Failure
