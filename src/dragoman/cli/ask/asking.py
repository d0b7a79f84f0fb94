"""What goes before a question: the models, the conversation, the settings of the call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dragoman.cli.ask.answer import Answer
from dragoman.cli.ask.choice import Choice, choose_refs
from dragoman.cli.ask.conversation import Thread, find_thread, resume, thread_of
from dragoman.cli.ask.options import read_options
from dragoman.cli.ask.prompt import clean, read_system
from dragoman.cli.flags import WrongUsage
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.cli.ask.output import Output
    from dragoman.types.message import Message


class Asking(NamedTuple):
    """All that a question needs beside its words."""

    session: Session
    asked: Asked
    choice: Choice
    params: dict[str, Any]
    thread: Thread

    def answer(self, message: Message, schema: dict[str, Any] | None, output: Output) -> Answer:
        """Make what asks, and shows the answer: data, where there is a schema."""
        given = (*self[:3], message, self.params, self.thread)
        if schema is None:
            return Answer(*given, output=output)
        from dragoman.cli.ask.schema_answer import SchemaAnswer

        return SchemaAnswer(schema, *given, output=output)


def prepare(session: Session, asked: Asked) -> Asking:
    """Work out whom to ask, going on from what, and how. Raises: WrongUsage, DragomanError."""
    params = read_options((name, clean(value)) for name, value in asked.option)
    conversation = find_thread(session, asked.resume, asked.cid)
    asked = resume(asked, conversation)
    choice = choose_refs(session, asked)
    session.tell_notes()
    if asked.system is not None:
        params["system"] = read_system(asked.system)
    elif conversation is not None and conversation.system:
        params["system"] = conversation.system
    params |= _call_settings(session, asked)
    return Asking(session, asked, choice, params, thread_of(conversation))


def _call_settings(session: Session, asked: Asked) -> dict[str, Any]:
    """What the command line says about the call itself."""
    settings: dict[str, Any] = {
        "total": asked.timeout,
        "first_token": asked.first_token,
        "base_url": asked.base_url,
        "api": asked.api,
    }
    if asked.key is not None or asked.key_env is not None:
        settings["api_key"] = _resolve_key(session, asked)
    return {name: value for name, value in settings.items() if value is not None}


def _resolve_key(session: Session, asked: Asked) -> Any:
    """Find the key that the command line refers to. Raises: WrongUsage, ConfigError."""
    reference = asked.key if asked.key is not None else f"env:{asked.key_env}"
    from dragoman.config import kinds
    from dragoman.config.fields import Field
    from dragoman.config.secrets import Secrets, parse_source

    try:
        kinds.secret(reference, Field("key", "secret", ""))
    except kinds.Wrong as wrong:
        flag = "--key" if asked.key else "--key-env"
        raise WrongUsage(f"{flag} {wrong}") from None
    source = parse_source(reference, place="the command line")
    if source.kind == "literal":
        raise WrongUsage(
            "--key takes a reference: other people can read a command line",
            hint="put the key into a variable and give its name: --key-env NAME",
        )
    return Secrets(session.env).resolve(source)
