"""Takes secrets out of requests and answers, so that what is kept of them may be published.

Three ways, because none is enough: by the name of what holds them (headers, parameters of URLs and
forms, fields of JSON), by value for those that are given, and by value for those that a header of
the same request turned out to carry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from dragoman.types.spelling import spell as spell

if TYPE_CHECKING:
    from dragoman.types.credential import Secret
    from dragoman.types.http import HttpRequest

MASK = "[secret]"

_HEADER = re.compile(
    r"(?i)(^|.*[-_])(authorization|cookie|cookie2|key|apikey|token|secret|password|signature|assertion)$"
)
_PARAMETER = re.compile(
    r"(?i)(^|.*[-_])(key|apikey|token|secret|password|sig|signature|assertion|credential|code)$"
)
_FIELD = re.compile(
    rb"(?i)(\"(?:api_?key|(?:access|refresh|id|session|security)_?token|client_?secret|password"
    rb"|secret_?access_?key|private_?key|authorization|assertion)\"\s*:\s*)\"(?:[^\"\\]|\\.)*\""
)
_FORM = "application/x-www-form-urlencoded"
_LEAST = 8
"""A header's value shorter than this is a word (`none`, `any`) that may stand anywhere."""


class Scrubber:
    """Replaces secrets by MASK. Values are found as they are, and base64, hexadecimal, escaped."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._spellings = [spelling for one in secrets if one for spelling in spell(one.reveal())]

    def learn(self, request: HttpRequest) -> None:
        """Take the secrets that a request's headers carry for secrets everywhere."""
        for name, value in request.headers.items():
            if not _HEADER.match(name):
                continue
            secret = value.rpartition(" ")[2]  # behind the scheme: Bearer, Basic
            for spelling in spell(secret) if len(secret) >= _LEAST else ():
                if spelling not in self._spellings:
                    self._spellings.append(spelling)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Scrub headers."""
        return {
            name: MASK if _HEADER.match(name) else self._values(value.encode()).decode()
            for name, value in headers.items()
        }

    def url(self, url: str) -> str:
        """Scrub a URL."""
        base, mark, query = self._values(url.encode()).decode().partition("?")
        return base + mark + _parameters(query)

    def body(self, body: bytes, content_type: str = "") -> bytes:
        """Scrub a body: JSON by its fields, a form by its parameters."""
        body = self._values(body)
        if content_type.startswith(_FORM):
            return _parameters(body.decode("latin-1")).encode("latin-1")
        return _FIELD.sub(rb'\1"%s"' % MASK.encode(), body)

    def _values(self, data: bytes) -> bytes:
        for spelling in self._spellings:
            data = data.replace(spelling, MASK.encode())
        return data


def _parameters(query: str) -> str:
    """Mask the values of parameters whose names say that they are secret."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        f"{name}={MASK}" if mark and _PARAMETER.match(name) else f"{name}{mark}{value}"
        for name, mark, value in pairs
    )
