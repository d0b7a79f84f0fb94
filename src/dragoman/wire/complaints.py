"""What a server does not know of a request, by its own words: an error's body → repairs.

Law: only what was sent is repaired, and only as `dragoman.wire.repair` allows. Phrases are known
word for word, and nothing but complaints stands before them: a prompt that an error repeats behind
other words is no complaint. What is refused for several things at once is repaired at once.

Sources: answers of these servers as people have reported them, in `tests/wire/cases/complaints`,
each with its page (read 2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from dragoman.errors import BadRequest, UpstreamError
from dragoman.wire.json_text import decode
from dragoman.wire.repair import MOST_REPAIRS, Repair, snake_case

_STATUSES = (400, 422)
_MOST_TEXT = 8 * 1024
_MOST_DEPTH = 6

_PREFIX = re.compile(r"(?:litellm\.\w{1,40}: )?(?:\w{1,40}Exception - )?")
"""What proxies put before the words of the server behind them."""

_F = r"(?P<field>[A-Za-z_](?:[\w.\[\]]{0,126}[\w\]])?)"
_QUOTED = rf"[`'\"]{_F}[`'\"]"

_FIELDS = tuple(
    re.compile(pattern)
    for pattern in (
        # OpenAI, Azure
        (
            rf"Unsupported parameter: '{_F}' is not supported with this model\."
            r"(?: Use '(?P<new>\w{1,64})' instead)?"
        ),
        (
            rf"Unsupported parameter: '{_F}'\. In the Responses API, this parameter has moved to"
            r" '(?P<new>\w{1,64})'"
        ),
        rf"Unsupported value: '{_F}' does not support .{{1,80}} with this model\. Only",
        rf"Unknown parameter: '{_F}'",
        rf"Unrecognized request arguments? supplied: {_F}",
        rf"(?:body\.\w{{1,64}}: )?property '(?:body\.)?{_F}' is unsupported",  # Groq, Cerebras
        (
            r"'messages\.\d+' : for 'role: ?\w+' the following must be satisfied\["  # Groq
            rf"\('(?P<inside>messages\.\d+)' : property '{_F}' is unsupported"
        ),
        rf"(?:body\.)?{_F}: Extra inputs are not permitted",  # Anthropic, FastAPI
        rf"Extra inputs are not permitted, field: '{_F}'",  # Fireworks
        (
            rf"Invalid JSON payload received\. Unknown name \"{_F}\""  # Gemini
            r"(?: at '(?P<inside>[^'\n]{0,200})')?: Cannot find field"
        ),
        rf"Argument not supported on this model: {_F}",  # xAI
        rf"Model \S{{1,200}} does not support parameter {_F}",  # xAI
        rf"{_QUOTED} is deprecated for this model",  # Anthropic
        r"invalid (?P<field>temperature|top_p): only [0-9.]{1,8} is allowed for this model",
        rf"unknown field: parameter '{_F}' is not a valid field",  # Cohere
        (
            r"(?:Failed to deserialize the JSON body into the target type: )?"  # serde
            rf"(?:(?P<inside>messages[\w.\[\]]{{0,80}}): )?unknown field `{_F}`"
        ),
        (  # Bedrock
            r"Malformed input request: .{0,300}?#(?P<inside>[^:#\n]{0,200}): extraneous key"
            rf" \[{_F}\] is not permitted"
        ),
        rf"Unsupported param: {_F}",  # llama.cpp
        rf"{_QUOTED} is not supported (?:in|by|for|with|on) this model",
        rf"{_F} is not supported (?:in|by|for|with|on) this model",
    )
)
_MORE_NAMES = re.compile(r"Unrecognized request arguments supplied: ([\w, ]{1,500})")

_OWN_WORDS = re.compile(r"\d{1,4} validation errors? for \w{1,80}|\s+For further information visit")
"""Lines of pydantic's own text that say nothing by themselves."""

_VLLM_ENTRY = re.compile(
    r"\{'type': 'extra_forbidden', 'loc': \('body', '(\w{1,64})'\),"
    r" 'msg': 'Extra inputs are not permitted'"
)
"""FastAPI's list in Python's own spelling, as older vLLM puts it into the message."""

