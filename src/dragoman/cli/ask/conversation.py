"""Conversations that go on: found in the ledger, sent again, and recorded turn by turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from dragoman.cli.flags import WrongUsage
from dragoman.cli.session import Session
from dragoman.types.message import Message, system

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.cli.ask.choice import Choice
    from dragoman.store import Conversation, Ledger, Settings
    from dragoman.types.completion import Completion
    from dragoman.types.exchange import Exchange

Said: TypeAlias = tuple[Message, ...]
"""A question and its answer."""


class Thread(Struct, frozen=True):
    """What an answer goes on from, and where it is recorded.

    `turns` is what was said so far, `system` the instructions that are on record with it.
    `conversation_id` is None for a new one; `last` is the number of its last turn; `number` the
    turn that is tried again, None for the next one.
    """

    turns: tuple[Said, ...] = ()
    system: str | None = None
    conversation_id: str | None = None
    last: int = 0
    number: int | None = None

    @property
    def history(self) -> tuple[Message, ...]:
        """What was said, in order."""
        return tuple(message for turn in self.turns for message in turn)


NEW = Thread()


def find_thread(session: Session, last: bool, part: str | None) -> Conversation | None:
    """Find what `--continue` (the last one) or `--cid` names; None when neither is given.

    Raises: WrongUsage when there is none, RecordUnusable.
    """
    if part is None and not last:
        return None
    from dragoman.cli.records.record import check_named, find_place, readable
    from dragoman.store import find_conversation

    place = find_place(session)
    check_named(session, place)
    with readable(place):
        found = find_conversation(place, part)
    if found is not None:
        return found
    if part is None:
        raise WrongUsage(
            "there is no conversation to continue", hint="ask first, without -c and --no-log"
        )
    raise WrongUsage(
        f"no conversation, or more than one, has the id {part!r}",
        hint="dragoman logs lists what was asked; --json has the ids of conversations",
    )


def thread_of(conversation: Conversation | None) -> Thread:
    """Make the thread that goes on from a conversation."""
    if conversation is None:
        return NEW
    return Thread(conversation.turns, conversation.system, conversation.id, conversation.last_turn)


def thread_after(thread: Thread, exchange: Exchange, params: Mapping[str, Any]) -> Thread:
    """Make the thread that goes on from an exchange that was recorded in one."""
    from dragoman.store import conversation_of

    return Thread(
        thread.turns,
        params.get("system"),
        thread.conversation_id or conversation_of(exchange.id),
        thread.number or thread.last + 1,
    )


def resume(asked: Asked, conversation: Conversation | None) -> Asked:
    """Ask the models that the conversation has asked so far, unless others are named."""
    if conversation is None or asked.refs or asked.base_url:
        return asked
    before = conversation.settings
    keyed = bool(asked.key or asked.key_env)
    return asked._replace(
        model=before.refs or (),
        base_url=before.base_url,
        api=asked.api or before.api,
        key=asked.key if keyed else before.key,
    )


def settings_of(asked: Asked, choice: Choice) -> Settings:
    """Say what the next turn goes on with. The demo that nobody chose is no choice."""
    from dragoman.store import Settings

    return Settings(
        refs=None if choice.demo else choice.refs,
        base_url=asked.base_url,
        api=asked.api,
        key=f"env:{asked.key_env}" if asked.key_env else asked.key,
    )


def record(
    session: Session,
    exchange: Exchange,
    message: Message,
    completion: Completion | None,
    thread: Thread,
    settings: Settings,
    params: dict[str, Any],
    source: str = "cli",
) -> None:
    """Write down an exchange with what was new in it. Raises: StoreError."""
    from dragoman.store import Turn

    said = [message]
    if (instructions := params.get("system")) != thread.system:
        said.insert(0, system(instructions or ""))
    turn = Turn(thread.conversation_id, settings, thread.number)
    with _open_ledger(session) as ledger:
        ledger.record(exchange, said, completion, source=source, turn=turn)


def record_aside(
    session: Session,
    exchange: Exchange,
    message: Message,
    completion: Completion | None,
    source: str = "cli",
) -> None:
    """Write down an exchange that is no turn of a conversation; what prevents it is told."""
    from dragoman.store import StoreError

    try:
        with _open_ledger(session) as ledger:
            ledger.record(exchange, [message], completion, source=source)
    except StoreError as error:
        session.terminal.warn(f"not recorded: {error}")


def _open_ledger(session: Session) -> Ledger:
    """Open the record to write, be it the first time. Raises: StoreError."""
    from dragoman.cli.records.record import tell_of_new
    from dragoman.ledger.rollups import follow
    from dragoman.store import Ledger, database_place

    place = database_place(session.env)
    tell_of_new(session, place)
    return Ledger(place, followers=[follow])
