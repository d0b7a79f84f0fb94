"""Made-up exchanges of the last days, so that charts can be judged before there is real traffic.

They bear a tag, their costs are the demo's, no allowance counts them, and they can be deleted.
The same seed makes the same ones at the same time of day.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from random import Random

from msgspec import Struct

from dragoman.catalog import catalog_names, list_models
from dragoman.catalog.pricing import compute_cost
from dragoman.ledger.rollups import follow
from dragoman.store import Ledger, Place
from dragoman.types.calendar import DAY_S, HOUR_S
from dragoman.types.exchange import Attempt, Exchange, Outcome
from dragoman.types.model import ModelInfo
from dragoman.types.usage import Usage

DEMO = "demo"
COUNT = 2000
COUNT_LIMIT = 20_000
SPAN_S = 7 * DAY_S
BATCH = 100
"""Exchanges of one transaction: real ones are written at the same time."""
_BUSY = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 11, 8, 9, 12, 12, 10, 8, 5, 4, 3, 3, 2, 1)
"""How busy each hour of a day is, in UTC: people work, and batches run at night."""
_ERRORS: tuple[tuple[str, int, str], ...] = (
    ("rate_limited", 429, "too many requests"),
    ("server_error", 500, "the provider failed"),
    ("overloaded", 529, "the provider is overloaded"),
    ("timeout", 504, "nothing came in time"),
)


class _Model(Struct, frozen=True):
    provider: str
    info: ModelInfo


def make_traffic(
    place: Place, organisation_id: str, now: float, *, count: int = COUNT, seed: int = 1
) -> int:
    """Write exchanges up to the last whole hour. Returns how many. Raises: StoreError."""
    count = min(max(count, 1), COUNT_LIMIT)
    end = now // HOUR_S * HOUR_S
    made = sorted(_exchanges(organisation_id, end, count, seed), key=lambda one: one.id)
    stream = iter(made)
    with Ledger(place, followers=[follow]) as ledger:
        while batch := list(islice(stream, BATCH)):
            ledger.record_all(batch, source="gateway")
    return len(made)


def _exchanges(organisation_id: str, end: float, count: int, seed: int) -> Iterator[Exchange]:
    random = Random(seed)  # noqa: S311
    models = _models(random)
    for number in range(count):
        day = random.randrange(SPAN_S // DAY_S)
        hour = random.choices(range(24), _BUSY)[0]
        at = end - (day + 1) * DAY_S + (hour * HOUR_S - end) % DAY_S + random.random() * HOUR_S
        name = f"{organisation_id}/{seed}/{number}/{at}".encode()
        digest = blake2b(name, digest_size=10).hexdigest()
        yield _exchange(random, models, organisation_id, at, f"{int(at * 1000):012x}{digest}")


def _exchange(
    random: Random, models: list[_Model], organisation_id: str, at: float, name: str
) -> Exchange:
    position = min(int(random.expovariate(0.5)), len(models) - 1)
    failing = random.random() < 0.04
    attempts = []
    if failing or random.random() < 0.03:
        attempts.append(_failed(random, models[position], at, f"att_{name[:-1]}0", 1))
        position = (position + 1) % len(models)
    outcome: Outcome = "ok"
    if failing and random.random() < 0.5:
        outcome = "error"
    else:
        number = len(attempts) + 1
        then = at + sum(one.duration_s for one in attempts)
        id_ = f"att_{name[:-1]}{number}"
        attempts.append(_answered(random, models[position], then, id_, number))
    first, last = attempts[0], attempts[-1]
    first_token_s = last.first_token_s
    return Exchange(
        id=f"req_{name}",
        asked=f"{first.provider}/{first.model}",
        started_at=at,
        stream=random.random() < 0.8,
        duration_s=sum(one.duration_s for one in attempts) + 0.002,
        first_token_s=None if first_token_s is None else last.started_at - at + first_token_s,
        outcome=outcome,
        endpoint="/chat/completions",
        status=200 if outcome == "ok" else last.status,
        overhead_s=0.002,
        organisation_id=organisation_id,
        tag=DEMO,
        attempts=attempts,
    )


def _answered(random: Random, model: _Model, at: float, id_: str, number: int) -> Attempt:
    prompt = min(int(random.lognormvariate(6.5, 1.2)), 100_000)
    completion = min(int(random.lognormvariate(5.2, 1.0)), 8000)
    usage = Usage(
        prompt, completion, cache_read_tokens=prompt * 3 // 4 if random.random() < 0.3 else 0
    )
    first = random.lognormvariate(-0.7, 0.6)
    return Attempt(
        id=id_,
        number=number,
        kind="first" if number == 1 else "fallback",
        provider=model.provider,
        model=model.info.id,
        started_at=at,
        duration_s=first + completion / random.uniform(40, 160),
        first_token_s=first,
        outcome="ok",
        status=200,
        finish_reason="stop",
        usage=usage,
        cost_nanousd=compute_cost(usage, model.info.price)[0],
        cost_source="demo",
    )


def _failed(random: Random, model: _Model, at: float, id_: str, number: int) -> Attempt:
    code, status, reason = random.choice(_ERRORS)
    return Attempt(
        id=id_,
        number=number,
        kind="first",
        provider=model.provider,
        model=model.info.id,
        started_at=at,
        duration_s=random.uniform(0.05, 2.0),
        outcome="error",
        status=status,
        error=code,
        reason=reason,
    )


def _models(random: Random) -> list[_Model]:
    """Choose a few models that have prices, of any providers in the catalog."""
    found = []
    for name in random.sample(catalog_names(), 5):
        priced = [
            model
            for model in list_models(name)
            if model.price is not None and model.price.input and model.price.output
        ]
        found += [_Model(name, one) for one in random.sample(priced, min(2, len(priced)))]
    return random.sample(found, min(8, len(found)))
