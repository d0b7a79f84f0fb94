"""Money through prices, ledger, sums and the API, against an oracle that knows none of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import islice
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from dragoman.catalog.pricing import compute_cost
from dragoman.ledger.rebuilding import rebuild
from dragoman.ledger.rollups import follow
from dragoman.store import Ledger, Place
from dragoman.store.database import open_database
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.model import Price, Tier
from dragoman.types.usage import Usage
from tests.control.plane import Plane
from tests.upstream.postgres import PostgresServer, find_binaries

BEGAN = 1_790_000_000
DAYS = 20
BATCH = 1000
MODELS = 40


def exact_money(*, full: bool) -> Mapping[str, float]:
    """G31: 100 000 records against an oracle in Decimals; no nano-dollar differs on any level."""
    count, span_s = (100_000, 86_400 * DAYS) if full else (800, 86_400)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        figures = _run(count, span_s, folder / "dragoman.db")
        if full and (binaries := find_binaries()):  # another database adds up in another way
            server = stack.enter_context(PostgresServer(binaries))
            assert _run(count, span_s, server.new()) == figures
            return {"kinds": 2, **figures}
        return {"kinds": 1, **figures}


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
    found: int = 0
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
    """Make a price of any kind: free, by the hour, in whole nano-dollars, or with many digits."""
    kind = random.random()
    if kind < 0.05:
        return Price(free=True)
    if kind < 0.15:
        return Price(per_hour=_amount(random), shared_by=random.choice((1, 3, 7)))
    if kind < 0.45:  # as most are: 2.50 a million, and nothing else
        whole = [Decimal(random.randrange(50_000)) / 1000 for _ in range(3)]
        read = whole[2] if random.random() < 0.5 else None
        return Price(input=whole[0], output=whole[1], cache_read=read, source="catalog")
    return Price(
        **_sheet(random, 1.0),
        reasoning=_amount(random) if random.random() < 0.3 else None,
        request=_amount(random) / 1000 if random.random() < 0.3 else None,
        tiers=tuple(
            Tier(above=above, **_sheet(random, 0.6))
            for above in random.sample((500, 2000, 50_000), random.choice((0, 0, 1, 3)))
        ),
        source="catalog",
    )


def _sheet(random: Random, base: float) -> dict[str, Any]:
    """Choose which buckets have prices; `base` is how likely prompt and completion have one."""
    likely = {"input": base, "output": base}
    return {
        name: _amount(random)
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h")
        if random.random() < likely.get(name, 0.6)
    }


def _amount(random: Random) -> Decimal:
    """Make an amount with digits that no float holds; 0 now and then."""
    if random.random() < 0.05:
        return Decimal(0)
    return Decimal(random.randrange(10**9)) / Decimal(10) ** random.choice((6, 7, 8, 9))


def _exchanges(
    random: Random, prices: list[Price], count: int, span_s: int
) -> Iterator[tuple[Exchange, list[int | None]]]:
    for number in range(count):
        at = BEGAN + span_s * number / count
        attempts, costs = [], []
        for position in range(1, random.choice((1, 1, 1, 2, 3)) + 1):
            model = random.randrange(MODELS)
            usage = _usage(random)
            took_s = random.choice((None, random.random() * 100, random.random() / 1000))
            cost, source = compute_cost(usage, prices[model], took_s)
            costs.append(oracle(usage, prices[model], took_s))
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


def _usage(random: Random) -> Usage | None:
    if random.random() < 0.02:
        return None
    prompt = random.choice((random.randrange(4000), random.randrange(200_000)))
    completion = random.randrange(5000)
    reads = random.randrange(prompt + 1) if random.random() < 0.4 else None
    writes = random.randrange(prompt - (reads or 0) + 1) if random.random() < 0.2 else None
    long_writes = random.randrange(writes + 1) if writes and random.random() < 0.5 else None
    thoughts = random.randrange(completion + 1) if random.random() < 0.4 else None
    reported = Decimal(random.randrange(10**12)) / 10**11 if random.random() < 0.05 else None
    return Usage(
        prompt if random.random() < 0.98 else None,
        completion if random.random() < 0.98 else None,
        cache_read_tokens=reads,
        cache_write_tokens=writes,
        cache_write_1h_tokens=long_writes,
        reasoning_tokens=thoughts,
        cost=reported,
    )


def oracle(usage: Usage | None, price: Price, took_s: float | None) -> int | None:
    """Compute a cost as the documentation tells it: Decimals, one sum, rounded once."""
    with localcontext() as exact:
        exact.prec = 100
        if usage is not None and usage.cost is not None:
            return _nano(usage.cost)
        if price.free:
            return 0
        if price.per_hour is not None:
            if took_s is None:
                return None
            hours = Decimal(round(took_s * 1_000_000)) / 3_600_000_000
            return _nano(price.per_hour * hours / price.shared_by)
        dollars = None if usage is None else _dollars(usage, price)
        return None if dollars is None else _nano(dollars)


def _dollars(usage: Usage, price: Price) -> Decimal | None:
    """Add up what each bucket costs; None where tokens or a price are not known."""
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    sheet = {name: getattr(price, name) for name in Tier.__struct_fields__ if name != "above"}
    reached = [tier for tier in price.tiers if (prompt or 0) > tier.above]
    for tier in sorted(reached, key=lambda tier: tier.above)[-1:]:
        own = {name: getattr(tier, name) for name in sheet}
        sheet |= {name: amount for name, amount in own.items() if amount is not None}
    reads, writes = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    long_writes, thoughts = usage.cache_write_1h_tokens or 0, usage.reasoning_tokens or 0
    if sheet["cache_read"] is None:
        sheet["cache_read"] = sheet["input"]
    if sheet["cache_write_1h"] is None:
        sheet["cache_write_1h"] = sheet["cache_write"]
    buckets: list[tuple[int | None, Decimal | None]] = [
        (None if prompt is None else max(prompt - reads - writes, 0), sheet["input"]),
        (reads, sheet["cache_read"]),
        (writes - long_writes, sheet["cache_write"]),
        (long_writes, sheet["cache_write_1h"]),
    ]
    if price.reasoning is None:
        buckets.append((completion, sheet["output"]))
    else:
        rest = None if completion is None else max(completion - thoughts, 0)
        buckets += [(rest, sheet["output"]), (thoughts, price.reasoning)]
    dollars = price.request or Decimal(0)
    for tokens, amount in buckets:
        if tokens == 0 or amount == 0:
            continue
        if tokens is None or amount is None:
            return None
        dollars += amount * tokens / 1_000_000
    return dollars


def _nano(dollars: Decimal) -> int:
    return int((dollars * 1_000_000_000).quantize(Decimal(1), ROUND_HALF_EVEN))
