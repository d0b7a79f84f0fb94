"""`dragoman providers test`: the ladder, from the connection to what the model can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from dragoman.cli.terminal.streams import Console
    from dragoman.probe.ladder import Ladder
    from dragoman.types.provider import Provider


@click.command("test")
@click.argument("name")
@click.option("-m", "--model", metavar="MODEL", help="The model to try, as the server calls it.")
@as_json
@shared
@click.pass_obj
def test_provider(session: Session, name: str, model: str | None, json: bool) -> Exit:
    """Test a provider, step by step: connection, key, models, answers, abilities.

    It asks the model six times for a few tokens. The exit status is that of the first step that
    failed among those that are needed: reach, tls, auth, chat, stream.
    """
    from dragoman.cli.providers.ladder_lines import print_steps, step_object
    from dragoman.cli.providers.providers import find_provider
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.probe.ladder import Ladder

    provider = find_provider(session.config().providers, name)
    if provider.problems:
        raise provider.problems[0]
    ladder = Ladder(provider, env=session.env, model=_own_name(provider, model))
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        steps = list(ladder.climb())
        print_json(
            console,
            {
                "provider": provider.name,
                "base_url": masked_url(provider.base_url),
                "model": ladder.model,
                "ok": ladder.error is None,
                "steps": [step_object(step) for step in steps],
            },
        )
    else:
        from dragoman.cli.providers.ladder_lines import print_fact

        print_fact(console, "URL", masked_url(provider.base_url))
        print_steps(session.terminal, ladder.climb())
        print_price(console, ladder)
    return Exit.OK if ladder.error is None else exit_code(ladder.error)


def print_price(console: Console, ladder: Ladder) -> None:
    """Print what the tried model costs, and how to say it where nobody knows."""
    from dragoman.catalog.describe import describe_model
    from dragoman.cli.providers.ladder_lines import print_fact
    from dragoman.explain import say_price

    if ladder.model is None or ladder.error is not None:
        return
    price = describe_model(ladder.provider, ladder.model).price
    known = say_price(price)
    if price is None:
        ref = f"{ladder.provider.name}/{ladder.model}"
        known += f"; say it with: dragoman models price {ref} --in 0.5 --out 1.5"
    print_fact(console, "price", known)


def _own_name(provider: Provider, model: str | None) -> str | None:
    """Take the provider's name off a ref: `-m mine/gpt` is `gpt` here."""
    return model.removeprefix(f"{provider.name}/") if model else None
