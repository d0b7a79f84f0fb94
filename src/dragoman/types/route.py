"""Routes: a public name, the deployments behind it, and the policy for moving between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from dragoman.types.model import ModelInfo
from dragoman.types.provider import OnOverflow, Provider

When: TypeAlias = Literal["always", "image", "overflow"]


class RouteStep(Struct, frozen=True, omit_defaults=True):
    """One entry of a route as configured: a model ref and what is special about it here.

    Neighbours that carry a `weight` share the traffic by it; the others are tried in order.
    """

    ref: str
    weight: float | None = None
    first_token: float | None = None
    retries: int | None = None
    when: When = "always"


class Route(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A name that stands for deployments in order. An alias is a route with one step."""

    name: str
    steps: tuple[RouteStep, ...]
    first_token: float | None = None
    hedge_after: float | None = None
    image_model: str | None = None
    on_overflow: OnOverflow | None = None
    sticky: bool = False
    usage_cost: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "user"
    place: str | None = None


class Deployment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One place that a request can go to: provider, upstream model, credential.

    `key` tells deployments apart in health and limits: provider, model and credential's position.
    `credential` is the position in `provider.credentials` when keys rotate, else None.
    """

    provider: Provider
    model: str
    info: ModelInfo
    credential: int | None = None
    weight: float | None = None
    first_token: float | None = None
    retries: int = 2
    when: When = "always"

    @property
    def ref(self) -> str:
        """The model ref that leads here: `provider/model`."""
        return f"{self.provider.name}/{self.model}"
