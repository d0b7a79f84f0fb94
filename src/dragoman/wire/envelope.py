"""An inbound body opened one level: enough to route it, and to send it on nearly untouched.

Law: what a rewrite does not name keeps every byte, numbers and white space included. A name that
stands twice at the top is refused: two parsers may each take another one, and the one that checked
the model would not be the one that runs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import InvalidRequest
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest
from dragoman.wire.base import WireFormat
from dragoman.wire.fields import read_bool, read_text, refuse
from dragoman.wire.json_text import decode_request, encode, invalid_json
from dragoman.wire.seal import MARK

_open_one_level = msgspec.json.Decoder(dict[str, Raw]).decode
_decode = msgspec.json.decode

_BOM = b"\xef\xbb\xbf"
_SEALED = b'"%b' % MARK.encode()
_SPACES_END = ord(" ")
_SPACE = re.compile(rb"[ \t\r\n]*")
_NAME = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class _Member(Struct, frozen=True, gc=False):
    """Where a top-level field stands: its quoted name from `start`, its value up to `end`."""

    name: str
    start: int
    name_end: int
    value: int
    end: int


STEERING = frozenset(
    {
        "api_base", "base_url", "baseurl", "baseURL", "api_url", "azure_endpoint", "custom_host",
        "custom_llm_provider", "user_config", "litellm_credential_name",
    }
)  # fmt: skip
"""Fields by which other gateways are told where to send a request, and with it a key.

Source: https://docs.litellm.ai/docs/completion/input,
https://docs.litellm.ai/docs/proxy/clientside_auth (read 2026-11)"""
LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""Fields that say how long an answer may be."""
COUNTS = ("n", "best_of")
"""Fields that say how many answers are made."""
FIELDS_LIMIT = 1000
"""So many fields a body may have; APIs know a few dozen. Millions of them, which fit into a large
body, would keep everybody else of a worker waiting for seconds."""
NAME_LENGTH = 1024
"""So long a model's name may be. It is kept: in the ledger, and in memory."""
SETTING_BYTES = 64 * 1024
"""So long the value of a setting may be: to read a longer one keeps others waiting."""
EXPLAINED_BYTES = 1024 * 1024
"""Of a longer body it is not said where it is wrong: to find out may take seconds."""
_LOOKED_AT = STEERING | {"model", "stream", *LENGTHS, *COUNTS}
"""Fields by which it is decided what a request may do, and may cost."""
_SETTINGS = _LOOKED_AT | {
    "conversation", "dimensions", "encoding_format", "previous_response_id", "store",
    "stream_options",
}  # fmt: skip
"""These, and the others that are read where a request is only handed on."""