_ROLES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"Unsupported value: 'messages\[\d+\]\.role' does not support '(?P<role>\w+)' with this",
        (
            r"(?:Failed to deserialize the JSON body into the target type: )?messages\[\d+\]\.role:"
            r" unknown variant `(?P<role>\w+)`, expected one of"
        ),  # DeepSeek
        r"(?P<role>\w+) is not one of \[[^\]\n]{1,200}\] - 'messages\.",  # DashScope
        r"invalid parameter 'messages\[\d+\]\.role': invalid role '(?P<role>\w+)'",
        r"(?P<role>system|developer) role (?:is )?not supported",  # Gemma's template, at vLLM
        (
            r"(?:[\w ]{1,80} )?does not support (?:the )?[`'\"]?(?P<role>system|developer)[`'\"]?"
            r" (?:role|messages?|prompts?|instructions?)"
        ),
        r"(?P<role>developer) instruction is not enabled for",  # Gemini: it is the system's
        r"Unexpected message role",  # Qwen's template, at vLLM
    )
)

_STRING_WANTED = tuple(
    re.compile(pattern)
    for pattern in (
        (
            r"(?:Failed to deserialize the JSON body into the target type: )?"
            r"messages\[\d+\](?:\.content)?: invalid type: sequence, expected a string"
        ),
        r"messages\.\d+\.(?:\w+\.)?content: Input should be a valid string",
        (
            r"'messages\.\d+' : for 'role: ?\w+' the following must be satisfied\["
            r"\('messages\.\d+\.content' : value must be a string"
        ),  # Groq
    )
)

_KNOWN = (*_FIELDS, *_ROLES, *_STRING_WANTED, re.compile(r"\[?" + _VLLM_ENTRY.pattern))

_CODES = frozenset({"unsupported_parameter", "unknown_parameter"})
_NO_SCHEMA = frozenset({"extra_forbidden", "value_error.extra"})
_WRONG_ROLE = frozenset({"union_tag_invalid", "literal_error", "enum"})
_REASONING = frozenset({"reasoning_content", "reasoning", "reasoning_details", "thinking"})
_PROVIDED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
"""What a limit may be called instead, where the server does not say."""


class _Message(Struct):
    role: str = ""
    content: Raw = Raw(b"")


class _Sent(Struct):
    messages: list[_Message] = []


_open_one_level = msgspec.json.Decoder(dict[str, Raw]).decode
_read_messages = msgspec.json.Decoder(_Sent).decode


class _Complaint(Struct, frozen=True):
    """A name, where it stands, and what the server calls it instead. `inside` is not the top."""

    field: str
    new: str = ""
    inside: bool = False


def find_repairs(error: UpstreamError, body: bytes, sent: bytes) -> tuple[Repair, ...]:
    """Find what can be repaired so that the request may be asked again.

    `body` is the error's, `sent` the request's. Empty where the error is about anything else, where
    what it names was not sent, and where it cannot be left out. Never raises.
    """
    if type(error) is not BadRequest or error.upstream_status not in _STATUSES:
        return ()
    try:
        fields = _open_one_level(sent)
    except (ValueError, RecursionError):
        return ()  # not JSON: a form with a file in it, for one
    try:
        told = decode(body)
    except ValueError:
        told = body[:_MOST_TEXT].decode("utf-8", "replace")
    lines = [line for text in list(_texts(told))[:64] for line in _complaining(text)]
    found = [
        repair
        for complaint in _complaints(error, told, lines)
        if (repair := _repair(complaint, fields)) is not None
    ]
    found += _in_messages(told, lines, sent)
    return tuple(dict.fromkeys(repair for repair in found if repair.allowed))[:MOST_REPAIRS]


def _complaining(text: str) -> Iterator[str]:
    """Yield the lines with which a text begins for as long as they are complaints."""
    text = _PREFIX.sub("", text)
    # pydantic's own text, as newer vLLM sends it, has the complaint on the line below the name.
    text = re.sub(
        r"\n[ \t]{1,8}(?=Extra inputs are not permitted)", ": ", text
    )  # pydantic, in vLLM
    for line in text.splitlines()[:64]:
        if any(pattern.match(line) for pattern in _KNOWN):
            yield line
        elif not _OWN_WORDS.match(line):
            return


