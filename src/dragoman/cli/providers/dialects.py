"""`dragoman dialects`: what was learned of servers from what they refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.config.learned import Learned


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def dialects() -> None:
    """List what was learned, unless a command says otherwise."""


@dialects.command("list")
@as_json
@shared
@click.pass_obj
def list_learned(session: Session, json: bool) -> None:
    """List what was learned, where and when, and the settings that would keep it for good."""
    from dragoman.cli.terminal.streams import printable

    found = learned_dialects(session)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [_object(learned) for learned in found])
        return
    if not found:
        session.terminal.note("Nothing was learned: no server has refused a request for a field.")
        return
    for learned in found:
        console.line(printable(f"{learned.ref}  ({learned.origin}, {_day(learned)})"))
        for repair in learned.repairs:
            console.line(printable(f"  {repair}"))
        if learned.said:
            console.line(printable(f"  because it said: {learned.said}"))
        console.line(printable(f"  for good: {table_of(learned)}"))


@dialects.command("forget")
@click.argument("ref", metavar="[PROVIDER[/MODEL]]", required=False)
@click.option("--all", "every", is_flag=True, help="Everything.")
@shared
@click.pass_obj
def forget(session: Session, ref: str | None, every: bool) -> None:
    """Forget what was learned of a provider or of one of its models."""
    from dragoman.config.learned import DialectFolder

    if (ref is None) is not every:
        raise WrongUsage("name a provider or a model ref, or say --all")
    found = [
        learned
        for learned in learned_dialects(session)
        if every or ref in (learned.provider, learned.ref)
    ]
    if not found:
        session.terminal.note("Nothing was learned of it.")
        return
    folder = DialectFolder(session.env)
    for learned in found:
        folder.forget(learned)
        session.terminal.note(f"Forgotten: {learned.ref}")


def learned_dialects(session: Session) -> list[Learned]:
    """Read what is kept and still counts."""
    from dragoman.config.learned import DialectFolder

    now = time.time()
    return [learned for learned in DialectFolder(session.env).all() if learned.counts(now)]


def table_of(learned: Learned) -> str:
    """Write what was learned as a line of the provider's table."""
    from dragoman.wire.repair import settings

    said = ", ".join(
        f"{name} = {_toml(value)}" for name, value in settings(learned.repairs).items()
    )
    where = f"[providers.{learned.provider}]"
    return f"{where} dialect = {{ {said} }}" if said else f"{where} has it as its default already"


def _toml(value: Any) -> str:
    import json

    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _object(learned: Learned) -> dict[str, Any]:
    from dragoman.wire.repair import settings

    return {
        "ref": learned.ref,
        "provider": learned.provider,
        "model": learned.model,
        "origin": learned.origin,
        "at": learned.at,
        "repairs": [str(repair) for repair in learned.repairs],
        "dialect": settings(learned.repairs),
        "said": learned.said,
    }


def _day(learned: Learned) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(learned.at))
