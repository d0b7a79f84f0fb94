"""Abilities that a provider lacks, at the command line."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat

Upstream = Callable[..., FaultUpstream]


def configure(dragoman: Dragoman, server: FaultUpstream, *settings: str) -> None:
    lines = ['[[providers]]\nname = "up"', f'base_url = "{server.base_url}"', *settings]
    dragoman.configure("\n".join([*lines, 'default_model = "m1"', ""]))


def test_a_plain_server_is_asked_plainly_and_answers(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat("All at once."))
    configure(dragoman, server, "stream = false")
    result = dragoman("Hello")
    assert (result.code, result.out, result.err) == (0, "All at once.\n", "")
    assert not server.requests[0].json().get("stream")


def test_a_server_that_ignores_stream_is_understood(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat("All at once."))
    configure(dragoman, server)
    assert dragoman("Hello").out == "All at once.\n"


def test_a_schema_is_kept_by_a_model_that_knows_none(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat("Gladly: {'n': 3,}"))
    configure(dragoman, server, 'emulate = ["schema"]')
    result = dragoman("How many?", "--schema", "n int")
    assert (result.code, result.out.replace(" ", "")) == (0, '{"n":3}\n')
    assert "response_format" not in server.requests[0].json()


def test_explain_tells_the_order_of_an_auto_route_and_why(dragoman: Dragoman) -> None:
    dragoman.configure(
        '[[providers]]\nname = "up"\nbase_url = "http://up.test/v1"\n'
        'models = [{ id = "fair", quality = 2 }, { id = "good", quality = 5 }, "new"]\n'
        '[routes.smart]\nauto = "quality"\n'
    )
    result = dragoman("explain", "smart")
    assert "smart: auto 1. up/good: quality 5\n" in result.out
    assert "smart: auto 3. up/new: no quality is declared: last\n" in result.out
    told = dragoman("explain", "smart", "--json").json()
    assert told["auto"] == "quality"
    assert [found["ref"] for found in told["deployments"]] == ["up/good", "up/fair", "up/new"]
