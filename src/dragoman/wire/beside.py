"""What a format says beside a text or an answer, and another has no place for."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.types.message import Meta

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
