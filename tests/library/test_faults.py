"""What happens when a provider fails: retries, fallback, timers, records. Sync and async alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import (
    AllAttemptsFailed,
    AuthFailed,
    BadRequest,
    BillingError,
    ConnectFailed,
    ConnectionLost,
    ContentFiltered,
    ContextOverflow,
    DragomanError,
    NotFound,
    Overloaded,
    PermissionDenied,
    ProtocolError,
    RateLimited,
    ServerError,
    StreamTruncated,
    Timeout,
)
from dragoman.types import PartDelta
from dragoman.types.provider import Limits
from tests.library.asking import Asker, configure, elapsed, trail
from tests.upstream.fault import (
    FaultUpstream,
    chat,
    chat_stream,
    empty,
    error,
    html,
    pings,
    redirect,
    retry_at,
    stall,
)

Start = Callable[..., FaultUpstream]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def one(upstream: FaultUpstream, **fields: Any) -> dict[str, Any]:
    """A provider's table."""
    return {"base_url": upstream.base_url, "models": [{"id": "x"}], **fields}


def alone(kind: str, upstream: FaultUpstream, **fields: Any) -> Asker:
    """Ask a single provider `a`."""
    return Asker(kind, configure({"a": one(upstream, **fields)}))


def pair(kind: str, first: FaultUpstream, second: FaultUpstream, **fields: Any) -> Asker:
    """Ask `a`, and `b` when it fails."""
    return Asker(kind, configure({"a": one(first, **fields), "b": one(second)}))


BOTH = ["a/x", "b/y"]


# -- one provider: which error, and what is retried


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, message="nonsense"), BadRequest),
        (error(401), AuthFailed),
        (error(402), BillingError),
        (error(403), PermissionDenied),
        (error(404), NotFound),
        (error(400, message="too long", code="context_length_exceeded"), ContextOverflow),
        (error(400, code="content_filter"), ContentFiltered),
        (error(422, {"detail": "no"}), BadRequest),
        (redirect("http://elsewhere.test/"), DragomanError),
    ],
)
def test_what_repeating_cannot_mend_is_asked_once(
    kind: str, upstream: Start, answer: Any, expected: type[DragomanError]
) -> None:
    server = upstream([answer])
    with pytest.raises(expected) as caught:
        alone(kind, server).chat("a/x")
    assert caught.value.provider == "a"
    assert caught.value.model == "x"
    assert len(caught.value.attempts) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(408), ServerError),
        (error(429), RateLimited),
        (error(500), ServerError),
        (error(502, "<html>bad gateway</html>"), ServerError),
        (error(529), Overloaded),
        (html(200), ProtocolError),
        (empty(200), ProtocolError),
        (error(200, {"error": {"message": "inside", "type": "server_error"}}), ServerError),
        (chat("cut").cut(at=20), ConnectionLost),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_passing_fault_is_retried_twice(
    kind: str, upstream: Start, answer: Any, expected: type[DragomanError], streamed: bool
) -> None:
    server = upstream(answer)
    asker = alone(kind, server)
    if streamed:
        caught = asker.stream("a/x").error
    else:
        with pytest.raises(expected) as info:
            asker.chat("a/x")
        caught = info.value
    assert isinstance(caught, expected)
    assert len(server.requests) == 3
    assert [attempt.kind for attempt in caught.attempts] == ["first", "retry", "retry"]


def test_a_retry_that_succeeds_is_an_answer_with_its_history(kind: str, upstream: Start) -> None:
    server = upstream([error(429, retry_after_ms=1), error(500), chat("ok")])
    answer = alone(kind, server).chat("a/x")
    assert answer.text == "ok"
    assert trail(answer.exchange) == [
        "first a/x error 429 rate_limit_exceeded",
        "retry a/x error 500 upstream_error",
        "retry a/x ok 200",
    ]
    assert answer.attempts[1].pause_s == pytest.approx(0.001)


@pytest.mark.parametrize("spell", [lambda: "1", lambda: retry_at(2)])
def test_retry_after_is_obeyed(kind: str, upstream: Start, spell: Callable[[], str]) -> None:
    server = upstream([error(429, retry_after=spell()), chat("ok")])
    began = time.monotonic()
    assert alone(kind, server).chat("a/x").text == "ok"
    assert 0.7 < elapsed(began) < 2.5


