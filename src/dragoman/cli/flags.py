"""Options that every command takes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from dragoman.cli.session import Session
from dragoman.cli.terminal.streams import When

F = TypeVar("F", bound=Callable[..., Any])

VALUE_FLAGS = frozenset({"--config", "--color"})
GLOBAL_FLAGS = VALUE_FLAGS | {"--debug"}
"""What may stand before a command's name."""


class WrongUsage(click.UsageError):
    """The command line is wrong, and we know how to mend it."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def check_apart(one: str, has_one: object, other: str, has_other: object) -> None:
    """Refuse two options of which one would silently win. Raises: WrongUsage."""
    if has_one and has_other:
        raise WrongUsage(f"{one} and {other} do not go together", "give one of them")


def _set_config(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.ensure_object(Session).config_file = Path(value)


def _set_color(ctx: click.Context, _: click.Parameter, value: When | None) -> None:
    if value is not None:
        ctx.ensure_object(Session).terminal.recolor(value)


def _set_debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Session).debug = True


class Options:
    """Several options as one decorator, in the order in which the help lists them."""

    def __init__(self, *added: Callable[[Any], Any]) -> None:
        self._added = added

    def __call__(self, command: F) -> F:
        """Add them to a command."""
        for option in reversed(self._added):
            command = option(command)
        return command


shared = Options(
    click.option(
        "--config",
        metavar="FILE",
        expose_value=False,
        callback=_set_config,
        help="Read this file in place of the user's and the project's.",
    ),
    click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        is_eager=True,
        expose_value=False,
        callback=_set_color,
        help="When to use colour.",
    ),
    click.option(
        "--debug",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_set_debug,
        help="Show the traceback of an error.",
    ),
)
"""`--config`, `--color` and `--debug`: they act on the session, not on the command."""

as_json = click.option("--json", "json", is_flag=True, help="Print JSON, for programs.")
