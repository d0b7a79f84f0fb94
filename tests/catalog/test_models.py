"""The snapshot of models: exact, lazy, and never another model's price."""

from __future__ import annotations

import time
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman import catalog
from dragoman.catalog import find_model, list_models
from dragoman.types import ModelInfo

SNAPSHOTS = sorted(path.stem for path in (catalog.PROVIDERS_FILE.parent / "models").glob("*.json"))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _price(info: ModelInfo | None) -> tuple[Decimal | None, Decimal | None]:
    assert info is not None
    assert info.price is not None
    return info.price.input, info.price.output


def test_a_model_has_its_limits_and_prices_and_says_where_they_are_from() -> None:
    info = find_model("anthropic", "claude-haiku-4-5")
    assert info is not None
    assert info.id == "claude-haiku-4-5"
    assert info.context_window == 200_000
    assert info.price is not None
    assert info.price.cache_write_1h == Decimal(2)
    assert info.price.source == info.sources["price"] == info.sources["context_window"] == "catalog"
    assert "on_overflow" not in info.sources


@pytest.mark.parametrize(
    "model",
    ["claude-haiku-4-5-20251001", "claude-haiku-4-5@20251001", "claude-haiku-4.5-2025-10-01"],
)
def test_a_date_is_looked_through_where_the_snapshot_says_so(model: str) -> None:
    info = find_model("anthropic", model)
    assert info is not None
    assert info.id == model, "the id is the one that was asked for"
    assert _price(info) == _price(find_model("anthropic", "claude-haiku-4-5"))


def test_a_dated_id_of_its_own_keeps_its_own_price() -> None:
    assert _price(find_model("openai", "gpt-4o")) == (Decimal("2.5"), Decimal(10))
    assert _price(find_model("openai", "gpt-4o-2024-05-13")) == (Decimal(5), Decimal(15))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-2031-01-01"),  # a date that nobody has announced
        ("openai", "gpt-4o-turbo"),
        ("openai", "gpt-4"[:-1]),
        ("openai", ""),
        ("openai", "-20260101"),
        ("anthropic", "claude-haiku-4-5-fast"),
        ("anthropic", "claude-haiku-4-5-202510010"),
        ("anthropic", "anthropic/claude-haiku-4-5"),
        ("gemini", "models/claude-haiku-4-5"),
        ("openrouter", "openai/gpt-4o:nitro"),
        ("huggingface", "openai/gpt-oss-120b"),  # which of its providers answers is not known
        ("ollama", "gpt-4o"),
        ("azure", "gpt-4o"),  # a deployment's name is the customer's word
        ("nope", "gpt-4o"),
    ],
)
def test_what_is_not_known_is_none(provider: str, model: str) -> None:
    assert find_model(provider, model) is None


@pytest.mark.parametrize(
    "name", ["../models/openai", "openai.json", "OPENAI", "", ".", "a/b", "openai\0", "x" * 5000]
)
def test_a_catalogs_name_leads_to_no_other_file(name: str) -> None:
    assert find_model(name, "gpt-4o") is None
    assert list(list_models(name)) == []


def test_the_case_of_an_id_does_not_matter() -> None:
    assert _price(find_model("openai", "GPT-4O")) == _price(find_model("openai", "gpt-4o"))


def test_a_prefix_of_the_providers_own_list_is_looked_through() -> None:
    plain = find_model("gemini", "gemini-2.5-flash")
    assert _price(find_model("gemini", "models/gemini-2.5-flash")) == _price(plain)


def test_limits_are_not_shared_among_models_of_one_price() -> None:
    long, short = find_model("openai", "gpt-5.1"), find_model("openai", "gpt-5.1-chat-latest")
    assert long is not None
    assert short is not None
    assert long.price == short.price
    assert (long.max_tokens, short.max_tokens) == (128_000, 16_384)
    assert find_model("openai", "gpt-5.1-2025-11-13") is not None
    other = find_model("openai", "gpt-5.1-codex")
    assert other is not None
    assert other.max_tokens is None


def test_tiers_are_kept() -> None:
    info = find_model("openrouter", "anthropic/claude-sonnet-4.5")
    assert info is not None
    assert info.price is not None
    assert [tier.above for tier in info.price.tiers] == [200_000]
    assert info.price.tiers[0].output == Decimal("22.5")


def test_a_price_that_changes_on_a_day_changes_on_that_day() -> None:
    eve = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    day = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)
    assert _price(find_model("gemini", "gemini-4-argon", at=eve)) == (Decimal(2), Decimal(10))
    assert _price(find_model("gemini", "gemini-4-argon", at=day)) == (Decimal(4), Decimal(20))


@pytest.mark.parametrize(("hour", "price"), [(0, "0.15"), (1, "0.3"), (4, "0.15"), (9, "0.3")])
def test_a_price_that_changes_by_the_hour_changes_by_the_hour(hour: int, price: str) -> None:
    at = NOON.replace(hour=hour)
    assert _price(find_model("deepseek", "deepseek-flash", at=at))[0] == Decimal(price)


def test_a_price_is_never_a_float() -> None:
    for name in SNAPSHOTS:
        for info in list_models(name, at=NOON):
            for amount in _price(info) if info.price else ():
                assert amount is None or (type(amount) is Decimal and amount >= 0)


def test_a_price_of_zero_in_the_catalog_is_meant() -> None:
    for name in SNAPSHOTS:
        for info in list_models(name, at=NOON):
            if info.price and not info.price.tiers and not any(_price(info)):
                assert info.price.free or info.price.request, info


def test_every_listed_model_is_found_by_its_own_id() -> None:
    for name in SNAPSHOTS:
        for info in list_models(name, at=NOON):
            assert find_model(name, info.id, at=NOON) == info


def test_every_snapshot_belongs_to_a_provider_and_has_models() -> None:
    rows = tomllib.loads(catalog.PROVIDERS_FILE.read_text("utf-8"))["providers"]
    assert set(SNAPSHOTS) <= set(rows)
    assert len(SNAPSHOTS) >= 27
    assert all(any(True for _ in list_models(name)) for name in SNAPSHOTS)


def test_the_first_look_up_takes_five_milliseconds_at_most() -> None:
    largest = max(SNAPSHOTS, key=lambda name: _file(name).stat().st_size)
    times = []
    for _ in range(5):
        catalog._load.cache_clear()
        began = time.perf_counter()
        find_model(largest, "openai/gpt-4o")
        times.append(time.perf_counter() - began)
    assert min(times) <= 0.005


def _file(name: str) -> Path:
    return catalog.PROVIDERS_FILE.parent / "models" / f"{name}.json"
