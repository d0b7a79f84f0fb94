"""Compares what we have written down with what a provider says, by day and model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct

from dragoman.ledger.demo_traffic import DEMO
from dragoman.ledger.provider_exports import Reported, normal_model
from dragoman.ledger.queries.sums import Filters, Period, read_sums
from dragoman.store.database import Connection
from dragoman.types.calendar import DAY_S

Measure: TypeAlias = Literal["prompt_tokens", "completion_tokens", "cost_nanousd"]
MEASURES: tuple[Measure, ...] = ("prompt_tokens", "completion_tokens", "cost_nanousd")


class Difference(Struct, frozen=True, kw_only=True):
    """One figure of a day and a model, as we have it and as the provider does.

    `unknown` counts our attempts whose cost is not known. `beyond`: they differ by more than is
    tolerated.
    """

    day: str
    model: str
    measure: Measure
    ours: int
    theirs: int
    unknown: int
    beyond: bool


def compare(
    connection: Connection,
    theirs: Mapping[tuple[str, str], Reported],
    provider: str | None,
    *,
    organisation_id: str | None = None,
    tolerance: Decimal = Decimal(0),
) -> list[Difference]:
    """Compare all figures that the file tells, on the days that it tells of (in UTC).

    `tolerance` is a share of the greater of the two. Where the file tells of no models, days are
    compared whole. Attempts that failed count too, where they had usage.

    Raises: StoreError.
    """
    days = sorted({day for day, _ in theirs})
    by_model = any(model for _, model in theirs)
    ours = _ours(connection, days, provider, organisation_id, by_model=by_model)
    told = [name for name in MEASURES if any(getattr(t, name) is not None for t in theirs.values())]
    found = []
    for day, model in sorted({*theirs, *ours}):
        one, other = ours.get((day, model), {}), theirs.get((day, model), Reported())
        for name in told:
            mine, given = one.get(name, 0), getattr(other, name) or 0
            if not mine and not given:
                continue
            allowed = tolerance * max(abs(mine), abs(given))
            found.append(
                Difference(
                    day=day,
                    model=model,
                    measure=name,
                    ours=mine,
                    theirs=given,
                    unknown=one.get("unknown", 0),
                    beyond=abs(mine - given) > allowed,
                )
            )
    return found


def _ours(
    connection: Connection,
    days: list[str],
    provider: str | None,
    organisation_id: str | None,
    *,
    by_model: bool,
) -> dict[tuple[str, str], dict[str, int]]:
    begins = [int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) for day in days]
    period = Period(begins[0], begins[-1] + DAY_S)
    filters = Filters(organisation_id=organisation_id, provider=provider)
    ours: dict[tuple[str, str], dict[str, int]] = {}
    # A day that is not told of is part of the time between: there may be years of them.
    starts = sorted({*begins, *(begin + DAY_S for begin in begins[:-1])})
    for row in read_sums(connection, period, filters, ("provider", "model", "tag"), starts):
        day = datetime.fromtimestamp(row["at"], UTC).date().isoformat()
        if day not in days or row["tag"] == DEMO:  # what was made up was asked of nobody
            continue
        name = normal_model(row["model"]) if by_model else ""
        sums = ours.setdefault((day, name), {})
        for measure in (*MEASURES, "unknown"):
            sums[measure] = sums.get(measure, 0) + row[measure]
    return ours
