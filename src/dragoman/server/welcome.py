"""The one page that the gateway has without a console: for the links of set-up and invitations.

The link's token is behind `#`: a browser sends it to nobody by itself, and no log has it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from dragoman.server.http import Reply

PATHS = ("/setup", "/invitation")

_PARTS = re.compile(rb"<(script|style)>(.*?)</\1>", re.DOTALL)


async def welcome(reply: Reply) -> None:
    """Show the page."""
    body, headers = _page()
    await reply.send(200, headers, body)


@cache
def _page() -> tuple[bytes, Mapping[str, str]]:
    """Read the page; its headers allow its own script and style, by their digests, and no more.

    Source: https://www.w3.org/TR/CSP3/#match-element-to-source-list (read 2026-11)
    """
    body = (files("dragoman.server") / "pages" / "welcome.html").read_bytes()
    digests = {
        kind.decode(): base64.b64encode(hashlib.sha256(part).digest()).decode()
        for kind, part in _PARTS.findall(body)
    }
    allowed = "; ".join(f"{kind}-src 'sha256-{digest}'" for kind, digest in digests.items())
    return body, {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": f"default-src 'none'; connect-src 'self'; {allowed};"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
