"""What one format says beside its parts and another has no place for, in words for a warning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dragoman.types.event import FinishReason
from dragoman.types.message import Media, Message, Meta, Part, ToolResult, Unknown
from dragoman.types.request import ChatRequest, Tool

_SAID = ("citations", "annotations", "logprobs")

_MARKS = {
    "cache_control": "cache marks are not sent: {} caches without them, or not at all",
    "citations": "a wish for citations, or what they were, is not sent: {} has no place for it",
    "context": "the context of a document is not sent: {} has no place for it",
}
"""What a request says beside its parts and its tools, and a reader would miss."""

_TOLD = frozenset({"name", "namespace", "namespace_description", "custom", "more"})
"""What of a tool is told otherwise: its name and its namespace's are put together."""


def foreign_beside(meta: Meta | None, format_name: str, cited: int = 0) -> Iterator[str]:
    """Report what other formats than this one say in a meta that a reader would miss.

    `cited` is how many citations are told all the same. Ids and the like are not worth a word.
    """
    for name, fields in (meta or {}).items():
        if name != format_name:
            for word in _SAID:
                if not (said := fields.get(word)):
                    continue
                if word == "citations" and isinstance(said, list) and len(said) <= cited:
                    yield f"the words that citations of {name} quote are left out"
                else:
                    yield f"the {word} of {name} are left out"


def warn_of_marks(request: ChatRequest, format_name: str, warn: Callable[[str], None]) -> None:
    """Report what other formats than this one say beside parts and tools of a request."""
    for meta in _metas(request.messages):
        for name, fields in meta.items():
            for mark, sentence in _MARKS.items() if name != format_name else ():
                if fields.get(mark):
                    warn(sentence.format(format_name))
    for tool in request.tools:
        for name, fields in (tool.meta or {}).items() if isinstance(tool, Tool) else ():
            if name != format_name:
                _warn_of_tool(fields, format_name, warn)


def _metas(messages: Iterable[Message]) -> Iterator[Meta]:
    for message in messages:
        for part in message.parts:
            for one in (part, *(part.parts if isinstance(part, ToolResult) else ())):
                if not isinstance(one, Unknown) and one.meta:
                    yield one.meta


def _warn_of_tool(fields: Mapping[str, Any], format_name: str, warn: Callable[[str], None]) -> None:
    more = {**fields, **fields.get("more", {}), **(fields.get("custom") or {})}
    for name in more:
        if name in _MARKS:
            warn(_MARKS[name].format(format_name))
        elif name not in _TOLD:
            warn(f"a tool's {name} is not sent: {format_name} does not know it")


def doubtful_ending(
    reason: FinishReason, raw: str | None, stop_sequence: str | None, told: str
) -> Iterator[str]:
    """Report what of an answer's ending `told`, the nearest word, leaves unsaid."""
    if reason == "pause":
        yield "the provider paused its turn: the answer is not at its end"
    elif reason == "other":
        yield f"the answer ended with {raw!r}, for which there is no word here: told as {told!r}"
    elif stop_sequence is not None:
        yield "the stop sequence at which the answer ended is left out"


def describe(part: Part) -> str:
    """Name a part in a warning."""
    if isinstance(part, Unknown):
        return f"a block that only {part.format} knows"
    if isinstance(part, Media):
        return f"a part of kind {part.kind}"
    return f"a part of type {type(part).__name__}"
