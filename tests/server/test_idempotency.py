"""An `Idempotency-Key`: one completion, however often its request is sent."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.answer_seal import AnswerSeal
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import (
    OLD_VARIABLE,
    VARIABLE,
    find_master_keys,
    new_key,
)
from dragoman.organisations.rotation import rotate
from dragoman.organisations.safe import Safe
from dragoman.server.policies.cache import MemoryShelf
from dragoman.store.claims import ClaimKey, Claims, StoredClaims
from dragoman.store.database import Place, open_database
from dragoman.types.kept import KeptAnswer
from tests.server.serving import Served, ask, open_claims
from tests.upstream.answers import stall
from tests.upstream.fault import Answer, FaultUpstream, chat, chat_stream, error

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]
BODY = {"model": "a/x", "messages": PROMPT}
KEY = ClaimKey("default", "", "v")
ANSWER = KeptAnswer(at=0.0, status=200, stream=False, headers={}, body=b"\xff\x00x")
CACHED = {"cache": {"enabled": True}}
SLOW = stall(0.6, chat("Hello"))


def post(gateway: Served, value: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body or BODY).encode()
    return ask(f"{gateway.base_url}/chat/completions", data, idempotency_key=value)


def serve_to(serve: Any, server: FaultUpstream, /, **settings: Any) -> Served:
    gateway: Served = serve({"a": {"base_url": server.base_url, "retries": 0}}, **settings)
    return gateway


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_request_is_answered_with_the_same_bytes(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    server = upstream(chat_stream(["Hel", "lo"]) if stream else chat("Hello"))
    gateway = serve_to(serve, server)
    first = post(gateway, "one", {**BODY, "stream": stream})
    again = post(gateway, "one", {**BODY, "stream": stream})
    other = post(gateway, "two", {**BODY, "stream": stream})
    assert first[2] == again[2]
    assert [found[1].get("idempotent-replayed") for found in (first, again, other)] == [
        None,
        "true",
        None,
    ]
    assert again[1]["content-type"] == first[1]["content-type"]
    assert len(server.requests) == 2
    seen = gateway.seen.wait(2)
    assert (seen.replayed, seen.attempts, seen.cost_nanousd) == ("idempotency", [], 0)


def test_requests_at_the_same_time_lead_to_one_completion(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(SLOW)
    gateway = serve_to(serve, server)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(gateway, "one"), range(8)))
    assert {answer[2] for answer in answers} == {chat("Hello").body}
    assert [answer[0] for answer in answers] == [200] * 8
    assert len(server.requests) == 1


def test_the_sdk_that_gives_up_and_tries_again_gets_the_first_completion(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(SLOW)
    client = serve_to(serve, server).openai(timeout=0.3, max_retries=5)
    answer = client.chat.completions.create(
        model="a/x", messages=PROMPT, extra_headers={"Idempotency-Key": "one"}
    )
    assert answer.choices[0].message.content == "Hello"
    assert len(server.requests) == 1


def test_the_anthropic_sdk_gets_the_first_completion_too(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(SLOW)
    client = serve_to(serve, server).anthropic(timeout=0.3, max_retries=5)
    answer = client.messages.create(
        model="a/x", max_tokens=9, messages=PROMPT, extra_headers={"Idempotency-Key": "one"}
    )
    assert answer.content[0].text == "Hello"
    assert len(server.requests) == 1


def test_a_form_that_is_sent_again_is_the_same_whatever_parts_it(
    serve: Any, upstream: StartUpstream
) -> None:
    spoken = Answer(headers=(("content-type", "application/json"),), body=b'{"text": "Hello"}')
    server = upstream(spoken)
    create = serve_to(serve, server).openai().audio.transcriptions.create
    once: Any = {"model": "a/x", "extra_headers": {"Idempotency-Key": "one"}}
    for _ in range(2):  # the library makes a boundary anew for each
        assert create(file=("a.wav", b"RIFF"), **once).text == "Hello"
    with pytest.raises(openai.UnprocessableEntityError):
        create(file=("a.wav", b"RIFFS"), **once)
    assert len(server.requests) == 1


def test_an_error_that_may_pass_is_not_kept(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([error(503), chat("Hello")])
    gateway = serve_to(serve, server)
    gateway.forgive()
    client = gateway.openai(max_retries=2)
    answer = client.chat.completions.create(
        model="a/x", messages=PROMPT, extra_headers={"Idempotency-Key": "one"}
    )
    assert answer.choices[0].message.content == "Hello"
    assert len(server.requests) == 2


def test_an_error_that_stays_is_given_again(serve: Any, upstream: StartUpstream) -> None:
    server = upstream([error(400), chat("never")])
    gateway = serve_to(serve, server)
    first, again = post(gateway, "one"), post(gateway, "one")
    assert (first[0], first[2]) == (again[0], again[2])
    assert first[0] == 400
    assert len(server.requests) == 1


def test_a_stream_that_broke_off_may_be_tried_again(serve: Any, upstream: StartUpstream) -> None:
    cut = chat_stream(["Hel"], finish=None, usage=None, done=False)
    server = upstream([cut, chat_stream(["Hello"])])
    gateway = serve_to(serve, server)
    gateway.forgive()
    post(gateway, "one", {**BODY, "stream": True})
    assert b"Hello" in post(gateway, "one", {**BODY, "stream": True})[2]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_a_guardrail_refused_is_not_asked_for_again(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    said = ["Hello, this is ", "Fal", "con"]
    server = upstream(chat_stream(said) if stream else chat("".join(said)))
    rules = [{"name": "g", "kind": "words", "words": ["falcon"], "action": "deny"}]
    gateway = serve_to(serve, server, guardrails=rules)
    first, again = (post(gateway, "one", {**BODY, "stream": stream}) for _ in range(2))
    assert b"guardrail_blocked" in first[2]
    assert (first[0], first[2]) == (again[0], again[2])
    assert len(server.requests) == 1


def test_the_value_of_another_request_is_refused_in_the_clients_language(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_to(serve, upstream(chat("ok")))
    post(gateway, "one")
    status, headers, body = post(gateway, "one", {**BODY, "temperature": 1})
    assert (status, json.loads(body)["error"]["code"]) == (422, "idempotency_key_reused")
    assert headers["x-should-retry"] == "false"


@pytest.mark.parametrize("value", ["x" * 256, "caf\xe9"])
def test_a_value_that_is_none_is_refused(serve: Any, upstream: StartUpstream, value: str) -> None:
    gateway = serve_to(serve, upstream(chat("ok")))
    assert post(gateway, value)[0] == 400


def test_two_gateways_with_one_database_answer_once(
    serve: Any, upstream: StartUpstream, tmp_path: Path
) -> None:
    server = upstream(SLOW)
    one = serve_to(serve, server, database=tmp_path / "dragoman.db")
    two = serve_to(serve, server, database=tmp_path / "dragoman.db")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda gateway: post(gateway, "one"), [one, two, one, two]))
    assert {answer[2] for answer in answers} == {chat("Hello").body}
    assert len(server.requests) == 1


# -------------------------------------------------------------------------------- the cache


class Hesitant(MemoryShelf):
    """Fails when it is asked first, or hesitates; later it has an answer."""

    def __init__(self, *, pause_s: float | None) -> None:
        super().__init__(10_000)
        self._pause_s = pause_s
        self._asked = False

    async def find(self, key: str, now: float) -> KeptAnswer | None:
        if not self._asked and self._pause_s is None:
            self._asked = True
            raise RuntimeError("broken")
        await asyncio.sleep(self._pause_s or 0)
        return FROM_CACHE


FROM_CACHE = KeptAnswer(at=0.0, status=200, stream=False, headers={}, body=chat("Hello").body)


def told(answer: Any) -> tuple[int, str | None, str | None]:
    return answer[0], answer[1].get("x-dragoman-cache"), answer[1].get("idempotent-replayed")


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_cache_answers_first_is_the_completion_of_its_value(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    answer = chat_stream(["Hel", "lo"]) if stream else chat("Hello")
    server = upstream([answer, error(500)])
    gateway = serve_to(serve, server, server=CACHED)
    body = {**BODY, "stream": stream}
    cached = ask(f"{gateway.base_url}/chat/completions", json.dumps(body).encode())
    first, again = post(gateway, "one", body), post(gateway, "one", body)
    assert [told(first), told(again)] == [(200, "hit", None), (200, None, "true")]
    assert first[2] == again[2] == cached[2]
    assert again[1]["content-type"] == cached[1]["content-type"]
    assert told(post(gateway, "one", {**body, "temperature": 1}))[0] == 422
    seen = [gateway.seen.wait(number) for number in (2, 3)]
    assert [(one.replayed, one.cost_nanousd) for one in seen] == [("cache", 0), ("idempotency", 0)]


def test_a_value_keeps_its_answer_while_the_cache_gets_another(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_to(serve, upstream([chat("first"), chat("second")]), server=CACHED)
    first = post(gateway, "one")
    url = f"{gateway.base_url}/chat/completions"
    other = ask(url, json.dumps(BODY).encode(), cache_control="no-cache")
    again = post(gateway, "one")
    assert (told(again), again[2]) == ((200, None, "true"), first[2])
    assert other[2] == post(gateway, "two")[2] != first[2]


def test_the_value_of_another_request_is_refused_though_the_cache_has_an_answer(
    serve: Any, upstream: StartUpstream
) -> None:
    gateway = serve_to(serve, upstream(chat("ok")), server=CACHED)
    other = {**BODY, "temperature": 1}
    assert told(post(gateway, "two", other)) == (200, "miss", None)
    post(gateway, "one")
    assert told(post(gateway, "one", other))[0] == 422


def test_a_cache_that_fails_leaves_the_value_free(serve: Any, upstream: StartUpstream) -> None:
    shelf = Hesitant(pause_s=None)
    gateway = serve_to(serve, upstream(error(500)), server=CACHED, shelf=shelf)
    answers = [post(gateway, "one") for _ in range(3)]
    assert [told(one) for one in answers] == [
        (500, None, None),
        (200, "hit", None),
        (200, None, "true"),
    ]


def test_who_leaves_while_the_cache_is_asked_finds_its_answer_later(
    serve: Any, upstream: StartUpstream
) -> None:
    shelf = Hesitant(pause_s=0.6)
    gateway = serve_to(serve, upstream(error(500)), server=CACHED, shelf=shelf)
    answer = gateway.openai(timeout=0.3, max_retries=5).chat.completions.create(
        model="a/x", messages=PROMPT, extra_headers={"Idempotency-Key": "one"}
    )
    assert answer.choices[0].message.content == "Hello"
    assert gateway.seen.wait(1).replayed == "cache"
    assert gateway.seen.wait(2).replayed == "idempotency"


# ------------------------------------------------------------------------------- the claims


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def claims(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    place: Place | None = None
    if request.param == "sqlite":
        place = tmp_path / "dragoman.db"
    elif request.param == "postgresql":
        place = request.getfixturevalue("postgres_server").new()
    if place is not None:
        open_database(place).close()
    with open_claims(place) as found:
        yield found


def test_a_claim_is_one_holders_until_its_lease_ends(claims: Claims) -> None:
    assert claims.claim(KEY, "d", "one", 100.0, 30.0).mine
    assert not claims.claim(KEY, "d", "two", 129.0, 30.0).mine
    claims.renew(KEY, "one", 150.0)
    assert not claims.claim(KEY, "d", "two", 149.0, 30.0).mine
    assert claims.claim(KEY, "d", "two", 151.0, 30.0).mine


def test_who_has_lost_a_claim_changes_nothing(claims: Claims) -> None:
    claims.claim(KEY, "d", "one", 100.0, 30.0)
    claims.claim(KEY, "d", "two", 131.0, 30.0)
    claims.settle(KEY, "one", ANSWER, 999.0)
    claims.release(KEY, "one")
    assert claims.claim(KEY, "d", "three", 132.0, 30.0).answer is None
    claims.settle(KEY, "two", ANSWER, 999.0)
    assert claims.claim(KEY, "d", "three", 133.0, 30.0).answer == ANSWER


def test_what_a_dead_worker_had_under_way_is_free_and_what_it_had_answered_is_not(
    place: Place,
) -> None:
    open_database(place).close()
    mine, other, answered = (ClaimKey("default", "", value) for value in ("1", "2", "3"))
    with open_claims(place) as dead, open_claims(place) as lives:
        dead.worker, lives.worker = "1-aa", "11-aa"
        holder = dead.new_holder()
        for key in (mine, answered):
            assert dead.claim(key, "d", holder, 100.0, 30.0).mine
        dead.settle(answered, holder, ANSWER, 999.0)
        assert lives.claim(other, "d", lives.new_holder(), 100.0, 30.0).mine
        lives.abandon("1-aa")
        assert lives.claim(mine, "d", "next", 101.0, 30.0).mine
        assert not lives.claim(other, "d", "next", 101.0, 30.0).mine
        assert lives.claim(answered, "d", "next", 101.0, 30.0).answer == ANSWER


def test_an_answer_is_kept_as_long_as_was_said(claims: Claims) -> None:
    claims.claim(KEY, "d", "one", 100.0, 30.0)
    claims.settle(KEY, "one", ANSWER, 200.0)
    assert claims.claim(KEY, "d", "two", 199.0, 30.0).answer == ANSWER
    assert claims.claim(KEY, "e", "two", 201.0, 30.0).mine


def test_an_answer_that_is_too_large_is_known_to_have_been_given(claims: Claims) -> None:
    claims.claim(KEY, "d", "one", 100.0, 30.0)
    claims.settle(KEY, "one", None, 200.0)
    found = claims.claim(KEY, "d", "two", 101.0, 30.0)
    assert (found.mine, found.gone, found.answer) == (False, True, None)


def test_answers_are_sealed_each_for_its_own_asker(place: Place) -> None:
    other = ClaimKey("acme", "key", "v")
    said = KeptAnswer(at=0.0, status=200, stream=False, headers={}, body=b"a canary")
    with open_claims(place) as claims:
        for key in (KEY, other):
            claims.claim(key, "d", "one", 100.0, 30.0)
            claims.settle(key, "one", said, 999.0)
        with closing(open_database(place)) as connection:
            rows = connection.rows("SELECT organisation_id, answer FROM idempotency")
            kept = {row["organisation_id"]: row["answer"] for row in rows}
            for text in kept.values():
                assert b"canary" not in text.encode() + b64decode(text)
            connection.write(
                "UPDATE idempotency SET answer = :answer WHERE organisation_id = 'acme'",
                {"answer": kept["default"]},
            )
        assert claims.claim(KEY, "d", "two", 101.0, 30.0).answer == said
        moved = claims.claim(other, "d", "two", 101.0, 30.0)
        assert (moved.mine, moved.gone, moved.answer) == (False, True, None)


def test_a_new_master_key_opens_what_was_kept_and_a_wrong_one_does_not(place: Place) -> None:
    old, new = new_key(), new_key()
    open_database(place).close()

    def claims_with(env: dict[str, str]) -> Claims:
        return StoredClaims(place, AnswerSeal(Safe(desk, env)))

    with closing(Desk(place)) as desk:
        with closing(claims_with({VARIABLE: old})) as claims:
            claims.claim(KEY, "d", "one", 100.0, 30.0)
            claims.settle(KEY, "one", ANSWER, 999.0)
        rotate(desk, find_master_keys({VARIABLE: new, OLD_VARIABLE: old}), SYSTEM)
        with closing(claims_with({VARIABLE: new})) as claims:
            assert claims.claim(KEY, "d", "two", 101.0, 30.0).answer == ANSWER
        with closing(claims_with({VARIABLE: old})) as claims:
            assert claims.claim(KEY, "d", "two", 101.0, 30.0).gone
            claims.claim(ClaimKey("default", "", "w"), "d", "one", 100.0, 30.0)
            claims.settle(ClaimKey("default", "", "w"), "one", ANSWER, 999.0)
            assert claims.claim(ClaimKey("default", "", "w"), "d", "two", 101.0, 30.0).gone


def test_organisations_and_keys_do_not_see_each_others_claims(claims: Claims) -> None:
    claims.claim(KEY, "d", "one", 100.0, 30.0)
    for other in (ClaimKey("acme", "", "v"), ClaimKey("default", "key", "v")):
        assert claims.claim(other, "d", "two", 101.0, 30.0).mine


def test_of_many_who_claim_at_once_one_gets_it(place: Place) -> None:
    open_database(place).close()

    def claim(number: int) -> bool:
        with open_claims(place) as mine:
            return mine.claim(KEY, "d", str(number), 100.0, 30.0).mine

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(16))) == 1
