"""What a key may be used for, where it leads somewhere: which providers, which models.

Law: a permit is asked about every deployment, after all names have been resolved. What it does not
allow is not among the deployments that anybody sees, so that neither a fallback nor a hedge, an
image model or a copy of the traffic can lead there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from msgspec import structs

from dragoman.errors import Forbidden, UnknownModel
from dragoman.resolution import Resolution
from dragoman.types.gateway_key import KeyRules
from dragoman.types.provider import Provider
from dragoman.types.route import Deployment

_LISTED = 8


class Permit:
    """The rules of a key. Immutable; threads may share it."""

    def __init__(self, rules: KeyRules) -> None:
        self._providers = frozenset(rules.providers)
        self._privacy = rules.privacy
        # The exact name of a route permits what the route leads to: whoever wrote the rule meant
        # it. A pattern does not: it would permit what nobody had thought of.
        self._routes = frozenset(name for name in rules.models if "*" not in name)
        self._models = tuple(map(pattern, rules.models))
        self.what = describe(rules)

    def narrow(self, found: Resolution) -> Resolution:
        """Leave of what was found what is permitted. Raises: Forbidden when that is nothing."""
        named = found.route.name in self._routes or found.asked in self._routes
        kept = tuple(d for d in found.deployments if self._allows(d, named=named))
        if not kept:
            raise Forbidden(
                f"this key may not be used for {found.asked[:200]!r}",
                hint=f"it may use {self.what}",
            )
        if len(kept) == len(found.deployments):
            return found
        return structs.replace(found, deployments=kept)

    def allows(self, provider: Provider, model: str) -> bool:
        """Whether a model may be asked by its own name."""
        if self._providers and provider.name not in self._providers:
            return False
        if self._privacy is not None and self._privacy not in provider.privacy:
            return False
        ref = f"{provider.name}/{model}"
        return not self._models or any(fits(ref) or fits(model) for fits in self._models)

    def hide(self, error: UnknownModel) -> UnknownModel:
        """Make the error for an unknown name anew, without the names that it suggests."""
        said = str(error).partition(",")[0].partition(";")[0]
        return UnknownModel(said, hint=f"this key may use {self.what}")

    def _allows(self, deployment: Deployment, *, named: bool) -> bool:
        if not named:
            return self.allows(deployment.provider, deployment.model)
        provider = deployment.provider
        if self._providers and provider.name not in self._providers:
            return False
        return self._privacy is None or self._privacy in provider.privacy


@lru_cache(maxsize=4096)
def pattern(text: str) -> Callable[[str], object]:
    """Make what matches a pattern, in which `*` is any text."""
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL).fullmatch


def describe(rules: KeyRules) -> str:
    """Say what providers and models a key may be used for."""
    said = []
    if rules.models:
        said.append(f"the models {_listed(rules.models)}")
    if rules.providers:
        said.append(f"the providers {_listed(rules.providers)}")
    if rules.privacy is not None:
        said.append(f"providers of the class {rules.privacy!r}")
    return ", of ".join(said) or "every model"


def _listed(names: tuple[str, ...]) -> str:
    more = ", …" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
