"""The line editor of a conversation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, create_output

from dragoman.cli.chat.input import Interrupted
from dragoman.cli.session import Session


class PromptSource:
    """Lines that a person edits, with a history. Enter sends, Alt-Enter begins a new line."""

    person = True

    def __init__(self, session: Session, history: Path | None, commands: Iterable[str]) -> None:
        self._terminal = session.terminal
        output = create_output(sys.stdout)
        # Asking the terminal where its cursor is leaves marks on those that do not answer.
        output.enable_cpr = False  # type: ignore[attr-defined]
        self._prompts: PromptSession[str] = PromptSession(
            history=self._open_history(history),
            multiline=True,
            key_bindings=_keys(),
            completer=_Offers(session, tuple(commands)),
            complete_while_typing=False,
            color_depth=None if self._terminal.out.color else ColorDepth.DEPTH_1_BIT,
            enable_open_in_editor=True,
            enable_suspend=True,
            output=output,
        )

    def line(self, prompt: str) -> str | None:
        """Read a line, or several."""
        try:
            return self._prompts.prompt(prompt, prompt_continuation="  ")
        except KeyboardInterrupt:
            self._terminal.note(self._terminal.err.style("Ctrl-D leaves.", "dim"))
            raise Interrupted from None
        except EOFError:
            return None

    def _open_history(self, path: Path | None) -> History:
        """Open the history file, for its owner's eyes only; without one, remember it for now."""
        if path is None:
            return InMemoryHistory()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        except OSError as error:
            self._terminal.warn(f"what you type is not kept: {path}: {error.strerror}")
            return InMemoryHistory()
        return _Kept(path, self._terminal.warn)


class _Kept(FileHistory):
    """A history file that may run out of room; then it is told once, and typing goes on."""

    def __init__(self, path: Path, warn: object) -> None:
        super().__init__(str(path))
        self._warn = warn

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError as error:
            if callable(self._warn):
                self._warn(f"what you type is not kept: {error.strerror}")
            self._warn = None


class _Offers(Completer):
    """What Tab offers: commands, and after `/model` the models that are known."""

    def __init__(self, session: Session, commands: tuple[str, ...]) -> None:
        self._session = session
        self._commands = commands

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,  # noqa: ARG002
    ) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        command, space, start = text.partition(" ")
        if not space:
            words: Iterable[str] = self._commands
            start = command
        elif command == "/model":
            from dragoman.cli.providers.known_models import known_refs

            words = known_refs(self._session)
        else:
            return
        for word in words:
            if word.startswith(start):
                yield Completion(word, start_position=-len(start))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def break_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
