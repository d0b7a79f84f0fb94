"""Routes: a public name, the deployments behind it, and the policy for moving between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from dragoman.errors import ConfigError
from dragoman.types.condition import Condition, Shadow
from dragoman.types.model import ModelInfo, RepetitionGuard
from dragoman.types.provider import OnOverflow, Provider

When: TypeAlias = Literal["always", "image", "overflow"]


Auto: TypeAlias = Literal["price", "latency", "quality"]


class Aids(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What stands in for what a model or server cannot do: see `dragoman.engine.aids`.

    `emulate_tools` and `emulate_schema`: asked for in words. `repair_arguments`: of its own tool
    calls. `stream`: it can stream. `refuse_tools`: it calls none, so it is never sent any.
    `think`: the dialect's `think_tags`, where its format does not look for them.
    """

    emulate_tools: bool = False
    emulate_schema: bool = False
    repair_arguments: bool = False
    stream: bool = True
    refuse_tools: bool = False
    think: bool | Literal["open"] = False
    guard: RepetitionGuard | None = None


class RouteStep(Struct, frozen=True, omit_defaults=True):
    """One entry of a route as configured: a model ref and what is special about it here.

    Neighbours that carry a `weight` share the traffic by it; the others are tried in order.
    `quality` comes before the model's own. With a `condition` it is for such requests alone.
    """

    ref: str
    weight: float | None = None
    first_token: float | None = None
    retries: int | None = None
    when: When = "always"
    quality: int | None = None
    condition: Condition | None = None


class Route(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A name that stands for deployments in order. An alias is a route with one step.

    With `auto` the order is found out for each request, by what is known then. `privacy` is a class
    of providers that is never left. `shadow` is asked the same, and nobody gets its answer.
    """

    name: str
    steps: tuple[RouteStep, ...]
    first_token: float | None = None
    hedge_after: float | None = None
    image_model: str | None = None
    on_overflow: OnOverflow | None = None
    sticky: bool = False
    usage_cost: bool = False
    auto: Auto | None = None
    repetition_guard: RepetitionGuard | None = None
    privacy: str | None = None
    shadow: Shadow | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "user"
    place: str | None = None
    problems: tuple[ConfigError, ...] = ()


class Deployment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One place that a request can go to: provider, upstream model, credential.

    `key` tells deployments apart in health and limits: provider, model and credential's position.
    `credential` is the position in `provider.credentials` when keys rotate, else None. `aids` is
    None where none are needed, which is usual. `quality` is the class that the user gave, 5 best.
    `conditions` must all hold of a request that may go here.
    """

    provider: Provider
    model: str
    info: ModelInfo
    credential: int | None = None
    weight: float | None = None
    first_token: float | None = None
    retries: int = 2
    when: When = "always"
    aids: Aids | None = None
    quality: int | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def sees(self) -> bool:
        """Whether it can read pictures, or nobody knows that it can't."""
        return self.info.input is None or "image" in self.info.input

    @property
    def ref(self) -> str:
        """The model ref that leads here: `provider/model`."""
        return f"{self.provider.name}/{self.model}"
