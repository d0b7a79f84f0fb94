"""One answer on its way to the terminal: text to stdout, everything about it to stderr."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from dragoman.cli.ask.choice import NOTICE, Choice, next_steps
from dragoman.cli.ask.conversation import NEW, Thread, record, settings_of
from dragoman.cli.ask.output import Output
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit
from dragoman.cli.terminal.spinner import Spinner
from dragoman.client import Client
from dragoman.errors import DragomanError
from dragoman.types.completion import Completion
from dragoman.types.exchange import Exchange
from dragoman.types.identifier import new_id

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.stream import Stream
    from dragoman.types.message import Message


class Answer:
    """The question, and what becomes of it.

    `exchange` is the record of the attempts, `completion` what has come, `error` why it ended.
    `client` and `output` are made for it unless they are given; `source` stands in the record.
    """

    def __init__(
        self,
        session: Session,
        asked: Asked,
        choice: Choice,
        message: Message,
        params: dict[str, Any],
        thread: Thread = NEW,
        *,
        output: Output | None = None,
        client: Client | None = None,
        source: str = "cli",
    ) -> None:
        self.session = session
        self.terminal = session.terminal
        self.asked = asked
        self.choice = choice
        self.message = message
        self.params = params
        self.thread = thread
        self.client = client
        self.source = source
        self.exchange: Exchange | None = None
        self.completion: Completion | None = None
        self.error: DragomanError | None = None
        self.output = output or Output(
            self.terminal, quiet=asked.json, reasoning=not asked.hide_reasoning
        )
        self._traced = 0

    def run(self) -> Exit:
        """Ask, print, record. Raises: DragomanError for what failed, once all else is told."""
        interrupted = False
        if self.choice.demo:
            self.terminal.note(NOTICE)
        try:
            with self._client() as client:
                self._ask(client)
        except DragomanError as error:
            self._failed(error)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            # Also when nobody reads the output any more: what was asked and spent is recorded.
            self._record()
        self.output.end()
        return self._tell(interrupted)

    # -- asking

    def _client(self) -> AbstractContextManager[Client]:
        """Take the client that was given, which somebody else closes, or make one."""
        return self.session.client() if self.client is None else nullcontext(self.client)

    def _ask(self, client: Client) -> None:
        if self.asked.stream:
            self._stream(client)
        else:
            self._fetch(client)

    def _stream(self, client: Client) -> None:
        with client.stream(self.choice.refs, self._said, **self.params) as stream:
            self.exchange = stream.exchange
            try:
                self._show(stream)
            finally:
                self.completion = stream.completion

    @property
    def _said(self) -> list[Message]:
        return [*self.thread.history, self.message]

    def _show(self, stream: Stream) -> None:
        with Spinner(self.terminal, self._waiting_for) as spinner:
            for event in stream:
                if not self.output.begun and self.output.is_content(event):
                    spinner.stop()
                    self._trace(answering=True)
                self.output.show(event)

    def _fetch(self, client: Client) -> None:
        with Spinner(self.terminal, self._waiting_for):
            self.completion = client.chat(self.choice.refs, self._said, **self.params)
        self.exchange = self.completion.exchange
        self._trace(answering=True)
        self.output.show_whole(self.completion)

    def _waiting_for(self) -> str:
        attempts = self.exchange.attempts if self.exchange else ()
        if not attempts:
            return "asking …"
        last = attempts[-1]
        number = f" (attempt {last.number})" if last.number > 1 else ""
        return f"waiting for {last.provider}/{last.model}{number}"

    def _failed(self, error: DragomanError) -> None:
        self.error = error
        if self.completion is None:
            self.completion = error.partial
        if self.exchange is None and error.attempts:
            # A whole answer that failed leaves its attempts alone: a record is made of them.
            first = error.attempts[0]
            self.exchange = Exchange(
                id=new_id("req"),
                asked=", ".join(self.choice.refs or ()) or f"{first.provider}/{first.model}",
                started_at=first.started_at,
                attempts=list(error.attempts),
                duration_s=sum(a.pause_s + a.duration_s for a in error.attempts),
            )

    # -- telling

    def _trace(self, *, answering: bool) -> None:
        if self.asked.verbose and self.exchange is not None:
            from dragoman.cli.records.trace import print_trace

            print_trace(self.terminal.err, self.exchange.attempts, answering=answering)
            self._traced = len(self.exchange.attempts)

    def _tell(self, interrupted: bool) -> Exit:
        if not self._traced:
            self._trace(answering=False)
        if self.asked.json or self.asked.jsonl:
            self._print_json(interrupted)
        else:
            self._tell_people()
        if self.error is not None:
            raise self.error
        if interrupted:
            self.terminal.note(self.terminal.err.style("Interrupted.", "yellow"))
            return Exit.INTERRUPTED
        return Exit.OK

    def _tell_people(self) -> None:
        if self.completion is not None:
            for call in self.completion.tool_calls:
                self.terminal.note(f"The model asks for {call.name}({call.arguments})")
            if self.completion.finish_reason == "length":
                self.terminal.warn("the answer is cut off at its limit of tokens (-o max_tokens N)")
        if self.exchange is None:
            return
        if self.exchange.warnings:
            from dragoman.routing.drift import is_drift

            for warning in self.exchange.warnings:
                if self.asked.verbose or not is_drift(warning):
                    self.terminal.warn(warning)
        self._tell_cost()
        if self.choice.demo:
            self.terminal.note(next_steps(self.session))

    def _tell_cost(self) -> None:
        if self.exchange is None or not self.output.begun:
            return
        if self.asked.usage or self.choice.demo:
            from dragoman.cli.records.receipt import usage_line

            line = usage_line(self.exchange, local=self._is_local())
            self.terminal.note(self.terminal.err.style(line, "dim"))

    def _print_json(self, interrupted: bool) -> None:
        from dragoman.cli.ask.answer_json import answer_object
        from dragoman.cli.ask.event_lines import EventLines
        from dragoman.cli.terminal.failure import error_object
        from dragoman.cli.terminal.json_output import print_json

        failure = None
        if self.error is not None:
            failure = error_object(self.error)
        elif interrupted:
            failure = {"code": "interrupted", "message": "stopped", "exit_code": Exit.INTERRUPTED}
        found = {**answer_object(self.exchange, self.completion, failure), **self._more()}
        if isinstance(self.output, EventLines):
            self.output.finish(found)
        else:
            print_json(self.terminal.out, found)
        self.session.answered_json = True

    def _more(self) -> dict[str, Any]:
        """What `--json` says besides."""
        return {}

    def _is_local(self) -> bool:
        from dragoman.cli.providers.locality import is_local

        if self.asked.base_url:
            return is_local(self.asked.base_url)
        name = self.exchange.provider if self.exchange else None
        provider = self.session.config().providers.get(name or "")
        return provider is not None and is_local(provider.base_url)

    # -- recording

    @property
    def _keeps(self) -> bool:
        return self.asked.log and self.session.config().log

    def _record(self) -> None:
        """Keep what was asked and answered; what prevents it costs a line, never the answer."""
        if self.exchange is None or not self.exchange.attempts or not self._keeps:
            return
        from dragoman.store import StoreError

        settings = settings_of(self.asked, self.choice)
        try:
            record(
                self.session,
                self.exchange,
                self.message,
                self.completion,
                self.thread,
                settings,
                self.params,
                self.source,
            )
        except StoreError as error:
            self.output.end()
            self.terminal.warn(f"not recorded: {error}")
