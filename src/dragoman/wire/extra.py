"""Fields of a request that nobody models, on their way to an upstream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Raw
from msgspec.json import Decoder

from dragoman.errors import Unsupported
from dragoman.types.message import Media, ToolResult
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.json_text import encode

_NEEDED = frozenset(
    {"previous_response_id", "conversation", "background", "prompt", "audio", "store"}
)
"""Fields without which it would be another request: whoever does not know them can't answer it."""

_MODELLED_IN_PART = frozenset({"text", "output_config", "metadata", "stream_options"})

_HARMLESS = frozenset({"store", "background"})
"""Fields that ask for nothing where they are false."""

_THREAD_LOST = "thread_not_found"
"""The code upon which Anthropic's SDKs send the whole history instead of their server's id for it.
Source: anthropic-python 2.11, lib/threads (read 2026-11)"""

_OURS = ("model", "messages", "input", "stream")


def render_extra(
    request: ChatRequest, format_name: str, body: dict[str, Any], warn: Callable[[str], None]
) -> None:
    """Add the request's `extra` to a body that holds everything else.

    Of an object that is modelled in part, what is modelled comes first. Fields of another format
    are reported to `warn`.

    Raises: Unsupported for a field of another format that can't be left out.
    """
    if request.format not in (None, format_name):
        for name, value in request.extra.items():
            _refuse_needed(name, value, format_name)
            if name not in _HARMLESS or value is not False:
                for said in _names(name, value):
                    warn(f"{said} is not sent: {format_name} does not know it")
        return
    for name, value in request.extra.items():
        kept = body.get(name)
        if isinstance(kept, dict) and isinstance(value, dict):
            body[name] = {**value, **kept}
        elif name not in _OURS:
            body.setdefault(name, value)


def _names(name: str, value: Any) -> Iterable[str]:
    """Name a field; of an object that is modelled in part, what is left of it."""
    if name in _MODELLED_IN_PART and isinstance(value, dict):
        return [f"{name}.{inner}" for inner in value]
    return (name,)


def _refuse_needed(name: str, value: Any, format_name: str) -> None:
    continued = name == "thread" and isinstance(value, dict) and value.get("type") == "continue"
    if continued or (name in _NEEDED and value):
        error = Unsupported(
            f"{name} can't be left out, and {format_name} does not know it", param=name
        )
        if continued:
            error.code = _THREAD_LOST
        raise error


def refuse_foreign_files(request: ChatRequest, family: tuple[str, ...]) -> None:
    """Refuse files by their ids where a request came in a format outside this family.

    An id means something to the provider that keeps the file alone, and a provider of another
    family does not. Raises: Unsupported.
    """
    if request.format is None or request.format in family:
        return
    for message in request.messages:
        for part in message.parts:
            inner = part.parts if isinstance(part, ToolResult) else (part,)
            if any(isinstance(one, Media) and one.file_id is not None for one in inner):
                raise Unsupported(
                    "a file uploaded to another provider can't be sent by its id", param="messages"
                )


def fit_dialect(dialect: Dialect, body: dict[str, Any], warn: Callable[[str], None]) -> None:
    """Take out and rename the top-level fields that this provider has otherwise."""
    for name in dialect.drop:
        if name in body:
            del body[name]
            warn(f"{name} is not sent: this provider does not know it")
    for name, new in dialect.rename.items():
        if name in body:
            body[new] = body.pop(name)


_open_one_level = Decoder(dict[str, Raw]).decode


def add_fields(body: bytes, fields: Mapping[str, Any]) -> bytes:
    """Add top-level fields to a body of ours; those that are there already stay as they are."""
    return encode({**fields, **_open_one_level(body)})
