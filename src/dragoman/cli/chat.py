"""`dragoman chat`: a conversation at the terminal."""

from __future__ import annotations

from typing import Any

import click

from dragoman.cli.ask import Asked, ask, call_settings
from dragoman.cli.exit_codes import Exit
from dragoman.cli.flags import shared
from dragoman.cli.session import Session

_TAKEN = (
    "model", "fallback", "system", "option", "hide_reasoning", "verbose", "base_url", "api",
    "key_env", "key", "timeout", "first_token", "resume", "cid", "log",
)  # fmt: skip
"""Options of a prompt that hold for a whole conversation."""


@click.command("chat")
@click.option(
    "--markdown/--no-markdown", default=True, help="Headings, lists, code; at a terminal only."
)
@shared
@click.pass_obj
def chat(session: Session, /, markdown: bool, **given: Any) -> Exit:
    """Talk to a model, turn by turn.

    /help lists the commands of the conversation. Alt-Enter begins a new line, Ctrl-C stops an
    answer, Ctrl-D leaves. What is piped in is asked line by line.
    """
    from dragoman.cli.chat_loop import Chat
    from dragoman.cli.choice import choose_refs
    from dragoman.cli.conversation import find_thread, resume, thread_of
    from dragoman.cli.options import read_options
    from dragoman.cli.prompt import clean, read_system

    asked = NOTHING._replace(usage=True, **given)
    params = read_options((name, clean(value)) for name, value in asked.option)
    conversation = find_thread(session, asked.resume, asked.cid)
    asked = resume(asked, conversation)
    choice = choose_refs(session, asked)
    session.tell_notes()
    if asked.system is not None:
        params["system"] = read_system(asked.system)
    elif conversation is not None and conversation.system:
        params["system"] = conversation.system
    params |= call_settings(session, asked)
    thread = thread_of(conversation)
    return Chat(session, asked, choice, params, thread, markdown=markdown).run()


NOTHING = Asked(
    **{
        **dict.fromkeys(Asked._fields),
        **Asked._field_defaults,
        **dict.fromkeys(("words", "model", "fallback", "attach", "typed", "option"), ()),
        **dict.fromkeys(("usage", "json", "hide_reasoning", "verbose", "curl"), False),
        "stream": True,
        "log": True,
    }
)
"""A prompt's command line without anything on it."""

chat.params[1:1] = [param for param in ask.params if param.name in _TAKEN]
