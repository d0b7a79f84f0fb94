"""A form with files (`multipart/form-data`), opened as far as its model.

Law: what is not the model keeps every byte. A form that two parsers might read differently is
refused: a field that stands twice, a name or a text in an encoding, a boundary that is missing.

Source: RFC 7578 (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message

from msgspec import Struct

from dragoman.errors import InvalidRequest
from dragoman.types.provider import Dialect
from dragoman.wire.envelope import STEERING
from dragoman.wire.fields import read_text, refuse

MAX_PARTS = 1000
_SHORT_FIELD_BYTES = 1024
_HEAD_BYTES = 8192
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_./:=?-]{1,70}")
"""What may stand in a boundary, but for blanks and commas, of which no client makes any."""
_PLAIN = re.compile(r"[A-Za-z0-9'+_.-]+")
_DEFAULT_CHARSET = "_charset_"
"""A field that says in which character set the others are. Source: RFC 7578, section 4.6"""


class _Part(Struct, frozen=True):
    """A part: its name, and where its content stands."""

    name: str
    start: int
    end: int
    is_file: bool


class Form:
    """A client's form. Make one with `open_form`. `model` and `stream` are read.

    `content_type` is what it is sent on as: with the boundary that we have read, and nothing else.
    """

    def __init__(self, body: bytes, parts: list[_Part], boundary: str) -> None:
        self.body = body
        quoted = boundary if _PLAIN.fullmatch(boundary) else f'"{boundary}"'
        self.content_type = f"multipart/form-data; boundary={quoted}"
        self._all = parts
        self._parts = {part.name: part for part in parts}
        if (self.get(_DEFAULT_CHARSET) or "utf-8").lower() not in _UTF8:
            raise _invalid("the texts of the form are not in UTF-8")
        self.model = read_text(self.get("model"), "model")
        self.stream = self.get("stream") == "true"

    def get(self, name: str) -> str | None:
        """Read a short field; None when it is not there. Raises: InvalidRequest."""
        part = self._parts.get(name)
        if part is None:
            return None
        if part.is_file or part.end - part.start > _SHORT_FIELD_BYTES:
            refuse(name, "expected a short text")
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            refuse(name, "is not UTF-8")

    @property
    def has_files(self) -> bool:
        """Whether there is something in it that is no text."""
        return any(part.is_file or self._text(part) is None for part in self._all)

    @property
    def texts(self) -> dict[str, str]:
        """The texts of all its fields but the model, by the number of the part."""
        found = {
            str(number): self._text(part)
            for number, part in enumerate(self._all)
            if not part.is_file and part.name != "model"
        }
        return {number: text for number, text in found.items() if text is not None}

    def rewritten(self, texts: Mapping[str, str]) -> bytes:
        """Write the form with other texts, by the number of the part."""
        out, at = [], 0
        for number, part in enumerate(self._all):
            if (text := texts.get(str(number))) is not None:
                out += [self.body[at : part.start], text.encode()]
                at = part.end
        return b"".join((*out, self.body[at:]))

    def _text(self, part: _Part) -> str | None:
        try:
            return self.body[part.start : part.end].decode()
        except UnicodeDecodeError:
            return None

    def relayed(self, model: str, dialect: Dialect, *, ask_usage: bool = False) -> bytes:
        """Write the form for an upstream. Dialects say nothing of forms."""
        del dialect, ask_usage
        part = self._parts["model"]
        return b"".join((self.body[: part.start], model.encode(), self.body[part.end :]))


def open_form(body: bytes, content_type: str) -> Form:
    """Open a form. Raises: InvalidRequest, code `invalid_form`, that says what is wrong."""
    boundary = _boundary_of(content_type)
    line = b"--" + boundary.encode()
    # A form may begin at once, or after a line that nobody reads.
    at = 0 if body.startswith(line) else body.find(b"\r\n" + line) + 2
    if at == 1:
        raise _invalid("the form does not hold its boundary")
    parts: list[_Part] = []
    names: set[str] = set()
    at += len(line)
    while body[at : at + 2] == b"\r\n":
        part = _part(body, at + 2, b"\r\n" + line)
        if part.name in names and not part.name.endswith("[]") and not part.is_file:
            raise _invalid(f"the field {part.name[:100]!r} stands twice in the form")
        names.add(part.name)
        if part.name in STEERING:
            refuse(part.name, "a request does not choose where it is sent; configure a provider")
        parts.append(part)
        if len(parts) > MAX_PARTS:
            raise _invalid(f"the form has more than {MAX_PARTS} parts")
        at = part.end + 2 + len(line)
    if body[at : at + 2] != b"--":
        raise _invalid("the form does not end with its boundary")
    return Form(body, parts, boundary)


def unbound(body: bytes, content_type: str) -> bytes:
    """Write a form so that it is the same with any boundary; a body that has none stays as it is.

    Clients make a boundary anew each time they send the same form.
    """
    if not content_type.lower().startswith("multipart/"):
        return body
    try:
        boundary = _boundary_of(content_type)
    except InvalidRequest:
        return body
    # In place of it stands what is none, and is no longer: whoever chose it chose how often.
    line = b"\r\n--"
    return (b"\r\n" + body).replace(line + boundary.encode(), line + b"\xff")


def _boundary_of(content_type: str) -> str:
    """Find the one boundary, plain or in quotes. Of two each server would take another.

    Source: https://www.rfc-editor.org/rfc/rfc2046#section-5.1.1 (read 2026-11)
    """
    head = _read(b"content-type: " + content_type.encode("latin-1", "replace"))
    said = [value for name, value in head.get_params([]) if name.lower().startswith("boundary")]
    whole = "*" not in content_type  # which would be a piece of a value, or an encoded one
    if not whole or len(said) != 1 or not _BOUNDARY.fullmatch(said[0]):
        raise _invalid("the content type of the form has not one boundary")
    return said[0]


def _part(body: bytes, start: int, mark: bytes) -> _Part:
    head_end = body.find(b"\r\n\r\n", start)
    content = head_end + 4
    end = body.find(mark, content) if head_end >= 0 else -1
    if end < 0 or head_end - start > _HEAD_BYTES or body.startswith(mark[2:], content):
        raise _invalid("a part of the form does not end")
    head = _read(body[start:head_end])
    params = [key for key, _ in head.get_params([], header="content-disposition")]
    name = head.get_param("name", header="content-disposition")
    if not isinstance(name, str) or not name:
        raise _invalid("a part of the form has no plain name")
    if len(head.get_all("content-disposition") or ()) != 1 or len(params) != len(set(params)):
        raise _invalid("a part of the form says twice what it is")
    is_file = head.get_filename() is not None
    if not is_file and not _is_plain(head):
        raise _invalid(f"the field {name[:100]!r} of the form is not sent as plain UTF-8")
    return _Part(name, content, end, is_file)


def _is_plain(head: Message) -> bool:
    """Whether a part's text is what its bytes say."""
    charset = head.get_param("charset", "utf-8")
    coding = head.get("content-transfer-encoding", "binary")
    return str(charset).lower() in _UTF8 and str(coding).strip().lower() in _AS_IT_IS


def _read(head: bytes) -> Message:
    return message_from_bytes(head + b"\r\n\r\n")


def _invalid(message: str) -> InvalidRequest:
    error = InvalidRequest(message)
    error.code = "invalid_form"
    return error
