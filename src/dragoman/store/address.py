"""The URL of a server of ours, which may hold a password: read by us first, shown without it.

Law: what others say of a URL that they cannot read may repeat any part of it. So nobody is given
one that we could not take apart.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

ENCODE = "percent-encode what is special in a password: % is %25, @ is %40, / is %2F, # is %23"

_PLAIN = r"""(?:[!"$&-.0-9;->A-Z\\^-~]|%(?!00)[0-9A-Fa-f]{2})"""
"""A character that divides nothing; ASCII, without blanks. No program takes an encoded NUL."""
_URL = (
    rf"[a-z]+://(?:{_PLAIN}*(?::(?:{_PLAIN}|:)*)?@)?"  # user:password@
    rf"(?:\[[0-9A-Fa-f:.]+\]|{_PLAIN}*)(?::[0-9]*)?"  # host:port
    rf"(?:/(?:{_PLAIN}|[/:])*)?"
    rf"(?:\?\w+=(?:{_PLAIN}|[/:])*)?"  # name=value&name=value: both signs are plain
)


class ServerUrl(Struct, frozen=True):
    """Where a server is. `url` may hold a password: only `str` is fit to be shown."""

    url: str

    def __str__(self) -> str:
        """Write the URL without password and parameters."""
        at = urlsplit(self.url)
        user = f"{at.username}@" if at.username else ""
        port = f":{at.port}" if at.port else ""
        return f"{at.scheme}://{user}{at.hostname or ''}{port}{at.path}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("", str(self))]

    def hide(self, text: str) -> str:
        """Take the passwords of this URL out of what somebody says of its server."""
        at = urlsplit(self.url)
        given = [value for name, value in parse_qsl(at.query) if "password" in name]
        for password in {at.password or "", unquote(at.password or ""), *given} - {""}:
            text = re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", "…", text)
        return text


def is_readable(url: str) -> bool:
    """Whether everybody reads this URL alike: nothing special in it but what divides its parts.

    A password with an `@` or a `/` of its own would be taken for a host or a port.
    """
    try:
        return re.fullmatch(_URL, url) is not None and (urlsplit(url).port or 0) >= 0
    except ValueError:  # a port that is too large, an address that is none
        return False
