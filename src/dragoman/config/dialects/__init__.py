"""Other tools' configuration files: how each is recognised, and what it says in its own way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from dragoman.document.parse import LIST, not_a_table

if TYPE_CHECKING:
    from dragoman.config.shapes import Reader
    from dragoman.document.parse import Document


class ConfigDialect(Protocol):
    """One tool's file."""

    name: str

    def recognises(self, document: Document) -> bool:
        """Tell whether a document is this tool's."""
        ...

    def translate(self, document: Document) -> Document:
        """Bring a document into our shape; where only details differ, it stays as it is."""
        ...

    def quiet(self, data: Mapping[str, Any]) -> frozenset[str]:
        """The keys that are the tool's own business."""
        ...

    def walk(self, reader: Reader) -> None:
        """Read what stands where our own shape has nothing."""
        ...

    def unmapped(self, document: Document) -> Iterator[str]:
        """Name what an import leaves behind, one sentence each, without its values."""
        ...


def find_dialect(document: Document) -> ConfigDialect | None:
    """Find the tool whose file this is; None when it is ours."""
    if document.path is None or document.layer == "built-in":
        return None
    known = all_dialects() if not _OURS & document.data.keys() else _like_ours()
    return next((dialect for dialect in known if dialect.recognises(document)), None)


_OURS = frozenset({"providers", "routes", "aliases", "default_model", "server", "gateway"})


def _like_ours() -> tuple[ConfigDialect, ...]:
    """The tools whose files have our own top-level keys; the others need not be loaded."""
    from dragoman.config.dialects.gptme import GPTME
    from dragoman.config.dialects.pi import PI
    from dragoman.config.dialects.polpo import POLPO

    return (PI, POLPO, GPTME)


def read_other(document: Document) -> tuple[ConfigDialect | None, Document]:
    """Find whose file this is, and bring it into our shape. Raises: ConfigError."""
    dialect = find_dialect(document)
    if dialect is None:
        if LIST in document.data:
            raise not_a_table(document.path)
        return None, document
    document.kind = dialect.name
    return dialect, dialect.translate(document)


def all_dialects() -> tuple[ConfigDialect, ...]:
    """Every tool whose files we read."""
    from dragoman.config.dialects.litellm import LITELLM
    from dragoman.config.dialects.litellm_providers import LITELLM_PROVIDERS
    from dragoman.config.dialects.llm import LLM
    from dragoman.config.dialects.llmgateway import LLMGATEWAY

    return (*_like_ours(), LITELLM, LLMGATEWAY, LITELLM_PROVIDERS, LLM)
