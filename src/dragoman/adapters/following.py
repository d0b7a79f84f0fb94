"""Requests that an upstream's answer asks for: a job's state, a stream elsewhere.

Law: a key goes to the origin that it was sent to in the first place, and to no other, whatever an
answer says.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urljoin

from dragoman.adapters.adapter import Adapter
from dragoman.adapters.ask import Ask
from dragoman.errors import ProtocolError
from dragoman.types.http import HttpRequest, parse_url

_NONE: Mapping[str, str] = MappingProxyType({})


def follow_request(
    url: object, adapter: Adapter, ask: Ask, more: Mapping[str, str] = _NONE
) -> HttpRequest:
    """Make the request that looks where an answer says, with `more` headers.

    Raises: ProtocolError for what is no URL.
    """
    asked = adapter.get_complete_url(ask)
    if not isinstance(url, str):
        raise ProtocolError("the upstream does not say where to ask next")
    try:
        found, own = parse_url(urljoin(asked, url)), parse_url(asked)
    except ValueError as error:
        raise ProtocolError(f"the upstream sends us to a URL that is none: {error}") from None
    headers = adapter.validate_environment(ask) if found.origin == own.origin else _NONE
    kept = {n.lower(): v for n, v in headers.items() if n.lower() != "content-type"}
    return HttpRequest(url=found, method="GET", headers={**kept, **more})
