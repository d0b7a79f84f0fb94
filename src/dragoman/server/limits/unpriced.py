"""What a budget does about models whose price nobody knows: let them pass, block or assume."""

from __future__ import annotations

from dragoman.errors import DragomanError, Forbidden
from dragoman.server.limits.bounds import Bounds
from dragoman.types.route import Deployment


def affordable(deployments: tuple[Deployment, ...], bounds: Bounds) -> tuple[Deployment, ...]:
    """Leave out what nobody knows the price of, where that is not allowed. Raises: Forbidden."""
    known = tuple(d for d in deployments if bounds.cost(d) is not None)
    if not known:
        raise unknown_price(deployments[0].ref)
    return known if len(known) < len(deployments) else deployments


def unknown_price(ref: str) -> DragomanError:
    """Make the error for a model that a budget does not let through."""
    return Forbidden(
        f"what {ref} costs is not known, and a budget allows known prices only",
        code="price_unknown",
        hint="say its price in the configuration (`cost`, or `free = true`), or let the budget"
        " assume one",
    )
