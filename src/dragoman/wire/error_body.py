"""What an error's body and headers say, in whatever spelling: no wire format has only one."""

from __future__ import annotations

import re
import time
from math import isfinite
from typing import Any

from msgspec import Struct

from dragoman.errors import DragomanError, ProtocolError, UpstreamError
from dragoman.types.http import Headers
from dragoman.wire.json_text import decode, encode_text, mend_surrogates

MAX_RAW_BYTES = 4096
_MAX_MESSAGE = 1000

_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "cf-ray",
)


class ErrorDetails(Struct, frozen=True):
    """What a body says about an error. `status` is an HTTP status that it holds itself.

    `is_api`: it is written as one of the three APIs writes its errors, not by any server that is
    asked for what it does not have.
    """

    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    retry_after: float | None = None
    request_id: str | None = None
    is_html: bool = False
    is_api: bool = False


def read_details(body: bytes) -> ErrorDetails:
    """Read the body of an error: JSON in any spelling, a web page, text, or nothing."""
    text = body.strip()
    if text[:1] in (b"{", b"[", b'"'):
        try:
            found = find_details(decode(text), is_error=True)
        except ValueError:
            found = None
        if found is not None:
            return found
    if text[:1] == b"<":
        return ErrorDetails(page_title(body), is_html=True)
    return ErrorDetails(one_line(text[:MAX_RAW_BYTES].decode("utf-8", "replace")))


def find_details(value: Any, *, is_error: bool = False) -> ErrorDetails | None:
    """Find the error in decoded JSON; None when there is none.

    `is_error` says that it must be one, so that a mere `message` is enough.
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]  # Gemini's compatible endpoint wraps errors in a list.
    if isinstance(value, str) and is_error and value.strip():
        return ErrorDetails(one_line(value))
    if not isinstance(value, dict):
        return None
    inner = value.get("error") or value.get("errors")
    if isinstance(inner, list) and inner:
        inner = inner[0]
    if isinstance(inner, dict):
        return _from_object(inner, value)
    if isinstance(inner, str):
        # Ollama, TGI (`error_type`), Hugging Face (`estimated_time`).
        return _from_object({**value, "message": value.get("message") or inner}, value)
    if inner:
        return ErrorDetails(one_line(encode_text(inner)))
    if is_error or value.get("object") == "error" or value.get("type") == "error":
        return _from_object(value, value)
    if "detail" in value or (isinstance(value.get("message"), str) and "code" in value):
        return _from_object(value, value)
    return None


def _from_object(error: dict[str, Any], outer: dict[str, Any]) -> ErrorDetails:
    code, kind = error.get("code"), error.get("type") or error.get("error_type")
    nested = error.get("innererror")
    if isinstance(nested, dict) and isinstance(nested.get("code"), str):
        code = nested["code"]  # Azure: the outer code is a mere "BadRequest"
    details = error.get("details")
    if code is None and isinstance(details, dict):
        code = details.get("error_code")  # Anthropic
    if kind in ("error", None):
        kind = error.get("status") if isinstance(error.get("status"), str) else None
    return ErrorDetails(
        message=_message(error) or _message(outer),
        type=_word(kind),
        code=_word(code),
        param=_word(error.get("param")),
        status=_http_status(code, error.get("status"), outer.get("status_code")),
        retry_after=_delay(error, outer),
        request_id=_word(outer.get("request_id")),
        is_api=_is_api(error, outer),
    )


def _is_api(error: dict[str, Any], outer: dict[str, Any]) -> bool:
    """Whether this is an error as chat completions, responses or messages write it.

    That is `{"error": {"message": …, "type" or "code": …}}`, in any envelope, and flat where
    `type` or `object` says `error`: in a stream of responses, and as vLLM and Mistral have it.
    """
    inside = outer.get("error") is error
    flat = error is outer and "error" in (outer.get("type"), outer.get("object"))
    named = "type" in error or "code" in error
    return (inside or flat) and named and isinstance(error.get("message"), str)


def _message(error: dict[str, Any]) -> str:
    for name in ("message", "detail", "msg", "error", "error_message", "title"):
        value = error.get(name)
        if isinstance(value, str) and value.strip():
            return one_line(value)
        if isinstance(value, list) and value and isinstance(value[0], dict) and "msg" in value[0]:
            # FastAPI: a list of what is wrong where.
            return one_line("; ".join(_complaint(item) for item in value if isinstance(item, dict)))
        if isinstance(value, dict | list) and value and name != "error":
            return one_line(encode_text(value))
    return ""


def _complaint(item: dict[str, Any]) -> str:
    place = item.get("loc")
    where = ".".join(str(step) for step in place) if isinstance(place, list) else ""
    return f"{where}: {item.get('msg')}" if where else str(item.get("msg"))


_PLAIN_WORD = re.compile(r"[a-z_.]*")
"""A code as codes are written, `key_not_found` among them; no key is without a digit or capital."""


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    word = mend_surrogates(str(value))[:100]
    return (word if _PLAIN_WORD.fullmatch(word) else redacted(word)) or None


def _http_status(*values: Any) -> int | None:
    for value in values:
        if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
            value = int(value)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return None


_AGAIN_IN = re.compile(r"try again in ([0-9]{1,6}(?:\.[0-9]{1,6})?)(ms|s)\b", re.IGNORECASE)


def _delay(error: dict[str, Any], outer: dict[str, Any]) -> float | None:
    """Find how long the body asks to wait, in seconds (Google, Hugging Face, OpenAI)."""
    details = error.get("details")
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict) and isinstance(item.get("retryDelay"), str):
            return _seconds(item["retryDelay"].removesuffix("s"))
    if isinstance(outer.get("estimated_time"), int | float):
        return _seconds(outer["estimated_time"])
    message = error.get("message")
    if isinstance(message, str) and (found := _AGAIN_IN.search(message)):
        return float(found[1]) / (1000 if found[2].lower() == "ms" else 1)
    return None


def retry_after(headers: Headers, now: float | None = None) -> float | None:
    """Read how long to wait, in seconds, never negative.

    From `retry-after-ms`, then `retry-after`: a number or an HTTP date. A date is counted from the
    answer's own `date`, which spares us the difference of clocks, else from `now` (Unix seconds).
    """
    if (text := headers.get("retry-after-ms")) is not None:
        delay = _seconds(text)
        if delay is not None:
            return delay / 1000
    text = headers.get("retry-after")
    if text is None:
        return None
    delay = _seconds(text)
    if delay is not None:
        return delay
    then = _date(text)
    if then is None:
        return None
    sent = _date(headers.get("date", ""))
    if sent is None:
        sent = time.time() if now is None else now
    return max(0.0, then - sent)


def _seconds(value: str | float) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None


def _date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # 20 ms that few need

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def request_id(headers: Headers) -> str | None:
    """Find the name by which the provider's support knows the request."""
    for name in _REQUEST_ID_HEADERS:
        if value := headers.get(name):
            return redacted(value[:200])
    return None


