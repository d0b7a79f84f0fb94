"""A description, read: what is sent, and where things stand in what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from dragoman.adapters.described.json_path import Path
from dragoman.adapters.described.reading import Reading
from dragoman.adapters.described.template import Render
from dragoman.errors import UpstreamError
from dragoman.types.provider import Api


class Stream(Struct, frozen=True, kw_only=True):
    """How a stream is read: `always` in every frame, `on` in those of a type.

    `type` is where a frame's type stands, None for the event's own name.
    """

    framing: str
    always: Reading
    on: Mapping[str, Reading]
    type: Path | None = None
    ends_with_body: bool = False
    ends_with_done: bool = False


class Errors(Struct, frozen=True, kw_only=True):
    """What an error says: `kinds` by its code, or by the HTTP status."""

    message: Path | None = None
    code: Path | None = None
    kinds: Mapping[str, type[UpstreamError]] = MappingProxyType({})


class Poll(Struct, frozen=True, kw_only=True):
    """How a job is waited for: asked after at `url` until `status` is none of `pending`."""

    url: Path
    status: Path
    pending: frozenset[str]
    failed: frozenset[str] = frozenset()
    every_s: float = 1.0


class Models(Struct, frozen=True, kw_only=True):
    """Where the models are listed, and where their ids stand in the list."""

    url: Render
    id: Path


class Vectors(Struct, frozen=True, kw_only=True):
    """How texts become vectors: `each` leads to them, in order; `usage` to the prompt's tokens."""

    url: Render | None
    request: Render
    each: Path
    usage: Path | None = None


class Description(Struct, frozen=True, kw_only=True):
    """A description, read. What is None is left to the wire format `api`."""

    name: str
    api: Api
    method: str
    provider: Mapping[str, Any] | None
    url: Render | None
    headers: Mapping[str, Render] | None
    request: Render | None
    uses: frozenset[str]
    response: Reading | None
    stream: Stream | None
    errors: Errors | None
    poll: Poll | None
    models: Models | None
    embeddings: Vectors | None


def kinds() -> Mapping[str, type[UpstreamError]]:
    """List the errors that a description may name: our classes, written like `rate_limited`."""
    found: dict[str, type[UpstreamError]] = {}
    waiting = list(UpstreamError.__subclasses__())
    for kind in waiting:
        waiting += kind.__subclasses__()
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__)
        found[name.lstrip("_")] = kind
    return found
