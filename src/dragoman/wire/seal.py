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

from msgspec import Struct

from dragoman.types.message import Meta, Reasoning
from dragoman.wire.json_text import decode, encode

MARK = "dragoman:"

_SIGNER, _TEXT = "signer", "text"


class Unsealed(Struct, frozen=True):
    """What was in a seal; `text` only where the thought itself was sealed with it."""

    meta: Meta | None = None
    signer: str | None = None
    text: str = ""


def seal(part: Reasoning, *, with_text: bool = False) -> str:
    """Seal a thought's meta, which may be none: the text then only says that there was nothing.

    `with_text` seals its words as well, where a client may lose which of them were signed.
    """
    sealed: dict[str, Any] = dict(part.meta or {})
    if part.meta and part.signer is not None:
        sealed[_SIGNER] = part.signer
    if with_text and part.text:
        sealed[_TEXT] = part.text
    return MARK + base64.b64encode(encode(sealed)).decode()


def is_sealed(text: Any) -> bool:
    """Whether a text is one of our seals."""
    return isinstance(text, str) and text.startswith(MARK)


def unseal(text: str, format_name: str) -> Unsealed:
    """Open a seal that came in a request of `format_name`; one that is not sound holds nothing.

    Seals come back from clients, who may write what they like: what they claim for their own
    format, and could have sent openly, is not taken.
    """
    try:
        value = decode(base64.b64decode(text.removeprefix(MARK), validate=True))
    except (ValueError, binascii.Error):
        return Unsealed()
    if not isinstance(value, dict):
        return Unsealed()
    meta = {
        name: fields
        for name, fields in value.items()
        if name != format_name and isinstance(fields, dict) and fields
    }
    signer, said = value.get(_SIGNER), value.get(_TEXT)
    return Unsealed(
        meta or None,
        signer if isinstance(signer, str) and meta else None,
        said if isinstance(said, str) else "",
    )