def test_retries_can_be_turned_off(kind: str, upstream: Start) -> None:
    server = upstream([error(500)])
    with pytest.raises(ServerError):
        alone(kind, server, retries=0).chat("a/x")


def test_a_server_that_is_down_says_so_in_words(kind: str, upstream: Start) -> None:
    server = upstream([], down=True)
    with pytest.raises(ConnectFailed) as caught:
        alone(kind, server).chat("a/x")
    assert "refused" in caught.value.message
    assert caught.value.hint


def test_the_key_never_shows_in_an_error(kind: str, upstream: Start) -> None:
    server = upstream([error(401, message="Incorrect API key provided: sk-canary-0123456789")])
    with pytest.raises(AuthFailed) as caught:
        alone(kind, server, api_key="sk-canary-0123456789").chat("a/x")
    assert server.requests[0].header("authorization") == "Bearer sk-canary-0123456789"
    assert "canary" not in str(caught.value) + repr(caught.value.__dict__)


def test_without_a_key_a_401_tells_where_one_was_looked_for(kind: str, upstream: Start) -> None:
    server = upstream([error(401)])
    with pytest.raises(AuthFailed) as caught:
        alone(kind, server).chat("a/x")
    assert server.requests[0].header("authorization") is None
    assert "A_API_KEY" in (caught.value.hint or "")


# -- fallback


