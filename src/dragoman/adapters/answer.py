"""What an adapter writes an answer into, whole or piece by piece: a whole one is one piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, get_args

from dragoman.errors import DragomanError
from dragoman.types.completion import Completion
from dragoman.types.event import Event, Failure, Finish, FinishReason, Start
from dragoman.types.message import Citation, Meta, Part
from dragoman.types.usage import Usage
from dragoman.wire.json_text import encode, mend_surrogates
from dragoman.wire.parts import OpenCall, OpenParts
from dragoman.wire.whole import events_of

REASONS: frozenset[str] = frozenset(get_args(FinishReason))


class Answer:
    """Takes what the upstream says, in any order that it says it, and makes events of it.

    Text, reasoning and tool calls open and close by themselves. Nothing counts after `finish`.

    Example:
        out.text("It is ")
        out.tool_call(0, id="c1", name="look", arguments='{"city": ')
        out.tool_call(0, arguments='"Lyon"}')
        out.usage(prompt=12, completion=7)
        out.finish("tool_calls")
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.reported: Usage | None = None
        self.finished = False
        self.warnings: list[str] = []
        self._parts = OpenParts()
        self._calls: dict[int | str, OpenCall] = {}
        self._called = 0
        self._started = False
        self._ending: tuple[FinishReason, str | None, str | None] | None = None
        self._meta: Meta | None = None

    # -- what an adapter says

    def start(
        self,
        *,
        id: str | None = None,  # noqa: A002 - the word of every format
        model: str | None = None,
        created: int | None = None,
    ) -> None:
        """Say what the upstream calls the answer and the model. Optional; the first time counts."""
        if not self._started:
            self._started = True
            self.events.append(Start(_text(id), _text(model), created))

    def text(self, text: str | None, logprobs: Iterable[Mapping[str, Any]] = ()) -> None:
        """Add text; None and empty add nothing. `logprobs` are its tokens', as `types.Text` has."""
        if text:
            self._begin()
            said = _expect_text(text, "text")
            self._parts.add("text", said, self.events, logprobs=tuple(logprobs))

    def cite(self, *citations: Citation) -> None:
        """Say on which pages the text rests that is being told, or else the next one."""
        self._parts.citations += citations

    def reasoning(self, text: str | None, meta: Meta | None = None) -> None:
        """Add to what the model lets us see of its thinking; `meta` is for its part."""
        if text or meta:
            self._begin()
            if self._parts.kind != "reasoning":
                self._parts.open_text("reasoning", self.events)
            if meta:
                self._parts.set_meta(meta)
            if text:
                self._parts.add("reasoning", _expect_text(text, "reasoning"), self.events)

    def refusal(self, text: str | None) -> None:
        """Add to the model's words of refusal."""
        if text:
            self._begin()
            self._parts.add("refusal", _expect_text(text, "refusal"), self.events)

    def tool_call(
        self,
        key: int | str | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of every format
        name: str | None = None,
        arguments: str | Mapping[str, Any] | None = None,
        meta: Meta | None = None,
    ) -> None:
        """Add a call, or to the one that has this key; without a key it is one of its own.

        `arguments` is JSON text or a piece of it; an object is written as JSON. A call without an
        id gets one.
        """
        self._begin()
        call = None if key is None else self._calls.get(key)
        if call is None:
            self._called += 1
            call = self._parts.open_call(
                id or f"call_{self._called}", name or "", self.events, meta
            )
            self._calls[key if key is not None else f"-{self._called}"] = call
        if arguments is not None and not isinstance(arguments, str):
            arguments = encode(arguments).decode()
        if arguments:
            self._parts.add_arguments(call, arguments, self.events)

    def end_part(self) -> None:
        """Say that the open text or reasoning is whole: what follows is a part of its own."""
        self._parts.close_text(self.events)

    def part(self, part: Part) -> None:
        """Add a part that comes in one piece: a picture, say."""
        self._begin()
        self._parts.whole(part, self.events)

    def usage(
        self,
        usage: Usage | None = None,
        *,
        prompt: int | None = None,
        completion: int | None = None,
        cache_read: int | None = None,
        cache_write: int | None = None,
        reasoning: int | None = None,
    ) -> None:
        """Say the tokens; the last report wins. Totals are inclusive: see `types.Usage`."""
        self.reported = usage or Usage(
            prompt_tokens=_count(prompt),
            completion_tokens=_count(completion),
            cache_read_tokens=_count(cache_read),
            cache_write_tokens=_count(cache_write),
            reasoning_tokens=_count(reasoning),
        )

    def finish(
        self, reason: str | None = None, *, raw: str | None = None, stop_sequence: str | None = None
    ) -> None:
        """Say that the answer is whole: usage may still follow, content not.

        A reason that is none of ours is kept as the raw word and counts as `other`; None is
        `stop`. With calls in the answer, `stop` is `tool_calls`.
        """
        known: FinishReason = "stop"
        if reason is not None:
            known = reason if reason in REASONS else "other"  # type: ignore[assignment]
        if known == "stop" and self._called:
            known = "tool_calls"
        self._ending = (known, raw or reason, stop_sequence)

    def meta(self, fields: Meta) -> None:
        """Keep fields of the answer that no part carries."""
        self._meta = fields

    def warn(self, sentence: str) -> None:
        """Tell the caller of something."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def fail(self, error: DragomanError) -> None:
        """Say that the answer broke off."""
        if not self.finished:
            self.finished = True
            if error.usage is None:
                error.usage = self.reported
            self.events.append(Failure(error, error.usage))

    def completion(self, completion: Completion) -> None:
        """Add a whole answer as it is."""
        self.reported = completion.usage
        self.finished = True
        self._started = True
        self.events += events_of(completion)

    def relay(self, events: Iterable[Event]) -> None:
        """Add what the parser of a wire format has read, as it is: its ending is the answer's."""
        for event in events:
            if not self.finished:
                self._started = True
                self.events.append(event)
                self.finished = isinstance(event, Finish | Failure)
                if isinstance(event, Start | Finish | Failure) and event.usage is not None:
                    self.reported = event.usage

    # -- for those who run adapters

    @property
    def ending(self) -> bool:
        """Whether `finish` has been said."""
        return self._ending is not None

    def close(self) -> None:
        """Close all parts and say that the answer is whole, as `finish` said it."""
        if self.finished:
            return
        self._begin()
        self._parts.close(self.events)
        reason, raw, sequence = self._ending or ("stop", None, None)
        self.finished = True
        self.events.append(
            Finish(reason, raw, self.reported, sequence, self._meta, tuple(self.warnings))
        )

    def take(self) -> list[Event]:
        """Take the events that are new."""
        events, self.events = self.events, []
        return events

    def _begin(self) -> None:
        if not self._started:
            self.start()


def _expect_text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {type(value).__name__}")
    return mend_surrogates(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    """A number of tokens, as APIs may spell it; nonsense is unknown."""
    return int(value) if type(value) in (int, float) and 0 <= value < 2**53 else None
