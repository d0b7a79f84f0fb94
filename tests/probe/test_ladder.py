"""The ladder: what each step says of a provider that is as it should be, or is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.config import load
from dragoman.probe.container import host_from_inside
from dragoman.probe.ladder import NAMES, Ladder, Step
from dragoman.types.credential import Secret
from dragoman.types.provider import Provider
from tests.probe.servers import kind_of, provider
from tests.upstream.aimock import AimockServer
from tests.upstream.answers import (
    chat,
    chat_stream,
    empty,
    error,
    html,
    models,
    redirect,
    sse,
    stall,
    tool_calls,
)
from tests.upstream.fault import FaultUpstream, Reset
from tests.upstream.llama import LlamaServer
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

KEY = "sk-1234567890abcdef"


def configured(base_url: str, *, env: Mapping[str, str] = {}, **settings: Any) -> Provider:
    table = {"base_url": base_url, **settings}
    return load(env=env, cwd=Path("/"), overrides={"providers": {"mine": table}}).providers["mine"]


def climb(found: Provider, env: Mapping[str, str] = {}, **options: Any) -> dict[str, Step]:
    """Climb, and see that every step is told once, in order, and no secret in any."""
    ladder = Ladder(found, env=env, **options)
    steps = list(ladder.climb())
    assert tuple(step.name for step in steps) == NAMES
    assert KEY not in msgspec.json.encode(steps).decode()
    failed = [step for step in steps if step.needed and step.verdict == "failed"]
    assert bool(failed) <= (ladder.error is not None)
    return {step.name: step for step in steps}


def verdicts(steps: Mapping[str, Step]) -> dict[str, str]:
    return {name: step.verdict for name, step in steps.items()}


ALL_OK = dict.fromkeys(NAMES, "ok") | {"tls": "skipped"}


def test_provider_as_it_should_be_passes_every_step(upstream: Upstream) -> None:
    server = upstream(provider("m1", "m2", key=KEY))
    steps = climb(configured(server.base_url, api_key="env:K", env={"K": KEY}), {"K": KEY})
    assert verdicts(steps) == ALL_OK
    assert steps["auth"].detail == "$K accepted"
    assert steps["models"].models == ("m1", "m2")
    assert all(steps[name].seconds is not None for name in ("reach", "models", "chat", "images"))
    limits = [request.json()["max_tokens"] for request in server.requests if request.body]
    assert len(limits) == 5
    assert max(limits) <= 128


def test_key_of_the_call_is_sent_in_every_step(upstream: Upstream) -> None:
    server = upstream(provider("m", key=KEY))
    steps = climb(configured(server.base_url), key=Secret(KEY))
    assert verdicts(steps) == ALL_OK
    assert steps["auth"].detail == "the key given accepted"
    keyless = [request for request in server.requests if request.header("authorization") is None]
    assert [request.path for request in keyless] == ["/v1/models"]


def test_provider_without_a_key_says_that_none_is_needed(upstream: Upstream) -> None:
    steps = climb(configured(upstream(provider("m")).base_url))
    assert (steps["auth"].verdict, steps["auth"].detail) == ("ok", "no key needed to list models")


def test_open_list_says_nothing_of_the_key_and_chat_does(upstream: Upstream) -> None:
    server = upstream(provider("m", key=KEY, open_list=True))
    good = climb(configured(server.base_url), key=Secret(KEY))
    assert "chat will tell" in good["auth"].detail
    assert good["chat"].verdict == "ok"
    bad = climb(configured(server.base_url), key=Secret("sk-wrong"))
    assert (bad["auth"].verdict, bad["chat"].verdict) == ("ok", "failed")
    assert bad["chat"].code == "upstream_auth_failed"
    assert "the key is wrong" in (bad["chat"].fix or "")


STOPS: dict[str, tuple[dict[str, Any], dict[str, Any], str, str, str]] = {
    "no key": ({}, {}, "auth", "upstream_auth_failed", "set MINE_API_KEY, or run dragoman keys"),
    "new, no key": ({}, {"new": True}, "auth", "upstream_auth_failed", "--key-env NAME"),
    "wrong key": (
        {},
        {"key": Secret("sk-wrong")},
        "auth",
        "upstream_auth_failed",
        "the key is wrong, expired",
    ),
    "unset variable": ({"api_key": "env:NOT_SET"}, {}, "auth", "config_error", "Set NOT_SET"),
}


@pytest.mark.parametrize("name", STOPS)
def test_ladder_stops_at_the_key(name: str, upstream: Upstream) -> None:
    settings, options, stop, code, fix = STOPS[name]
    steps = climb(configured(upstream(provider("m", key=KEY)).base_url, **settings), **options)
    assert (steps[stop].verdict, steps[stop].code) == ("failed", code)
    assert fix in (steps[stop].fix or "")
    after = NAMES[NAMES.index("auth") + 1 :]
    assert {steps[name].verdict for name in after} == {"skipped"}


def test_each_of_several_keys_is_tried(upstream: Upstream) -> None:
    server = upstream(provider("m", key=KEY))
    env = {"A": KEY, "B": "sk-old"}
    found = configured(server.base_url, api_keys=["env:A", "env:B"], env=env)
    steps = climb(found, env)
    assert (steps["auth"].verdict, steps["auth"].detail) == (
        "warning",
        "$A accepted; refused: $B",
    )
    assert steps["chat"].verdict == "ok"


# ------------------------------------------------------------------------------- connection


def test_refused_connection_stops_at_once(upstream: Upstream) -> None:
    steps = climb(configured(upstream(empty(), down=True).base_url))
    assert (steps["reach"].verdict, steps["reach"].code) == ("failed", "connect_failed")
    assert verdicts(steps).keys() - {"reach"} == {n for n in NAMES if n != "reach"}
    assert {steps[name].verdict for name in NAMES[1:]} == {"skipped"}


def test_unknown_host_stops_at_once() -> None:
    steps = climb(configured("http://no-such-host.invalid/v1"))
    assert steps["reach"].verdict == "failed"
    assert "no address is known for no-such-host.invalid" in steps["reach"].detail


def test_localhost_in_a_container_names_the_machine_around_it(upstream: Upstream) -> None:
    port = upstream(empty(), down=True).url.rsplit(":", 1)[1]
    for container, host in (("docker", "docker"), ("podman", "containers")):
        steps = climb(configured(f"http://localhost:{port}/v1"), {"container": container})
        expected = f"--base-url http://host.{host}.internal:{port}/v1"
        assert (steps["reach"].fix or "").endswith(expected)


@pytest.mark.parametrize(
    ("files", "host"),
    [
        ({}, None),
        ({".dockerenv": ""}, "host.docker.internal"),
        ({"run/.containerenv": 'engine="podman"'}, "host.containers.internal"),
        ({"proc/1/cgroup": "0::/"}, None),
        ({"proc/1/cgroup": "12:cpu:/docker/0123abc"}, "host.docker.internal"),
        ({"proc/1/cgroup": "0::/kubepods/besteffort/pod1"}, "host.docker.internal"),
        ({"proc/1/cgroup": "0::/init.scope"}, None),
    ],
)
def test_container_is_recognised(files: dict[str, str], host: str | None, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert host_from_inside({}, tmp_path) == host


def test_tls_is_a_step_of_its_own(upstream: Upstream, authority: Authority) -> None:
    server = upstream(provider("m"), tls=authority.server())
    steps = climb(configured(server.base_url, tls={"ca_file": str(authority.ca_file)}))
    assert steps["tls"].verdict == "ok"
    assert steps["tls"].detail.startswith("TLSv1.3, certificate valid for ")
    assert steps["chat"].verdict == "ok"


def test_certificate_that_ends_soon_is_warned_of(upstream: Upstream, authority: Authority) -> None:
    server = upstream(provider("m"), tls=authority.server(days=5))
    steps = climb(configured(server.base_url, tls={"ca_file": str(authority.ca_file)}))
    assert steps["tls"].verdict == "warning"
    assert "valid for 5 more days" in steps["tls"].detail
    assert steps["chat"].verdict == "ok"


CERTIFICATES: dict[str, tuple[dict[str, Any], bool, str]] = {
    "expired": ({"expired": True}, True, "renewed, or this machine's clock is wrong"),
    "unknown issuer": ({}, False, "ca_file"),
}


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificate_that_is_not_trusted_stops_at_tls(
    name: str, upstream: Upstream, authority: Authority
) -> None:
    options, trusted, fix = CERTIFICATES[name]
    server = upstream(provider("m"), tls=authority.server(**options))
    settings = {"tls": {"ca_file": str(authority.ca_file)}} if trusted else {}
    steps = climb(configured(server.base_url, **settings))
    assert (steps["reach"].verdict, steps["tls"].verdict) == ("ok", "failed")
    assert fix in (steps["tls"].fix or "")
    assert server.received == 0


def test_certificate_of_another_host_stops_at_tls(upstream: Upstream, authority: Authority) -> None:
    server = upstream(provider("m"), tls=authority.server("llm.example.org"))
    steps = climb(configured(server.base_url, tls={"ca_file": str(authority.ca_file)}))
    assert steps["tls"].verdict == "failed"
    assert "use the host name" in (steps["tls"].fix or "")


def test_https_at_a_server_of_http_says_so(llama_server: LlamaServer) -> None:
    url = llama_server.base_url.replace("http://", "https://")
    steps = climb(configured(url, timeouts={"connect": 0.5}))
    assert steps["tls"].verdict == "failed"
    assert "http://" in (steps["tls"].fix or "")


def test_connection_that_breaks_after_it_stood_is_told(upstream: Upstream) -> None:
    server = upstream(empty(), greet=[(), *[(Reset(),)] * 3])
    steps = climb(configured(server.base_url))
    assert steps["reach"].verdict == "ok"
    assert steps["auth"].verdict == "failed"


# ----------------------------------------------------------------------------------- models

LISTS = {
    "web page": (html(), "a web page came"),
    "404": (error(404), "404"),
    "405": (error(405), "405"),
    "500": (error(500), "500"),
    "broken": (chat("no list"), "no list of models"),
    "redirect": (redirect("http://127.0.0.1:9/"), "307"),
    "too large": (models(*(f"m{n:09}" + "x" * 100 for n in range(100_000))), "larger than 8 MiB"),
}


@pytest.mark.parametrize("name", LISTS)
def test_server_without_a_list_is_tried_with_the_default_model(
    name: str, upstream: Upstream
) -> None:
    answer, said = LISTS[name]
    server = upstream(provider("m", models=answer))
    steps = climb(configured(server.base_url, default_model="m"))
    assert steps["models"].verdict == "warning"
    assert said in steps["models"].detail
    assert steps["chat"].verdict == "ok"


def test_without_list_and_default_no_model_can_be_tried(upstream: Upstream) -> None:
    server = upstream(provider("m", models=error(404)))
    steps = climb(configured(server.base_url))
    assert (steps["chat"].verdict, steps["chat"].code) == ("failed", "no_model")
    assert steps["chat"].fix == "name one with -m MODEL"
    named = climb(configured(server.base_url), model="m")
    assert named["chat"].verdict == "ok"


def test_wrong_path_names_the_right_one(upstream: Upstream) -> None:
    server = upstream(provider("m", prefix="/api/v1", page=True))
    steps = climb(configured(server.base_url, default_model="m"))
    assert steps["models"].detail == "no list: a web page came"
    assert steps["models"].fix == f"its API is at {server.url}/api/v1: make that the base URL"


def test_empty_list_and_foreign_default_are_warned_of(upstream: Upstream) -> None:
    none = climb(configured(upstream(provider()).base_url, default_model="m"))
    assert none["models"].fix == "load or pull a model on the server"
    other = climb(configured(upstream(provider("a", "b")).base_url, default_model="m"))
    assert other["models"].fix == "m is not among them"


def test_a_name_for_whatever_is_loaded_need_not_be_listed(upstream: Upstream) -> None:
    server = upstream(provider("a"))
    steps = climb(configured(server.base_url, default_model="m", dialect={"routers": ["m"]}))
    assert (steps["models"].verdict, steps["models"].fix) == ("ok", None)


def test_first_model_for_chat_is_tried(upstream: Upstream) -> None:
    server = upstream(provider("text-embedding-3", "whisper-1", "llama3"))
    climb(configured(server.base_url))
    asked = {request.json()["model"] for request in server.requests if request.body}
    assert asked == {"llama3"}


# ---------------------------------------------------------------------------------- answers

ANSWERS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "chat: unknown model": ({"chat": error(404, message="no such model")}, "chat", "failed", ""),
    "chat: no credit": ({"chat": error(402)}, "chat", "failed", "credit"),
    "chat: forbidden": ({"chat": error(403)}, "chat", "failed", ""),
    "chat: rate limited": ({"chat": error(429)}, "chat", "warning", ""),
    "chat: overloaded": ({"chat": error(529)}, "chat", "warning", ""),
    "chat: broken": ({"chat": error(500)}, "chat", "failed", ""),
    "chat: html": ({"chat": html()}, "chat", "failed", ""),
    "stream: cut": ({"stream": chat_stream(["Hi"]).cut(at=40)}, "stream", "failed", ""),
    "stream: no json": ({"stream": sse(["{not json"])}, "stream", "failed", ""),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_ladder_stops_where_answers_fail(name: str, upstream: Upstream) -> None:
    faults, stop, verdict, fix = ANSWERS[name]
    server = upstream(provider("m", **faults))
    ladder = Ladder(configured(server.base_url), env={})
    steps: dict[str, Step] = {step.name: step for step in ladder.climb()}
    assert steps[stop].verdict == verdict
    assert fix in (steps[stop].fix or "")
    assert steps["tools"].verdict == "skipped"
    assert ladder.error is not None
    asked = [request for request in server.requests if request.body]
    assert len(asked) == (1 if stop == "chat" else 2)  # nothing is tried twice


ABILITIES: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "tools: refused": ({"tools": error(400, message="tools?")}, "tools", "failed", "400: tools?"),
    "tools: text": ({"tools": chat("It is noon.")}, "tools", "warning", "answered in text"),
    "tools: no JSON": ({"tools": tool_calls(("get_time", "{"))}, "tools", "warning", "no JSON"),
    "tools: cut": ({"tools": chat("I", finish="length")}, "tools", "warning", "cut off"),
    "schema: refused": ({"schema": error(400)}, "schema", "failed", "400"),
    "schema: prose": ({"schema": chat("Sure!")}, "schema", "warning", "not kept to"),
    "schema: other": ({"schema": chat('{"fine": 1}')}, "schema", "warning", "not kept to"),
    "images: refused": ({"images": error(400, message="text only")}, "images", "failed", "text"),
    "images: broken": ({"images": error(500)}, "images", "failed", "500"),
    "usage: none": ({"stream": chat_stream(["Hi"], usage=None)}, "usage", "warning", "not"),
}


@pytest.mark.parametrize("name", ABILITIES)
def test_what_a_provider_need_not_have_does_not_stop(name: str, upstream: Upstream) -> None:
    faults, where, verdict, said = ABILITIES[name]
    server = upstream(provider("m", **faults))
    ladder = Ladder(configured(server.base_url), env={})
    steps: dict[str, Step] = {step.name: step for step in ladder.climb()}
    assert steps[where].verdict == verdict
    assert said in steps[where].detail
    assert not steps[where].needed
    others = {n: s.verdict for n, s in steps.items() if n not in (where, "tls")}
    assert set(others.values()) == {"ok"}
    assert ladder.error is None


def test_answer_of_reasoning_alone_counts(upstream: Upstream) -> None:
    thinking = chat(None, finish="length", reasoning_content="Hm.")
    steps = climb(configured(upstream(provider("m", chat=thinking)).base_url))
    assert steps["chat"].verdict == "ok"


@pytest.mark.parametrize("where", ["models", "chat", "stream"])
def test_silence_is_given_up(where: str, upstream: Upstream) -> None:
    server = upstream(provider("m", **{where: stall()}))
    found = configured(server.base_url, timeouts={"total": 0.3, "first_token": 0.3})
    steps = climb(found)
    stop = "auth" if where == "models" else where
    assert steps[stop].verdict == "failed"
    assert "0.3 s" in steps[stop].detail


def test_disabled_provider_can_be_tested(upstream: Upstream) -> None:
    steps = climb(configured(upstream(provider("m")).base_url, enabled=False))
    assert verdicts(steps) == ALL_OK


def test_route_of_the_same_name_is_not_what_is_tested(upstream: Upstream) -> None:
    server = upstream(provider("m"))
    climb(configured(server.base_url))
    kinds = [kind_of(request.json()) for request in server.requests if request.body]
    assert kinds == ["chat", "stream", "tools", "schema", "images"]


def test_organisation_sees_nothing_of_what_the_server_wrote(
    upstream: Upstream,
) -> None:
    from msgspec.structs import replace

    from dragoman.probe.explain import words_for
    from dragoman.wire import get_format

    found = replace(configured("https://example.org/v1"), egress="organisation")
    body = json.dumps({"error": {"message": "internal host db-7"}}).encode()
    refused = get_format("openai-completions").parse_error(400, {}, body)
    assert words_for(refused, found) == "the server said no (400)"


# ------------------------------------------------------------------------------ real servers


def test_demo_needs_no_network() -> None:
    demo = load(env={}, cwd=Path("/")).providers["demo"]
    steps = climb(demo, model="tools")
    assert (steps["reach"].detail, steps["tls"].verdict) == ("no network is needed", "skipped")
    assert (steps["chat"].verdict, steps["tools"].verdict) == ("ok", "ok")


def test_real_llamacpp_passes(llama_server: LlamaServer) -> None:
    steps = climb(configured(llama_server.base_url))
    assert {steps[n].verdict for n in ("reach", "auth", "models", "chat", "stream")} == {"ok"}
    assert steps["schema"].verdict == "ok"
    assert steps["usage"].verdict == "ok"
    assert steps["images"].verdict == "failed"
    assert "image input is not supported" in steps["images"].detail


def test_real_llamacpp_with_a_key_asks_for_it(tmp_path: Path) -> None:
    with LlamaServer(tmp_path, api_key=KEY) as server:
        without = climb(configured(server.base_url))
        with_key = climb(configured(server.base_url), key=Secret(KEY))
    assert without["auth"].detail == "401: Invalid API Key"
    assert with_key["auth"].verdict == "ok"
    assert with_key["stream"].verdict == "ok"


@pytest.mark.parametrize("api", ["openai-completions", "openai-responses", "anthropic-messages"])
def test_all_three_languages_are_climbed(api: str, aimock_server: AimockServer) -> None:
    aimock_server.reset()
    aimock_server.answer("Say OK", {"content": "OK"})
    aimock_server.answer("What time", {"toolCalls": [{"name": "get_time", "arguments": "{}"}]})
    aimock_server.answer("Answer with", {"content": '{"ok": true}'})
    aimock_server.answer("Which colour", {"content": "Red"})
    steps = climb(configured(aimock_server.base_url, api=api, default_model="gpt-4o"))
    for name in ("chat", "stream", "tools", "schema", "images", "usage"):
        assert steps[name].verdict == "ok", steps[name]
