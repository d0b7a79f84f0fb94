"""JSON as it comes from outside: fast where it is sound, forgiving or exact where it is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from dragoman.errors import InvalidRequest

_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode
_encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class TooDeep(ValueError):
    """It may be JSON, and is nested deeper than we can read."""


def decode(data: bytes) -> Any:
    """Read what an upstream sent, whatever can be made of it.

    Bytes that are not UTF-8 become U+FFFD; NaN, numbers out of range and lone surrogates pass.

    Raises: ValueError when it is not JSON; TooDeep, which is one.
    """
    try:
        return _decode(data)
    except (ValueError, RecursionError):
        return decode_broken(data)


def decode_broken(data: bytes) -> Any:
    """The slow half of `decode`, for callers that have tried a decoder of their own."""
    try:
        return json.loads(data.decode("utf-8", "replace").removeprefix("\ufeff"))
    except RecursionError as error:
        raise TooDeep("nested too deep") from error


def utf8_size(text: str) -> int:
    """Say how many bytes a text has in UTF-8; half a surrogate has three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def decode_request(body: bytes) -> dict[str, Any]:
    """Read a client's body, which must be a JSON object.

    Raises: InvalidRequest, code `invalid_json`, that says what is wrong and where.
    """
    try:
        value = _decode(body.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError as error:
        raise invalid_json(f"the body is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise invalid_json("the body is nested too deep") from error
    except ValueError as error:
        raise invalid_json(_complaint(body, error)) from error
    if not isinstance(value, dict):
        raise invalid_json("the body is not a JSON object")
    return value


def invalid_json(message: str) -> InvalidRequest:
    """Make the error for a body that can't be read at all."""
    error = InvalidRequest(message)
    error.code = "invalid_json"
    return error


def _complaint(body: bytes, error: ValueError) -> str:
    """Say in more than the decoder's words what is wrong with a body."""
    if not body.strip():
        return "the body is empty"
    constants: list[str] = []
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=constants.append)
    except RecursionError:
        return "the body is nested too deep"
    except ValueError:
        return f"the body is not JSON: {str(error)[:200]}"
    # The standard library takes what msgspec refuses: NaN, numbers out of range, lone surrogates.
    if constants:
        return f"the body holds {constants[0]}, which is no JSON"
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        return "the body is nested too deep"
    except UnicodeEncodeError:
        return "the body holds a lone surrogate: half of a character, as \\ud83d"
    return "the body holds a number out of range"


def encode(value: Any) -> bytes:
    """Write JSON, compact. Lone surrogates, which UTF-8 can't say, become U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(mended(value))


def encode_text(value: Any) -> str:
    """Write JSON, compact, as text."""
    return encode(value).decode()


def mended(value: Any) -> Any:
    """Mend every text in decoded JSON, so that it can be written again."""
    if isinstance(value, str):
        return mend_surrogates(value)
    if isinstance(value, dict):
        return {mended(key): mended(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [mended(item) for item in value]
    return value


def mend_surrogates(text: str) -> str:
    """Join surrogate pairs to the character they stand for; a lone one becomes U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SurrogateJoiner:
    """Joins characters whose UTF-16 halves come as escapes in two pieces of a text."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def feed(self, text: str) -> str:
        """Take the next piece; return what is certain, which may be nothing."""
        if not self._half and text.isascii():
            return text
        text = self._half + text
        self._half = ""
        if "\ud800" <= text[-1] <= "\udbff":
            self._half = text[-1]
            text = text[:-1]
        return mend_surrogates(text)

    def close(self) -> str:
        """Say that nothing more comes; a half that is left over becomes U+FFFD."""
        text = "\ufffd" if self._half else ""
        self._half = ""
        return text
