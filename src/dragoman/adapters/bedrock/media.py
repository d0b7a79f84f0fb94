"""Pictures, files, sounds and films as Converse has them: a short word for the format, and bytes.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
(read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dragoman.errors import Unsupported
from dragoman.types.message import Media, MediaKind

_OFFICE = "application/vnd.openxmlformats-officedocument"
_MEMBERS: Mapping[MediaKind, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "image": (
            "image",
            {
                "image/png": "png",
                "image/jpeg": "jpeg",
                "image/jpg": "jpeg",
                "image/gif": "gif",
                "image/webp": "webp",
            },
        ),
        "file": (
            "document",
            {
                "application/pdf": "pdf",
                "text/csv": "csv",
                "text/html": "html",
                "text/markdown": "md",
                "application/msword": "doc",
                f"{_OFFICE}.wordprocessingml.document": "docx",
                "application/vnd.ms-excel": "xls",
                f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
            },
        ),
        "video": (
            "video",
            {
                "video/mp4": "mp4",
                "video/quicktime": "mov",
                "video/x-matroska": "mkv",
                "video/webm": "webm",
                "video/x-flv": "flv",
                "video/mpeg": "mpeg",
                "video/x-ms-wmv": "wmv",
                "video/3gpp": "three_gp",
            },
        ),
        "audio": (
            "audio",
            {
                "audio/mpeg": "mp3",
                "audio/mp3": "mp3",
                "audio/wav": "wav",
                "audio/x-wav": "wav",
                "audio/aac": "aac",
                "audio/flac": "flac",
                "audio/ogg": "ogg",
                "audio/opus": "opus",
                "audio/mp4": "m4a",
                "audio/webm": "webm",
            },
        ),
    }
)
_DEFAULTS = {"image": "image/png", "file": "application/pdf"}
_TEXTS = ("text/", "application/json", "application/xml", "application/yaml")

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9\s()\[\]-]+")


class Documents:
    """Names documents: each needs a name of a few characters, and none may come twice."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def name(self, wanted: str | None) -> str:
        """Make a name that is taken, as near to the wanted one as it may be."""
        plain = " ".join(_NOT_IN_NAMES.sub(" ", wanted or "").split())[:180] or "document"
        name, count = plain, 1
        while name in self._given:
            count += 1
            name = f"{plain} {count}"
        self._given.add(name)
        return name


def render_media(part: Media, documents: Documents) -> dict[str, Any]:
    """Write a part as a content block.

    Raises: Unsupported for one that is not sent with the request, or of an unknown format.
    """
    if part.data is None:
        what = "a file id" if part.file_id is not None else "a URL"
        raise Unsupported(
            f"Bedrock takes the bytes of a part of kind {part.kind}, not {what}",
            param="messages",
            hint="send it as base64",
        )
    member, formats = _MEMBERS[part.kind]
    media_type = part.media_type or _DEFAULTS.get(part.kind, "")
    media_type = media_type.partition(";")[0].strip().lower()
    word = formats.get(media_type)
    if word is None and part.kind == "file" and media_type.startswith(_TEXTS):
        word = "txt"
    if word is None:
        raise Unsupported(
            f"Bedrock takes no {part.kind} of type {media_type or 'unknown'}",
            param="messages",
            hint=f"one of {', '.join(formats)}",
        )
    block: dict[str, Any] = {"format": word, "source": {"bytes": part.data}}
    if member == "document":
        block = {"format": word, "name": documents.name(part.name), "source": block["source"]}
    return {member: block}


def media_type_of(word: Any) -> str:
    """Find the media type of an image's format."""
    return f"image/{word}" if word in ("png", "jpeg", "gif", "webp") else "image/png"
