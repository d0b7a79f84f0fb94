"""What servers tell of their models."""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.catalog import discovery
from dragoman.catalog.discovery import PROBES, Parser, merge_discovered, parse_models
from dragoman.catalog.loose_json import MAX_BYTES, MAX_MODELS
from dragoman.errors import ProtocolError
from dragoman.types import ModelInfo, Price

FOLDER = Path(__file__).parent / "cases"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "discovery.toml").read_text("utf-8"))["case"]
PARSERS: list[Parser] = [parse_models, *(probe.parse for probe in PROBES)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["file"]))
def test_what_a_server_tells_is_read(case: dict[str, Any]) -> None:
    body = (FOLDER / "discovery" / case["file"]).read_bytes()
    found = getattr(discovery, case["parse"])(body, "asked")
    expected = []
    for model in case["models"]:
        sources = dict.fromkeys(set(model) - {"id"}, "discovered")
        expected.append(msgspec.convert({**model, "sources": sources}, ModelInfo))
    assert list(found) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><title>Not here</title>",
        b"[" * 100_000,
        b'{"data": {}}',
        b'{"error": "no"}',
        b'"text"',
        b"3",
        b"\xff\xfe",
        b'{"data": ["\\ud800"]}',
    ],
    ids=["empty", "html", "deep", "no-list", "error", "text", "number", "utf16", "surrogate"],
)
def test_what_is_no_list_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_models(body)


def test_an_endless_list_is_cut() -> None:
    with pytest.raises(ProtocolError, match="larger than"):
        parse_models(b" " * (MAX_BYTES + 1))
    many = json.dumps({"data": [{"id": f"m{n}"} for n in range(MAX_MODELS + 10)]}).encode()
    assert len(parse_models(many)) == MAX_MODELS


@pytest.mark.parametrize(
    "id_", ["", None, 7, ["x"], "x" * 257, "a\x1b[31mb", "a\nb", "a\x00b", "\u202egnp.exe"]
)
def test_an_id_that_nobody_should_see_is_left_out(id_: object) -> None:
    assert parse_models(json.dumps({"data": [{"id": id_}, {"id": "good"}]}).encode()) == (
        ModelInfo(id="good"),
    )


@pytest.mark.parametrize(
    "window", [0, -1, 1.5, True, "many", "1" * 50, 10**12, 1e300, None, [], {"n": 1}]
)
def test_a_window_that_cannot_be_is_unknown(window: object) -> None:
    (info,) = parse_models(json.dumps([{"id": "m", "max_model_len": window}]).encode())
    assert info.context_window is None


@pytest.mark.parametrize(("window", "read"), [(4096, 4096), ("4096", 4096), (4096.0, 4096)])
def test_a_window_may_be_written_in_any_way(window: object, read: int) -> None:
    (info,) = parse_models(json.dumps([{"id": "m", "max_model_len": window}]).encode())
    assert info.context_window == read


@pytest.mark.parametrize(
    "rate",
    ["-0.000001", "NaN", "Infinity", "1e999999999", "0." + "0" * 100 + "1", "free", True, [], "1"],
)
def test_a_price_that_cannot_be_is_unknown(rate: object) -> None:
    body = json.dumps([{"id": "m", "pricing": {"prompt": rate, "completion": rate}}]).encode()
    (info,) = parse_models(body)
    assert info.price is None


def test_a_price_per_token_is_exact_per_million() -> None:
    body = b'[{"id": "m", "pricing": {"prompt": 1.1e-7, "completion": "0.00000033"}}]'
    (info,) = parse_models(body)
    assert info.price is not None
    assert (info.price.input, info.price.output) == (Decimal("0.11"), Decimal("0.33"))


def test_no_secret_of_a_proxy_is_kept() -> None:
    body = (FOLDER / "discovery" / "litellm-info.json").read_bytes()
    assert b"sk-should-never-be-read" in body
    assert "sk-should" not in repr(discovery.parse_litellm_info(body))


def test_the_first_of_two_answers_about_a_model_counts() -> None:
    window = ModelInfo(id="m", context_window=4096, sources={"context_window": "discovered"})
    both = ModelInfo(id="m", context_window=9, price=Price(input=Decimal(1)), tools=True)
    merged = merge_discovered(window, both)
    assert (merged.context_window, merged.tools, merged.price) == (4096, True, both.price)
    assert set(merged.sources) == {"context_window", "tools", "price"}


def test_a_question_names_the_model_and_nothing_else() -> None:
    (ask,) = [probe.ask for probe in PROBES if probe.ask]
    assert json.loads(ask('a"b:7b')) == {"model": 'a"b:7b'}


WORDS = """id model name data models pricing prompt completion input output hourly architecture
input_modalities top_provider context_length capabilities supported_parameters tags model_info
model_name input_cost_per_token type parameters modalities n_ctx free request cost min input_tiers
default_generation_settings max_context_length"""

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(WORDS.split()),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(ANY_JSON)
def test_whatever_a_server_says_is_read_or_a_protocol_error(told: Any) -> None:
    body = json.dumps(told).encode()
    for parse in PARSERS:
        try:
            found = parse(body, "asked")
        except ProtocolError:
            continue
        for info in found:
            msgspec.json.decode(msgspec.json.encode(info), type=ModelInfo)
            assert info.id
            assert info.context_window is None or info.context_window > 0
