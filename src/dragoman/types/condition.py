"""When a step of a route is meant: what must hold of a request, all of it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field


class Condition(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a request must be like. None and empty: it does not matter.

    `tokens_from` and `tokens_below` are of the prompt, estimated. `headers` are the request's, with
    names in small letters; `metadata` is of its body; `users` are those that its `user` (or
    `metadata.user_id`) may be. `hours` is a time of day in UTC, `HH:MM-HH:MM`, over midnight too;
    `days` are days of the week in UTC, Monday being 0.
    """

    image: bool | None = None
    stream: bool | None = None
    tools: bool | None = None
    tokens_from: int | None = None
    tokens_below: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    users: tuple[str, ...] = ()
    hours: tuple[int, int] | None = None
    days: tuple[int, ...] = ()


class Shadow(Struct, frozen=True):
    """Where copies of requests go, of how many of a hundred. Nobody gets their answers."""

    ref: str
    percent: float = 100.0