class Envelope:
    """A client's request, not yet parsed. Make one with `open_envelope`.

    `model` and `stream` are read; `fields` has every top-level value as JSON text.
    """

    __slots__ = ("_members", "_request", "body", "fields", "model", "stream")

    def __init__(self, body: bytes, fields: dict[str, Raw], members: list[_Member]) -> None:
        self.body = body
        self.fields = fields
        self._members = members
        self._request: ChatRequest | InvalidRequest | None = None
        self.model = read_text(self.get("model"), "model")
        if len(self.model) > NAME_LENGTH:
            refuse("model", f"is too long: a model's name has {NAME_LENGTH} characters at most")
        stream = self.get("stream")
        self.stream = False if stream is None else read_bool(stream, "stream")

    def get(self, name: str) -> Any:
        """Decode one top-level field; None when it is not there."""
        raw = self.fields.get(name)
        if raw is None:
            return None
        try:
            return _decode(raw)
        except (ValueError, RecursionError) as error:
            refuse(name, f"can't be read: {str(error)[:100]}")

    @property
    def holds_seals(self) -> bool:
        """Whether reasoning comes home in it that we sealed: then it can't be relayed as it is."""
        return _SEALED in self.body

    @property
    def wants_usage(self) -> bool:
        """Whether the client asked for usage in its stream, as chat completions have it."""
        options = self.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True

    def request(self, client: WireFormat) -> ChatRequest:
        """Parse all of it, once. Raises: InvalidRequest that names the field."""
        if self._request is None:
            try:
                self._request = client.parse_request(self.body)
            except InvalidRequest as error:
                self._request = error
        if isinstance(self._request, InvalidRequest):
            raise self._request.with_traceback(None)
        return self._request

    def relayed(self, model: str, dialect: Dialect, *, ask_usage: bool = False) -> bytes:
        """Write the body for an upstream that speaks the client's format.

        `ask_usage` asks for usage in a stream where the client did not; its frame must then be
        kept from the client (`Relay(drop_usage=True)`).
        """
        changes: dict[str, bytes | None] = {"model": encode(model)}
        if ask_usage and self.stream and not self.wants_usage:
            changes["stream_options"] = self._usage_asked()
        changes.update({name: None for name in dialect.drop if name in self.fields})
        return self.rewritten(changes, dialect.rename)

    def rewritten(
        self, changes: Mapping[str, bytes | None], rename: Mapping[str, str] | None = None
    ) -> bytes:
        """Change top-level fields: JSON text sets a value, None takes the field out.

        A renamed field whose new name is there already is taken out.
        """
        if not rename and len(changes) == 1:
            ((name, only),) = changes.items()
            if only is not None and name in self.fields:
                return self._with(name, only)
        new_names = {
            old: new
            for old, new in (rename or {}).items()
            if old in self.fields and changes.get(old, b"") is not None
        }
        gone = {name for name, value in changes.items() if value is None}
        gone |= {old for old, new in new_names.items() if new in self.fields and new not in gone}
        added = [
            encode(new_names.get(name, name)) + b":" + value
            for name, value in changes.items()
            if value is not None and name not in self.fields
        ]
        body = memoryview(self.body)  # a slice of it is no copy
        out: list[bytes | memoryview] = []
        at = 0  # everything before it has been written
        last_end: int | None = None  # where the last field that stays ends
        for index, member in enumerate(self._members):
            if member.name in gone:
                if last_end is None and index + 1 < len(self._members):
                    out.append(body[at : member.start])
                    at = self._members[index + 1].start
                elif last_end is None:
                    out.append(body[at : member.start])
                    at = member.end
                else:
                    out.append(body[at:last_end] if at < last_end else b"")
                    at = member.end
                continue
            if (new := new_names.get(member.name)) is not None:
                out += (body[at : member.start], encode(new))
                at = member.name_end
            if (value := changes.get(member.name)) is not None:
                out += (body[at : member.value], value)
                at = member.end
            last_end = member.end
        if added:
            end = self._members[-1].end if self._members else self.body.index(b"{") + 1
            out.append(body[at:end])
            out.append((b"," if last_end is not None else b"") + b",".join(added))
            at = max(at, end)
        out.append(body[at:])
        return b"".join(out)

    def _with(self, name: str, value: bytes) -> bytes:
        """Change one field, which is there, and nothing else."""
        member = next(member for member in self._members if member.name == name)
        body = memoryview(self.body)
        return b"".join((body[: member.value], value, body[member.end :]))

    def _usage_asked(self) -> bytes:
        options = self.fields.get("stream_options")
        inner: dict[str, Any] = {}
        if options is not None and bytes(options)[:1] == b"{":
            inner = dict(_open_one_level(options))
        return encode({**inner, "include_usage": True})


def open_envelope(body: bytes) -> Envelope:
    """Open a body one level.

    Raises: InvalidRequest, code `invalid_json`, for what is not JSON, not UTF-8, nested too deep or
    no object; `too_many_fields` for more than `FIELDS_LIMIT`; with the name of the field for one
    that stands twice, a `model` that is missing, and what would choose another upstream: whoever
    asks has no say in where our credentials go.
    """
    if body.startswith(_BOM):
        body = body[len(_BOM) :]
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise invalid_json(f"the body is not UTF-8 (byte {error.start})") from error
    try:
        fields = _open_one_level(body)
    except (ValueError, RecursionError):
        if len(body) <= EXPLAINED_BYTES:
            decode_request(body)  # says better what is wrong
        raise invalid_json("the body is not a JSON object") from None
    if len(fields) > FIELDS_LIMIT:
        raise _too_many_fields()
    if (spelled := "".join(fields)) != spelled.casefold():
        _check_spelling(fields)
    if not STEERING.isdisjoint(fields):
        name = next(name for name in fields if name in STEERING)
        refuse(name, "a request does not choose where it is sent; configure a provider")
    if len(body) > SETTING_BYTES:
        _check_lengths(fields)
    return Envelope(body, fields, _compact_members(body, fields) or list(_members(body, fields)))


