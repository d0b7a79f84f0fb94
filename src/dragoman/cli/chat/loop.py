"""A conversation: reads what is said, answers it, keeps what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from dragoman.cli.ask.answer import Answer
from dragoman.cli.ask.choice import NOTICE, Choice
from dragoman.cli.ask.conversation import NEW, Said, thread_after
from dragoman.cli.ask.output import Output
from dragoman.cli.chat.commands import COMMANDS, run_command
from dragoman.cli.chat.input import Interrupted, Line, open_reader
from dragoman.cli.terminal.exit_codes import Exit
from dragoman.cli.terminal.failure import print_error
from dragoman.errors import DragomanError
from dragoman.registry import Registry
from dragoman.store import replayable
from dragoman.types.exchange import Exchange
from dragoman.types.message import Message, user

if TYPE_CHECKING:
    from dragoman.cli.ask.asking import Asking

SOURCE = "chat"


class Chat:
    """A conversation and its settings, which its commands change.

    `turns` is what was said, a question with its answer each; `question` is the last one that was
    asked, answered or not; `exchanges` are those of this run.
    """

    def __init__(self, asking: Asking, *, markdown: bool) -> None:
        self.session, self.asked, self.choice, self.params, thread = asking
        self.terminal = self.session.terminal
        self.turns: list[Said] = list(thread.turns)
        self.question: Message | None = thread.turns[-1][0] if thread.turns else None
        self.exchanges: list[Exchange] = []
        self._thread = thread
        self._markdown = markdown and self.terminal.out.tty and self.terminal.out.color
        # A conversation grows until it no longer fits; then its oldest turns go, and we say so.
        self._client = self.session.client(on_overflow="truncate")
        self.over = False

    def run(self) -> Exit:
        """Talk until nothing more is said. Returns: the exit status.

        Raises: DragomanError for a failed answer to what was piped in; a person goes on.
        """
        reader = open_reader(
            self.session, keep=self.asked.log, commands=[f"/{name}" for name in COMMANDS]
        )
        if reader.person:
            self._greet()
        with self._client:
            while not self.over:
                try:
                    line = reader.read()
                except Interrupted:
                    continue
                if line is None:
                    break
                try:
                    self.take(line)
                except DragomanError as error:
                    if not reader.person:
                        raise
                    print_error(self.terminal.err, error)
                except KeyboardInterrupt:
                    self.terminal.note("")
        return Exit.OK

    def take(self, line: Line) -> None:
        """Do what a line says: run a command, or ask. Raises: DragomanError."""
        text = line.text.strip()
        if not text:
            return
        command = text.startswith("/") and "\n" not in text and not line.literal
        if command and not text.startswith("//"):
            run_command(self, text)
            return
        self.question = user(text[1:] if command else text)
        self.answer(number=None)

    def answer(self, *, number: int | None) -> None:
        """Ask the last question; `number` is the turn that it retries. Raises: DragomanError."""
        assert self.question is not None
        thread = replace(self._thread, turns=tuple(self.turns), number=number)
        answer = Answer(
            self.session,
            self.asked,
            self.choice,
            self.question,
            self.params,
            thread,
            output=self._output(),
            client=self._client,
            source=SOURCE,
        )
        try:
            answer.run()
        finally:
            self._keep(answer)

    def retry(self) -> bool:
        """Ask the last question again, in place of its answer; False when there is none."""
        if self.question is None:
            return False
        if self.turns and self.turns[-1][0] is self.question:
            self.turns.pop()
        self.answer(number=self._thread.last or None)
        return True

    def forget(self) -> None:
        """Begin anew; what was said stays in the record."""
        self.turns.clear()
        self.question = None
        self._thread = NEW

    def models(self) -> str:
        """Name the models that are asked."""
        if self.choice.refs is None:
            return Registry(self.session.config()).default_ref() or ""
        return ", ".join(self.choice.refs)

    # -- parts

    def _greet(self) -> None:
        err = self.terminal.err
        if self.choice.demo:
            self.terminal.note(NOTICE)
            self.choice = Choice(self.choice.refs)
        gist = f"{self.models()} · /help · Ctrl-D leaves"
        if self.turns:
            gist = f"{gist} · {len(self.turns)} turns so far"
        self.terminal.note(err.style(gist, "dim"))

    def _output(self) -> Output:
        reasoning = not self.asked.hide_reasoning
        if self._markdown:
            from dragoman.cli.terminal.markdown_output import MarkdownOutput

            return MarkdownOutput(self.terminal, reasoning=reasoning)
        return Output(self.terminal, quiet=False, reasoning=reasoning)

    def _keep(self, answer: Answer) -> None:
        """Take over what was said; an answer that was stopped counts as far as it came."""
        if answer.exchange is not None and answer.exchange.attempts:
            self.exchanges.append(answer.exchange)
            self._thread = thread_after(answer.thread, answer.exchange, self.params)
        if answer.completion is not None and answer.completion.parts:
            said = (answer.message, answer.completion.message)
            if turn := replayable(said):
                self.turns.append(turn)
