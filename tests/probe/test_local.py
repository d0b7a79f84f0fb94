"""Servers on this machine are found and known by what they say, quickly, whatever else listens."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.probe.local import PATIENCE_S, TOTAL_S, Place, look_around, look_at
from dragoman.probe.signs import Kind, list_kinds
from tests.probe.servers import serving
from tests.upstream.answers import empty, endless_body, error, html, models, stall
from tests.upstream.fault import FaultUpstream, Send, Stall, Unreachable
from tests.upstream.llama import LlamaServer
from tests.upstream.script import Answer
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

CASES = tomllib.loads((Path(__file__).parent / "cases/local.toml").read_text("utf-8"))["case"]


def answer(text: str, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), text.encode())


def port_of(server: FaultUpstream | LlamaServer) -> int:
    return int(server.url.rsplit(":", 1)[1])


def place_of(port: int, places: tuple[Place, ...]) -> Place:
    return next(place for place in places if place.port == port)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_server_is_known_by_what_it_says(case: dict[str, Any], upstream: Upstream) -> None:
    paths = {one["path"]: answer(one["body"], one.get("status", 200)) for one in case["paths"]}
    otherwise = answer(case["otherwise"]) if "otherwise" in case else None
    place = look_at(port_of(upstream(serving(paths, otherwise))), {})
    assert place.state == "found"
    assert place.server is not None
    assert place.server.provider == case.get("provider")
    assert list(place.server.models) == case["models"]
    assert place.server.needs_key == case.get("needs_key", False)
    assert place.server.base_url == f"http://localhost:{place.port}/v1"


def test_real_llamacpp_is_known_with_and_without_a_key(
    llama_server: LlamaServer, tmp_path: Path
) -> None:
    server = look_at(port_of(llama_server), {}).server
    assert server is not None
    assert (server.provider, server.models) == ("llamacpp", (llama_server.model,))
    with LlamaServer(tmp_path, api_key="sesame") as locked:
        server = look_at(port_of(locked), {}).server
    assert server is not None
    assert (server.provider, server.models, server.needs_key) == ("llamacpp", (), True)


OTHERS = {
    "web page": html(),
    "nothing there": error(404),
    "says yes to everything": answer('{"ok": true}'),
    "wants a password for everything": error(401),
    "broken": error(500),
    "empty": empty(),
    "not JSON": answer("{not json"),
    "deep": answer("[" * 100_000),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_model_server_is_not_taken_for_one(name: str, upstream: Upstream) -> None:
    place = look_at(port_of(upstream(OTHERS[name])), {})
    assert (place.state, place.server) == ("other", None)


def test_web_service_that_tells_its_version_is_no_vllm(upstream: Upstream) -> None:
    server = upstream(serving({"/version": answer('{"version": "1.0"}')}))
    assert look_at(port_of(server), {}).state == "other"


def test_web_service_at_a_usual_port_with_a_usual_path_is_none(upstream: Upstream) -> None:
    server = upstream(serving({"/api/version": answer('{"version": "1.0"}')}))
    place = look_at(port_of(server), {"OLLAMA_HOST": server.url})
    assert (place.usual, place.state) == (("Ollama",), "other")


def test_a_question_without_an_answer_is_given_up(upstream: Upstream) -> None:
    """Waited for without a limit, it would take for ever."""
    assert look_at(port_of(upstream(stall())), {}).state == "silent"


def test_silent_and_endless_servers_do_not_hold_up_the_others(upstream: Upstream) -> None:
    good = port_of(upstream(models("m")))
    with Unreachable() as unreachable:
        silent = [
            port_of(upstream(stall())),
            port_of(upstream(endless_body())),
            port_of(upstream(empty(), greet=[(Send(b"SSH-2.0"), Stall())] * 9)),
            unreachable.port,
        ]
        places = look_around({}, [*silent, good])
    assert {place_of(port, places).state for port in silent} == {"silent"}
    assert place_of(good, places).state == "found"


def test_slow_servers_cost_no_more_than_all_the_time_there_is(upstream: Upstream) -> None:
    """Each answer comes within the patience, all of them together beyond the time there is.

    Were all of them waited for, these would be known as other servers.
    """
    slow = [port_of(upstream(error(404).stall(0.8 * PATIENCE_S, at=0))) for _ in range(3)]
    places = look_around({}, slow)
    assert {place_of(port, places).state for port in slow} == {"silent"}


def test_nothing_listening_is_known_at_once(upstream: Upstream) -> None:
    down = port_of(upstream(empty(), down=True))
    place = place_of(down, look_around({}, [down]))
    assert (place.state, place.server, place.usual) == ("nothing", None, ())


def test_server_of_tls_is_not_taken_for_silence_of_the_port(
    upstream: Upstream, authority: Authority
) -> None:
    server = upstream(models("m"), tls=authority.server())
    assert look_at(port_of(server), {}).state in ("silent", "other")


def test_every_usual_port_is_looked_at_and_none_twice() -> None:
    places = look_around({})
    ports = [place.port for place in places]
    assert len(set(ports)) == len(ports)
    assert {1234, 4000, 8000, 8080, 11434} <= set(ports)
    assert place_of(8080, places).usual == ("llama.cpp", "TGI", "LocalAI")


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("127.0.0.1:7000", 7000),
        ("0.0.0.0:7001", 7001),
        ("http://localhost:7002", 7002),
        ("", 11434),
        ("gpu.corp.example:7003", 11434),
        ("http://u:p@", 11434),
    ],
)
def test_variable_of_a_server_names_its_port_if_it_is_here(host: str, port: int) -> None:
    kind = _kind("ollama", {"OLLAMA_HOST": host})
    assert kind.ports[0] == port
    assert 11434 in kind.ports


def _kind(name: str, env: dict[str, str]) -> Kind:
    return next(kind for kind in list_kinds(env) if kind.name == name)


def test_no_proxy_is_used_for_this_machine(upstream: Upstream) -> None:
    proxy = upstream(models("proxied"))
    server = upstream(models("mine"))
    env = {"HTTP_PROXY": proxy.url, "ALL_PROXY": proxy.url}
    script = (
        "import os; from dragoman.probe.local import look_at;"
        f"print(look_at({port_of(server)}, os.environ).server.models)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
    )
    assert "mine" in run.stdout
    assert proxy.received == 0


def test_kinds_are_looked_for_at_two_seconds_in_all() -> None:
    assert PATIENCE_S <= 0.5
    assert TOTAL_S < 2
