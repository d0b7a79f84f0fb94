"""Texts as vectors."""

from __future__ import annotations

from msgspec import Struct

from dragoman.types.usage import Usage


class Embeddings(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One vector for each text, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...]
    model: str | None = None
    usage: Usage | None = None