def _complaints(error: UpstreamError, told: Any, lines: Sequence[str]) -> Iterator[_Complaint]:
    for line in lines:
        for match in filter(None, (pattern.match(line) for pattern in _FIELDS)):
            named = match.groupdict()
            inside = bool(named.get("inside")) and named["inside"] != named["field"]
            yield _Complaint(named["field"], named.get("new") or "", inside)
        if several := _MORE_NAMES.match(line):
            yield from (_Complaint(name) for name in re.findall(r"\w{1,64}", several[1]))
        yield from (_Complaint(name) for name in _VLLM_ENTRY.findall(line))
    for kind, place, _ in _entries(told):
        if kind in _NO_SCHEMA and place:
            yield _Complaint(".".join(place))
    if error.upstream_code in _CODES and error.param:
        yield _Complaint(error.param)


def _repair(complaint: _Complaint, fields: Mapping[str, Raw]) -> Repair | None:
    """Choose what is done about a name, if it was sent."""
    path = re.split(r"[.\[\]]+", complaint.field.removeprefix("body."))
    name, last = path[0], next(step for step in reversed(path) if step or len(path) == 1)
    if complaint.inside or len(path) > 1:
        if name == "stream_options" and name in fields:
            return Repair("drop", name)
        within = complaint.inside or name == "messages"
        if last in _REASONING and within and "messages" in fields:
            return Repair("reasoning", last)
        return Repair("strict", last) if name == "tools" and last == "strict" else None
    if name not in fields:
        snake = snake_case(name)
        if snake not in fields:
            return Repair("strict", name) if name == "strict" and "tools" in fields else None
        name = snake
    renamed = Repair("rename", name, complaint.new or _PROVIDED.get(name, ""))
    if renamed.allowed and renamed.new not in fields:
        return renamed
    return Repair("drop", name)


def _in_messages(told: Any, lines: Sequence[str], sent: bytes) -> Iterator[Repair]:
    """Find complaints about roles, and about text that is a list of parts."""
    roles = {
        named
        for match in (pattern.match(line) for line in lines for pattern in _ROLES)
        if match is not None
        for named in [match.groupdict().get("role", "developer").lower()]
    }
    wants_text = any(pattern.match(line) for line in lines for pattern in _STRING_WANTED)
    for kind, place, value in _entries(told):
        if place[:1] == ["messages"]:
            if kind in _WRONG_ROLE and isinstance(value, str | Mapping):
                named = value.get("role") if isinstance(value, Mapping) else value
                roles |= {named} & {"developer", "system"} if isinstance(named, str) else set()
            wants_text |= kind == "string_type" and place[-1] == "content"
    if not roles and not wants_text:
        return
    try:
        messages = _read_messages(sent).messages
    except (ValueError, RecursionError):
        return
    used = {message.role for message in messages}
    if roles == {"developer"} and "developer" not in used:
        roles = {"system"}  # Gemini calls the system's instruction the developer's
    yield from (Repair("role", role) for role in sorted(roles & used))
    if wants_text and any(bytes(message.content)[:1] == b"[" for message in messages):
        yield Repair("text", "content")


def _entries(told: Any) -> Iterator[tuple[str, list[str], Any]]:
    """Yield pydantic's complaints: kind, place without `body`, and what stood there."""
    for item in list(_items(told))[:64]:
        place = item.get("loc")
        if isinstance(item.get("type"), str) and isinstance(place, list):
            steps = [str(step)[:64] for step in place[:16]]
            yield item["type"], steps[steps[:1] == ["body"] :], item.get("input")


def _items(value: Any, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Find the objects of all lists that an error holds."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for name in ("error", "detail", "message", "errors"):
            yield from _items(value.get(name), depth + 1)
    elif isinstance(value, list):
        for item in value[:64]:
            if isinstance(item, Mapping):
                yield item
            yield from _items(item, depth + 1)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield what an error says, in whatever place, bounded."""
    if isinstance(value, str):
        yield value[:_MOST_TEXT]
    elif isinstance(value, list) and depth <= _MOST_DEPTH:
        for item in value[:16]:
            yield from _texts(item, depth + 1)
    elif isinstance(value, Mapping) and depth <= _MOST_DEPTH:
        for name in ("error", "message", "detail", "msg", "errors"):
            yield from _texts(value.get(name), depth + 1)
