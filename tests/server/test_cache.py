"""Answers that are kept and given again: to whom, when, and byte for byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.organisations import find_organisation, update_organisation
from dragoman.server.policies.cache import MemoryShelf, RedisShelf
from dragoman.store.database import StoreError
from dragoman.store.redis import Redis, RedisAddress
from dragoman.types.kept import KeptAnswer
from dragoman.types.organisation import CacheChange, SettingsChange
from tests.server.serving import Served, ask
from tests.server.tenancy import Team
from tests.upstream.answers import embeddings
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tool_calls
from tests.upstream.redis import RedisServer

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]
ON = {"cache": {"enabled": True}}
CACHE = "x-dragoman-cache"


def told(answer: Any) -> str | None:
    found: str | None = answer.headers.get(CACHE)
    return found


def serve_cached(serve: Any, server: FaultUpstream, **settings: Any) -> Served:
    gateway: Served = serve({"a": {"base_url": server.base_url}}, server=ON, **settings)
    return gateway


def post(
    gateway: Served, body: dict[str, Any], path: str = "/chat/completions", **head: str
) -> Any:
    return ask(f"{gateway.base_url}{path}", json.dumps(body).encode(), **head)


BODY = {"model": "a/x", "messages": PROMPT}


def test_nothing_is_kept_unless_it_is_switched_on(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    client = serve({"a": {"base_url": server.base_url}}).openai()
    for _ in range(2):
        raw = client.chat.completions.with_raw_response.create(model="a/x", messages=PROMPT)
        assert told(raw) is None
    assert len(server.requests) == 2


def test_the_same_request_is_answered_once_in_any_order_of_its_fields(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_cached(serve, server)
    first = post(gateway, {**BODY, "temperature": 0.5})
    again = post(gateway, {"temperature": 0.5, "messages": PROMPT, "model": "a/x"})
    other = post(gateway, {**BODY, "temperature": 0.6})
    assert (first[1][CACHE], again[1][CACHE], other[1][CACHE]) == ("miss", "hit", "miss")
    assert again[2] == first[2]
    assert first[1]["x-request-id"] != again[1]["x-request-id"]
    assert (again[1]["x-dragoman-attempts"], again[1]["x-dragoman-cost-usd"]) == (
        "0",
        "0.000000000",
    )
    assert again[1]["x-dragoman-provider"] == "a"
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('{"role":"user","content":"bad","content":"Q"}', '{"role":"user","content":"Q"}'),
        ('{"role":"user","x":0.1}', '{"role":"user","x":0.10000000000000000001}'),
        ('{"role":"user","content":"Q","x":0.1}', '{"role":"user","content":"Q","x":"0.1"}'),
        ('{"role":"user","content":"Q","x":1}', '{"role":"user","content":"Q","x":true}'),
    ],
)  # fmt: skip
def test_what_a_server_could_read_otherwise_is_another_question(
    serve: Any, upstream: StartUpstream, first: str, second: str
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_cached(serve, server)
    for message in (first, second):
        asked = f'{{"model":"a/x","messages":[{message}]}}'.encode()
        assert ask(f"{gateway.base_url}/chat/completions", asked)[0] == 200
    assert len(server.requests) == 2


def test_a_hit_is_an_exchange_without_attempts_that_costs_nothing(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_cached(serve, upstream(chat("ok")))
    post(gateway, BODY)
    post(gateway, BODY)
    seen = gateway.seen.wait(2)
    assert (seen.replayed, seen.outcome, seen.status, seen.attempts) == ("cache", "ok", 200, [])
    assert (seen.cost_nanousd, seen.cost_source) == (0, "cached")


@pytest.mark.parametrize("language", ["chat", "messages", "responses"])
def test_a_stream_is_given_again_as_the_stream_that_it_was(
    serve: Any, upstream: StartUpstream, language: str
) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    gateway = serve_cached(serve, server)
    path, body = {
        "chat": ("/chat/completions", BODY),
        "messages": ("/messages", {**BODY, "max_tokens": 5}),
        "responses": ("/responses", {"model": "a/x", "input": "hi", "store": False}),
    }[language]
    first = post(gateway, {**body, "stream": True}, path)
    again = post(gateway, {**body, "stream": True}, path)
    assert (told_of(first), told_of(again)) == ("miss", "hit")
    assert again[2] == first[2]
    assert again[1]["content-type"] == first[1]["content-type"]
    assert len(server.requests) == 1


def told_of(answer: Any) -> str | None:
    found: str | None = answer[1].get(CACHE)
    return found


def test_the_sdks_read_a_stream_from_the_cache(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    gateway = serve_cached(serve, server)
    for _ in range(2):
        chunks = gateway.openai().chat.completions.create(model="a/x", messages=PROMPT, stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    for _ in range(2):
        with gateway.anthropic().messages.stream(
            model="a/x", max_tokens=50, messages=PROMPT
        ) as stream:
            assert stream.get_final_text() == "Hello"
    assert len(server.requests) == 2


def test_a_stream_and_a_whole_answer_are_kept_apart(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat_stream(["ok"]), chat("ok")])
    gateway = serve_cached(serve, server)
    post(gateway, {**BODY, "stream": True})
    status, head, body = post(gateway, BODY)
    assert (status, head[CACHE], json.loads(body)["object"]) == (200, "miss", "chat.completion")


CUT = chat_stream(["Hel", "lo"], finish=None, usage=None, done=False)
UNFIT = {
    "an error": error(500),
    "a refusal": error(400),
    "a cut stream": CUT,
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_is_no_whole_success_is_never_kept(
    serve: Any, upstream: StartUpstream, name: str
) -> None:
    stream = name == "a cut stream"
    server = upstream([UNFIT[name], chat_stream(["fine"]) if stream else chat("fine")])
    gateway = serve({"a": {"base_url": server.base_url, "retries": 0}}, server=ON)
    gateway.forgive()
    post(gateway, {**BODY, "stream": stream})
    assert b"fine" in post(gateway, {**BODY, "stream": stream})[2]


def test_an_answer_that_ran_into_its_limit_is_not_kept(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat("Hel", finish="length"), chat("Hello")])
    gateway = serve_cached(serve, server)
    post(gateway, BODY)
    assert b"Hello" in post(gateway, BODY)[2]


def test_tool_calls_are_kept(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(tool_calls(("look", {"at": 1})))
    gateway = serve_cached(serve, server)
    assert post(gateway, BODY)[2] == post(gateway, BODY)[2]
    assert len(server.requests) == 1


def test_a_request_may_forbid_to_look_or_to_keep(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([chat(f"answer {number}") for number in range(4)])
    gateway = serve_cached(serve, server)
    assert told_of(post(gateway, BODY, cache_control="no-store")) is None
    assert told_of(post(gateway, BODY)) == "miss"
    fresh = post(gateway, BODY, cache_control="no-cache")
    assert (told_of(fresh), b"answer 2" in fresh[2]) == ("miss", True)
    assert b"answer 2" in post(gateway, BODY)[2]
    assert len(server.requests) == 3


def test_an_answer_that_is_too_large_or_too_old_is_asked_for_again(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("x" * 500))
    small = {"cache": {"enabled": True, "entry_size": 300}}
    gateway = serve({"a": {"base_url": server.base_url}}, server=small)
    post(gateway, BODY)
    assert told_of(post(gateway, BODY)) == "miss"


def test_another_provider_behind_the_same_name_is_another_question(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve(
        {"a": {"base_url": server.base_url}, "b": {"base_url": server.base_url}},
        server=ON,
        routes={"smart": {"models": ["a/x"]}, "other": {"models": ["b/x"]}},
    )
    post(gateway, {**BODY, "model": "smart"})
    assert told_of(post(gateway, {**BODY, "model": "other"})) == "miss"
    assert told_of(post(gateway, {**BODY, "model": "smart"})) == "hit"


def test_embeddings_are_kept_too(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(embeddings(1))
    client = serve_cached(serve, server).openai()
    for _ in range(2):
        found = client.embeddings.create(model="a/x", input="hi", encoding_format="float")
        assert found.data[0].embedding == [0.5, 0.25, 0]
    assert len(server.requests) == 1


def test_responses_that_somebody_keeps_are_not_kept_here(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(chat("ok"))
    gateway = serve_cached(serve, server)
    for _ in range(2):
        assert told_of(post(gateway, {"model": "a/x", "input": "hi"}, "/responses")) is None


# -------------------------------------------------------------------------- organisations


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with Team(tmp_path / "dragoman.db") as team:
        yield team


def switch_on(team: Team, name: str, choice: CacheChange) -> str:
    """Make an organisation with a choice; gives a key of it."""
    organisation = team.organisation(name)
    with team.desk.read() as connection:
        found = find_organisation(connection, name)
    assert found is not None
    update_organisation(team.desk, SYSTEM, found, settings=SettingsChange(cache=choice))
    return team.key(organisation)[1]


def test_an_organisation_never_gets_anothers_answers(
    serve: Any, upstream: StartUpstream, team: Team
) -> None:
    server = upstream(chat("ok"))
    keys = [switch_on(team, name, CacheChange(enabled=True)) for name in ("red", "blue")]
    gateway = serve({"a": {"base_url": server.base_url}}, team=team)
    told = [told_of(post(gateway, BODY, x_api_key=key)) for key in (*keys, *keys)]
    assert told == ["miss", "miss", "hit", "hit"]
    assert len(server.requests) == 2


def test_each_organisation_chooses_for_itself(
    serve: Any, upstream: StartUpstream, team: Team
) -> None:
    off = switch_on(team, "red", CacheChange(enabled=False))
    general = switch_on(team, "blue", CacheChange())
    gateway = serve({"a": {"base_url": upstream(chat("ok")).base_url}}, server=ON, team=team)
    assert told_of(post(gateway, BODY, x_api_key=off)) is None
    assert told_of(post(gateway, BODY, x_api_key=general)) == "miss"


def test_a_key_that_may_use_less_gets_no_answer_of_a_key_that_may_use_more(
    serve: Any, upstream: StartUpstream, team: Team
) -> None:
    server = upstream(chat("ok"))
    whole = switch_on(team, "red", CacheChange(enabled=True))
    narrow = team.key(team.id_of("red"), "narrow", providers=("b",))[1]
    gateway = serve({n: {"base_url": server.base_url} for n in ("a", "b")}, team=team)
    assert told_of(post(gateway, BODY, x_api_key=whole)) == "miss"
    assert post(gateway, BODY, x_api_key=narrow)[0] in (403, 404)


# ------------------------------------------------------------------------ where it is kept


def kept(body: bytes, at: float = 0.0) -> KeptAnswer:
    return KeptAnswer(at=at, status=200, stream=False, headers={"a": "b"}, body=body)


def test_memory_holds_so_many_bytes_of_what_was_used_last() -> None:
    async def use() -> list[bool]:
        shelf = MemoryShelf(5000)
        for name in "abcd":
            await shelf.keep(name, kept(b"x" * 1000), 60.0)
            await shelf.find("a", 1.0)
        return [await shelf.find(name, 1.0) is not None for name in "abcd"]

    assert asyncio.run(use()) == [True, False, True, True]


def test_memory_forgets_when_the_time_is_over() -> None:
    async def use() -> list[KeptAnswer | None]:
        shelf = MemoryShelf(5000)
        await shelf.keep("a", kept(b"x", at=100.0), 60.0)
        return [await shelf.find("a", now) for now in (159.0, 160.0, 159.0)]

    assert asyncio.run(use()) == [kept(b"x", at=100.0), None, None]


async def awake(redis: Redis) -> Redis:
    """Wait until it answers in time: the first command loads a library and connects."""
    while True:
        try:
            await redis.ask("PING")
        except StoreError:
            await asyncio.sleep(0.05)
        else:
            return redis


def test_redis_holds_what_it_is_given_for_all_and_a_dead_one_is_a_miss(
    redis_server: RedisServer,
) -> None:
    address = redis_server.new()

    async def use() -> tuple[KeptAnswer | None, KeptAnswer | None]:
        one, two = [RedisShelf(await awake(Redis(address))) for _ in range(2)]
        await one.keep("acme:key", kept(b"\xff\x00x"), 60.0)
        found = await two.find("acme:key", 0.0)
        await one.close()
        await two.close()
        gone = RedisShelf(Redis(RedisAddress("redis://127.0.0.1:1/0")))
        await gone.keep("acme:key", kept(b"x"), 60.0)
        missing = await gone.find("acme:key", 0.0)
        await gone.close()
        return found, missing

    assert asyncio.run(use()) == (kept(b"\xff\x00x"), None)
