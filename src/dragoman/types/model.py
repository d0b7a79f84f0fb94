"""What is known about a model: limits, abilities, prices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, field

OnOverflow: TypeAlias = Literal["error", "truncate", "fallback"]
Emulated: TypeAlias = Literal["tools", "schema"]
MetadataSource: TypeAlias = Literal["config", "discovered", "catalog", "default", "demo"]


class Tier(Struct, frozen=True, omit_defaults=True):
    """Prices that hold for the whole request once its prompt has more than `above` tokens.

    None: the price below holds on.
    """

    above: int
    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None


class Price(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """USD per million tokens, exact; None is unknown and never zero.

    `request` is USD per request. `cache_write_1h` is the price of writes kept for an hour, where
    it differs. `reasoning` is the price of reasoning tokens where it differs from `output`.
    `per_hour` is USD for an hour of the machine, which so many requests share at a time: then time
    is what costs, and tokens do not.
    `source` says who told; `free` that zero was meant.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_1h: Decimal | None = None
    reasoning: Decimal | None = None
    request: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    per_hour: Decimal | None = None
    shared_by: int = 1
    free: bool = False
    source: MetadataSource = "config"


class RepetitionGuard(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """When a stream repeats itself: one block fills so many characters, so many times over.

    `characters` 0: nobody watches.
    """

    characters: int = 2000
    repeats: int = 8


class ModelInfo(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A model's limits and abilities. None is unknown, and unknown abilities are permitted.

    `context_window` is prompt and answer together, `max_tokens` the answer alone, both in tokens.
    `input` is the set of kinds that it reads: text, image, audio, video, file.
    `emulate`, `repair_arguments`, `stream` and `repetition_guard` come before the provider's.
    `quality` is the user's own class, from 1 to 5, which is best.
    `sources` says for each field that is set where it came from.
    """

    id: str
    name: str | None = None
    context_window: int | None = None
    max_tokens: int | None = None
    input: frozenset[str] | None = None
    reasoning: bool | None = None
    tools: bool | None = None
    json_schema: bool | None = None
    price: Price | None = None
    on_overflow: OnOverflow | None = None
    emulate: tuple[Emulated, ...] | None = None
    repair_arguments: bool | None = None
    stream: bool | None = None
    repetition_guard: RepetitionGuard | None = None
    quality: int | None = None
    body: Mapping[str, object] = field(default_factory=dict)
    sources: Mapping[str, MetadataSource] = field(default_factory=dict)
