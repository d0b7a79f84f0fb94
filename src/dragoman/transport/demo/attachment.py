"""What the demo sees of an attachment: its type, its size, and a picture's width and height."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

PNG = b"\x89PNG\r\n\x1a\n"

# Markers that start a frame, and so carry the size: C0 to CF without DHT, JPG and DAC.
# Source: ITU-T T.81, table B.1.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def describe(part: Mapping[str, Any]) -> str:
    """Describe a part of a message that is not text."""
    kind = str(part.get("type", "something"))
    inner = part.get(kind)
    inner = inner if isinstance(inner, dict) else {}
    url = str(inner.get("url") or inner.get("file_data") or "")
    if kind == "input_audio":
        return f"a sound ({inner.get('format', 'unknown format')})"
    if not url.startswith("data:"):
        return f"a link to {url}, which I do not follow" if url else f"a part of type {kind}"
    header, _, encoded = url.partition(",")
    media_type = header.removeprefix("data:").partition(";")[0] or "text/plain"
    try:
        data = binascii.a2b_base64(encoded, strict_mode=False)
    except binascii.Error:
        return f"a {media_type} that is no base64"
    size = find_size(data)
    pixels = f", {size[0]} × {size[1]} pixels" if size else ""
    return f"one {media_type}{pixels}, {len(data):,} bytes"


def find_size(data: bytes) -> tuple[int, int] | None:
    """Find width and height of a PNG, GIF, WebP (extended or lossless) or JPEG picture."""
    if data.startswith(PNG) and len(data) >= 24:
        return _big(data[16:20]), _big(data[20:24])
    if data[:6] in (b"GIF87a", b"GIF89a") and len(data) >= 10:
        return _little(data[6:8]), _little(data[8:10])
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return _little(data[24:27]) + 1, _little(data[27:30]) + 1
    if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8L" and len(data) >= 25:
        bits = _little(data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if data.startswith(b"\xff\xd8"):
        return _find_jpeg_size(data)
    return None


def _find_jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk from segment to segment until the frame."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_FRAMES:
            return _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7])
        at += 2 + _big(data[at + 2 : at + 4])
    return None


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
