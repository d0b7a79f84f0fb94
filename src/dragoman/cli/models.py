"""`dragoman models`: what can be asked, as far as it is known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.types.model import ModelInfo, Price
    from dragoman.types.provider import Provider

    Row = tuple[Provider, ModelInfo]


@click.group(invoke_without_command=True, help=__doc__)
@shared
@click.pass_context
def models(ctx: click.Context) -> None:
    """List the models, unless a command says otherwise."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_models)


@models.command("list")
@click.option("-q", "--query", multiple=True, metavar="WORD", help="Only those with this in them.")
@click.option("-p", "--provider", metavar="NAME", help="Only those of one provider.")
@click.option("--all", "every", is_flag=True, help="Those of providers without a key, too.")
@as_json
@shared
@click.pass_obj
def list_models(
    session: Session,
    query: tuple[str, ...] = (),
    provider: str | None = None,
    every: bool = False,
    json: bool = False,
) -> None:
    """List models that are known by name, with context, price and source."""
    config = session.config()
    rows = select_models(session, config, query, provider, every)
    console = session.terminal.out
    if json:
        from dragoman.cli.json_output import print_json

        print_json(console, [_object(*row) for row in rows])
        return
    session.tell_notes()
    if not rows:
        session.terminal.note(
            "No model is known by that name. Custom providers take any: -m PROVIDER/MODEL"
            if query or provider
            else "No provider is set up: --all lists those of every built-in one."
        )
        return
    _print_table([_columns(*row) for row in rows], console.line)


@models.command("info")
@click.argument("model")
@as_json
@shared
@click.pass_obj
def show_model(session: Session, model: str, json: bool) -> None:
    """Show one model: limits, abilities, price, and where each is known from."""
    from dragoman.cli.facts import print_facts
    from dragoman.cli.json_output import print_json
    from dragoman.cli.prompt import clean
    from dragoman.cli.provider_facts import model_facts
    from dragoman.registry import Registry

    resolution = Registry(session.config()).resolve(clean(model))
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


def select_models(
    session: Session, config: Config, words: tuple[str, ...], provider: str | None, every: bool
) -> list[Row]:
    """Find the models to list: those that can be asked, unless more is wanted."""
    from dragoman.cli.keys import is_key_present
    from dragoman.cli.providers import find_provider
    from dragoman.registry import Registry

    registry = Registry(config)
    if provider is not None:
        names = [find_provider(config.providers, provider).name]
    else:
        custom = {found.name for found in config.custom}
        names = [
            name
            for name, found in config.providers.items()
            if every
            or name in custom
            or found.base_url.startswith("demo:")
            or (found.credentials and is_key_present(found, session.env))
        ]
    rows = [row for name in names for row in registry.models(name)]
    for word in words:
        rows = [row for row in rows if word.lower() in f"{row[0].name}/{row[1].id}".lower()]
    return rows


def _object(provider: Provider, info: ModelInfo) -> dict[str, Any]:
    from dragoman.cli.provider_facts import model_facts

    return {
        "ref": f"{provider.name}/{info.id}",
        "provider": provider.name,
        **model_facts(info),
    }


def _columns(provider: Provider, info: ModelInfo) -> tuple[str, ...]:
    return (
        f"{provider.name}/{info.id}",
        _tokens(info.context_window),
        _tokens(info.max_tokens),
        _price(info.price),
        _abilities(info),
        _source(info),
    )


_HEADINGS = ("MODEL", "CONTEXT", "ANSWER", "IN/OUT PER M", "ABILITIES", "SOURCE")


def _print_table(rows: list[tuple[str, ...]], line: Any) -> None:
    from dragoman.cli.terminal import printable

    table = [_HEADINGS, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADINGS))]
    for row in table:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        line(printable("  ".join(cells).rstrip()))


def _tokens(count: int | None) -> str:
    if count is None:
        return "?"
    if count >= 1_000_000:
        return f"{count / 1_000_000:.3g}M"
    return f"{count / 1000:.4g}k" if count >= 1000 else str(count)


def _price(price: Price | None) -> str:
    if price is None:
        return "?"
    if price.free:
        return "free"
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
