"""A description's tables, checked. All that is wrong is told at once, each with its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from dragoman.adapters.answer import REASONS
from dragoman.adapters.described.description import (
    Description,
    Errors,
    Models,
    Poll,
    Stream,
    Vectors,
    kinds,
)
from dragoman.adapters.described.json_path import Path
from dragoman.adapters.described.reading import Calls, Reading
from dragoman.adapters.described.scope import ADDRESS, REQUEST, TEXTS, mentions
from dragoman.adapters.described.tables import Tables
from dragoman.adapters.described.template import Render, read_template, read_text
from dragoman.document.locate import Key
from dragoman.document.parse import Document
from dragoman.types.provider import Api

METHODS = ("POST", "PUT", "PATCH", "GET")
FRAMINGS = ("sse", "json-lines")
COUNTS = ("prompt", "completion", "cache_read", "cache_write", "reasoning")
DONE = "[DONE]"
BODY = "body"
EVENT = "event"

_TOP = (
    "name", "api", "url", "method", "headers", "provider", "request", "response", "stream", "error",
    "poll", "models", "embeddings",
)  # fmt: skip
_ANSWER = (
    "text", "reasoning", "refusal", "tool_calls", "usage", "finish", "words", "id", "model",
    "error",
)  # fmt: skip
_STREAM = (*_ANSWER, "framing", "type", "on", "end", "cumulative")
_EVENT = (*_ANSWER, "end", "cumulative")


def read_description(document: Document, name: str) -> Description:
    """Read a description. Raises: ConfigError that tells everything that is wrong."""
    return _Reader(document).description(name)


class _Reader(Tables):
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
            models=self.models(top),
            embeddings=self.embeddings(top),
        )
        if "stream" in top and "response" not in top:
            self.problem(("stream",), "stands without [response]", "say how a whole answer is read")
        if self.problems:
            raise self.error()
        return read

    # -- the tables

    def url(self, table: Mapping[str, Any], path: Key = ()) -> Render | None:
        text = self.text(table, "url", path)
        return None if text is None else read_text(text, ADDRESS, self.problem, (*path, "url"))

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

    def models(self, top: Mapping[str, Any]) -> Models | None:
        table = self.table(top, "models", ())
        if table is None:
            return None
        path: Key = ("models",)
        self.known(path, table, ("url", "id"))
        url, name = self.url(table, path), self.path(table, "id", path)
        if url is not None and name is not None:
            return Models(url=url, id=name)
        self.problem(path, "needs url and id", 'url = "{base_url}/models", id = "$.data[*].id"')
        return None

    def embeddings(self, top: Mapping[str, Any]) -> Vectors | None:
        table = self.table(top, "embeddings", ())
        if table is None:
            return None
        path: Key = ("embeddings",)
        self.known(path, table, ("url", "request", "each", "usage"))
        each, body = self.path(table, "each", path), self.table(table, "request", path)
        if each is None or body is None:
            self.problem(path, "needs request and each", 'each = "$.data[*].vector"')
            return None
        return Vectors(
            url=self.url(table, path),
            request=read_template(body, TEXTS, self.problem, (*path, "request")),
            each=each,
            usage=self.path(table, "usage", path),
        )
