"""Models that are known by name without asking anybody: for completion, at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dragoman.cli.session import Session


def known_refs(session: Session) -> list[str]:
    """List refs: routes and aliases, then the models of the providers that can be asked."""
    from dragoman.cli.providers.models import select_models

    config = session.config()
    routes = [name for name in config.routes if "*" not in name]
    rows = select_models(session, every=False)
    return [*routes, *(f"{provider.name}/{info.id}" for provider, info in rows)]
