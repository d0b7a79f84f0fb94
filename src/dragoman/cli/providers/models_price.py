"""`dragoman models price`: says what a model costs, in the user's file."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.types.provider import Provider

_MOST = Decimal(10_000)


def read_amount(_: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """Read USD per million tokens, exact; a dollar sign may stand before it."""
    if value is None:
        return None
    try:
        amount = Decimal(value.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= _MOST:
        raise click.BadParameter(
            f"{value!r} is no price: USD per million tokens, 0 to {_MOST}", param=param
        )
    return amount


_NAMES = {
    "input": ("--in", "Of the prompt."),
    "output": ("--out", "Of the answer."),
    "cache_read": ("--cache-read", "Of what is read from the provider's cache."),
    "cache_write": ("--cache-write", "Of what is written into it."),
    "reasoning": ("--reasoning", "Of reasoning, where it differs from the answer's."),
}


@click.command("price")
@click.argument("model", metavar="PROVIDER/MODEL")
@click.option("--free", is_flag=True, help="It costs nothing, on purpose.")
@shared
@click.pass_obj
def set_model_price(session: Session, /, model: str, free: bool, **amounts: Decimal | None) -> Exit:
    """Say what a model costs, in USD per million tokens; it is kept in your file."""
    from dragoman.cli.config.user_file import refuse_elsewhere, shown, tell_unwritten, user_file
    from dragoman.config.edit import edit_file
    from dragoman.config.price import set_price

    given = {name: amount for name, amount in amounts.items() if amount is not None}
    if free == bool(given):
        raise WrongUsage(
            "say what it costs, or that it is free", hint=f"{model} --in 0.5 --out 1.5, or --free"
        )
    provider, name = _split(session, model)
    path = user_file(session)
    refuse_elsewhere(provider, str(path), "its price")
    try:
        edit_file(path, lambda draft: set_price(draft, provider.name, name, given, free=free))
    except OSError as error:
        return tell_unwritten(session, path, error)
    said = "free" if free else ", ".join(f"${amount:f} {name}" for name, amount in given.items())
    per = "" if free else " per million tokens"
    session.terminal.note(f"{provider.name}/{name}: {said}{per}  ({shown(path, session)})")
    return Exit.OK


for _name, (_flag, _help) in reversed(_NAMES.items()):
    click.option(_flag, _name, callback=read_amount, metavar="USD", help=_help)(set_model_price)


def _split(session: Session, ref: str) -> tuple[Provider, str]:
    """Find the provider and the model; an alias is followed. Raises: UnknownModel, WrongUsage."""
    from dragoman.cli.ask.prompt import clean

    found = session.registry().resolve(clean(ref)).deployments
    if len(found) != 1:
        raise WrongUsage(f"{ref!r} is a route to several models", hint="name one: PROVIDER/MODEL")
    return found[0].provider, found[0].model
