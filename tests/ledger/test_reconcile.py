"""What providers say of our usage is read, whatever shape it has, and compared exactly."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman.ledger.provider_exports import NoExport, Reported, normal_model, read_export
from dragoman.ledger.reconcile import compare
from dragoman.store import Place
from dragoman.store.database import open_database
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage
from tests.ledger.test_rollups import write_all

EXPORTS = Path(__file__).parent / "cases" / "exports"
DAY = 1_790_812_800
"""2026-10-01 in UTC."""


@pytest.mark.parametrize(
    ("name", "model", "expected"),
    [
        ("openai-usage.json", "gpt-4o-mini", (1020, 502, None)),
        ("openai-costs.json", "gpt-4o-mini", (None, None, 60_000_001)),
        ("openai-costs.csv", "gpt-4o-mini", (None, None, 60_000_001)),
        ("anthropic-tokens.csv", "claude-haiku-4-5", (1020, 502, None)),
        ("anthropic-costs.csv", "claude-haiku-4-5", (None, None, 60_000_001)),
        ("anthropic-usage.json", "claude-haiku-4-5", (1020, 502, None)),
        ("anthropic-costs.json", "claude-haiku-4-5", (None, None, 60_000_001)),
        ("generic.csv", "gpt-4o-mini", (1020, 502, 60_000_001)),
    ],
)
def test_each_shape_says_the_same(
    name: str, model: str, expected: tuple[int | None, int | None, int | None]
) -> None:
    found = read_export((EXPORTS / name).read_text("utf-8"))
    prompt, completion, cost = expected
    assert found == {
        ("2026-10-01", model): Reported(
            prompt_tokens=prompt, completion_tokens=completion, cost_nanousd=cost
        )
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no rows"),
        ("day\n", "no rows"),
        ("a,b\n1,2\n", "none of its columns is a day"),
        ("date,model\n2026-10-01,x\n", "cost or a number of tokens"),
        ("date,cost\nsoon,1\n", "row 2 cannot be read"),
        ("date,cost\n2026-10-01,1\n2026-10-01,much\n", "row 3 cannot be read"),
        ("date,cost\n2026-10-01,NaN\n", "row 2 cannot be read"),
        ("date,cost\n2026-10-01,1e999999\n", "row 2 cannot be read"),
        ("{", "neither JSON nor JSON lines"),
        ("[" * 100_000, "nested too deeply"),
        ('{"date": "2026-10-01"}\n' + "[" * 100_000, "nested too deeply"),
        ('{"data": [{"results": []}]}', "no rows"),
    ],
)
def test_what_is_no_export_is_told_in_a_line(text: str, words: str) -> None:
    with pytest.raises(NoExport, match=words) as caught:
        read_export(text)
    assert "\n" not in str(caught.value)


def test_names_of_models_are_compared_without_dates_and_parts() -> None:
    assert normal_model("gpt-4o-2024-08-06, cached input") == "gpt-4o"
    assert normal_model("Claude Opus 4.5") == normal_model("claude-opus-4-5-20251101")
    assert normal_model("claude-opus-4-5@20251101") == "claude-opus-4-5"
    assert normal_model("o3") == "o3"


def spent(at: float, model: str, cost: int, *, tag: str | None = None) -> Exchange:
    name = f"{int(at)}{model}{tag}"
    attempt = Attempt(
        id=f"att_{name}", number=1, kind="first", provider="mycorp", model=model, started_at=at,
        outcome="ok", usage=Usage(1000, 500), cost_nanousd=cost, cost_source="catalog",
    )  # fmt: skip
    return Exchange(
        id=f"req_{name}", asked=model, started_at=at, outcome="ok", tag=tag, attempts=[attempt]
    )


def test_differences_are_told_by_day_and_model_beyond_what_is_tolerated(place: Place) -> None:
    write_all(
        place,
        [
            spent(DAY + 5, "gpt-4o-mini-2024-07-18", 60_000_000),
            spent(DAY + 6, "gpt-4o-mini", 7, tag="demo"),
            spent(DAY + 86_400, "gpt-4o-mini", 1),
        ],
    )
    theirs = read_export((EXPORTS / "generic.csv").read_text("utf-8"))
    with closing(open_database(place)) as connection:
        found = compare(connection, theirs, "mycorp")
        assert [(one.measure, one.ours, one.theirs, one.beyond) for one in found] == [
            ("prompt_tokens", 1000, 1020, True),
            ("completion_tokens", 500, 502, True),
            ("cost_nanousd", 60_000_000, 60_000_001, True),
        ]
        near = compare(connection, theirs, "mycorp", tolerance=Decimal("0.01"))
        assert [one.beyond for one in near] == [True, False, False]
        others = compare(connection, theirs, "other")
        assert [one.ours for one in others] == [0, 0, 0]
        whole = {(day, ""): told for (day, _), told in theirs.items()}
        assert compare(connection, whole, "mycorp")[2].ours == 60_000_000


def test_shadows_were_asked_too(place: Place) -> None:
    write_all(
        place,
        [
            spent(DAY + 5, "gpt-4o-mini", 60_000_000),
            spent(DAY + 6, "gpt-4o-mini", 1, tag="shadow"),
            spent(DAY + 7, "gpt-4o-mini", 7, tag="demo"),
        ],
    )
    theirs = read_export((EXPORTS / "generic.csv").read_text("utf-8"))
    with closing(open_database(place)) as connection:
        assert [one.ours for one in compare(connection, theirs, "mycorp")] == [
            2000,
            1000,
            60_000_001,
        ]


def test_the_same_figures_agree(place: Place) -> None:
    write_all(place, [spent(DAY + 5, "gpt-4o-mini", 60_000_001)])
    costs = read_export((EXPORTS / "openai-costs.csv").read_text("utf-8"))
    with closing(open_database(place)) as connection:
        (only,) = compare(connection, costs, None)
        assert not only.beyond
