"""Replicate: predictions are made, waited for, followed to their stream, and read as answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.errors import (
    AuthFailed,
    InvalidRequest,
    ProtocolError,
    ServerError,
    StreamTruncated,
    Unsupported,
    UpstreamError,
)
from tests.adapters.native import Judged, in_json, judge
from tests.library.asking import Asker, configure
from tests.server.serving import Served
from tests.upstream.fault import Answer, FaultUpstream, Request
from tests.upstream.tls import Authority

KEY = "r8-secret-0815"
MODEL = "p/meta/llama-3-8b"
TOOL = {"type": "function", "function": {"name": "weather"}}
DONE = {
    "id": "p1", "status": "succeeded", "output": ["It is ", "sunny."], "error": None,
    "metrics": {"predict_time": 0.5, "input_token_count": 9, "output_token_count": 4},
}  # fmt: skip
Start = Callable[..., FaultUpstream]
Make = Callable[..., Judged]


class Predictions:
    """A server of predictions: each is asked for, looked after, and streamed.

    `states` are what it says of a prediction, one after another; `events` what its stream says.
    """

    def __init__(
        self, *states: dict[str, Any], events: bytes | None = None, base: str = ""
    ) -> None:
        self._states = iter(states)
        self._events = events
        self.base = base

    def __call__(self, request: Request) -> Answer:
        if request.path.startswith("/streams/"):
            return Answer(
                headers=(("content-type", "text/event-stream"),), body=self._events or b""
            )
        urls = {"get": f"{self.base}/predictions/p1"}
        if self._events is not None:
            urls["stream"] = f"{self.base}/streams/p1"
        state = {"id": "p1", "urls": urls, "output": None, "error": None, **next(self._states)}
        return in_json(state, 201 if request.method == "POST" else 200)


@pytest.fixture
def ask(kind: str, upstream: Start) -> Make:
    """Ask the built-in provider at a server that answers like this."""

    def make(script: Any, **table: Any) -> Judged:
        given = {"options": {"poll_s": "0.05"}, "api_key": KEY, **table}
        return judge(kind, upstream, "replicate", script, **given)

    return make


def events(*named: tuple[str, str]) -> bytes:
    """Write events as Replicate does, with ids."""
    written = []
    for number, (name, data) in enumerate(named):
        lines = "".join(f"data: {line}\n" for line in data.split("\n"))
        written.append(f"event: {name}\nid: 17:{number}\n{lines}\n")
    return "".join(written).encode()


# -- what is said


def test_only_what_was_said_is_put_in(ask: Make) -> None:
    asker = ask(Predictions(DONE))
    answer = asker.chat(MODEL, "hello")
    (request,) = asker.server.requests
    assert request.path == "/models/meta/llama-3-8b/predictions"
    assert request.json() == {"input": {"prompt": "hello"}}
    assert request.header("prefer") == "wait"
    assert request.header("authorization") == f"Bearer {KEY}"
    assert (answer.text, answer.finish_reason, answer.id) == ("It is sunny.", "stop", "p1")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (9, 4)
    assert answer.warnings == ()


@pytest.mark.parametrize(
    ("model", "path", "version"),
    [
        ("meta/llama-3-8b", "/models/meta/llama-3-8b/predictions", None),
        ("me/mine:abc123", "/predictions", "abc123"),
        ("a" * 64, "/predictions", "a" * 64),
        ("deployments/me/mine", "/deployments/me/mine/predictions", None),
    ],
)
def test_a_model_a_version_and_a_deployment_are_asked_where_they_are(
    ask: Make, model: str, path: str, version: str | None
) -> None:
    asker = ask(Predictions(DONE))
    asker.chat(f"p/{model}")
    assert asker.server.requests[0].path == path
    assert asker.server.requests[0].json().get("version") == version


@pytest.mark.parametrize("model", ["llama", "a/b/c", "meta/..", "/x"])
def test_what_is_no_model_is_refused(ask: Make, model: str) -> None:
    with pytest.raises(InvalidRequest):
        ask(Predictions(DONE)).chat(f"p/{model}")


def test_a_conversation_becomes_one_prompt(ask: Make) -> None:
    asker = ask(Predictions(DONE))
    asker.chat(
        MODEL,
        [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
            {"role": "user", "content": "three"},
        ],
        max_tokens=9, temperature=0.5, top_k=3, stop=["a", "b"], seed=7,
    )  # fmt: skip
    assert asker.server.requests[0].json()["input"] == {
        "system_prompt": "Be short.",
        "prompt": "User: one\n\nAssistant: two\n\nUser: three\n\nAssistant:",
        "max_tokens": 9, "temperature": 0.5, "top_k": 3, "seed": 7, "stop_sequences": "a,b",
    }  # fmt: skip


def test_inputs_have_the_names_that_the_provider_s_table_gives_them(ask: Make) -> None:
    asker = ask(
        Predictions(DONE),
        dialect={"rename": {"max_tokens": "max_new_tokens", "image": "picture"}, "drop": ["seed"]},
        body={"input": {"verbosity": "low"}},
    )
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    message = {"role": "user", "content": [{"type": "text", "text": "what?"}, picture]}
    answer = asker.chat(MODEL, [message], max_tokens=9, seed=7)
    assert asker.server.requests[0].json()["input"] == {
        "prompt": "what?",
        "max_new_tokens": 9,
        "picture": "https://pictures.example/a.png",
        "verbosity": "low",
    }
    assert any("seed" in warning for warning in answer.warnings)


def test_tools_are_refused_and_two_pictures(ask: Make) -> None:
    asker = ask(Predictions(DONE))
    with pytest.raises(Unsupported, match="knows no tools"):
        asker.chat(MODEL, tools=[TOOL])
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
    with pytest.raises(Unsupported, match="one picture"):
        asker.chat(MODEL, [{"role": "user", "content": [picture, picture]}])


# -- waiting


def test_a_prediction_that_takes_long_is_asked_after(ask: Make) -> None:
    asker = ask(Predictions({"status": "starting"}, {"status": "processing"}, DONE))
    assert asker.chat(MODEL).text == "It is sunny."
    assert [(r.method, r.path) for r in asker.server.requests] == [
        ("POST", "/models/meta/llama-3-8b/predictions"),
        ("GET", "/predictions/p1"),
        ("GET", "/predictions/p1"),
    ]
    assert {r.header("authorization") for r in asker.server.requests} == {f"Bearer {KEY}"}


def test_a_prediction_is_asked_after_over_the_provider_s_kind_of_connection(
    upstream: Start, authority: Authority, kind: str
) -> None:
    server = upstream(Predictions({"status": "starting"}, DONE), tls=authority.server())
    table = {
        "preset": "replicate", "base_url": server.url, "api_key": KEY,
        "tls": {"ca_file": str(authority.ca_file)}, "options": {"poll_s": "0.05"},
    }  # fmt: skip
    assert Asker(kind, configure({"p": table})).chat(MODEL).text == "It is sunny."
    assert [request.method for request in server.requests] == ["POST", "GET"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"status": "failed", "error": "CUDA out of memory"}, "CUDA out of memory"),
        ({"status": "failed"}, "the prediction is failed"),
        ({"status": "canceled"}, "the prediction is canceled"),
        ({"status": "aborted"}, "the prediction is aborted"),
    ],
)
def test_a_prediction_that_comes_to_nothing_is_an_error(
    ask: Make, state: dict[str, Any], said: str
) -> None:
    with pytest.raises(UpstreamError, match=said):
        ask(Predictions({"status": "processing"}, state)).chat(MODEL, retries=0)


@pytest.mark.parametrize(
    ("output", "text"),
    [("whole", "whole"), (["a", "b"], "ab"), (None, ""), ({"x": 1}, '{"x":1}'), ([1], "[1]")],
)
def test_output_of_any_shape_is_text(ask: Make, output: Any, text: str) -> None:
    assert ask(Predictions({**DONE, "output": output})).chat(MODEL).text == text


@pytest.mark.parametrize(
    "state",
    [[], {"status": "processing", "urls": {}}, {"status": "processing", "urls": {"get": "file:///"}},
     {"status": 7}, {"status": "succeeded", "output": True}],
)  # fmt: skip
def test_nonsense_is_an_error(ask: Make, state: Any) -> None:
    with pytest.raises((ProtocolError, ServerError)):
        ask(in_json(state)).chat(MODEL, retries=0)


def test_a_wrong_key_is_told_as_such(ask: Make) -> None:
    said = {"title": "Unauthenticated", "detail": "You did not pass a valid token", "status": 401}
    with pytest.raises(AuthFailed, match="valid token"):
        ask(in_json(said, 401)).chat(MODEL, retries=0)


# -- streaming

STREAM = events(("output", "It "), ("logs", "loading"), ("output", "is\nsunny."), ("done", "{}"))


@pytest.mark.parametrize("sizes", [(1,), (9, 40), (1000,)])
def test_a_stream_is_followed_to_where_it_is(ask: Make, sizes: tuple[int, ...]) -> None:
    predictions = Predictions({"status": "starting"}, events=STREAM)

    def serve(request: Request) -> Answer:
        answer = predictions(request)
        return answer.paced(*sizes) if request.method == "GET" else answer

    asker = ask(serve)
    streamed = asker.stream(MODEL)
    assert streamed.error is None
    assert streamed.completion.text == "It is\nsunny."
    created, followed = asker.server.requests
    assert created.header("prefer") is None
    assert (followed.method, followed.path) == ("GET", "/streams/p1")
    assert followed.header("accept") == "text/event-stream"


def test_a_stream_at_another_host_is_not_shown_the_key(ask: Make, upstream: Start) -> None:
    other = upstream(Predictions(events=STREAM))
    asker = ask(Predictions({"status": "starting"}, events=STREAM, base=other.url))
    assert asker.stream(MODEL).completion.text == "It is\nsunny."
    assert other.requests[0].header("authorization") is None


def test_a_model_that_does_not_stream_is_waited_for(ask: Make) -> None:
    streamed = ask(Predictions({"status": "starting"}, DONE)).stream(MODEL)
    assert streamed.error is None
    assert streamed.completion.text == "It is sunny."


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (("error", '{"detail": "ran out of time"}'), "ran out of time"),
        (("error", "plain words"), "plain words"),
        (("done", '{"reason": "canceled"}'), "the prediction is canceled"),
    ],
)
def test_a_stream_that_fails_is_an_error(ask: Make, last: tuple[str, str], said: str) -> None:
    script = Predictions({"status": "starting"}, events=events(("output", "Hal"), last))
    streamed = ask(script).stream(MODEL)
    assert said in str(streamed.error)
    assert streamed.completion.text == "Hal"


def test_a_stream_that_stops_before_it_is_done_is_no_answer(ask: Make) -> None:
    streamed = ask(Predictions({"status": "starting"}, events=events(("output", "Hal")))).stream(
        MODEL
    )
    assert isinstance(streamed.error, StreamTruncated)


def test_the_gateway_streams_predictions_to_any_client(upstream: Start) -> None:
    server = upstream(Predictions({"status": "starting"}, events=STREAM))
    table = {"preset": "replicate", "base_url": server.url, "api_key": KEY}
    with (
        Served({"p": table}) as served,
        served.anthropic().messages.stream(
            model=MODEL, max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        assert "".join(stream.text_stream) == "It is\nsunny."
    assert json.loads(server.requests[0].body)["input"] == {"prompt": "hi", "max_tokens": 9}
