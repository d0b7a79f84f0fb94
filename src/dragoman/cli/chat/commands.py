"""The commands of a conversation: what begins with a slash."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from dragoman.cli.ask.choice import Choice
from dragoman.cli.terminal.streams import one_line

if TYPE_CHECKING:
    from dragoman.cli.chat.loop import Chat


class Command(NamedTuple):
    """What a command does, what may stand behind it, and its line in the help."""

    run: Callable[[Chat, str], None]
    takes: str
    summary: str


def run_command(chat: Chat, line: str) -> None:
    """Run a command. Raises: DragomanError for a failed answer, or what is no model."""
    name, _, rest = line[1:].partition(" ")
    command = COMMANDS.get(name.lower())
    if command is not None:
        command.run(chat, rest.strip())
        return
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1)
    meant = f" Did you mean /{near[0]}?" if near else " /help lists them."
    chat.terminal.note(
        f"There is no command /{one_line(name)}.{meant} To say it to the model: /{one_line(line)}"
    )


def _model(chat: Chat, ref: str) -> None:
    if not ref:
        chat.terminal.note(chat.models())
        return
    from dragoman.registry import Registry

    if not chat.asked.base_url:
        Registry(chat.session.config()).resolve(ref)
    chat.asked = chat.asked._replace(model=(ref,), fallback=())
    chat.choice = Choice((ref,))
    chat.terminal.note(f"From now on: {one_line(ref)}")


def _system(chat: Chat, text: str) -> None:
    from dragoman.cli.ask.prompt import read_system

    if not text:
        now = chat.params.get("system")
        chat.terminal.note(now or "There are no instructions. /system TEXT, or /system @FILE")
    elif text == "-":
        chat.params.pop("system", None)
        chat.terminal.note("No instructions any more.")
    else:
        chat.params["system"] = read_system(text)
        chat.terminal.note("Understood, from the next answer on.")


def _save(chat: Chat, name: str) -> None:
    from dragoman.cli.chat.save import save

    save(chat, name)


def _retry(chat: Chat, _: str) -> None:
    if not chat.retry():
        chat.terminal.note("Nothing has been asked yet.")


def _cost(chat: Chat, _: str) -> None:
    chat.terminal.note(cost_line(chat))


def _clear(chat: Chat, _: str) -> None:
    chat.forget()
    chat.terminal.note("A new conversation. The old one is in dragoman logs.")


def _help(chat: Chat, _: str) -> None:
    rows = [(f"/{name} {row.takes}".rstrip(), row.summary) for name, row in COMMANDS.items()]
    rows += [
        ("//…", "Say something that begins with a slash."),
        ("Alt-Enter", "A new line; also \\ at the end of one, or !multi … !end."),
        ("Ctrl-C", "Stop the answer; what has come is kept."),
        ("Ctrl-D", "Leave."),
    ]
    width = max(len(name) for name, _ in rows)
    for name, summary in rows:
        chat.terminal.note(f"  {name:<{width}}  {summary}")


def _exit(chat: Chat, _: str) -> None:
    chat.over = True


def cost_line(chat: Chat) -> str:
    """Add up this run: answers, tokens, money; what is not known is said to be so."""
    from dragoman.cli.records.receipt import dollars

    exchanges = chat.exchanges
    usages = [exchange.usage for exchange in exchanges if exchange.usage is not None]
    known = [e.cost for e in exchanges if e.cost is not None and e.cost_source != "demo"]
    demo = [e.cost for e in exchanges if e.cost is not None and e.cost_source == "demo"]
    unknown = sum(e.cost is None and e.outcome != "error" for e in exchanges)
    money = [dollars(sum(known, Decimal(0)))] if known else []
    money += [f"{dollars(sum(demo, Decimal(0)))} (demo)"] if demo else []
    money += [f"{unknown} unknown"] if unknown else []
    facts = [
        f"{len(exchanges)} asked",
        f"{sum(usage.prompt_tokens or 0 for usage in usages):,} in",
        f"{sum(usage.completion_tokens or 0 for usage in usages):,} out",
        " + ".join(money) or "$0",
    ]
    return " · ".join(facts)


COMMANDS: Mapping[str, Command] = {
    "model": Command(_model, "[REF]", "Ask another model; without REF: which one is asked."),
    "system": Command(_system, "[TEXT|@FILE|-]", "Set the instructions, show them, or drop them."),
    "retry": Command(_retry, "", "Ask the last question again, in place of its answer."),
    "save": Command(_save, "[FILE]", "Write the conversation: Markdown, or JSON by its suffix."),
    "cost": Command(_cost, "", "What this run took so far."),
    "clear": Command(_clear, "", "Begin a new conversation."),
    "help": Command(_help, "", "This list."),
    "exit": Command(_exit, "", "Leave."),
    "quit": Command(_exit, "", "Leave."),
}
