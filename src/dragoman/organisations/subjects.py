"""What a limit is of: whether it is there, and what may have been meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.organisations.allowances import is_gone
from dragoman.organisations.texts import shown
from dragoman.suggest import nearest
from dragoman.types.allowance import EVERYBODY, OF_DEPLOYMENTS, Allowance

if TYPE_CHECKING:
    from dragoman.registry import Registry
    from dragoman.store.database import Connection


def find_problem(connection: Connection, allowance: Allowance, registry: Registry) -> str | None:
    """Say what a limit is of that is gone, or that nobody can ask at the moment, if so.

    `registry` has what the limit's organisation may ask.
    """
    if is_gone(connection, allowance):
        return f"it limits nothing: there is no such {allowance.kind} any more"
    if allowance.kind not in OF_DEPLOYMENTS or allowance.subject == EVERYBODY:
        return None
    name, _, model = allowance.subject.partition("/")
    provider = registry.find_provider(name)
    if provider is None:
        return f"it limits nothing: there is no provider {shown(name)} here"
    if model and provider.models_only and model not in provider.models:
        return f"it limits nothing: the provider {shown(name)} has no model {shown(model)}"
    return None


def meant_subjects(allowance: Allowance, registry: Registry) -> list[str]:
    """List what may have been meant by a limit of what is not there, best first."""
    if allowance.kind not in OF_DEPLOYMENTS:
        return []
    name, slash, model = allowance.subject.partition("/")
    provider = registry.find_provider(name)
    if provider is None:
        return [f"{other}{slash}{model}" for other in nearest(name, registry.config.providers)]
    return [f"{name}/{other}" for other in nearest(model, provider.models)]