_TITLE = re.compile(rb"<title[^>]{0,200}>([^<]{1,500})", re.IGNORECASE)


def page_title(body: bytes) -> str:
    """Find what a web page is called."""
    import html

    found = _TITLE.search(body[: 16 * 1024])
    return one_line(html.unescape(found[1].decode("utf-8", "replace"))) if found else ""


def web_page_error(body: bytes) -> ProtocolError:
    """Make the error for a web page where an answer should be."""
    title = page_title(body)
    page = "the upstream answered with a web page"
    error = ProtocolError(
        page + (f": {title}" if title else ""),
        code="unexpected_html",
        hint="Is the base URL right? It mostly ends in /v1.",
        raw=bounded(body),
    )
    error.own_words = page
    return error


def in_full(error: DragomanError) -> str:
    """Say what went wrong and how to mend it: two sentences, or two halves of one."""
    if not error.hint:
        return error.message
    if error.message.endswith((".", "!", "?", ":")):
        return f"{error.message} {error.hint}"
    return f"{error.message}{'; ' if error.hint[0].islower() else '. '}{error.hint}"


def own_details(error: DragomanError) -> dict[str, Any]:
    """Say what no vendor's error has a place for: who failed, and how, at every attempt."""
    details: dict[str, Any] = {}
    if isinstance(error, UpstreamError) and error.upstream_code not in (None, error.code):
        details["upstream_code"] = error.upstream_code
    if error.provider:
        details["provider"] = error.provider
    if error.attempts:
        details["attempts"] = [
            {
                "provider": attempt.provider,
                "model": attempt.model,
                "status": attempt.status,
                "error": attempt.error,
                "reason": attempt.reason,
            }
            for attempt in error.attempts
        ]
    return details


_SECRET = re.compile(
    r"(?:\bBearer\s+|\b(?:sk|pk|rk|gsk|xai|nvapi|hf|r8|fw|csk|pplx|key|tok)[-_]|\bAIza)"
    r"[A-Za-z0-9_\-.~+/*]{8,}"
)


def redacted(text: str) -> str:
    """Hide what looks like a key: some servers repeat the one they refuse."""
    return _SECRET.sub(lambda found: found[0][:3] + "…", text)


def one_line(text: str) -> str:
    """Make a message fit to be shown: one line, bounded, no secret, no control characters."""
    words = " ".join(mend_surrogates(text[: _MAX_MESSAGE * 2]).split())
    words = "".join(c for c in words if c.isprintable())
    words = redacted(words)
    return words if len(words) <= _MAX_MESSAGE else words[: _MAX_MESSAGE - 1] + "…"


def bounded(body: bytes) -> bytes:
    """Cut a body to what is kept of it, keys hidden."""
    return redacted(body[:MAX_RAW_BYTES].decode("utf-8", "replace")).encode()[:MAX_RAW_BYTES]