def _check_lengths(fields: Mapping[str, Raw]) -> None:
    """Refuse a setting that nobody can have meant. Raises: InvalidRequest."""
    for name in _SETTINGS & fields.keys():
        if memoryview(fields[name]).nbytes > SETTING_BYTES:
            refuse(name, f"is longer than {SETTING_BYTES} bytes")


def _check_spelling(fields: Iterable[str]) -> None:
    """Refuse names that we look at in other capitals: servers written in Go take them as the same.

    Raises: InvalidRequest. Source: https://pkg.go.dev/encoding/json#Unmarshal (read 2026-11)
    """
    for name in fields:
        if name not in _LOOKED_AT and name.casefold() in _LOOKED_AT:
            refuse(name[:100], f"is written {name.casefold()!r}")


def _compact_members(body: bytes, fields: dict[str, Raw]) -> list[_Member] | None:
    """Find where each field stands by adding lengths up; None for another kind of body.

    Nothing can be shorter than names without escapes and values with nothing around them. So if
    these are as long as the body, there is nothing else in it: no space, and no name twice.
    """
    members = []
    at = 1
    for name, raw in fields.items():
        name_end = at + len(name.encode()) + 2
        value = name_end + 1
        end = value + memoryview(raw).nbytes
        members.append(_Member(name, at, name_end, value, end))
        at = end + 1
    return members if at == len(body) else None


def _members(body: bytes, fields: dict[str, Raw]) -> Iterator[_Member]:
    """Find where each field stands. The values' texts are known, so only names are scanned.

    Of a name that stands twice `fields` has the last value in the first place: then a name, a value
    or what separates them is not where it should be, or something is left over.
    """
    at = _skip(body, body.index(b"{") + 1)
    for name, raw in fields.items():
        plain = b'"%b"' % name.encode()  # its spelling, unless something in it is escaped
        if body.startswith(plain, at):
            name_end = at + len(plain)
        else:
            found = _NAME.match(body, at)
            if found is None or _decode(found[0]) != name:
                break
            name_end = found.end()
        value = _skip(body, _skip(body, name_end) + 1)
        text = bytes(raw)
        end = value + len(text)
        behind = _skip(body, end)
        if not body.startswith(text, value) or body[behind : behind + 1] not in (b",", b"}"):
            break
        yield _Member(name, at, name_end, value, end)
        at = _skip(body, behind + 1) if body[behind : behind + 1] == b"," else behind
    else:
        if body[at : at + 1] == b"}":
            return
    raise _twice(body)


def _too_many_fields() -> InvalidRequest:
    error = InvalidRequest(
        f"the body has more than {FIELDS_LIMIT} fields", hint="send those that the API knows"
    )
    error.code = "too_many_fields"
    return error


def _twice(body: bytes) -> InvalidRequest:
    """Make the error that names the field which stands twice."""
    if len(body) > EXPLAINED_BYTES:
        return invalid_json("a name stands twice at the top of the body")
    top: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        top[:] = [name for name, _ in pairs]  # of the object that ends last: the outermost

    json.loads(body, object_pairs_hook=note)
    name = next((name for at, name in enumerate(top) if name in top[:at]), None)
    if name is None:
        return invalid_json("a name stands twice at the top of the body")
    return InvalidRequest(f"{name}: stands twice at the top of the body", param=name)


def _skip(body: bytes, at: int) -> int:
    if at < len(body) and body[at] > _SPACES_END:
        return at
    found = _SPACE.match(body, at)
    return found.end() if found else at
