"""Tools and schemas for models that have neither: asked for in words, read out of the answer.

A layer between requests and events on one side and any wire format on the other, so that it is the
same for all formats and adapters, for whole answers and streams. Nothing happens in secret: what
is emulated, mended or left alone is told in warnings.
"""

from __future__ import annotations

from dragoman.types.completion import Completion
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, Tool
from dragoman.wire.base import Rendered, StreamParser, WireFormat
from dragoman.wire.emulation.answer import AnswerParser, AnswerReader, Wanted
from dragoman.wire.emulation.words import has_tool_history, put_into_words
from dragoman.wire.think import ThinkTags
from dragoman.wire.whole import accumulate, events_of
from dragoman.wire.wrapped import Wrapped

__all__ = ["Emulated", "has_tool_history"]


class Emulated(Wrapped):
    """A format for the answer to one request.

    `tools` and `schema` are put into words, `repair_arguments` mends those of the model's own
    calls, `think` is for formats that do not look for such tags themselves.
    """

    def __init__(
        self,
        inner: WireFormat,
        request: ChatRequest,
        *,
        tools: bool,
        schema: bool,
        repair_arguments: bool = False,
        think: ThinkTags = False,
    ) -> None:
        super().__init__(inner)
        self._tools = tools
        self._schema = schema and request.output is not None
        named = [tool.name for tool in request.tools if isinstance(tool, Tool)]
        choice = request.tool_choice.mode if request.tool_choice is not None else "auto"
        self._wanted = Wanted(
            frozenset(named) if tools and choice != "none" else frozenset(),
            schema=self._schema,
            must_call=choice in ("required", "tool"),
            repair_arguments=repair_arguments,
            think=think,
            seed=str(len(request.messages)),
        )

    def render_request(self, request: ChatRequest, model: str, dialect: Dialect) -> Rendered:
        """Write a request in which words stand for what the model does not know."""
        request, warnings = put_into_words(request, tools=self._tools, schema=self._schema)
        rendered = self.inner.render_request(request, model, dialect)
        return Rendered(rendered.body, (*warnings, *rendered.warnings))

    def parse_response(self, body: bytes, dialect: Dialect) -> Completion:
        """Read a whole answer: a stream in one piece."""
        completion = self.inner.parse_response(body, dialect)
        return accumulate(AnswerReader(self._wanted).changed(events_of(completion)))

    def stream_parser(self, dialect: Dialect, *, meter: bool = False) -> StreamParser:
        """Start reading a streamed answer."""
        del meter
        return AnswerParser(self.inner.stream_parser(dialect), self._wanted)
