"""The ways in which a secret may be written where somebody repeats it."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote


def spell(text: str) -> list[bytes]:
    """Spell a secret in the ways in which it may turn up, longest first.

    As it is, in a URL, in JSON, hexadecimal, and in base64: alone, or after whatever else.
    """
    raw = text.encode()
    found = {
        raw,
        quote(text, safe="").encode(),
        json.dumps(text)[1:-1].encode(),
        raw.hex().encode(),
        raw.hex().upper().encode(),
        b64encode(raw),
        b64encode(raw).rstrip(b"="),
    }
    for before in range(3):
        whole = b64encode(b"\0" * before + raw)
        # The first and last characters depend on what stands beside it.
        core = whole[(before * 8 + 5) // 6 : (before + len(raw)) * 8 // 6]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return sorted(found, key=len, reverse=True)
