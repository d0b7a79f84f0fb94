"""`dragoman env`: the lines that point a shell's programs at the gateway."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import NamedTuple

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.gateway.programs import KEY, read_programs
from dragoman.cli.gateway.reaching import (
    KEY_VARIABLE,
    NO_KEY,
    Access,
    choose_model,
    find_access,
    reaching,
)
from dragoman.cli.session import Session

NAMES = list(read_programs())


class Shell(NamedTuple):
    """How a shell writes things; `{name}` is a variable, `{value}` what it is set to."""

    quote: Callable[[str], str]
    reference: str
    set: str
    unset: str


def _quote_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quote_powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_POSIX = Shell(shlex.quote, '"${name}"', "export {name}={value}", "unset {name}")

SHELLS = {
    "bash": _POSIX,
    "zsh": _POSIX,
    "fish": Shell(_quote_fish, '"${name}"', "set -gx {name} {value}", "set -e {name}"),
    "powershell": Shell(
        _quote_powershell,
        "$env:{name}",
        "$env:{name} = {value}",
        "Remove-Item Env:{name} -ErrorAction SilentlyContinue",
    ),
}


@click.command("env")
@click.argument("name", type=click.Choice(NAMES), metavar=f"[{'|'.join(NAMES)}]")
@click.option("-m", "--model", metavar="REF", help="The model, for programs that take it so.")
@click.option("--shell", type=click.Choice(list(SHELLS)), default="bash", show_default=True)
@click.option("--show-key", is_flag=True, help="Print the key itself, not where it is.")
@reaching
@shared
@click.pass_obj
def env(
    session: Session,
    name: str,
    model: str | None,
    shell: str,
    show_key: bool,
    url: str | None,
    key_env: str | None,
) -> None:
    """Print the lines that point a library or a program at the gateway.

    \b
    eval "$(dragoman env openai)"                            bash, zsh
    dragoman env openai --shell fish | source
    dragoman env openai --shell powershell | Invoke-Expression

    A key is named, not shown: the lines refer to the variable that holds it.
    """
    program = read_programs()[name]
    if not program.lives_by_variables:
        raise WrongUsage(f"no variables do for {program.title}", f"dragoman run {name}")
    if model is not None and not program.takes_model:
        raise WrongUsage(
            f"no variable names the model for {program.title}", "leave -m out, and name it there"
        )
    chosen = choose_model(session, model) if program.needs_model else model
    if program.needs_model and chosen is None:
        raise WrongUsage(f"a model has to be named for {program.title}", "-m MODEL")
    access = find_access(session, url, key_env)
    variables, _ = program.fill(access.url, chosen)
    syntax, console = SHELLS[shell], session.terminal.out
    key = _key(session, access, syntax, show_key=show_key)
    for unwanted in program.unset:
        console.line(syntax.unset.format(name=unwanted))
    for variable, value in variables.items():
        written = key if value == KEY else syntax.quote(value)
        console.line(syntax.set.format(name=variable, value=written))


def _key(session: Session, access: Access, syntax: Shell, *, show_key: bool) -> str:
    """Write the key as a shell takes it: a reference to it, unless it may be seen."""
    if access.key is None:
        return syntax.quote(NO_KEY)
    if show_key:
        return syntax.quote(access.reveal(session.env))
    variable = str(access.key.value) if access.key.kind == "env" else KEY_VARIABLE
    if not session.env.get(variable):
        session.terminal.warn(f"{variable} is not set: it should hold a key of the gateway")
    return syntax.reference.replace("{name}", variable)
