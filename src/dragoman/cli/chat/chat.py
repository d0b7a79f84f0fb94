"""`dragoman chat`: a conversation at the terminal."""

from __future__ import annotations

from typing import Any

import click

from dragoman.cli.ask.ask import Asked, ask
from dragoman.cli.flags import shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

_TAKEN = (
    "model", "fallback", "system", "option", "hide_reasoning", "verbose", "base_url", "api",
    "key_env", "key", "timeout", "first_token", "resume", "cid", "log", "template",
    "param",
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
    from dragoman.cli.ask.asking import prepare
    from dragoman.cli.chat.loop import Chat

    asked = NOTHING._replace(usage=True, **given)
    if asked.template is not None:
        from dragoman.cli.ask.templates import read_template, with_template

        asked = with_template(asked, read_template(session, asked.template))
    return Chat(prepare(session, asked), markdown=markdown).run()


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
