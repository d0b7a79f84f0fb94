"""Cases about plain answers: whole and streamed, their usage, limits, roles, odd input."""

from __future__ import annotations

from typing import Any

from dragoman.conversation import Messages
from dragoman.errors import BadRequest, DragomanError, InvalidRequest, UpstreamError
from dragoman.probe.abilities import LONG_TOKENS, SHORT_TOKENS
from dragoman.probe.conformance.case import Case, Found
from dragoman.probe.conformance.subject import SAY_OK, Subject
from dragoman.types.completion import Completion
from dragoman.types.event import PartDelta
from dragoman.types.message import Message, Text, assistant, system, user
from dragoman.types.provider import Dialect

COUNT = "Write the numbers from 1 to 60 in figures, separated by spaces, and nothing else."
"""Takes far more than SHORT_TOKENS to answer."""
STOP = "7"
ODD = "Grüße, 你好, שלום, naïve café 🙂"
_COMPLETIONS = frozenset({"openai-completions"})
_ROOM = 8
"""So many tokens over the limit are forgiven: some servers count their end marks."""


def examine_chat(subject: Subject) -> Found:
    """A whole answer says something, and how it ended."""
    try:
        answer = subject.whole
    except BadRequest as error:
        return _chat_with_other_limit(subject, error)
    return _judge(answer)


def _chat_with_other_limit(subject: Subject, error: BadRequest) -> Found:
    """Find out whether it is the name of the limit that is refused; then go on with the other."""
    if not subject.tries_dialects:
        raise error
    used, other = _limits(subject)
    if not _takes(subject, SAY_OK, max_tokens_field=other):
        raise error
    subject.adopt(max_tokens_field=other)
    detail = f"{used} is refused, {other} works"
    return Found("warning", detail, dialect={"max_tokens_field": other})


def _limits(subject: Subject) -> tuple[str, str]:
    """Name the limit as it is sent, and the other name for it."""
    names = ("max_tokens", "max_completion_tokens")
    return names if subject.provider.dialect.max_tokens_field == names[0] else names[::-1]


def examine_stream(subject: Subject) -> Found:
    """A stream comes in pieces and says how it ended."""
    try:
        answer = subject.streamed
    except BadRequest as error:
        return _stream_without_usage(subject, error)
    return _judge(answer)


def _judge(answer: Completion) -> Found:
    if not (answer.text or answer.reasoning):
        return Found("failed", f"the answer is empty ({_ending(answer)})")
    if answer.finish_reason not in ("stop", "length"):
        return Found("warning", f"it ended with {_ending(answer)!r}")
    return Found("ok", _excerpt(answer))


def _stream_without_usage(subject: Subject, error: BadRequest) -> Found:
    """Find out whether a refused stream is refused for asking for its usage."""
    if not subject.tries_dialects or not subject.provider.dialect.stream_usage:
        raise error
    subject.adopt(stream_usage=False)
    try:
        found = _judge(subject.streamed)
    except BadRequest:
        subject.adopt(stream_usage=True)
        raise error from None
    if found.verdict == "failed":
        return found
    return Found(
        "warning",
        "refused when asked for its usage (stream_options)",
        dialect={"stream_usage": False},
    )


def examine_same(subject: Subject) -> Found:
    """Whole and streamed, the same question has an answer of the same make."""
    whole, streamed = subject.whole, subject.streamed
    for what, one, other in (
        ("text", bool(whole.text), bool(streamed.text)),
        ("reasoning", bool(whole.reasoning), bool(streamed.reasoning)),
    ):
        if one != other:
            having, lacking = ("whole", "streamed") if one else ("streamed", "whole")
            # Whether a model thinks is its own choice; whether it says anything is not.
            verdict = "failed" if what == "text" and _is_over(whole, streamed) else "warning"
            return Found(verdict, f"{what} in the {having} answer, none in the {lacking} one")  # type: ignore[arg-type]
    if whole.model and streamed.model and whole.model != streamed.model:
        return Found("warning", f"the model is {whole.model!r} and {streamed.model!r}")
    return Found("ok", "the same words" if whole.text == streamed.text else "the same make")


