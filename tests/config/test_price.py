"""A price is put where it belongs, and nothing else changes."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman.config import load
from dragoman.config.edit import edit_file
from dragoman.config.price import set_price
from dragoman.errors import ConfigError

CASES = tomllib.loads((Path(__file__).parent / "cases" / "price.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_price_is_written_and_the_rest_stays(case: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(case["before"].encode())
    amounts = {"input": Decimal("0.50"), "output": Decimal(2)}
    free = bool(case.get("free"))
    edit_file(path, lambda draft: set_price(draft, "up", "m/1", {} if free else amounts, free=free))
    assert path.read_bytes().decode() == case["after"]
    loaded = load(file=path, env={}, cwd=tmp_path)
    price = loaded.providers["up"].models["m/1"].price
    assert price is not None
    assert price.free is free
    if not free:
        assert (price.input, price.output) == (Decimal("0.5"), Decimal(2))


def test_what_is_not_named_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[providers.up]\nbase_url = "http://h"\n[[providers.up.models]]\nid = "m"\n'
        "cost = { input = 1.0, cache_read = 0.1 } # ours\n"
    )
    edit_file(path, lambda draft: set_price(draft, "up", "m", {"input": Decimal(3)}))
    assert "cost = { input = 3.0, cache_read = 0.1 } # ours\n" in path.read_text()


def test_file_that_is_broken_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[providers\n")
    with pytest.raises(ConfigError):
        edit_file(path, lambda draft: set_price(draft, "up", "m", {"input": Decimal(3)}))
    assert path.read_text() == "[providers\n"
