"""An answer that is data: asked for by a schema, checked, and asked for again if it is not that."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

import msgspec

from dragoman.cli.ask.answer import Answer
from dragoman.cli.ask.conversation import record_aside
from dragoman.cli.terminal.spinner import Spinner
from dragoman.cli.terminal.streams import one_line
from dragoman.client import Client
from dragoman.errors import DragomanError, SchemaMismatch
from dragoman.params import build_request
from dragoman.schema_check import find_problem
from dragoman.structured import Parsed, Shape, Via, ladder
from dragoman.types.completion import Completion
from dragoman.types.request import ChatRequest

Steps: TypeAlias = Generator[ChatRequest, Completion, Parsed[str]]

RUNGS: dict[Via, str] = {
    "native": "by the provider's own field for it",
    "tool": "by a tool that the model had to call",
    "prompt": "by asking for it in words",
}


class SchemaAnswer(Answer):
    """Asks down the ladder of `dragoman.structured`; each rung that fails is recorded by itself.

    `data` is the JSON that the schema admits, as the model wrote it, and `via` the rung that held.
    """

    def __init__(self, schema: dict[str, Any], *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.schema = schema
        self.data: str | None = None
        self.via: Via | None = None

    def _ask(self, client: Client) -> None:
        name = str(self.schema.get("title", "answer"))
        request = build_request("", self._said, {"system": self.params.get("system", "")})
        steps = ladder(request, Shape(name, self.schema, self._read))
        try:
            asked = next(steps)
            while True:
                following = self._step(client, steps, asked)
                self._put_aside()
                asked = following
        except StopIteration as stop:
            self.data, self.via = stop.value.value, stop.value.via
        except SchemaMismatch as error:
            error.hint = f"{error.hint}; dragoman logs show has what it said"
            raise
        self._print_data()

    def _step(self, client: Client, steps: Steps, asked: ChatRequest) -> ChatRequest:
        """Ask once, and see what the ladder makes of the answer."""
        self.exchange = self.completion = None
        try:
            answer = self._fetch_whole(client, asked)
        except DragomanError as error:
            self._failed(error)
            return steps.throw(error)
        return steps.send(answer)

    def _fetch_whole(self, client: Client, asked: ChatRequest) -> Completion:
        """Get an answer in one piece: half an object is of no use to anybody."""
        params = {name: value for name, value in self.params.items() if name not in _OURS}
        if asked.output is not None:
            params["output"] = asked.output
        if asked.tools:
            params |= {"tools": asked.tools, "tool_choice": asked.tool_choice}
        with Spinner(self.terminal, self._waiting_for):
            answer = client.chat(self.choice.refs, list(asked.messages), **params)
        self.completion, self.exchange = answer, answer.exchange
        self.output.begun = True
        self._trace(answering=True)
        return answer

    def _read(self, text: str) -> str:
        """Check that a text is what the schema asks for. Raises: ValueError."""
        problem = find_problem(msgspec.json.decode(text), self.schema)
        if problem is None:
            return text
        if self.asked.verbose:
            self.terminal.note(f"   {one_line(problem)}")
        raise ValueError(problem)

    def _put_aside(self) -> None:
        """Tell and record a rung that failed: it has cost something, and is no turn."""
        if self.asked.verbose and self.error is not None:
            self._trace(answering=False)
        self.error = None
        self._tell_cost()
        if self.exchange is not None and self._keeps:
            record_aside(self.session, self.exchange, self.message, self.completion, self.source)

    def _print_data(self) -> None:
        """Print the JSON: laid out for a person, on one line for a pipe."""
        if self.via is not None and self.asked.verbose:
            self.terminal.note(f"The schema was met {RUNGS[self.via]} ({self.via}).")
        if self.data is not None and not (self.asked.json or self.asked.jsonl):
            out = self.terminal.out
            out.line(msgspec.json.format(self.data, indent=2 if out.tty else 0))

    def _more(self) -> dict[str, Any]:
        """What `--json` says besides: the data, and how it was got."""
        return {"data": msgspec.Raw((self.data or "null").encode()), "via": self.via}


_OURS = ("system", "output", "tools", "tool_choice")
"""Parameters that the ladder sets itself."""
