"""What one format says and another has no place for, in words for a warning."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.types.message import Media, Meta, Part, Unknown

_SAID = ("citations", "annotations", "logprobs")


def foreign_beside(meta: Meta | None, format_name: str) -> Iterator[str]:
    """Report what other formats than this one say in a meta that a reader would miss.

    Ids and the like are not worth a word.
    """
    for name, fields in (meta or {}).items():
        if name != format_name:
            for word in _SAID:
                if fields.get(word):
                    yield f"the {word} of {name} are left out"


def describe(part: Part) -> str:
    """Name a part in a warning."""
    if isinstance(part, Unknown):
        return f"a block that only {part.format} knows"
    if isinstance(part, Media):
        return f"a part of kind {part.kind}"
    return f"a part of type {type(part).__name__}"
