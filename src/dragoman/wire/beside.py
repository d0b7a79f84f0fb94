"""What one format says and another has no place for, in words for a warning."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.types.message import Media, Meta, Part, Unknown

_SAID = ("citations", "annotations", "logprobs")


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


def describe(part: Part) -> str:
    """Name a part in a warning."""
    if isinstance(part, Unknown):
        return f"a block that only {part.format} knows"
    if isinstance(part, Media):
        return f"a part of kind {part.kind}"
    return f"a part of type {type(part).__name__}"