def _is_over(*answers: Completion) -> bool:
    return all(answer.finish_reason == "stop" for answer in answers)


def examine_usage(subject: Subject) -> Found:
    """A whole answer tells its tokens, and they can be."""
    return _judge_usage(subject.whole, "not reported: tokens and cost are unknown")


def examine_stream_usage(subject: Subject) -> Found:
    """A stream tells its tokens, and of its prompt as many as the whole answer."""
    found = _judge_usage(subject.streamed, "not reported in streams: their cost is unknown")
    whole, streamed = subject.whole.usage, subject.streamed.usage
    if found.verdict != "ok" or whole is None or streamed is None:
        return found
    if whole.prompt_tokens and streamed.prompt_tokens != whole.prompt_tokens:
        return Found(
            "failed",
            f"the prompt has {whole.prompt_tokens} tokens whole,"
            f" {streamed.prompt_tokens} when streamed",
        )
    return found


def _judge_usage(answer: Completion, unreported: str) -> Found:
    usage = answer.usage
    if usage is None or usage.completion_tokens is None or usage.prompt_tokens is None:
        return Found("warning", unreported)
    told = f"{usage.prompt_tokens} in, {usage.completion_tokens} out"
    if usage.suspect:
        return Found("failed", f"impossible figures; read as {told}")
    if not usage.prompt_tokens:
        return Found("failed", f"{told}: no prompt is empty")
    if (answer.text or answer.reasoning) and not usage.completion_tokens:
        return Found("failed", f"{told}: something was said")
    if usage.completion_tokens > LONG_TOKENS + _ROOM + (usage.reasoning_tokens or 0):
        return Found("failed", f"{told}: more than the {LONG_TOKENS} that were asked for")
    return Found("ok", told)


def examine_limit(subject: Subject) -> Found:
    """A limit on the answer is kept, and said to be why it ended."""
    if not subject.tries_dialects:
        return _judge_limit(_count(subject, subject.provider.dialect))
    used, other = _limits(subject)
    found = _judge_limit(_count(subject, subject.provider.dialect))
    if found.verdict == "ok":
        return Found("ok", f"{used}: {found.detail}")
    try:
        better = _judge_limit(_count(subject, subject.dialect(max_tokens_field=other)))
    except UpstreamError:
        better = None
    if better is None or better.verdict != "ok":
        return found
    detail = f"{used} is not kept to, {other} is"
    return Found("warning", detail, dialect={"max_tokens_field": other})


def _count(subject: Subject, dialect: Dialect) -> Completion:
    return subject.chat_with(dialect, COUNT, max_tokens=SHORT_TOKENS)


def _judge_limit(answer: Completion) -> Found:
    used = answer.usage.completion_tokens if answer.usage else None
    if used is not None and used > SHORT_TOKENS + _ROOM:
        return Found("failed", f"{used} tokens came where {SHORT_TOKENS} were asked for")
    if answer.finish_reason == "length":
        return Found("ok", f"ended after {SHORT_TOKENS} tokens")
    if used is None and len(answer.text) > 8 * SHORT_TOKENS:
        return Found("failed", f"a long answer came where {SHORT_TOKENS} tokens were asked for")
    return Found("ok", "accepted; the answer was short")


def examine_system(subject: Subject) -> Found:
    """Instructions are taken."""
    messages = [system("Whatever you are asked, answer with the one word PINEAPPLE."), user("Hi.")]
    dialect = subject.provider.dialect
    try:
        return _judge_obedience(subject.chat_with(dialect, messages))
    except BadRequest:
        if not subject.tries_dialects:
            raise
        for role in ("developer", "user"):
            if role != dialect.system_role and _takes(subject, messages, system_role=role):
                detail = f"refused as {dialect.system_role!r}, taken as {role!r}"
                return Found("warning", detail, dialect={"system_role": role})
        raise


def _takes(subject: Subject, messages: Messages, **changes: Any) -> bool:
    try:
        subject.chat_with(subject.dialect(**changes), messages)
    except UpstreamError:
        return False
    return True