@pytest.mark.parametrize(
    "answer",
    [
        error(500),
        error(529),
        html(200),
        empty(200),
        chat_stream([], finish=None, usage=None, done=False),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_fallback_answers_when_the_first_fails(
    kind: str, upstream: Start, answer: Any, streamed: bool
) -> None:
    first, second = upstream(answer), upstream(chat_stream(["o", "k"]) if streamed else chat("ok"))
    asker = pair(kind, first, second, retries=0)
    if streamed:
        went = asker.stream(BOTH)
        assert went.error is None
        completion = went.completion
    else:
        completion = asker.chat(BOTH)
    assert completion.text == "ok"
    assert completion.provider == "b"
    assert [attempt.outcome for attempt in completion.attempts] == ["error", "ok"]


def test_a_refused_connection_moves_on_at_once(kind: str, upstream: Start) -> None:
    answer = pair(kind, upstream([], down=True), upstream(chat("ok"))).chat(BOTH)
    assert trail(answer.exchange) == ["first a/x error connect_failed", "fallback b/y ok 200"]


def test_too_slow_counts_as_failed(kind: str, upstream: Start) -> None:
    first, second = upstream(chat_stream(["late"]).stall(at=0)), upstream(chat_stream(["ok"]))
    asker = pair(kind, first, second, timeouts={"first_token": 0.2})
    began = time.monotonic()
    answer = asker.chat(BOTH)
    assert answer.text == "ok"
    assert elapsed(began) < 2
    assert trail(answer.exchange) == [
        "first a/x error 200 first_token_timeout",
        "fallback b/y ok 200",
    ]
    first.requests[0].wait_closed(1.0)


def test_comments_do_not_pass_for_tokens(kind: str, upstream: Start) -> None:
    first, second = upstream(pings()), upstream(chat_stream(["ok"]))
    answer = pair(kind, first, second, timeouts={"first_token": 0.2}).chat(BOTH)
    assert answer.provider == "b"


@pytest.mark.parametrize("answer", [error(400), error(400, code="content_filter")])
def test_the_callers_fault_never_falls_back(kind: str, upstream: Start, answer: Any) -> None:
    second = upstream([])
    with pytest.raises(BadRequest):
        pair(kind, upstream([answer]), second).chat(BOTH)
    assert not second.requests


def test_a_bad_key_falls_back_and_is_said_aloud(kind: str, upstream: Start) -> None:
    answer = pair(kind, upstream([error(401)]), upstream(chat("ok"))).chat(BOTH)
    assert answer.text == "ok"
    assert any(warning.startswith("a/x: ") for warning in answer.warnings)


def test_an_overflow_moves_to_a_larger_window(kind: str, upstream: Start) -> None:
    overflow = error(400, message="too long", code="context_length_exceeded")
    small, large = upstream([overflow]), upstream([chat("ok")])
    config = configure(
        {
            "a": one(small, models=[{"id": "x", "context_window": 8000}]),
            "b": one(large, models=[{"id": "y", "context_window": 100_000}]),
        }
    )
    assert Asker(kind, config).chat(BOTH).provider == "b"


def test_when_all_fail_the_error_tells_each(kind: str, upstream: Start) -> None:
    asker = pair(kind, upstream(error(500)), upstream([], down=True), retries=0)
    with pytest.raises(AllAttemptsFailed) as caught:
        asker.chat(BOTH)
    assert "a/x" in str(caught.value)
    assert "b/y" in str(caught.value)
    assert isinstance(caught.value.errors[0], ServerError)
    assert isinstance(caught.value.errors[-1], ConnectFailed)


def test_a_provider_that_failed_is_left_alone_for_a_while(kind: str, upstream: Start) -> None:
    first, second = upstream(error(500)), upstream(chat("ok"))
    answers = pair(kind, first, second, retries=0).chat_often(3, BOTH)
    assert [len(answer.attempts) for answer in answers] == [2, 1, 1]
    assert len(first.requests) == 1


# -- streams


def test_after_the_first_content_nothing_is_tried_again(kind: str, upstream: Start) -> None:
    cut = chat_stream(["Hel", "lo"], finish=None, usage=None, done=False)
    second = upstream([])
    went = pair(kind, upstream([cut]), second).stream(BOTH)
    assert isinstance(went.error, StreamTruncated)
    assert went.error.partial is not None
    assert went.error.partial.text == "Hello"
    assert went.exchange.outcome == "truncated"
    assert not second.requests


def test_a_broken_connection_keeps_the_partial_text(kind: str, upstream: Start) -> None:
    answer = chat_stream(["Hello ", "world"])
    at = answer.wire.index(b"world") - len(answer.head)
    went = alone(kind, upstream([answer.reset(at=at)])).stream("a/x")
    assert isinstance(went.error, ConnectionLost | StreamTruncated)
    assert went.completion.text == "Hello "
    usage = went.exchange.usage
    assert usage is not None
    assert usage.estimated


def test_a_silent_stream_ends_with_the_idle_timer(kind: str, upstream: Start) -> None:
    answer = chat_stream(["Hello ", "world"])
    at = answer.wire.index(b"world") - len(answer.head)
    server = upstream([answer.stall(at=at)])
    went = alone(kind, server, timeouts={"idle": 0.2}).stream("a/x")
    assert isinstance(went.error, Timeout)
    assert went.error.phase == "idle"
    assert went.completion.text == "Hello "
    server.requests[0].wait_closed(1.0)


def test_the_total_time_ends_everything(kind: str, upstream: Start) -> None:
    server = upstream(chat_stream(["word "] * 200).paced(120, pause_s=0.05))
    went = alone(kind, server, timeouts={"total": 0.5}).stream("a/x")
    assert isinstance(went.error, Timeout)
    assert went.error.phase == "total"


def test_leaving_a_stream_closes_the_upstream(kind: str, upstream: Start) -> None:
    answer = chat_stream(["Hello ", "world"])
    at = answer.wire.index(b"world") - len(answer.head)
    server = upstream([answer.stall(at=at)])
    went = alone(kind, server).stream("a/x", until=lambda events: isinstance(events[-1], PartDelta))
    server.requests[0].wait_closed(1.0)
    assert went.exchange.outcome == "client_closed"
    assert went.exchange.attempts[0].outcome == "client_closed"
    assert went.completion.text == "Hello "
    assert went.exchange.usage is not None
    assert went.exchange.usage.estimated


def test_a_stream_and_a_whole_answer_say_the_same(kind: str, upstream: Start) -> None:
    asker = alone(kind, upstream([chat("Hello"), chat_stream(["Hel", "lo"])]))
    whole, streamed = asker.chat("a/x"), asker.stream("a/x").completion
    assert (whole.parts, whole.finish_reason, whole.usage) == (
        streamed.parts,
        streamed.finish_reason,
        streamed.usage,
    )


# -- hedging


def test_a_slow_primary_is_raced_and_the_loser_closed(kind: str, upstream: Start) -> None:
    first, second = upstream(chat_stream(["late"]).stall(at=0)), upstream(chat_stream(["ok"]))
    config = configure({"a": one(first), "b": one(second)})
    answer = Asker(kind, config).chat(BOTH, hedge_after=0.1)
    assert answer.text == "ok"
    assert trail(answer.exchange) == ["first a/x interrupted 200", "hedge b/y ok 200"]
    first.requests[0].wait_closed(1.0)


def test_a_primary_in_time_is_not_raced(kind: str, upstream: Start) -> None:
    second = upstream([])
    config = configure({"a": one(upstream(chat_stream(["ok"]))), "b": one(second)})
    answer = Asker(kind, config).chat(BOTH, hedge_after=5)
    assert trail(answer.exchange) == ["first a/x ok 200"]


def test_a_race_that_all_lose_falls_back_further(kind: str, upstream: Start) -> None:
    servers = {"a": error(500), "b": error(500), "c": chat_stream(["ok"])}
    config = configure({name: one(upstream(a), retries=0) for name, a in servers.items()})
    answer = Asker(kind, config).chat(["a/x", "b/x", "c/x"], hedge_after=0.05)
    assert answer.provider == "c"


# -- limits towards a provider


def test_concurrency_towards_a_provider_is_kept(kind: str, upstream: Start) -> None:
    server = upstream(chat("ok").paced(50, pause_s=0.01))
    asker = alone(kind, server, limits={"concurrency": 1})
    answers = asker.chat_at_once(4, "a/x")
    assert [answer.text for answer in answers] == ["ok"] * 4
    spans = sorted((r.at, r.wait_answered()) for r in server.requests)
    for (_, ended), (began, _) in pairwise(spans):
        assert began >= ended - 0.02


def test_a_place_is_left_where_it_was_taken_whatever_is_configured_meanwhile(
    kind: str, upstream: Start
) -> None:
    server = upstream(chat("ok").paced(50, pause_s=0.01))
    asker = alone(kind, server, limits={"concurrency": 1})
    (provider,) = asker.config.custom
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(asker.chat, "a/x")
        server.wait_requests(1)
        changed = asker.around.gate(replace(provider, limits=Limits(concurrency=2)))
        assert asking.result().text == "ok"
    assert asker.around.gates == {"a": changed}
    assert changed.inside == 0


def test_the_wait_for_a_place_is_a_pause_and_no_time_on_the_machine(
    kind: str, upstream: Start
) -> None:
    server = upstream(chat("ok").paced(50, pause_s=0.01))
    asker = alone(kind, server, limits={"concurrency": 1}, cost_per_hour=3600)
    answers = asker.chat_at_once(3, "a/x")
    attempts = [answer.exchange.attempts[0] for answer in answers]
    attempts.sort(key=lambda attempt: attempt.started_at)
    for attempt in attempts:
        assert attempt.cost_nanousd == round(attempt.duration_s * 1e6) * 1000
        assert attempt.first_token_s is not None
        assert attempt.first_token_s <= attempt.duration_s
    for earlier, later in pairwise(attempts):
        assert later.started_at >= earlier.started_at + earlier.duration_s - 0.02
        assert later.pause_s > earlier.pause_s + earlier.duration_s / 2


def test_a_full_provider_is_passed_over_for_the_next(kind: str, upstream: Start) -> None:
    asker = pair(kind, upstream(chat("a")), upstream(chat("b")), limits={"rpm": 2})
    assert [answer.text for answer in asker.chat_often(4, BOTH)] == ["a", "a", "b", "b"]
    assert asker.around.health.cooling(asker.around.clock()) == set(), "it has not failed"


def test_stall_before_the_head_is_a_first_token_timeout(kind: str, upstream: Start) -> None:
    server = upstream(lambda _: stall())
    went = alone(kind, server, timeouts={"first_token": 0.2}, retries=0).stream("a/x")
    assert isinstance(went.error, Timeout)
    assert went.error.phase == "first_token"


def test_a_provider_without_its_key_is_passed_over_aloud(kind: str, upstream: Start) -> None:
    first, second = upstream([]), upstream(chat("ok"))
    answer = pair(kind, first, second, api_key="env:NO_SUCH_KEY").chat(BOTH)
    assert answer.provider == "b"
    assert trail(answer.exchange) == ["first a/x error config_error", "fallback b/y ok 200"]
    assert any("NO_SUCH_KEY" in warning for warning in answer.warnings)
