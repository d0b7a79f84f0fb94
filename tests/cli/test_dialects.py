"""What was learned of servers is listed, explained and forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.cli.running import Dragoman
from tests.upstream.fault import Answer, FaultUpstream, Request, chat

Upstream = Callable[..., FaultUpstream]


def strict(request: Request) -> Answer:
    """A server that knows no seed."""
    if "seed" in request.json():
        body = {"error": {"message": "Unknown parameter: 'seed'.\x1b[31m", "param": "seed"}}
        return Answer(400, (("content-type", "application/json"),), json.dumps(body).encode())
    return chat("Good day", model="other")


@pytest.fixture
def taught(dragoman: Dragoman, upstream: Upstream) -> FaultUpstream:
    """A server of which one thing has been learned, as `up/m`."""
    server = upstream(strict)
    dragoman.configure(
        f'[providers.up]\nbase_url = "{server.base_url}"\ndefault_model = "m"\nretries = 0\n'
    )
    result = dragoman("--no-stream", "-o", "seed", "1", "Hello")
    assert (result.code, result.out) == (0, "Good day\n")
    assert result.err == (
        "Warning: up/m refused the request as it was: from now on seed is left out\n"
    )
    return server


def test_what_was_learned_is_used_by_the_next_command(
    dragoman: Dragoman, taught: FaultUpstream
) -> None:
    result = dragoman("--no-stream", "-o", "seed", "1", "Hello")
    assert result.code == 0
    assert len(taught.requests) == 3
    assert result.err == "Warning: seed is not sent: this provider does not know it\n"


def test_it_is_listed_with_the_setting_that_keeps_it(
    dragoman: Dragoman, taught: FaultUpstream
) -> None:
    result = dragoman("dialects")
    assert result.out.startswith("up/m  (http://127.0.0.1:")
    assert "\n  seed is left out\n" in result.out
    assert "\x1b" not in result.out
    found = re.search(r"for good: \[providers\.up\] (dialect = .*)\n", result.out)
    assert found is not None
    dragoman.configure(
        f'[providers.up]\nbase_url = "{taught.base_url}"\ndefault_model = "m"\n{found[1]}\n'
    )
    assert dragoman("config", "check").code == 0
    (told,) = json.loads(dragoman("dialects", "--json").out)
    assert (told["ref"], told["dialect"]) == ("up/m", {"drop": ["seed"]})


def test_explain_tells_it(dragoman: Dragoman, taught: FaultUpstream) -> None:
    assert "learned of up/m: seed is left out" in dragoman("explain", "up/m").out
    assert json.loads(dragoman("explain", "up/m", "--json").out)["learned"]
    assert "learned" not in dragoman("explain", "up/other").out


@pytest.mark.parametrize("what", ["up", "up/m", "--all"])
def test_it_can_be_forgotten(dragoman: Dragoman, taught: FaultUpstream, what: str) -> None:
    assert dragoman("dialects", "forget", what).err == "Forgotten: up/m\n"
    assert json.loads(dragoman("dialects", "--json").out) == []
    dragoman("--no-stream", "-o", "seed", "1", "Hello")
    assert "seed" in taught.requests[2].json()


@pytest.mark.parametrize("arguments", [(), ("up", "--all")])
def test_what_to_forget_must_be_said(dragoman: Dragoman, arguments: tuple[str, ...]) -> None:
    assert dragoman("dialects", "forget", *arguments).code == 2
    assert dragoman("dialects", "forget", "nobody").err == "Nothing was learned of it.\n"


def test_another_model_is_told_to_who_looks_closely(
    dragoman: Dragoman, taught: FaultUpstream
) -> None:
    said = "up/m answered as another model: other"
    assert said not in dragoman("--no-stream", "Hello").err
    assert said in dragoman("--no-stream", "-v", "Hello").err
    assert said in dragoman("logs", "show").out
