"""Attachments: files, URLs and stdin, as parts of a message.

The kind comes from the first bytes, then from the suffix. Text becomes a text part under its name,
so that every model can read it.
"""

from __future__ import annotations

import base64
import mimetypes
import os
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from dragoman.cli.terminal.exit_codes import InputMissing
from dragoman.errors import InvalidRequest
from dragoman.types.message import Media, MediaKind, Part, Text

MAX_BYTES = 64 * 1024 * 1024
UNKNOWN = "application/octet-stream"
STDIN = "stdin"
"""What standard input is called where a file has its name."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypM4A", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"PK\x03\x04", "application/zip"),
)
"""Offset, bytes, media type; the first that fits counts.

Source: https://en.wikipedia.org/wiki/List_of_file_signatures (read 2026-11)
"""


def attach(place: str, stdin: bytes | None, media_type: str | None = None) -> Part:
    """Make a part of a file, of an http(s) URL, or of stdin (`-`).

    `media_type` comes before what the content looks like.

    Raises: InputMissing, InvalidRequest.
    """
    if place == "-":
        if not stdin:
            raise InputMissing(
                "-a - attaches standard input, and nothing is piped in",
                hint="cat FILE | dragoman -a - …",
            )
        return attach_bytes(stdin, STDIN, media_type)
    if place.startswith(("http://", "https://")):
        return _attach_url(place, media_type)
    return attach_bytes(read_file(place), os.path.basename(place), media_type)  # noqa: PTH119


def attach_bytes(content: bytes, name: str, media_type: str | None = None) -> Part:
    """Make a part of a content. Raises: InvalidRequest for what no model reads."""
    kind = media_type or sniff(content, name)
    if media_type is None and kind == UNKNOWN:
        raise InvalidRequest(
            f"{_called(name)} is neither text nor a picture or document that models read",
            hint="turn it into text; or say what it is: --at FILE TYPE, with - for standard input",
        )
    if kind is None or kind.startswith("text/"):
        return Text(f"{name}:\n{_fenced(_decode(content, name))}")
    return Media(
        kind=_media_kind(kind),
        media_type=kind,
        data=base64.b64encode(content).decode("ascii"),
        name=name,
    )


def sniff(content: bytes, name: str) -> str | None:
    """Find the media type of a content; None when it is text."""
    for offset, magic, media_type in _MAGIC:
        if content.startswith(magic, offset):
            return media_type
    if _is_text(content):
        return None
    return mimetypes.guess_type(name)[0] or UNKNOWN


def read_file(place: str) -> bytes:
    """Read a file that the command line names. Raises: InputMissing, InvalidRequest."""
    path = Path(place).expanduser()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputMissing(f"{place}: there is no such file", hint=_where(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "give yourself the right to read it, or name another"
        raise InputMissing(f"{place}: cannot be read: {reason.lower()}", hint=hint) from None
    if len(content) > MAX_BYTES:
        raise InvalidRequest(
            f"{place} is larger than {MAX_BYTES // 1024**2} MiB", hint="send a part of it"
        )
    return content


def read_text_file(place: str) -> str:
    """Read a text file that the command line names. Raises: as `read_file`."""
    return _decode(read_file(place), place)


def _attach_url(url: str, media_type: str | None) -> Part:
    """Hand a URL on: the provider fetches it, we do not. Without a suffix it is an image."""
    path = urlsplit(url).path
    kind = media_type or mimetypes.guess_type(path)[0] or "image/*"
    if kind.startswith("text/"):
        raise InvalidRequest(
            f"{url} is text, which providers do not fetch",
            hint=f'curl -sL {url} | dragoman -a - "…"',
        )
    known = None if kind.endswith("*") else kind
    return Media(kind=_media_kind(kind), media_type=known, url=url, name=path.rpartition("/")[2])


def _media_kind(media_type: str) -> MediaKind:
    family = media_type.partition("/")[0]
    return cast("MediaKind", family) if family in ("image", "audio", "video") else "file"


def _is_text(content: bytes) -> bool:
    if b"\0" in content:
        return False
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode(content: bytes, name: str) -> str:
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        raise InvalidRequest(
            f"{_called(name)} is not UTF-8 text", hint="convert it, for example with iconv"
        ) from None


def _called(name: str) -> str:
    return "standard input" if name == STDIN else name


def _where(path: Path) -> str:
    """Say where a file was looked for."""
    return "check the path" if path.is_absolute() else f"it is looked for in {Path.cwd()}"


def _fenced(text: str) -> str:
    """Put text between fences that do not occur in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"
