"""`dragoman "prompt"`: one question, one answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from dragoman.cli.exit_codes import Exit
from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.stdin import is_piped

APIS = ("openai-completions", "openai-responses", "anthropic-messages")


class Asked(NamedTuple):
    """What the command line asked for."""

    words: tuple[str, ...]
    model: tuple[str, ...]
    fallback: tuple[str, ...]
    system: str | None
    attach: tuple[str, ...]
    typed: tuple[tuple[str, str], ...]
    option: tuple[tuple[str, str], ...]
    stream: bool
    usage: bool
    json: bool
    hide_reasoning: bool
    verbose: bool
    curl: bool
    base_url: str | None
    api: str | None
    key: str | None
    key_env: str | None
    timeout: float | None
    first_token: float | None
    log: bool
    resume: bool = False
    cid: str | None = None

    @property
    def refs(self) -> tuple[str, ...]:
        """The models to ask, in order."""
        return (*self.model, *self.fallback)


def seconds(_: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Check a number of seconds."""
    if value is not None and not 0 < value < 1e9:
        raise click.BadParameter("must be more than 0 seconds", param=param)
    return value


@click.command(
    "ask",
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar="[OPTIONS]",
)
@click.argument("words", nargs=-1, metavar="PROMPT…")
@click.option("-m", "--model", multiple=True, metavar="REF", help="Model; again: fallback.")
@click.option("--fallback", multiple=True, metavar="REF", help="Asked when the others fail.")
@click.option("-s", "--system", metavar="TEXT", help="System prompt, or @FILE.")
@click.option("-a", "--attach", multiple=True, metavar="FILE|URL|-", help="Image, document, text.")
@click.option(
    "--at", "typed", multiple=True, nargs=2, metavar="FILE TYPE", help="The same, of a given type."
)
@click.option(
    "-o", "--option", multiple=True, nargs=2, metavar="NAME VALUE", help="temperature 0.2, …"
)
@click.option("--stream/--no-stream", default=True, help="As it is made (default), or whole.")
@click.option("-u", "--usage", is_flag=True, help="Tokens, time and cost, on stderr.")
@as_json
@click.option("-R", "--hide-reasoning", is_flag=True, help="Leave the model's reasoning out.")
@click.option("-v", "--verbose", is_flag=True, help="Every attempt, on stderr.")
@click.option("--curl", is_flag=True, help="Show the request as curl; send nothing.")
@click.option("--base-url", metavar="URL", help="A server that is not set up; needs -m.")
@click.option("--api", type=click.Choice(APIS), help="The language it speaks.")
@click.option("--key-env", metavar="NAME", help="The variable that holds the key.")
@click.option("--key", metavar="REFERENCE", help="env:, file:, keyring: or cmd: and where.")
@click.option("--timeout", type=float, metavar="S", callback=seconds, help="For all of it.")
@click.option("--first-token", type=float, metavar="S", callback=seconds, help="Then the next.")
@click.option("-c", "--continue", "resume", is_flag=True, help="Go on from the last answer.")
@click.option("--cid", metavar="ID", help="Go on from this conversation: see logs.")
@click.option("--no-log", "log", is_flag=True, default=True, flag_value=False, help="No record.")
@shared
@click.pass_obj
def ask(session: Session, /, **given: Any) -> Exit:
    """Ask a model."""
    asked = Asked(**given)
    context = click.get_current_context()
    if not is_piped() and not _says_anything(context):
        session.terminal.out.line(context.find_root().get_help())
        return Exit.OK
    _check(asked)
    from dragoman.cli.answer import Answer
    from dragoman.cli.choice import choose_refs
    from dragoman.cli.conversation import find_thread, resume, thread_of
    from dragoman.cli.options import read_options
    from dragoman.cli.prompt import clean, read_prompt, read_system

    params = read_options((name, clean(value)) for name, value in asked.option)
    conversation = find_thread(session, asked.resume, asked.cid)
    asked = resume(asked, conversation)
    choice = choose_refs(session, asked)
    session.tell_notes()
    message = read_prompt(asked.words, asked.attach, asked.typed, session.terminal.note)
    if asked.system is not None:
        params["system"] = read_system(asked.system)
    elif conversation is not None and conversation.system:
        params["system"] = conversation.system
    params |= call_settings(session, asked)
    thread = thread_of(conversation)
    if asked.curl:
        from dragoman.cli.curl import print_curl

        said = [*thread.history, message]
        return print_curl(session, choice.refs, said, params, stream=asked.stream)
    return Answer(session, asked, choice, message, params, thread).run()


def _says_anything(context: click.Context) -> bool:
    """Tell whether anything stands on the command line."""
    written = click.core.ParameterSource.COMMANDLINE
    return any(context.get_parameter_source(name) is written for name in context.params)


def _check(asked: Asked) -> None:
    """Refuse what can't be meant. Raises: WrongUsage."""
    if not asked.refs and not asked.base_url:
        _refuse_misspelling(asked.words)
    for name, value in (("--api", asked.api), ("--key-env", asked.key_env), ("--key", asked.key)):
        if value is not None and not asked.base_url and name == "--api":
            raise WrongUsage("--api goes with --base-url")
    if asked.key and asked.key_env:
        raise WrongUsage("--key and --key-env say the same: give one of them")


def _refuse_misspelling(words: Sequence[str]) -> None:
    """Ask what was meant when the first word is almost a command's name.

    A first argument of several words is a prompt in quotes, and no misspelt command.
    """
    from dragoman.cli.app import COMMANDS
    from dragoman.cli.spelling import near_command

    if not words:
        return
    command = near_command(words[0], COMMANDS)
    if command is not None:
        raise WrongUsage(
            f"{words[0]!r} is no command; did you mean {command!r}?",
            hint=f"dragoman {command} …, or for a prompt: dragoman -m MODEL {words[0]!r} …",
        )


def call_settings(session: Session, asked: Asked) -> dict[str, Any]:
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
