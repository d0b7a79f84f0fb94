"""A description's tables, checked. All that is wrong is told at once, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, get_args

from msgspec import Struct

from dragoman.adapters.answer import REASONS
from dragoman.adapters.described.json_path import Path
from dragoman.adapters.described.reading import Calls, Reading
from dragoman.adapters.described.scope import ADDRESS, REQUEST, mentions
from dragoman.adapters.described.template import Render, read_template, read_text
from dragoman.document.locate import Key
from dragoman.document.parse import Document
from dragoman.errors import ConfigError, UpstreamError
from dragoman.types.provider import Api

METHODS = ("POST", "PUT", "PATCH", "GET")
FRAMINGS = ("sse", "json-lines")
COUNTS = ("prompt", "completion", "cache_read", "cache_write", "reasoning")
DONE = "[DONE]"
BODY = "body"
EVENT = "event"

_TOP = (
    "name", "api", "url", "method", "headers", "provider", "request", "response", "stream", "error",
    "poll",
)  # fmt: skip
_ANSWER = (
    "text", "reasoning", "refusal", "tool_calls", "usage", "finish", "words", "id", "model",
    "error",
)  # fmt: skip
_STREAM = (*_ANSWER, "framing", "type", "on", "end", "cumulative")
_EVENT = (*_ANSWER, "end", "cumulative")
_SHOWN = 5
"""How many mistakes are told in full."""


class Stream(Struct, frozen=True, kw_only=True):
    """How a stream is read: `always` in every frame, `on` in those of a type.

    `type` is where a frame's type stands, None for the event's own name.
    """

    framing: str
    always: Reading
    on: Mapping[str, Reading]
    type: Path | None = None
    ends_with_body: bool = False
    ends_with_done: bool = False


class Errors(Struct, frozen=True, kw_only=True):
    """What an error says: `kinds` by its code, or by the HTTP status."""

    message: Path | None = None
    code: Path | None = None
    kinds: Mapping[str, type[UpstreamError]] = MappingProxyType({})


class Poll(Struct, frozen=True, kw_only=True):
    """How a job is waited for: asked after at `url` until `status` is none of `pending`."""

    url: Path
    status: Path
    pending: frozenset[str]
    failed: frozenset[str] = frozenset()
    every_s: float = 1.0


class Description(Struct, frozen=True, kw_only=True):
    """A description, read. What is None is left to the wire format `api`."""

    name: str
    api: Api
    method: str
    provider: Mapping[str, Any] | None
    url: Render | None
    headers: Mapping[str, Render] | None
    request: Render | None
    uses: frozenset[str]
    response: Reading | None
    stream: Stream | None
    errors: Errors | None
    poll: Poll | None


def kinds() -> Mapping[str, type[UpstreamError]]:
    """List the errors that a description may name: our classes, written like `rate_limited`."""
    found: dict[str, type[UpstreamError]] = {}
    waiting = list(UpstreamError.__subclasses__())
    for kind in waiting:
        waiting += kind.__subclasses__()
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__)
        found[name.lstrip("_")] = kind
    return found


def read_description(document: Document, name: str) -> Description:
    """Read a description. Raises: ConfigError that tells everything that is wrong."""
    return _Reader(document).description(name)


class _Reader:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[tuple[str, str, str | None]] = []

    def problem(self, path: Key, what: str, hint: str | None = None) -> None:
        """Note what is wrong at `path`."""
        name = ".".join(str(key) for key in path)
        self.problems.append((self.document.place(path), f"{name} {what}".strip(), hint))

    def description(self, name: str) -> Description:
        top = dict(self.document.data)
        self.known((), top, _TOP)
        request = top.get("request")
        stream = self.table(top, "stream", ())
        read = Description(
            name=self.text(top, "name", ()) or name,
            api=self.choice(top, "api", (), get_args(Api)) or "openai-completions",  # type: ignore[arg-type]
            method=self.choice(top, "method", (), METHODS) or "POST",
            provider=self.table(top, "provider", ()),
            url=self.url(top),
            headers=self.headers(top),
            request=self.request(request) if "request" in top else None,
            uses=mentions(request),
            response=self.reading(top, "response", ()),
            stream=None if stream is None else self.stream(stream),
            errors=self.errors(top),
            poll=self.poll(top),
        )
        if "stream" in top and "response" not in top:
            self.problem(("stream",), "stands without [response]", "say how a whole answer is read")
        if self.problems:
            raise self.error()
        return read

    def error(self) -> ConfigError:
        (place, what, hint), *others = self.problems
        more = "".join(f"; {where}: {other}" for where, other, _ in others[: _SHOWN - 1])
        rest = len(others) - _SHOWN + 1
        return ConfigError(
            f"{what}{more}" + (f"; and {rest} more" if rest > 0 else ""), place=place, hint=hint
        )

    # -- the tables

    def url(self, top: Mapping[str, Any]) -> Render | None:
        text = self.text(top, "url", ())
        return None if text is None else read_text(text, ADDRESS, self.problem, ("url",))

    def headers(self, top: Mapping[str, Any]) -> Mapping[str, Render] | None:
        table = self.table(top, "headers", ())
        if table is None:
            return None
        found = {}
        for name in table:
            text = self.text(table, name, ("headers",))
            if text is not None:
                found[name.lower()] = read_text(text, ADDRESS, self.problem, ("headers", name))
        return found

    def request(self, value: Any) -> Render | None:
        if not isinstance(value, dict):
            self.problem(("request",), "must be a table: the body's template")
            return None
        return read_template(value, REQUEST, self.problem, ("request",))

    def reading(self, table: Mapping[str, Any], name: str, path: Key) -> Reading | None:
        inner = self.table(table, name, path)
        if inner is None:
            return None
        here = (*path, name)
        self.known(here, inner, _ANSWER)
        return self.answer(inner, here)

    def answer(self, table: Mapping[str, Any], path: Key, end: Path | bool = False) -> Reading:
        """Read where everything stands, whatever else is in the table."""
        usage = self.table(table, "usage", path) or {}
        self.known((*path, "usage"), usage, COUNTS)
        return Reading(
            text=self.path(table, "text", path),
            reasoning=self.path(table, "reasoning", path),
            refusal=self.path(table, "refusal", path),
            calls=self.calls(table, path),
            usage={
                name: found
                for name in COUNTS
                if (found := self.path(usage, name, (*path, "usage"))) is not None
            },
            finish=self.path(table, "finish", path),
            words=self.words(table, path),
            id=self.path(table, "id", path),
            model=self.path(table, "model", path),
            error=self.path(table, "error", path),
            end=end,
            cumulative=self.flag(table, "cumulative", path),
        )

    def calls(self, table: Mapping[str, Any], path: Key) -> Calls | None:
        calls = self.table(table, "tool_calls", path)
        if calls is None:
            return None
        here = (*path, "tool_calls")
        self.known(here, calls, ("each", "key", "id", "name", "arguments"))
        each = self.path(calls, "each", here)
        if each is None:
            self.problem(here, "has no path 'each'", 'each = "$.calls[*]": where they stand')
            return None
        inside = {name: self.path(calls, name, here) for name in ("key", "id", "name", "arguments")}
        return Calls(each=each, **inside)

    def words(self, table: Mapping[str, Any], path: Key) -> Mapping[str, str]:
        words = self.table(table, "words", path) or {}
        for word in words:
            self.choice(words, word, (*path, "words"), sorted(REASONS))
        return words

    def stream(self, table: Mapping[str, Any]) -> Stream:
        path: Key = ("stream",)
        self.known(path, table, _STREAM)
        end = table.get("end")
        marker = end if end in (DONE, BODY) else None
        at_end = None if end is None or marker else self.path(table, "end", path)
        kind = table.get("type")
        events = self.table(table, "on", path) or {}
        if events and kind is None:
            self.problem((*path, "on"), "needs stream.type", 'type = "event", or a path')
        on = {}
        for name in events:
            inner = self.table(events, name, (*path, "on"))
            here = (*path, "on", name)
            if inner is not None:
                self.known(here, inner, _EVENT)
                on[name] = self.answer(inner, here, end=self.flag(inner, "end", here))
        return Stream(
            framing=self.choice(table, "framing", path, FRAMINGS) or "sse",
            always=self.answer(table, path, end=at_end or False),
            on=on,
            type=None if kind in (None, EVENT) else self.path(table, "type", path),
            ends_with_body=marker == BODY,
            ends_with_done=marker == DONE,
        )

    def errors(self, top: Mapping[str, Any]) -> Errors | None:
        table = self.table(top, "error", ())
        if table is None:
            return None
        path: Key = ("error",)
        self.known(path, table, ("message", "code", "kinds"))
        named = self.table(table, "kinds", path) or {}
        every = kinds()
        chosen = {word: self.choice(named, word, (*path, "kinds"), sorted(every)) for word in named}
        return Errors(
            message=self.path(table, "message", path),
            code=self.path(table, "code", path),
            kinds={word: every[kind] for word, kind in chosen.items() if kind is not None},
        )

    def poll(self, top: Mapping[str, Any]) -> Poll | None:
        table = self.table(top, "poll", ())
        if table is None:
            return None
        path: Key = ("poll",)
        self.known(path, table, ("url", "status", "pending", "failed", "every_s"))
        url, status = self.path(table, "url", path), self.path(table, "status", path)
        pending = self.texts(table, "pending", path)
        if url is None or status is None or not pending:
            hint = 'url = "$.urls.get", status = "$.status", pending = ["running"]'
            self.problem(path, "needs url, status and pending", hint)
            return None
        every_s = table.get("every_s", 1.0)
        if isinstance(every_s, bool) or not isinstance(every_s, int | float) or every_s < 0.05:
            self.problem((*path, "every_s"), "must be a number of seconds, 0.05 at least")
            every_s = 1.0
        failed = self.texts(table, "failed", path)
        return Poll(url=url, status=status, pending=pending, failed=failed, every_s=every_s)

    # -- values

    def known(self, path: Key, table: Mapping[str, Any], names: Iterable[str]) -> None:
        """Report the keys of a table that nothing knows."""
        names = tuple(names)
        for key in table:
            if key not in names:
                near = difflib.get_close_matches(str(key), names, 1)
                hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names)}"
                self.problem((*path, key), "is unknown", hint)

    def table(self, table: Mapping[str, Any], name: str, path: Key) -> Mapping[str, Any] | None:
        return self._typed(table, name, path, dict, "a table")  # type: ignore[no-any-return]

    def text(self, table: Mapping[str, Any], name: str, path: Key) -> str | None:
        return self._typed(table, name, path, str, "text")  # type: ignore[no-any-return]

    def flag(self, table: Mapping[str, Any], name: str, path: Key) -> bool:
        return bool(self._typed(table, name, path, bool, "true or false"))

    def _typed(
        self, table: Mapping[str, Any], name: str, path: Key, kind: type, called: str
    ) -> Any:
        value = table.get(name)
        if value is None or isinstance(value, kind):
            return value
        self.problem((*path, name), f"must be {called}")
        return None

    def texts(self, table: Mapping[str, Any], name: str, path: Key) -> frozenset[str]:
        value = table.get(name, [])
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return frozenset(value)
        self.problem((*path, name), "must be a list of words")
        return frozenset()

    def choice(
        self, table: Mapping[str, Any], name: str, path: Key, names: Iterable[str]
    ) -> str | None:
        value = self.text(table, name, path)
        if value is None or value in names:
            return value
        self.problem((*path, name), f"must be one of {', '.join(names)}")
        return None

    def path(self, table: Mapping[str, Any], name: str, path: Key) -> Path | None:
        return self._made(self.text(table, name, path), Path, (*path, name))

    def _made(self, text: str | None, make: Callable[[str], Path], path: Key) -> Path | None:
        if text is None:
            return None
        try:
            return make(text)
        except ValueError as error:
            self.problem(path, f"{error}", "a path is written like $.choices[0].text")
            return None
