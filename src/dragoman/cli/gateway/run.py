"""`dragoman run`: a program, started against the gateway."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn
from urllib.parse import urlsplit

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.gateway.programs import KEY, Program, read_programs
from dragoman.cli.gateway.reaching import (
    START,
    Access,
    check,
    choose_model,
    find_access,
    is_on_this_machine,
    reaching,
)
from dragoman.cli.session import Session
from dragoman.cli.terminal.signals import END, handled

PROGRAMS = {name: row for name, row in read_programs().items() if row.program is not None}
PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@click.command("run", context_settings={"ignore_unknown_options": False})
@click.argument("name", type=click.Choice(list(PROGRAMS)), metavar=f"[{'|'.join(PROGRAMS)}]")
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENTS…]")
@click.option("-m", "--model", metavar="REF", help="The model that it asks for.")
@click.option("--serve", is_flag=True, help="Start a gateway of its own, for as long as it runs.")
@reaching
@shared
@click.pass_obj
def run(
    session: Session,
    name: str,
    arguments: tuple[str, ...],
    model: str | None,
    serve: bool,
    url: str | None,
    key_env: str | None,
) -> NoReturn:
    """Start a coding agent against the gateway; nothing else on this machine notices.

    \b
    dragoman run claude
    dragoman run codex -m groq/llama-3.3-70b -- exec "What is this project?"

    Variables and arguments are the program's alone. Without -m it asks for the default model, or,
    if there is none, for whatever it asks for of its own accord. Its exit status is ours.
    """
    program = PROGRAMS[name]
    path = _find(program)
    chosen = choose_model(session, model)
    if program.needs_model and chosen is None:
        raise WrongUsage(f"a model has to be named for {program.title}", "-m MODEL")
    if serve and url is not None:
        raise WrongUsage("--serve starts a gateway, --url names one", "leave one of them out")
    with contextlib.ExitStack() as stack:
        if serve:
            from dragoman.cli.gateway.serving import serving

            url = stack.enter_context(serving(session))
        access = find_access(session, url, key_env)
        key = access.reveal(session.env)
        check(access, key, chosen, hint="--debug says more" if serve else _hint(url))
        env, own = surround(program, access, key, chosen, session.env)
        code = _wait([path, *own, *arguments], env)
    sys.exit(code)


def surround(
    program: Program, access: Access, key: str, model: str | None, env: Mapping[str, str]
) -> tuple[dict[str, str], Sequence[str]]:
    """Make the environment of a program, and the arguments that come before the user's.

    A gateway on this machine is not asked through a proxy.
    """
    variables, arguments = program.fill(access.url, model)
    around = {name: value for name, value in env.items() if name not in program.unset}
    around |= {name: key if value == KEY else value for name, value in variables.items()}
    proxied = any(env.get(name) or env.get(name.upper()) for name in PROXIES)
    if proxied and is_on_this_machine(access.url):
        exempt = (env.get("no_proxy") or env.get("NO_PROXY"), urlsplit(access.url).hostname)
        # Some programs read the one, some the other.
        around["no_proxy"] = around["NO_PROXY"] = ",".join(filter(None, exempt))
    return around, arguments


def _find(program: Program) -> str:
    assert program.program is not None
    path = shutil.which(program.program)
    if path is None:
        raise WrongUsage(
            f"there is no program '{program.program}' here: {program.title} is not installed",
            program.install,
        )
    return path


def _hint(url: str | None) -> str:
    return START if url is not None else f"{START}; or let run do it: --serve"


def _wait(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a program to its end. Returns: its exit status; 128 + the signal that ended it.

    Ctrl-C is the program's own affair; what tells us to end, we tell the program.
    """
    with _signals() as told:
        child = subprocess.Popen(command, env=env)  # noqa: S603 - it was asked for
        told.append(child)
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _signals() -> Iterator[list[subprocess.Popen[bytes]]]:
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, frame: object) -> None:
        del frame
        for child in children:
            child.send_signal(number)

    with handled(END, pass_on), handled(("SIGINT",), lambda *_: None):
        yield children
