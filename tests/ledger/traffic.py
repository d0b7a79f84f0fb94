"""Exchanges of all kinds, made from a seed: what the ledger's tests write down and add up."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from dragoman.types.exchange import Attempt, CostSource, Exchange, Outcome
from dragoman.types.usage import Usage

BEGAN = 1_790_000_000.0
"""2026-09-21, not on the hour."""
OUTCOMES: tuple[Outcome, ...] = (
    *("ok", "ok", "ok", "ok"), "error", "truncated", "client_closed", "interrupted",
)  # fmt: skip
SOURCES: tuple[CostSource, ...] = (
    "catalog", "config", "reported", "free", "demo", "estimated", "unknown",
)  # fmt: skip
MODELS = (("mycorp", "gpt-oss-120b"), ("mycorp", "small"), ("other", "a/b"), ("local", "ü"))


def exchange_id(at: float, number: int) -> str:
    """As the engine makes them: they sort by time."""
    return f"req_{int(at * 1000):012x}{number:020x}"


def attempts(random: Random, at: float, name: str, outcome: Outcome) -> Iterator[Attempt]:
    count = random.choice((1, 1, 1, 2, 3))
    for number in range(1, count + 1):
        last = number == count
        provider, model = random.choice(MODELS)
        source = random.choice(SOURCES)
        # Another was faster than an attempt that was raced.
        lost: Outcome = random.choice(("error", "interrupted"))
        usage = Usage(
            random.choice((None, random.randrange(5000))),
            random.choice((None, random.randrange(900))),
            cache_read_tokens=random.choice((None, random.randrange(100))),
            cache_write_tokens=random.choice((None, random.randrange(100))),
            reasoning_tokens=random.choice((None, random.randrange(100))),
            estimated=random.random() < 0.1,
        )
        yield Attempt(
            id=f"att_{name}{number}", number=number, kind="first" if number == 1 else "fallback",
            provider=provider, model=model, started_at=at, duration_s=random.random(),
            outcome=outcome if last else lost, status=200 if last else 500,
            error=None if last and outcome == "ok" else "upstream_error",
            reason=None if last and outcome == "ok" else f"mycorp said no, number {number}",
            usage=random.choice((None, usage, usage, usage)),
            cost_nanousd=None if source == "unknown" else random.randrange(10**10),
            cost_source=source,
        )  # fmt: skip


def traffic(
    count: int,
    *,
    seed: int = 1,
    began: float = BEGAN,
    span_s: float = 36 * 3600,
    organisations: tuple[str, ...] = ("default", "acme"),
) -> Iterator[Exchange]:
    """Make exchanges, the earliest first."""
    random = Random(seed)
    for number in range(count):
        at = began + span_s * number / count
        name = f"{seed:x}{number:08}"
        outcome = random.choice(OUTCOMES)
        organisation = random.choice(organisations)
        key = random.choice((None, "web", "batch", "laptop"))
        yield Exchange(
            id=exchange_id(at, seed * 10**9 + number), asked="smart", route="smart",
            started_at=at, stream=random.random() < 0.5,
            duration_s=random.choice((0.1, 0.31, 2.5, 44.0, 500.0)),
            first_token_s=random.choice((None, 0.05, 0.33, 31.0)), outcome=outcome,
            endpoint="/chat/completions", key=key, status=200 if outcome == "ok" else 502,
            overhead_s=0.001, organisation_id=organisation,
            project_id=random.choice((None, f"prj_{organisation}_1", f"prj_{organisation}_2")),
            account_id=random.choice((None, f"acc_{organisation}")),
            key_id=None if key is None else f"key_{organisation}_{key}",
            tag=random.choice((None, None, None, "demo")),
            attempts=list(attempts(random, at, name, outcome)) if random.random() < 0.97 else [],
        )  # fmt: skip
