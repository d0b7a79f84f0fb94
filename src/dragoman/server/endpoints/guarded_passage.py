"""Answers that are handed on, while guardrails look at what they say.

JSON and plain text are held until they have been looked at; of server-sent events as much as could
be the beginning of a match. What says nothing that could be read (sound, pictures) goes through as
it comes, unless a guardrail is strict.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dragoman.errors import DragomanError, ProtocolError
from dragoman.guardrails.rails import Screen, too_deep
from dragoman.server.endpoints.passage import (
    EVENTS,
    JSON,
    PAGE,
    EventPassage,
    JsonPassage,
    Passage,
    WebPage,
    read_kind,
)
from dragoman.server.policies.guarding import inspect_error
from dragoman.types.event import Failure, Finish
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.wire.base import WireFormat
from dragoman.wire.json_text import TooDeep, decode, encode
from dragoman.wire.sse import DONE, FrameSplitter, SseParser, render_frame, split_frames

HELD_LIMIT = 64 * 1024 * 1024
"""An answer that has to be looked at as a whole is no longer than this."""
EVENT_LIMIT = 16 * 1024 * 1024


class GuardedPassage(Passage):
    """An answer that nobody can look at."""

    def __init__(self, content_type: str, dialect: Dialect, screen: Screen) -> None:
        super().__init__(content_type, dialect)
        self._screen = screen

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        if not self.committed:
            self._screen.unseen()
        if self._screen.blocked is not None:
            return self.fail(self._screen.blocked.error)
        return super().feed(chunk)


class _Whole(Passage):
    """An answer that is held until it is whole."""

    held_back = True

    def __init__(self, content_type: str, dialect: Dialect, screen: Screen) -> None:
        super().__init__(content_type, dialect)
        self._screen = screen
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Sequence[bytes]:
        """Take the next bytes of the answer."""
        self.frames += 1
        if self.failure is not None:
            return ()
        self._body += chunk
        if len(self._body) > HELD_LIMIT:
            return self.fail(ProtocolError("the answer is too long for guardrails to look at"))
        return ()

    def _let(self, body: bytes) -> Sequence[bytes]:
        """Let an answer go out that was looked at, or refuse it."""
        if self._screen.blocked is not None:
            return self._refuse(self._screen.blocked.error)
        self.committed = True
        self.finish = self.finish or Finish("stop")
        return [body]

    def _refuse(self, error: DragomanError) -> Sequence[bytes]:
        self.finish, self.committed = None, False
        return self.fail(error)


class GuardedText(_Whole):
    """Plain text: a transcript, subtitles."""

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        if self.failure is not None:
            return ()
        if not self._body:
            return self.fail(ProtocolError("the upstream's answer is empty"))
        try:
            text = self._body.decode()
        except UnicodeDecodeError:
            self._screen.unseen()
            return self._let(bytes(self._body))
        return self._let(self._screen.whole(text).encode())


class GuardedJson(_Whole):
    """JSON, of any shape."""

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        if self.failure is not None:
            return ()
        body = bytes(self._body)
        plain = JsonPassage(self.content_type, self._dialect)
        plain.settling = self.settling
        plain.feed(body)
        plain.close()
        self.due = plain.due
        self._usage, self.model, self.id = plain.usage, plain.model, plain.id
        self.said_bytes, self.finish = plain.said_bytes, plain.finish
        if plain.failure is not None:
            return self._refuse(plain.failure.error)
        try:
            value = decode(body)
        except ValueError:
            return self._refuse(ProtocolError("the upstream's answer is not JSON"))
        looked_at = self._screen.answer(value)
        return self._let(body if looked_at is value else encode(looked_at))


class GuardedEvents(EventPassage):
    """Server-sent events. Text that comes in pieces is one text, until it is said to have ended.

    Pieces are the `delta` of events, and the `text` of each of a text completion's choices.
    """

    def __init__(
        self,
        content_type: str,
        dialect: Dialect,
        client: WireFormat,
        screen: Screen,
        *,
        must_end: bool = False,
        drop_usage: bool = False,
    ) -> None:
        super().__init__(content_type, dialect, client, must_end=must_end, drop_usage=drop_usage)
        self._screen = screen
        self._splitter = FrameSplitter(EVENT_LIMIT)
        self._said: list[str] = []
        self._open: dict[int, Callable[[str], bytes]] = {}  # how to write more of each text

    def close(self) -> Sequence[bytes]:
        """Say that the answer's body has ended."""
        out = list(super().close())
        if self.failure is None and (rest := self._rest()):
            out.append(rest)
        return [*out, *self._refusal()]

    def fail(self, error: DragomanError) -> Sequence[bytes]:
        """Say that the answer broke off, in the client's language."""
        return super().fail(inspect_error(self._screen, error))

    def _kept(self, data: bytes) -> Sequence[bytes]:
        if self._splitter.torn:
            return self.fail(ProtocolError("an event is too long for guardrails to look at"))
        kept = b""
        for frames in super()._kept(data):
            for frame in split_frames(frames):
                if not self._is_refused():
                    kept += self._let(frame)
        return [*([kept] if kept else []), *self._refusal()]

    def _is_refused(self) -> bool:
        return self._screen.blocked is not None

    def _refusal(self) -> Sequence[bytes]:
        blocked = self._screen.blocked
        if blocked is None or self.failure is not None:
            return ()
        self.finish = None
        self.failure = Failure(blocked.error, self.usage)
        return [self._client.stream_renderer("").render(self.failure)]

    def _let(self, frame: bytes) -> bytes:
        """Look at a frame. Raises: ProtocolError for one that is too deep."""
        try:
            return self._looked_at(frame)
        except (TooDeep, RecursionError, ProtocolError):
            self.finish = None  # the end may have come with it
            raise too_deep() from None

    def _looked_at(self, frame: bytes) -> bytes:
        parser = SseParser()
        found = [*parser.feed(frame), *parser.close()]
        if not found:
            return b"" if b"data" in frame else frame  # half an event, or a comment
        event, data = found[0].event, found[0].data
        if data == DONE:
            return self._rest() + frame
        try:
            value = decode(data)
        except TooDeep:
            raise
        except ValueError:
            return render_frame(self._screen.whole(data.decode("utf-8", "replace")).encode(), event)
        if isinstance(value, dict):
            kind = str(value.get("type"))
            if isinstance(value.get("choices"), list):
                return self._chunk(event, value)
            if kind.endswith(".delta") and isinstance(delta := value.get("delta"), str):
                self._open[0] = partial(self._delta, event, value)
                return self._delta(event, value, self._screen.feed(0, delta))
            if kind.endswith(".done") and isinstance(value.get("text"), str) and self._open:
                rest = self._rest()
                said = {**value, "text": "".join(self._said)}
                said.pop("logprobs", None)
                self._said = []
                return rest + render_frame(encode(said), event)
        looked_at = self._screen.answer(value)
        return frame if looked_at is value else render_frame(encode(looked_at), event)

    def _delta(self, event: str, value: dict[str, Any], text: str) -> bytes:
        self._said.append(text)
        if not text:
            return b""
        said = {**value, "delta": text}
        said.pop("logprobs", None)
        return render_frame(encode(said), event)

    def _chunk(self, event: str, value: dict[str, Any]) -> bytes:
        """Look at a piece of a text completion: each of its choices is a text of its own."""
        head = self._screen.beside(
            {n: v for n, v in value.items() if n not in ("choices", "usage")}
        )
        choices = []
        for place, choice in enumerate(value["choices"]):
            if not isinstance(choice, dict):
                continue
            index = choice.get("index")
            index = index if isinstance(index, int) else place
            text = choice.get("text")
            said = self._screen.feed(index, text) if isinstance(text, str) else ""
            self._open[index] = partial(self._more, event, head, index)
            if choice.get("finish_reason"):
                said += self._screen.close(index)
                del self._open[index]
            rest = self._screen.beside({n: v for n, v in choice.items() if n != "text"})
            choices.append({"text": said, **rest})
        return render_frame(encode({**value, **head, "choices": choices}), event)

    @staticmethod
    def _more(event: str, head: dict[str, Any], index: int, text: str) -> bytes:
        choice = {"text": text, "index": index, "logprobs": None, "finish_reason": None}
        return render_frame(encode({**head, "choices": [choice]}), event)

    def _rest(self) -> bytes:
        """Write what was held back of the texts that have ended."""
        opened, self._open = self._open, {}
        rests = ((write, self._screen.close(index)) for index, write in opened.items())
        return b"".join(write(rest) for write, rest in rests if rest)


def open_guarded(
    headers: Headers,
    dialect: Dialect,
    client: WireFormat,
    screen: Screen,
    *,
    must_end: bool = False,
    drop_usage: bool = False,
) -> Passage:
    """Choose by the answer's headers. For the options see `EventPassage`."""
    kind, told = read_kind(headers)
    if kind == EVENTS:
        return GuardedEvents(
            told, dialect, client, screen, must_end=must_end, drop_usage=drop_usage
        )
    if kind == JSON:
        return GuardedJson(told, dialect, screen)
    if kind == PAGE:
        return WebPage(told, dialect)
    if kind.startswith("text/") or kind == "application/x-subrip":
        return GuardedText(told, dialect, screen)
    return GuardedPassage(told, dialect, screen)
