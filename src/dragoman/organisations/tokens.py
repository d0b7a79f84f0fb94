"""Tokens that open something of ours: gateway keys, sessions, invitations, links.

256 random bits, shown once. What is kept is a digest that nobody can check a guess against without
the pepper, and enough of the text to recognise it by.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import NamedTuple

from dragoman.types.credential import Secret

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43
"""So many letters hold 256 bits: 62^43 > 2^256. Letters and digits alone: a double click takes the
whole of it."""
_SHOWN = 4


class Token(NamedTuple):
    """A new token: its text, what people may be shown of it, and what is kept of it."""

    text: Secret
    prefix: str
    digest: str


def make_token(kind: str, pepper: bytes) -> Token:
    """Make a token; `kind` is how it begins: `dk` for gateway keys."""
    number = int.from_bytes(os.urandom(32))
    letters = ""
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_LETTERS))
        letters += _LETTERS[rest]
    text = f"{kind}_{letters}"
    prefix = f"{kind}_{letters[:_SHOWN]}…{letters[-_SHOWN:]}"
    return Token(Secret(text), prefix, digest_of(text, pepper))


def digest_of(text: str, pepper: bytes) -> str:
    """Say what is kept of a token: HMAC-SHA-256 of it, as hex. It is what is looked up.

    Looking it up in a table or an index tells nothing of the tokens there, however long it takes:
    nobody without the pepper can choose the digest.
    """
    return hmac.new(pepper, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
