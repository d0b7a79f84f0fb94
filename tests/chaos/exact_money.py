"""Money through prices, ledger, sums and the API, against an oracle that knows none of them."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from dragoman.catalog.pricing import compute_cost
from dragoman.ledger.rollups import follow, rebuild
from dragoman.store import Ledger, Place
from dragoman.store.database import open_database
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.model import Price, Tier
from dragoman.types.usage import Usage
from tests.control.plane import Plane

BEGAN = 1_790_000_000
DAYS = 20
BATCH = 1000
MODELS = 40


def exact_money(*, full: bool, place: Place | None = None) -> Mapping[str, float]:
    """G31: records against a Decimal oracle; no nano-dollar of difference, on any level."""
    count = 100_000 if full else 800
    with tempfile.TemporaryDirectory() as folder:
        span_s = 86_400 * (DAYS if full else 1)
        return _run(count, span_s, place or Path(folder) / "dragoman.db")


def _run(count: int, span_s: int, place: Place) -> Mapping[str, float]:
    random = Random(31)
    prices = [_price(random) for _ in range(MODELS)]
    expected: dict[str, dict[str, int]] = {
        name: defaultdict(int) for name in ("model", "key", "project", "day")
    }
    total = unknown = 0
    stream = _exchanges(random, prices, count, span_s)
    with Ledger(place, followers=[follow]) as ledger:
        while batch := list(islice(stream, BATCH)):
            ledger.record_all([exchange for exchange, _ in batch], source="gateway")
            for exchange, costs in batch:
                day = str(int(exchange.started_at) // 86_400 * 86_400)
                for attempt, cost in zip(exchange.attempts, costs, strict=True):
                    if cost is None:
                        unknown += 1
                        continue
                    total += cost
                    expected["model"][f"{attempt.provider}/{attempt.model}"] += cost
                    expected["key"][exchange.key_id or ""] += cost
                    expected["project"][exchange.project_id or ""] += cost
                    expected["day"][day] += cost
    differences = 0
    for _ in range(2):  # as written, and as made anew
        differences += _compare(place, span_s, expected, total, unknown)
        with closing(open_database(place)) as connection:
            rebuild(connection)
    assert differences == 0, f"{differences} nano-dollars of difference"
    return {"records": count, "attempts_unknown": unknown, "nanousd": total, "difference": 0}


def _compare(
    place: Place, span_s: int, expected: Mapping[str, Mapping[str, int]], total: int, unknown: int
) -> int:
    """Ask the API for all of it; returns by how many nano-dollars its answers differ."""
    found = 0
    when = {"since": str(BEGAN), "until": str(BEGAN + span_s)}
    with Plane(place) as plane:
        for by, groups in expected.items():
            answer = plane.ask("GET", "organisations/default/usage", query={"by": by, **when})
            assert answer.status == 200, answer.body
            told = {one["id"]: one["figures"]["cost_nanousd"] for one in answer.json["groups"]}
            found += sum(abs(told.get(name, 0) - groups.get(name, 0)) for name in {*told, *groups})
            found += abs(answer.json["total"]["cost_nanousd"] - total)
            assert answer.json["total"]["unknown"] == unknown
        series = plane.ask(
            "GET", "organisations/default/usage/series", query={"by": "key", "top": 50, **when}
        ).json
        points = [point for line in series["lines"] for point in line["points"]]
        found += abs(sum(point["figures"]["cost_nanousd"] for point in points) - total)
    return found


def _price(random: Random) -> Price:
    """Make a price with digits that no float holds."""

    def amount() -> Decimal:
        return Decimal(random.randrange(10**9)) / Decimal(10) ** random.choice((6, 7, 8, 9))

    tiers = (
        (Tier(above=2000, input=amount(), output=amount(), cache_read=amount()),)
        if random.random() < 0.3
        else ()
    )
    return Price(
        input=amount(),
        output=amount(),
        cache_read=amount() if random.random() < 0.7 else None,
        cache_write=amount() if random.random() < 0.7 else None,
        reasoning=amount() if random.random() < 0.3 else None,
        request=amount() / 1000 if random.random() < 0.3 else None,
        tiers=tiers,
        source="catalog",
    )


def _exchanges(
    random: Random, prices: list[Price], count: int, span_s: int
) -> Iterator[tuple[Exchange, list[int | None]]]:
    for number in range(count):
        at = BEGAN + span_s * number / count
        attempts, costs = [], []
        for position in range(1, random.choice((1, 1, 1, 2, 3)) + 1):
            model = random.randrange(MODELS)
            usage = _usage(random)
            cost, source = compute_cost(usage, prices[model])
            costs.append(oracle(usage, prices[model]))
            attempts.append(
                Attempt(
                    id=f"att_{number:08}{position}",
                    number=position,
                    kind="first",
                    provider=f"p{model % 5}",
                    model=f"m{model}",
                    started_at=at,
                    outcome="ok",
                    usage=usage,
                    cost_nanousd=cost,
                    cost_source=source,
                )
            )
        key = random.randrange(30)
        exchange = Exchange(
            id=f"req_{int(at * 1000):012x}{number:020x}", asked="m", started_at=at, outcome="ok",
            key=f"k{key}", key_id=f"key_{key}", project_id=f"prj_{key % 4}", attempts=attempts,
        )  # fmt: skip
        yield exchange, costs


def _usage(random: Random) -> Usage:
    prompt = random.choice((random.randrange(4000), random.randrange(200_000)))
    completion = random.randrange(5000)
    reads = random.randrange(prompt + 1) if random.random() < 0.4 else None
    writes = random.randrange(prompt - (reads or 0) + 1) if random.random() < 0.2 else None
    thoughts = random.randrange(completion + 1) if random.random() < 0.4 else None
    reported = Decimal(random.randrange(10**12)) / 10**11 if random.random() < 0.05 else None
    return Usage(
        prompt,
        completion,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        reasoning_tokens=thoughts,
        cost=reported,
    )


def oracle(usage: Usage, price: Price) -> int | None:
    """Compute a cost as the documentation tells it: Decimals, one sum, rounded once."""
    with localcontext() as exact:
        exact.prec = 100
        if usage.cost is not None:
            return _nano(usage.cost)
        prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
        reads, writes = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
        thoughts = usage.reasoning_tokens or 0
        terms: dict[str, Any] = {
            "input": price.input, "output": price.output, "cache_read": price.cache_read,
            "cache_write": price.cache_write,
        }  # fmt: skip
        for tier in price.tiers:
            if prompt > tier.above:
                for name in terms:
                    terms[name] = getattr(tier, name) or terms[name]
        if terms["cache_read"] is None:
            terms["cache_read"] = terms["input"]
        if writes and terms["cache_write"] is None:
            return None
        dollars = (
            Decimal(prompt - reads - writes) * terms["input"]
            + Decimal(reads) * terms["cache_read"]
            + Decimal(writes) * (terms["cache_write"] or 0)
        )
        if price.reasoning is None:
            dollars += Decimal(completion) * terms["output"]
        else:
            dollars += Decimal(completion - thoughts) * terms["output"] + thoughts * price.reasoning
        return _nano(dollars / 1_000_000 + (price.request or 0))


def _nano(dollars: Decimal) -> int:
    return int((dollars * 1_000_000_000).quantize(Decimal(1), ROUND_HALF_EVEN))
