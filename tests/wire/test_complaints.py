"""What servers do not know, in their own words; and what no words can make us do."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.types.provider import Dialect
from dragoman.wire import get_format
from dragoman.wire.complaints import find_repairs
from dragoman.wire.repair import ESSENTIAL, MOST_REPAIRS, Repair, fit, settings
from tests.wire import golden

TABLE: list[dict[str, Any]] = json.loads((golden.CASES / "complaints.json").read_bytes())
FORMAT = get_format("openai-completions")


def repairs_of(status: int, body: bytes, sent: bytes) -> tuple[Repair, ...]:
    return find_repairs(FORMAT.parse_error(status, {}, body), body, sent)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])
def test_a_complaint_leads_to_the_repairs_of_the_table(case: dict[str, Any]) -> None:
    told = case["body"]
    body = told.encode() if isinstance(told, str) else json.dumps(told).encode()
    found = repairs_of(case["status"], body, json.dumps(case["sent"]).encode())
    assert [str(repair) for repair in found] == case["repairs"]


PHRASES = (
    "Unknown parameter: '{}'.",
    "property '{}' is unsupported",
    "{}: Extra inputs are not permitted",
    "Unsupported parameter: '{}' is not supported with this model. Use 'messages' instead.",
    'Invalid JSON payload received. Unknown name "{}": Cannot find field.',
    "Argument not supported on this model: {}",
)


@given(st.sampled_from(PHRASES), st.sampled_from(sorted(ESSENTIAL)), st.sampled_from((400, 422)))
def test_what_a_request_is_about_is_never_dropped(phrase: str, name: str, status: int) -> None:
    sent = json.dumps({key: [] for key in ESSENTIAL}).encode()
    body = json.dumps({"error": {"message": phrase.format(name), "param": name}}).encode()
    fitted = fit(Dialect(), repairs_of(status, body, sent))
    assert fitted.drop == ()
    assert set(fitted.rename.values()) <= {
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
    }


@given(st.binary(max_size=2000), st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(body: bytes, sent: bytes) -> None:
    assert repairs_of(400, body, sent) == ()
    assert all(r.allowed for r in repairs_of(400, body, b'{"messages":[],"seed":1}'))


@given(st.text(max_size=200))
def test_any_name_in_a_phrase_drops_only_what_was_sent(name: str) -> None:
    sent = b'{"model":"m","messages":[],"seed":1}'
    for phrase in PHRASES:
        body = json.dumps({"error": {"message": phrase.format(name), "param": name}}).encode()
        assert {r.name for r in repairs_of(400, body, sent)} <= {"seed"}


def test_a_flood_of_complaints_is_bounded() -> None:
    names = [f"f{number}" for number in range(10_000)]
    sent = json.dumps(dict.fromkeys(names, 1) | {"messages": []}).encode()
    lines = "\n".join(f"Unknown parameter: '{name}'." for name in names)
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "no"} for name in names]
    for told in ({"error": {"message": lines}}, {"detail": detail}, [[[[[{"detail": detail}]]]]]):
        assert len(repairs_of(422, json.dumps(told).encode(), sent)) <= MOST_REPAIRS


def test_repairs_join_what_a_dialect_says_already() -> None:
    dialect = Dialect(drop=("user",), rename={"max_tokens": "max_completion_tokens"})
    back = Repair("rename", "max_completion_tokens", "max_tokens")
    fitted = fit(dialect, [back, Repair("drop", "seed"), Repair("drop", "stream_options")])
    assert fitted.rename == {"max_completion_tokens": "max_tokens"}
    assert fitted.drop == ("user", "seed", "stream_options")
    assert fitted.stream_usage is False


def test_a_repair_that_may_not_be_made_changes_nothing() -> None:
    bad = [
        Repair("drop", "messages"),
        Repair("drop", "x" * 65),
        Repair("drop", "a\nb"),
        Repair("rename", "seed", "messages"),
        Repair("rename", "temperature", "top_p"),
        Repair("role", "user"),
    ]
    assert fit(Dialect(), bad) == Dialect()


def test_repairs_are_told_as_settings() -> None:
    assert settings([Repair("drop", "seed"), Repair("role", "system")]) == {
        "drop": ("seed",),
        "system_role": "user",
    }
