"""One exchange on a page: who answered, after what, for how much; what was said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.cli.ask.answer_json import answer_object
from dragoman.cli.session import Session
from dragoman.cli.terminal.streams import one_line, printable
from dragoman.cli.terminal.width import window_width
from dragoman.types.completion import Completion
from dragoman.types.message import Media, Reasoning, Refusal, Text, ToolCall, ToolResult

if TYPE_CHECKING:
    from dragoman.store.records import Recorded
    from dragoman.types.exchange import Exchange
    from dragoman.types.message import Part


def print_log(session: Session, found: Recorded) -> None:
    """Print the page."""
    console = session.terminal.out
    for line in _facts(session, found):
        console.line(line)
    exchange = found.exchange
    if exchange.attempts:
        from dragoman.cli.records.waterfall import waterfall_lines

        console.line()
        for line in waterfall_lines(console, exchange, window_width(console)):
            console.line(line)
    for warning in exchange.warnings:
        console.line(f"{console.style('Warning:', 'yellow')} {one_line(warning)}")
    said = [*found.sent, *([found.answer] if found.answer else [])]
    for message in said:
        console.line()
        console.line(console.style(message.role, "bold"))
        for text in map(_text_of, message.parts):
            console.line(printable(text.rstrip("\n")))
    if found.content is not None:
        kept = found.content
        for what, text in (("request", kept.request), ("response", kept.response)):
            console.line()
            how = ", redacted" if kept.mode == "redacted" else ""
            console.line(console.style(f"{what}{how}", "bold"))
            console.line(printable(text.rstrip("\n")))
    elif not said:
        console.line()
        console.line(console.style("What was said is not recorded.", "dim"))


def log_object(found: Recorded) -> dict[str, Any]:
    """Describe an exchange for programs: as `--json` did, and what was said."""
    exchange = found.exchange
    final = exchange.final
    completion = Completion(
        parts=found.answer.parts if found.answer else (),
        finish_reason=(final.finish_reason if final else None) or "other",
    )
    described = answer_object(exchange, completion, None)
    return {
        "id": described.pop("request_id"),
        "conversation_id": found.conversation_id,
        "turn": found.turn,
        "started_at": exchange.started_at,
        "source": found.source,
        "asked": exchange.asked,
        "route": exchange.route,
        "endpoint": exchange.endpoint,
        "gateway_key": exchange.key,
        "status": exchange.status,
        "overhead_s": exchange.overhead_s,
        "outcome": exchange.outcome,
        "messages": [msgspec.to_builtins(message) for message in found.sent],
        "content": msgspec.to_builtins(found.content),
        **described,
    }


def _facts(session: Session, found: Recorded) -> Iterator[str]:
    from dragoman.cli.providers.locality import is_local
    from dragoman.cli.records.receipt import usage_line

    exchange = found.exchange
    console = session.terminal.out
    when = datetime.fromtimestamp(exchange.started_at, UTC).astimezone()
    outcome = "" if exchange.outcome == "ok" else f", {exchange.outcome.replace('_', ' ')}"
    if exchange.refused is not None and not exchange.attempts:
        outcome = f"{outcome}: {one_line(exchange.refused)}"
    yield f"{console.style(exchange.id, 'bold')}  {when:%Y-%m-%d %H:%M:%S}{outcome}"
    if found.conversation_id:
        yield f"turn {found.turn} of {found.conversation_id}"
    if exchange.attempts:
        provider = session.config().providers.get(exchange.provider or "")
        local = provider is not None and is_local(provider.base_url)
        yield usage_line(exchange, local=local)
    if exchange.asked != f"{exchange.provider}/{exchange.model}":
        yield f"asked {one_line(exchange.asked)}"
    if exchange.endpoint is not None:
        yield _through_the_gateway(exchange)


def _through_the_gateway(exchange: Exchange) -> str:
    told = "told nothing" if exchange.status is None else f"told {exchange.status}"
    who = "" if exchange.key is None else f" with the key {one_line(exchange.key)}"
    own = "" if exchange.overhead_s is None else f", {exchange.overhead_s * 1000:.1f} ms of our own"
    return f"asked at {exchange.endpoint}{who}, {told}{own}"


def _text_of(part: Part) -> str:
    """Write a part for people; what is no text is named, and not printed."""
    match part:
        case Text(text=text) | Refusal(text=text):
            return text
        case Reasoning(text=text):
            return f"(reasoning) {text}" if text else "(reasoning, withheld)"
        case Media(kind=kind, media_type=media_type, name=name, url=url):
            return f"({' '.join(str(x) for x in (kind, media_type, name or url) if x)})"
        case ToolCall(name=name, arguments=arguments):
            return f"(calls {name} with {arguments})"
        case ToolResult():
            return "(result of a tool) " + " ".join(map(_text_of, part.parts))
    return "(a block of another kind)"
