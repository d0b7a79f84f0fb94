"""`data:` URLs, in which pictures, sounds and files travel inside JSON."""

from __future__ import annotations

import re

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.+-]+=[^;,]*)*);base64,", re.IGNORECASE)


def split_data_url(url: str) -> tuple[str | None, str] | None:
    """Take a base64 `data:` URL apart: media type (None when it has none) and base64 text.

    None for any other URL. Source: RFC 2397.
    """
    found = _DATA_URL.match(url)
    if found is None:
        return None
    media_type = found[1].lower() if found[1] else None
    return media_type, "".join(url[found.end() :].split())


def make_data_url(media_type: str, data: str) -> str:
    """Make a `data:` URL out of base64 text."""
    return f"data:{media_type};base64,{data}"
