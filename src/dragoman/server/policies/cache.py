"""Answers that are kept, and given again to whoever of the same organisation asks the same.

The same: the same endpoint, the same body whatever the order of its fields, the same headers that
would have gone on to a provider, and the same deployments that it would have gone to, so that an
answer never passes the rules of a key, nor the class of providers that a route is kept to.

Law: what is kept is whole and was a success; whoever keeps it can fail, and then nothing is found.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from decimal import Decimal
from operator import itemgetter
from typing import Any, Protocol

import msgspec

from dragoman.engine.call import Call
from dragoman.server.admission.snapshot import Snapshot
from dragoman.store.database import StoreError
from dragoman.store.redis import Redis
from dragoman.types.kept import KeptAnswer

log = logging.getLogger("dragoman.server")

ENDINGS = frozenset({"stop", "tool_calls"})
"""Finish reasons of answers that are whole: not those that ran into a limit or a filter."""
PREFIX = "dragoman:cache:"


class Shelf(Protocol):
    """Where answers are kept."""

    async def find(self, key: str, now: float) -> KeptAnswer | None:
        """Find what is kept under a key; None too when whoever keeps it does not answer."""
        ...

    async def keep(self, key: str, answer: KeptAnswer, ttl_s: float) -> None:
        """Keep an answer."""
        ...

    async def close(self) -> None:
        """Let go of whoever keeps it."""
        ...


class MemoryShelf:
    """Keeps answers in this process, the most recently used ones, so many bytes of them."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._kept: OrderedDict[str, tuple[float, KeptAnswer]] = OrderedDict()
        self._used = 0

    async def find(self, key: str, now: float) -> KeptAnswer | None:
        """See `Shelf.find`."""
        found = self._kept.get(key)
        if found is None:
            return None
        until, answer = found
        if until <= now:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return answer

    async def keep(self, key: str, answer: KeptAnswer, ttl_s: float) -> None:
        """See `Shelf.keep`."""
        self._drop(key)
        self._kept[key] = (answer.at + ttl_s, answer)
        self._used += answer.size_bytes
        while self._used > self.size_bytes and self._kept:
            self._drop(next(iter(self._kept)))

    async def close(self) -> None:
        """See `Shelf.close`."""
        self._kept.clear()
        self._used = 0

    def _drop(self, key: str) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._used -= found[1].size_bytes


class RedisShelf:
    """Keeps answers in Redis, for all workers; Redis itself says which go when there is no room."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(KeptAnswer).decode

    async def find(self, key: str, now: float) -> KeptAnswer | None:
        """See `Shelf.find`."""
        del now
        try:
            found = await self._redis.ask("GET", PREFIX + key)
            return None if found is None else self._decode(found)
        except StoreError:
            return None  # it says itself when it is away; a miss costs what it would without it
        except msgspec.DecodeError as error:
            log.warning("what the cache keeps cannot be read: %s", error)
            return None

    async def keep(self, key: str, answer: KeptAnswer, ttl_s: float) -> None:
        """See `Shelf.keep`."""
        ttl_ms = max(int(ttl_s * 1000), 1)
        try:
            await self._redis.ask("SET", PREFIX + key, self._encode(answer), "PX", ttl_ms)
        except StoreError:
            return  # as in `find`

    async def close(self) -> None:
        """See `Shelf.close`."""
        await self._redis.close()


def cache_key(call: Call, body: bytes, snapshot: Snapshot) -> str | None:
    """Name what is asked, by whom, and whom it would be asked.

    None for what is no JSON, and where a name stands twice in an object: of those each server may
    take the one or the other, and what it answers to both is nobody else's answer.
    """
    try:
        canonical = repr(json.loads(body, object_pairs_hook=_in_order, parse_float=Decimal))
    except (ValueError, RecursionError):
        return None
    rails = snapshot.rails
    about: tuple[Any, ...] = (
        call.exchange.endpoint,
        call.exchange.stream,
        sorted(call.options.headers.items()),
        rails.fingerprint if rails is not None else "",
        call.route.name,
        call.route.usage_cost,
        call.route.on_overflow,
        call.route.body,
        [
            (d.provider.name, d.provider.base_url, d.provider.api, d.provider.adapter, d.model)
            for d in call.deployments
        ],
        [d.provider.body for d in call.deployments],
    )
    digest = hashlib.blake2b(digest_size=32)
    for part in (canonical, repr(about)):
        digest.update(part.encode("utf-8", "backslashreplace") + b"\0")
    return f"{call.exchange.organisation_id}:{digest.hexdigest()}"


def _in_order(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Put an object's members into one order. Raises: ValueError for a name that stands twice."""
    found = dict(sorted(members, key=itemgetter(0)))
    if len(found) < len(members):
        raise ValueError("a name stands twice")
    return found


def may_be_kept(call: Call, answer: KeptAnswer) -> bool:
    """Whether an answer is a success, and whole."""
    exchange = call.exchange
    final = exchange.final
    return (
        answer.status == 200
        and exchange.outcome == "ok"
        and final is not None
        and final.outcome == "ok"
        and final.finish_reason in ENDINGS
    )
