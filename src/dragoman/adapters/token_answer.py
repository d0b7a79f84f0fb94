"""What a token endpoint answers: a token, or why there is none, in words that help.

Source: RFC 6749, sections 5.1 and 5.2 (read 2026-11)
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus

from msgspec import Struct

from dragoman.errors import AuthFailed, DragomanError, ProtocolError, UpstreamError
from dragoman.types.credential import Secret
from dragoman.types.http import HttpAnswer
from dragoman.wire.classification import classify
from dragoman.wire.error_body import one_line, page_title, read_details
from dragoman.wire.json_text import decode

MAX_BYTES = 64 * 1024
"""The largest answer that is read: a token that is larger fits into no header."""

DEFAULT_S = 300.0
"""How long a token is kept whose lifetime is not said, or is nonsense."""
MAX_S = 86_400.0

_MARGIN_S = 60.0
"""A token is renewed so long before its end, or a tenth of its life if that is less."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,32768}")

_FIXES: Mapping[str, str] = MappingProxyType(
    {
        "invalid_client": "Check client_id and client_secret;"
        ' auth_style = "post" sends them in the body, "basic" as a header.',
        "unauthorized_client": "Let this client use the client credentials grant,"
        " where it is registered.",
        "invalid_scope": "Check the option scope; Microsoft's ends in /.default.",
        "invalid_target": "Check the option audience.",
        "invalid_grant": "Was the key deleted or the access revoked, or is the clock wrong here?",
        "invalid_request": "Check scope and audience; some endpoints want one of them.",
        "unsupported_grant_type": "The endpoint must allow the client credentials grant.",
    }
)
_CHECK_URL = "Check the option token_url."
_REFUSED = "no token"
"""Messages do not name the endpoint: clients read them, and it is the operator's. Hints do."""


class Token(Struct, frozen=True):
    """A bearer token. Times are Unix seconds by our own clock, whatever the server's says."""

    text: Secret
    fetched_at: float
    renew_at: float
    until: float


def read_token(answer: HttpAnswer, url: str, secret: str, *, now: float) -> Token:
    """Read a token. `secret` is kept out of what is raised.

    Raises: AuthFailed, another UpstreamError, ProtocolError.
    """
    body = answer.body
    if not 200 <= answer.status < 300:
        raise _error(answer, url, secret)
    if len(body) > MAX_BYTES:
        raise _nonsense(url, f"{len(body)} bytes")
    if body.lstrip()[:1] == b"<":
        title = one_line(_scrubbed(page_title(body), secret))
        raise _nonsense(url, "a web page" + (f": {title}" if title else ""))
    try:
        fields = decode(body)
    except ValueError:
        raise _nonsense(url, "what is not JSON") from None
    if not isinstance(fields, dict):
        raise _nonsense(url, "what is no JSON object")
    if "access_token" not in fields and isinstance(fields.get("error"), str):
        raise _error(answer, url, secret)  # some say it with 200
    text = fields.get("access_token")
    if not isinstance(text, str) or not _TOKEN.fullmatch(text):
        raise _nonsense(url, "no access_token that a header could carry")
    kind = fields.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _nonsense(url, f"a token of type {one_line(str(kind))[:40]!r}, not a bearer token")
    life = _lifetime(fields.get("expires_in"))
    return Token(Secret(text), now, now + life - min(_MARGIN_S, life / 10), now + life)


def refused(url: str, error: DragomanError) -> DragomanError:
    """Say of a network's error that it is the token endpoint's; the same error, told better."""
    error.message = f"{_REFUSED}: {error.message}"
    error.args = (error.message,)
    error.hint = _fix(error.hint, url)
    return error


def _error(answer: HttpAnswer, url: str, secret: str) -> UpstreamError:
    """Make the error for a refusal. What is the operator's to mend is `AuthFailed`."""
    body = answer.body[:MAX_BYTES]
    details = read_details(body)
    found = classify(answer.status, details, answer.headers, b"")
    fields = _object(body)
    code = fields.get("error")
    said = fields.get("error_description")
    words = [word for word in (code, said) if isinstance(word, str) and word]
    told = one_line(_scrubbed(": ".join(words) or details.message, secret))
    status = answer.status
    message = f"{_REFUSED}: {told or 'its endpoint gave no reason'} (HTTP {status})"
    hint = _FIXES.get(code) if isinstance(code, str) else None
    kind = type(found) if status == 429 or status >= 500 else AuthFailed
    error = kind(message, hint=_fix(hint, url), retry_after=found.retry_after)
    error.upstream_code = one_line(_scrubbed(code, secret))[:100] if isinstance(code, str) else None
    return error


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = decode(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _nonsense(url: str, what: str) -> ProtocolError:
    message = f"{_REFUSED}: its endpoint answered with {what}"
    return ProtocolError(message, hint=_fix(None, url))


def _fix(hint: str | None, url: str) -> str:
    """Say what to do, and who was asked; its query may hold what is nobody's business."""
    place = one_line(url.partition("?")[0])[:200]
    return f"{hint or _CHECK_URL} (asked: {place})"


def _scrubbed(text: str, secret: str) -> str:
    """Take the secret out of a text, however it is spelled there."""
    for spelling in {secret, quote(secret, safe=""), quote_plus(secret)}:
        if len(spelling) >= 4:
            text = text.replace(spelling, "…")
    return text


def _lifetime(value: Any) -> float:
    """Read `expires_in`; what is no sound number of seconds is unknown."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return DEFAULT_S
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return DEFAULT_S
    if not math.isfinite(seconds) or seconds <= 0:
        return DEFAULT_S
    return min(seconds, MAX_S)
