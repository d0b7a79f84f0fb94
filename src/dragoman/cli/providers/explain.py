"""`dragoman explain`: how a model name is understood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import as_json, shared
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.resolution import Resolution
    from dragoman.types.route import Deployment


@click.command("explain")
@click.argument("model", nargs=-1)
@as_json
@shared
@click.pass_obj
def explain(session: Session, model: tuple[str, ...], json: bool) -> None:
    """Say what MODEL leads to: provider, URL, key's source, format, limits, price; sends nothing.

    Without MODEL: the default. Several are a chain of fallbacks.
    """
    from dragoman.cli.ask.prompt import clean

    resolution = session.registry().resolve(tuple(map(clean, model)) or None)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, _as_object(session, resolution))
        return
    from dragoman.cli.terminal.streams import printable

    session.tell_notes()
    for step in resolution.steps:
        console.line(printable(step))
    for line in _learned(session, resolution):
        console.line(printable(line))


def _learned(session: Session, resolution: Resolution) -> list[str]:
    """Tell what was learned of the deployments, in a line each."""
    from dragoman.cli.providers.dialects import learned_dialects

    kept = {(one.provider, one.model): one for one in learned_dialects(session)}
    found = [kept.get((d.provider.name, d.model)) for d in resolution.deployments]
    return [
        f"learned of {one.ref}: {'; '.join(map(str, one.repairs))} (dragoman dialects)"
        for one in found
        if one is not None
    ]


def _as_object(session: Session, resolution: Resolution) -> dict[str, Any]:
    route = resolution.route
    return {
        "asked": resolution.asked,
        "route": route.name,
        "trail": list(resolution.trail),
        "first_token": route.first_token,
        "hedge_after": route.hedge_after,
        "image_model": route.image_model,
        "on_overflow": route.on_overflow,
        "auto": route.auto,
        "learned": _learned(session, resolution),
        "deployments": [_deployment(session, found) for found in resolution.deployments],
    }


def _deployment(session: Session, deployment: Deployment) -> dict[str, Any]:
    from dragoman.cli.providers.facts import called_url, model_facts
    from dragoman.config.show import key_source

    provider = deployment.provider
    return {
        "ref": deployment.ref,
        "provider": provider.name,
        "origin": provider.origin,
        "place": provider.place,
        "url": called_url(provider, session.env, deployment.model),
        "api": provider.api,
        "api_key_source": key_source(provider, session.env) or "(none)",
        "model": model_facts(deployment.info),
        "weight": deployment.weight,
        "first_token": deployment.first_token or provider.timeouts.first_token,
        "retries": deployment.retries,
        "when": deployment.when,
        "problems": [problem.message for problem in provider.problems],
    }
