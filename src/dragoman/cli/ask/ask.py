"""`dragoman "prompt"`: one question, one answer."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from dragoman.cli.ask.shaping import check_shape, make_output, read_shape, shaping
from dragoman.cli.ask.stdin import is_piped
from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

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
    schema: str | None = None
    schema_multi: str | None = None
    extract: bool = False
    extract_last: bool = False
    jsonl: bool = False
    template: str | None = None
    param: tuple[tuple[str, str], ...] = ()
    save: str | None = None

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
@shaping
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
    if asked.save is not None:
        from dragoman.cli.ask.templates import save_template

        session.terminal.note(f"Saved as {save_template(session, asked)}")
        return Exit.OK
    template = None
    if asked.template is not None:
        from dragoman.cli.ask.templates import Filled, read_template

        template = Filled(read_template(session, asked.template), asked)
        asked = template.asked
    # What is made while modules load stays: looking through it for garbage costs a tenth of that.
    gc.disable()
    from dragoman.cli.ask.asking import prepare
    from dragoman.cli.ask.prompt import read_prompt

    gc.enable()
    asking = prepare(session, asked)
    schema = read_shape(asked)
    message = read_prompt(asked.words, asked.attach, asked.typed, session.terminal.note)
    if template is not None:
        message = template.message(message)
    if asked.curl:
        from dragoman.cli.ask.curl import print_curl

        said = [*asking.thread.history, message]
        return print_curl(session, asking.choice.refs, said, asking.params, stream=asked.stream)
    return asking.answer(message, schema, make_output(asked, session.terminal)).run()


def _says_anything(context: click.Context) -> bool:
    """Tell whether anything stands on the command line."""
    written = click.core.ParameterSource.COMMANDLINE
    return any(context.get_parameter_source(name) is written for name in context.params)


def _check(asked: Asked) -> None:
    """Refuse what can't be meant. Raises: WrongUsage."""
    check_shape(asked)
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
    if command is None:
        return
    what = f"{words[0]!r} is no command; did you mean {command!r}?"
    if words[0] == command:
        what = f"{command!r} is a command, and a prompt's options stand before it"
    hint = f"dragoman {command} …, or for a prompt: dragoman -m MODEL {words[0]!r} …"
    raise WrongUsage(what, hint=hint)
