"""Other tools' configuration files: how each is recognised, and what it says in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dragoman.config.parse import Document
    from dragoman.config.shapes import Reader


class ConfigDialect(Protocol):
    """One tool's file."""

    name: str

    def recognises(self, document: Document) -> bool:
        """Tell whether a document is this tool's."""
        ...

    def quiet(self, data: Mapping[str, Any]) -> frozenset[str]:
        """The keys that are the tool's own business."""
        ...

    def walk(self, reader: Reader) -> None:
        """Read what stands where our own shape has nothing."""
        ...

    def unmapped(self, data: Mapping[str, Any]) -> Iterator[str]:
        """Name what an import leaves behind, one sentence each, without its values."""
        ...


def find_dialect(document: Document) -> ConfigDialect | None:
    """Find the tool whose file this is; None when it is ours."""
    if document.path is None or document.layer == "built-in":
        return None
    for dialect in all_dialects():
        if dialect.recognises(document):
            return dialect
    return None


def all_dialects() -> tuple[ConfigDialect, ...]:
    """Every tool whose files we read."""
    from dragoman.config.dialects.gptme import GPTME
    from dragoman.config.dialects.polpo import PI, POLPO

    return (PI, POLPO, GPTME)