def _judge_obedience(answer: Completion) -> Found:
    obeyed = "PINEAPPLE" in answer.text.upper()
    return Found("ok", "obeyed" if obeyed else "accepted")


def examine_developer(subject: Subject) -> Found:
    """Instructions may be called `developer`, as newer clients call them."""
    messages = [Message("developer", (Text("Answer in one word."),)), user("Hi.")]
    subject.chat_with(subject.dialect(system_role="developer"), messages)
    return Found("ok", "accepted")


def examine_turns(subject: Subject) -> Found:
    """A conversation of several turns is taken."""
    answer = subject.chat([
        user("My name is Ada. Remember it."),
        assistant("Hello Ada."),
        user("What is my name? One word."),
    ])  # fmt: skip
    return Found("ok", "remembered" if "ADA" in answer.text.upper() else "accepted")


def examine_stop(subject: Subject) -> Found:
    """A stop sequence ends the answer, and is not in it."""
    answer = subject.chat(COUNT, stop=[STOP])
    if any("stop" in warning for warning in answer.warnings):
        return Found("unsupported", "the API has no stop sequences")
    if STOP in answer.text:
        return Found("failed", f"the answer goes on past {STOP!r}")
    return Found("ok", "ended before it" if "6" in answer.text else "accepted")


def examine_unicode(subject: Subject) -> Found:
    """Text in any script survives, in and out, streamed."""
    pieces = []
    with subject.stream(f"Repeat exactly, and say nothing else: {ODD}") as stream:
        for event in stream:
            if isinstance(event, PartDelta) and event.kind == "text":
                pieces.append(event.text)
        answer = stream.completion
    subject.count(answer.usage)
    text = "".join(pieces)
    if ODD in text:
        return Found("ok", "repeated")
    if "\N{REPLACEMENT CHARACTER}" in text or "Ã" in text:
        return Found("warning", "the answer holds broken characters")
    return Found("ok", "accepted")


def examine_empty(subject: Subject) -> Found:
    """An empty message is answered or refused, and in neither case a fault."""
    try:
        subject.chat([user(" ")], max_tokens=SHORT_TOKENS)
    except (BadRequest, InvalidRequest) as error:
        return Found("ok", f"refused: {error.message}")
    except UpstreamError as error:
        return Found("warning", f"{error.upstream_status or ''} {error.message}".strip())
    return Found("ok", "answered")


def examine_large(subject: Subject) -> Found:
    """A prompt of some 100 000 characters is answered, or refused for its length."""
    prompt = "The quick brown fox jumps over the lazy dog. " * 2200
    try:
        subject.chat(f"{prompt}\n\n{SAY_OK}")
    except DragomanError as error:
        if error.code == "context_length_exceeded":
            return Found("ok", "refused as too long")
        raise
    return Found("ok", "answered")


def _ending(answer: Completion) -> str:
    return answer.raw_finish_reason or answer.finish_reason


def _excerpt(answer: Completion) -> str:
    text = " ".join((answer.text or answer.reasoning).split())
    return f"“{text[:24]}…”" if len(text) > 24 else f"“{text}”"


CASES = (
    Case(name="chat", examine=examine_chat, needed=True),
    Case(name="stream", examine=examine_stream, needed=True),
    Case(name="stream_same", examine=examine_same, after=("chat", "stream")),
    Case(name="usage", examine=examine_usage, after=("chat",)),
    Case(name="stream_usage", examine=examine_stream_usage, after=("chat", "stream")),
    Case(name="max_tokens", examine=examine_limit, needed=True, after=("chat",)),
    Case(name="system", examine=examine_system, needed=True, after=("chat",)),
    Case(name="developer", examine=examine_developer, after=("chat",), apis=_COMPLETIONS),
    Case(name="turns", examine=examine_turns, needed=True, after=("chat",)),
    Case(name="stop", examine=examine_stop, after=("chat",)),
    Case(name="unicode", examine=examine_unicode, needed=True, after=("stream",)),
    Case(name="empty", examine=examine_empty, after=("chat",)),
)
LARGE = Case(name="large", examine=examine_large, after=("chat",), large=True)
