"""`models`: what it costs is said in one line, and kept; lists come from providers when asked."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dragoman.cli.providers.models import tokens
from tests.cli.running import Dragoman
from tests.upstream.answers import chat, chat_stream, error, models
from tests.upstream.answers import tokens as used
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Script

Upstream = Callable[..., FaultUpstream]


def serve(request: Request) -> Script:
    """List two models, and answer with a thousand tokens for two thousand."""
    if request.method == "GET":
        return models("m/1", "m/2") if request.path.endswith("/models") else error(404)
    usage = used(2000, 1000)
    if request.json().get("stream"):
        return chat_stream(["Good", " day"], usage=usage)
    return chat("Good day", usage=usage)


@pytest.fixture
def mine(dragoman: Dragoman, upstream: Upstream) -> Dragoman:
    url = upstream(serve).base_url
    dragoman.configure(f'# Mine.\n[providers.mine]  # here\nbase_url = "{url}"\n')
    return dragoman


def info(dragoman: Dragoman, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = dragoman("models", "info", ref, "--json").json()
    return found


def written(dragoman: Dragoman, model: str) -> Any:
    """What the file says that a model of `mine` costs."""
    table = tomllib.loads(dragoman.config_file.read_text())["providers"]["mine"]
    (found,) = (row for row in table["models"] if row["id"] == model)
    return found["cost"]


# ----------------------------------------------------------------------------------- the price


def test_price_is_kept_and_counts_from_the_next_answer_on(mine: Dragoman) -> None:
    before = mine("-m", "mine/m/1", "-u", "Hi")
    assert "cost unknown" in before.err
    result = mine("models", "price", "mine/m/1", "--in", "0.5", "--out", "$1.50")
    assert (result.code, result.out) == (0, "")
    assert result.err == (
        "mine/m/1: $0.5 input, $1.50 output per million tokens  (~/.config/dragoman/config.toml)\n"
    )
    after = mine("-m", "mine/m/1", "-u", "Hi")
    assert after.err.endswith("$0.0025\n")
    text = mine.config_file.read_text()
    assert text.startswith("# Mine.\n[providers.mine]  # here\n")
    assert written(mine, "m/1") == {"input": 0.5, "output": 1.5}


def test_price_changes_only_what_is_named(mine: Dragoman) -> None:
    mine("models", "price", "mine/m/1", "--in", "0.5", "--out", "1.5", "--cache-read", "0.05")
    mine("models", "price", "mine/m/1", "--in", "0.75")
    assert written(mine, "m/1") == {"input": 0.75, "output": 1.5, "cache_read": 0.05}


def test_free_is_free_on_purpose(mine: Dragoman) -> None:
    assert "free" in mine("models", "price", "mine/m/1", "--free").err
    assert mine("-m", "mine/m/1", "-u", "Hi").err.endswith("$0 (local)\n")
    mine("models", "price", "mine/m/1", "--in", "1", "--out", "1")
    assert mine("-m", "mine/m/1", "-u", "Hi").err.endswith("$0.003\n")


def test_price_of_a_built_in_providers_model_goes_into_the_users_file(dragoman: Dragoman) -> None:
    result = dragoman("models", "price", "groq/llama-3.3-70b-versatile", "--in", "1", "--out", "2")
    assert result.code == 0
    price = info(dragoman, "groq/llama-3.3-70b-versatile")["price"]
    assert (Decimal(str(price["input"])), Decimal(str(price["output"]))) == (1, 2)
    assert dragoman("config", "check").code == 0


def test_alias_is_followed(mine: Dragoman) -> None:
    with mine.config_file.open("a") as file:
        file.write('[aliases]\nfast = "mine/m/2"\n')
    assert mine("models", "price", "fast", "--in", "1", "--out", "2").code == 0
    assert written(mine, "m/2") == {"input": 1.0, "output": 2.0}


def test_an_hours_price_is_told_wherever_a_price_is(mine: Dragoman) -> None:
    with mine.config_file.open("a") as file:
        file.write('cost_per_hour = 2.5\nlimits = { concurrency = 4 }\nmodels = [{ id = "m/1" }]\n')
    assert info(mine, "mine/m/1")["price"] == {"per_hour": 2.5, "shared_by": 4, "source": "config"}
    assert "$2.5/h" in mine("models", "list", "--provider", "mine").out
    assert (
        "$2.50 an hour, shared by 4 (config)" in mine("providers", "test", "mine", "-m", "m/1").out
    )


WRONG = {
    "nothing said": (["mine/m/1"], 2, "say what it costs"),
    "both": (["mine/m/1", "--free", "--in", "1"], 2, "say what it costs"),
    "no number": (["mine/m/1", "--in", "cheap"], 2, "'cheap' is no price"),
    "negative": (["mine/m/1", "--in", "-1"], 2, "'-1' is no price"),
    "not finite": (["mine/m/1", "--in", "inf"], 2, "'inf' is no price"),
    "absurd": (["mine/m/1", "--in", "99999"], 2, "is no price"),
    "no such provider": (["mien/m/1", "--in", "1"], 2, "mine"),
    "a route": (["both", "--in", "1"], 2, "is a route to several models"),
    "of the project": (["theirs/m", "--in", "1"], 2, "is set up elsewhere"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_price_is_explained_and_nothing_changes(name: str, mine: Dragoman) -> None:
    arguments, code, said = WRONG[name]
    with mine.config_file.open("a") as file:
        file.write('[routes.both]\nmodels = ["mine/m/1", "mine/m/2"]\n')
    (mine.cwd / "dragoman.toml").write_text('[providers.theirs]\nbase_url = "http://127.0.0.1:9"\n')
    before = mine.config_file.read_text()
    result = mine("models", "price", *arguments)
    assert result.code == code
    assert said in result.err
    assert result.err.startswith("Error: ")
    assert "Fix: " in result.err
    assert mine.config_file.read_text() == before


def test_price_that_cannot_be_written_is_told(mine: Dragoman) -> None:
    target = mine.home / "gone" / "config.toml"
    mine.config_file.unlink()
    mine.config_file.symlink_to(target)
    target.parent.write_text("a file where a folder should be")
    result = mine("models", "price", "groq/x", "--in", "1")
    assert result.code in (1, 78)
    assert result.err.startswith("Error: ")
    assert "Traceback" not in result.err


# ------------------------------------------------------------------------------------ the lists


def test_refresh_asks_and_keeps(mine: Dragoman) -> None:
    assert "mine/m/1" not in mine("models", "list").out
    result = mine("models", "list", "--refresh", "-p", "mine")
    assert result.err == "mine  2 models\n"
    assert "mine/m/1" in result.out
    assert "mine/m/2" in mine("models", "list", "-p", "mine").out


def test_refresh_that_fails_keeps_the_old_list(dragoman: Dragoman, upstream: Upstream) -> None:
    broken = threading.Event()
    server = upstream(lambda request: error(500) if broken.is_set() else serve(request))
    dragoman.configure(f'[providers.mine]\nbase_url = "{server.base_url}"\n')
    assert dragoman("models", "list", "--refresh", "-p", "mine").code == 0
    broken.set()
    again = dragoman("models", "list", "--refresh", "-p", "mine")
    assert again.code == 69
    assert again.err.startswith("mine  ")
    assert "(the old list stays)" in again.err
    assert "mine/m/1" in dragoman("models", "list", "-p", "mine").out


def test_list_of_another_place_does_not_count(mine: Dragoman, upstream: Upstream) -> None:
    mine("models", "list", "--refresh", "-p", "mine")
    mine.configure(f'[providers.mine]\nbase_url = "{upstream(serve).base_url}"\n')
    assert "mine/m/1" not in mine("models", "list").out


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 99}', b"\xff\xfe", b"[]"])
def test_broken_cache_is_an_empty_one(content: bytes, mine: Dragoman) -> None:
    cache = mine.home / ".cache/dragoman/models.json"
    mine("models", "list", "--refresh", "-p", "mine")
    cache.write_bytes(content)
    result = mine("models", "list")
    assert (result.code, result.err) == (0, "")
    assert "demo/echo" in result.out


def test_cache_that_cannot_be_written_is_told_and_the_list_shown(mine: Dragoman) -> None:
    (mine.home / ".cache").write_text("no folder")
    result = mine("models", "list", "--refresh", "-p", "mine")
    assert result.code == 0
    assert "Warning: not kept" in result.err


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "?"),
        (512, "512"),
        (4096, "4k"),
        (8192, "8k"),
        (32_768, "33k"),
        (131_072, "131k"),
        (200_000, "200k"),
        (999_499, "999k"),
        (1_000_000, "1M"),
        (1_048_576, "1M"),
        (2_000_000, "2M"),
    ],
)
def test_windows_are_written_as_people_say_them(count: int | None, said: str) -> None:
    assert tokens(count) == said
