"""What only another format can read back, sealed so that a client carries it through its history.

A client that speaks one language may be answered by a provider that speaks another. That provider
wants its signatures and encrypted reasoning back in the next turn; the client knows no field for
them. So they travel inside the one opaque field that its own language has for such things.

Law: a seal means something to us alone. A body that holds `MARK` must not be relayed as it is:
parse and render it, which opens the seal.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from dragoman.types.message import Meta
from dragoman.wire.json_text import decode, encode

MARK = "dragoman:"


def seal(meta: Meta | None) -> str:
    """Seal a part's meta, which may be none: the text then only says that there was nothing."""
    return MARK + base64.b64encode(encode(meta or {})).decode()


def is_sealed(text: Any) -> bool:
    """Whether a text is one of our seals."""
    return isinstance(text, str) and text.startswith(MARK)


def unseal(text: str, format_name: str) -> Meta | None:
    """Open a seal that came in a request of `format_name`; None when nothing sound is in it.

    Seals come back from clients, who may write what they like: what they claim for their own
    format, and could have sent openly, is not taken.
    """
    try:
        value = decode(base64.b64decode(text.removeprefix(MARK), validate=True))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(value, dict):
        return None
    meta = {
        name: fields
        for name, fields in value.items()
        if name != format_name and isinstance(fields, dict) and fields
    }
    return meta or None
