"""What an adapter says is what is sent, and what it reads is what the caller gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from dragoman.adapters import Adapter, Answer, Aside, Ask, AuthFlow, Follow, HttpRequest, Piece
from dragoman.adapters.find import find_adapter
from dragoman.engine.errand import _led_elsewhere
from dragoman.errors import AuthFailed, Overloaded, RateLimited, StreamTruncated, Unsupported
from dragoman.types.http import parse_url
from tests.adapters.acme import sent, serve
from tests.adapters.conftest import KEY
from tests.library.asking import Asker, trail
from tests.upstream.fault import Answer as Sent
from tests.upstream.fault import FaultUpstream, Request, chat, chat_stream, error

ACME = "tests.adapters.acme:Acme"
HERE = __name__
TOOL = {"type": "function", "function": {"name": "look"}}
Start = Callable[..., FaultUpstream]
Make = Callable[..., Asker]


def test_an_adapter_says_url_headers_and_body(asker: Make, upstream: Start) -> None:
    server = upstream(serve)
    answer = asker(server, ACME).chat("a/small", "hello", max_tokens=7)
    (request,) = server.requests
    assert (request.path, request.header("x-acme")) == ("/talk/small", KEY)
    assert request.json() == {"turns": [["user", "hello"]], "live": False, "length": 7}
    assert (answer.text, answer.finish_reason) == ("HELLO", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 2)
    assert answer.warnings == ()


def test_an_adapter_reads_a_stream_however_it_is_cut(asker: Make, upstream: Start) -> None:
    for sizes in ((1,), (3, 50), (1000,)):
        server = upstream(lambda request, sizes=sizes: serve(request).paced(*sizes))
        streamed = asker(server, ACME).stream("a/small", "hello there")
        assert streamed.error is None
        assert streamed.completion.text == "HELLO THERE"
        assert streamed.completion.usage is not None
        assert streamed.completion.usage.completion_tokens == 2
        assert server.requests[0].json()["live"] is True


def test_a_stream_that_stops_in_the_middle_is_no_answer(asker: Make, upstream: Start) -> None:
    server = upstream(sent({"bit": "hal"}))
    streamed = asker(server, ACME).stream("a/small")
    assert isinstance(streamed.error, StreamTruncated)
    assert streamed.completion.text == "hal"


def test_an_error_is_what_the_adapter_makes_of_it(asker: Make, upstream: Start) -> None:
    server = upstream(serve)
    with pytest.raises(Overloaded, match="come back later"):
        asker(server, ACME).chat("a/small", "busy", retries=0)


def test_vectors_go_through_an_adapter(asker: Make, upstream: Start) -> None:
    server = upstream(serve)
    found = asker(server, ACME).embed("a/small", ["one", "three"])
    assert found.vectors == ((3.0, 1.0), (5.0, 1.0))
    assert server.requests[0].path == "/vectors/small"


def test_what_an_adapter_never_looks_at_is_reported(asker: Make, upstream: Start) -> None:
    answer = asker(upstream(serve), ACME).chat("a/small", temperature=0.5, seed=3)
    assert answer.warnings == (
        "temperature is not sent: the adapter of a does not know it",
        "seed is not sent: the adapter of a does not know it",
    )


def test_tools_that_an_adapter_never_looks_at_are_refused(asker: Make, upstream: Start) -> None:
    server = upstream(serve)
    with pytest.raises(Unsupported, match="knows no tools"):
        asker(server, ACME).chat("a/small", tools=[TOOL])
    assert server.requests == []


class Whole(Adapter):
    """Reads whole answers alone."""

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        out.text(answer["says"])


def test_without_a_stream_hook_a_stream_is_one_piece(asker: Make, upstream: Start) -> None:
    server = upstream(sent({"says": "all of it"}))
    streamed = asker(server, f"{HERE}:Whole").stream("a/m")
    assert streamed.completion.text == "all of it"
    assert "stream" not in server.requests[0].json()


class Elsewhere(Adapter):
    """Has another URL, and says nothing else."""

    def get_complete_url(self, ask: Ask) -> str:
        return f"{ask.base_url}/else/where?x=1"


def test_what_is_not_overridden_is_as_in_the_wire_format(asker: Make, upstream: Start) -> None:
    server = upstream([chat("plain"), chat_stream(["str", "eamed"])])
    ask = asker(server, f"{HERE}:Elsewhere", query={"v": "2"})
    assert ask.chat("a/m", tools=[TOOL]).text == "plain"
    assert ask.stream("a/m").completion.text == "streamed"
    assert {request.target for request in server.requests} == {"/else/where?x=1&v=2"}
    assert server.requests[0].header("authorization") == f"Bearer {KEY}"
    assert server.requests[0].json()["tools"][0]["function"]["name"] == "look"


class Signed(Adapter):
    """Fetches a token beside, and again when it is refused."""

    def __init__(self) -> None:
        self.token = ""

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        if not self.token:
            yield from self._fetch(request, ask)
        answer = yield self._with_token(request)
        if answer.status == 401:
            yield from self._fetch(request, ask)
            yield self._with_token(request)

    def _fetch(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        wanted = HttpRequest(
            url=parse_url(f"{ask.base_url}/token"),
            headers={},
            body=b"please",
            options=request.options,
        )
        answer = yield Aside(wanted)
        self.token = answer.body.decode()

    def _with_token(self, request: HttpRequest) -> HttpRequest:
        headers = {**request.headers, "authorization": f"Token {self.token}"}
        return HttpRequest(
            url=request.url, headers=headers, body=request.body, options=request.options
        )


def test_a_token_is_fetched_once_and_again_when_it_is_refused(asker: Make, upstream: Start) -> None:
    tokens = iter(["one", "two"])
    good = {"Token one", "Token two"}

    def answer(request: Request) -> Sent:
        if request.path == "/token":
            return Sent(200, (), next(tokens).encode())
        return chat("in") if request.header("authorization") in good else error(401)

    server = upstream(answer)
    ask = asker(server, f"{HERE}:Signed")
    assert ask.chat("a/m").text == "in"
    assert ask.chat("a/m").text == "in"
    good.remove("Token one")
    assert ask.chat("a/m").text == "in"
    good.clear()
    tokens = iter(["three"])
    with pytest.raises(AuthFailed):
        ask.chat("a/m")
    paths = [request.path for request in server.requests]
    chats = "/v1/chat/completions"
    assert paths == [
        *("/token", chats), chats, *(chats, "/token", chats), *(chats, "/token", chats)
    ]  # fmt: skip


class Job(Adapter):
    """Asks after a job until it is done."""

    def transform_request(self, ask: Ask) -> Mapping[str, Any]:
        return {"input": ask.request.messages[-1].text}

    def follow_up(self, answer: Piece, ask: Ask) -> Follow | None:
        if answer["state"] == "done":
            return None
        url = parse_url(f"{ask.base_url}{answer['at']}")
        return Follow(HttpRequest(url=url, method="GET", headers={}), after_s=0.001)

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        out.text(answer["says"])


@pytest.mark.parametrize("streamed", [False, True])
def test_a_job_is_waited_for(asker: Make, upstream: Start, streamed: bool) -> None:
    waiting = sent({"state": "running", "at": "/jobs/1"}, status=201)
    server = upstream([waiting, waiting, sent({"state": "done", "says": "finished"})])
    ask = asker(server, f"{HERE}:Job")
    answer = ask.stream("a/m").completion if streamed else ask.chat("a/m")
    assert answer.text == "finished"
    assert [(r.method, r.path) for r in server.requests[1:]] == [("GET", "/jobs/1")] * 2


class SignedJob(Job):
    """The same, and every request is stamped."""

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        headers = {**request.headers, "x-stamp": request.url.target}
        yield HttpRequest(
            url=request.url,
            method=request.method,
            headers=headers,
            body=request.body,
            options=request.options,
        )


def test_what_is_asked_after_a_job_is_signed_too(asker: Make, upstream: Start) -> None:
    waiting = sent({"state": "running", "at": "/jobs/1"}, status=201)
    server = upstream([waiting, sent({"state": "done", "says": "finished"})])
    assert asker(server, f"{HERE}:SignedJob").chat("a/m").text == "finished"
    assert server.requests[1].header("x-stamp") == "/jobs/1"


def test_an_upstream_does_not_lead_us_to_what_is_near_us() -> None:
    def led(first: str) -> str:
        there = HttpRequest(url=parse_url(first), headers={})
        here = HttpRequest(url=parse_url("http://127.0.0.1:6379/"), headers={})
        return _led_elsewhere(here, there).options.egress

    assert led("https://api.replicate.com/v1/predictions") == "organisation"
    assert (led("http://localhost:5000/x"), led("http://10.0.0.9/x")) == ("local", "local")


def test_a_job_that_never_ends_is_given_up_in_time(asker: Make, upstream: Start) -> None:
    server = upstream(lambda _: sent({"state": "running", "at": "/jobs/1"}))
    ask = asker(server, f"{HERE}:Job")
    with pytest.raises(Exception, match=r"within 0\.3 s"):
        ask.chat("a/m", total=0.3, retries=0)


class Late(Adapter):
    """Refuses in a way of its own."""

    def get_error(self, answer: Any, ask: Ask) -> RateLimited:
        return RateLimited("slow down", retry_after=float(answer.headers["x-wait"]))


def test_an_error_of_the_adapters_own_may_tell_how_long_to_wait(
    asker: Make, upstream: Start
) -> None:
    refused = error(418).with_headers({"x-wait": "0.001"})
    server = upstream([refused, chat("now")])
    answer = asker(server, f"{HERE}:Late").chat("a/m")
    assert answer.text == "now"
    assert trail(answer.exchange)[0] == "first a/m error 418 rate_limit_exceeded"


class Thinks(Adapter):
    """Says all that an answer can hold."""

    framing: ClassVar[Any] = "sse"

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        said = frame.object()
        out.start(id="x1", model="thinker")
        out.reasoning(said.get("thought"))
        out.text(said.get("text"))
        for number, call in enumerate(said.get("calls", ())):
            out.tool_call(number, **call)
        if said.get("end"):
            out.finish("stop")


def test_calls_may_come_in_pieces_and_side_by_side(asker: Make, upstream: Start) -> None:
    frames = [
        b'{"thought": "hm"}',
        b'{"text": "so"}',
        b'{"calls": [{"id": "c1", "name": "look"}, {"name": "hear"}]}',
        b'{"calls": [{"arguments": "{\\"a\\""}, {"arguments": {"b": 2}}]}',
        b'{"calls": [{"arguments": ": 1}"}]}',
        b'{"end": true}',
    ]
    body = b"".join(b"data: " + frame + b"\n\n" for frame in frames)
    server = upstream(Sent(200, (("content-type", "text/event-stream"),), body))
    answer = asker(server, f"{HERE}:Thinks").stream("a/m").completion
    assert (answer.reasoning, answer.text, answer.id, answer.model) == ("hm", "so", "x1", "thinker")
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [
        ("look", '{"a": 1}'),
        ("hear", '{"b":2}'),
    ]
    assert answer.tool_calls[0].id == "c1"
    assert answer.tool_calls[1].id
    assert answer.finish_reason == "tool_calls"


def test_the_adapter_of_a_module_is_found_by_its_class() -> None:
    assert find_adapter(ACME, "a").__name__ == "Acme"
