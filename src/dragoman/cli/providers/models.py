"""`dragoman models`: what can be asked, as far as it is known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.providers.models_price import set_model_price
from dragoman.cli.session import Session
from dragoman.cli.terminal.width import Column, table_lines, window_width

if TYPE_CHECKING:
    from dragoman.cli.terminal.streams import Console
    from dragoman.types.model import ModelInfo, Price
    from dragoman.types.provider import Provider

    Row = tuple[Provider, ModelInfo]


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def models() -> None:
    """List the models, unless a command says otherwise."""


@models.command("list")
@click.option("-q", "--query", multiple=True, metavar="WORD", help="Only those with this in them.")
@click.option("-p", "--provider", metavar="NAME", help="Only those of one provider.")
@click.option("--all", "every", is_flag=True, help="Those of providers without a key, too.")
@click.option("--refresh", is_flag=True, help="Ask the providers for their lists, and keep them.")
@as_json
@shared
@click.pass_obj
def list_models(
    session: Session,
    query: tuple[str, ...],
    provider: str | None,
    every: bool,
    refresh: bool,
    json: bool,
) -> None:
    """List models that are known by name, with context, price and source."""
    if refresh:
        from dragoman.cli.providers.models_refresh import refresh as ask_providers

        asked = select_providers(session, provider, every=False)
        failures = ask_providers(session, asked)
        if failures and len(failures) == len(asked) and provider is not None:
            raise failures[0]
    rows = select_models(session, query, provider, every=every)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [_object(*row) for row in rows])
        return
    session.tell_notes()
    if not rows:
        session.terminal.note(_nothing(query, provider))
        return
    _print_table([_columns(*row) for row in rows], console)


@models.command("info")
@click.argument("model")
@as_json
@shared
@click.pass_obj
def show_model(session: Session, model: str, json: bool) -> None:
    """Show one model: limits, abilities, price, and where each is known from."""
    from dragoman.cli.ask.prompt import clean
    from dragoman.cli.providers.facts import model_facts
    from dragoman.cli.terminal.facts import print_facts
    from dragoman.cli.terminal.json_output import print_json

    resolution = session.registry().resolve(clean(model))
    found = [
        {"ref": d.ref, "provider": d.provider.name, **model_facts(d.info)}
        for d in resolution.deployments
    ]
    console = session.terminal.out
    if json:
        print_json(console, found[0] if len(found) == 1 else found)
        return
    for number, facts in enumerate(found):
        if number:
            console.line()
        print_facts(console, facts)


models.add_command(set_model_price)


def _nothing(query: tuple[str, ...], provider: str | None) -> str:
    """Say why the list is empty."""
    if provider is not None and not query:
        return (
            f"No model of {provider} is known yet: --refresh asks it. -m {provider}/MODEL goes too."
        )
    if query:
        return "No model is known by that name. Custom providers take any: -m PROVIDER/MODEL"
    return "No provider is set up: --all lists those of every built-in one."


def select_models(
    session: Session, words: tuple[str, ...] = (), provider: str | None = None, *, every: bool
) -> list[Row]:
    """Find the models to list: those that can be asked, unless more is wanted."""
    registry = session.registry()
    providers = select_providers(session, provider, every=every)
    rows = [row for found in providers for row in registry.models(found.name)]
    for word in words:
        rows = [row for row in rows if word.lower() in f"{row[0].name}/{row[1].id}".lower()]
    return rows


def select_providers(session: Session, name: str | None, *, every: bool) -> list[Provider]:
    """Find the providers to look at: the one that is named, else those that can be asked."""
    from dragoman.cli.providers.providers import find_provider
    from dragoman.config.presence import is_key_present

    config = session.config()
    if name is not None:
        return [find_provider(config.providers, name)]
    custom = {found.name for found in config.custom}
    return [
        found
        for found in config.providers.values()
        if every
        or found.name in custom
        or found.base_url.startswith("demo:")
        or (found.credentials and is_key_present(found, session.env))
    ]


def _object(provider: Provider, info: ModelInfo) -> dict[str, Any]:
    from dragoman.cli.providers.facts import model_facts

    return {
        "ref": f"{provider.name}/{info.id}",
        "provider": provider.name,
        **model_facts(info),
    }


def _columns(provider: Provider, info: ModelInfo) -> tuple[str, ...]:
    return (
        f"{provider.name}/{info.id}",
        tokens(info.context_window),
        tokens(info.max_tokens),
        _price(info.price),
        _abilities(info),
        _source(info),
    )


_COLUMNS = (
    Column("MODEL"),
    Column("CONTEXT", right=True),
    Column("ANSWER", right=True, drop=3),
    Column("IN/OUT PER M", drop=2),
    Column("ABILITIES", drop=4),
    Column("SOURCE", drop=5),
)


def _print_table(rows: list[tuple[str, ...]], console: Console) -> None:
    for line in table_lines(console, _COLUMNS, rows, window_width(console)):
        console.line(line)


def tokens(count: int | None) -> str:
    """Write a number of tokens as short as people say it: 4k, 33k, 128k, 1M."""
    if count is None:
        return "?"
    if count >= 999_500:
        return f"{count / 1_000_000:.2g}M"
    return f"{count / 1000:.0f}k" if count >= 1000 else str(count)


def _price(price: Price | None) -> str:
    if price is None:
        return "?"
    if price.free:
        return "free"
    if price.per_hour is not None:
        return f"{_amount(price.per_hour)}/h"
    return f"{_amount(price.input)}/{_amount(price.output)}"


def _amount(amount: Decimal | None) -> str:
    return "?" if amount is None else f"${amount.normalize():f}"


def _abilities(info: ModelInfo) -> str:
    kinds = sorted((info.input or frozenset()) - {"text"})
    found = [*kinds]
    for name in ("reasoning", "tools", "json_schema"):
        if getattr(info, name):
            found.append(name.replace("json_schema", "json"))
    return ",".join(found) or "-"


def _source(info: ModelInfo) -> str:
    """Where most of it is known from: the word that occurs most often."""
    sources = list(info.sources.values())
    return max(sources, key=sources.count) if sources else "?"
