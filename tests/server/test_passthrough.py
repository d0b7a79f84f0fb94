"""Images, audio, ranking and moderation through the gateway."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from typing import Any

import openai
import pytest

from tests.server.serving import ask
from tests.upstream.fault import Answer, error, html, sse

PRICE = {"id": "m", "cost": {"input": 1.0, "output": 10.0}}


def told(value: Any, kind: str = "application/json") -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(headers=(("content-type", kind),), body=body)


def test_an_image_is_made_and_paid_for(serve: Any, upstream: Any) -> None:
    usage = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
    server = upstream(told({"created": 1, "data": [{"b64_json": "aGk="}], "usage": usage}))
    gateway = serve({"a": {"base_url": server.base_url, "models": [PRICE]}})
    answer = gateway.openai().images.generate(model="a/m", prompt="a cat", n=1)
    assert answer.data[0].b64_json == "aGk="
    assert server.requests[0].path == "/v1/images/generations"
    assert server.requests[0].json() == {"model": "m", "prompt": "a cat", "n": 1}
    exchange = gateway.seen.wait()
    assert (exchange.endpoint, exchange.cost_nanousd) == ("/images/generations", 1_010_000)


@pytest.mark.parametrize(
    ("cost", "nano"),
    [
        ({"request": 0.02}, 20_000_000),
        ({"request": 0.02, "input": 0, "output": 0}, 20_000_000),
        ({"request": 0.02, "input": 1, "output": 1}, None),
    ],
)
def test_the_fee_of_a_request_is_paid_where_nobody_tells_tokens(
    serve: Any, upstream: Any, cost: dict[str, float], nano: int | None
) -> None:
    server = upstream(told({"created": 1, "data": [{"b64_json": "aGk="}]}))
    models = [{"id": "m", "cost": cost}]
    gateway = serve({"a": {"base_url": server.base_url, "models": models, "retries": 0}})
    gateway.openai().images.generate(model="a/m", prompt="a cat")
    exchange = gateway.seen.wait()
    assert exchange.cost_nanousd == nano
    assert exchange.final.cost_source == ("unknown" if nano is None else "config")


def test_a_free_model_is_free_where_nobody_tells_tokens(serve: Any, upstream: Any) -> None:
    server = upstream(told({"created": 1, "data": [{"b64_json": "aGk="}]}))
    models = [{"id": "m", "free": True}]
    gateway = serve({"a": {"base_url": server.base_url, "models": models}})
    gateway.openai().images.generate(model="a/m", prompt="a cat")
    exchange = gateway.seen.wait()
    assert (exchange.cost_nanousd, exchange.cost_source) == (0, "free")


def test_what_failed_owes_no_fee(serve: Any, upstream: Any) -> None:
    models = [{"id": "m", "cost": {"request": 0.02}}]
    server = upstream(error(500))
    gateway = serve({"a": {"base_url": server.base_url, "models": models, "retries": 0}})
    with pytest.raises(openai.InternalServerError):
        gateway.openai().images.generate(model="a/m", prompt="a cat")
    assert gateway.seen.wait().final.cost_nanousd is None


def test_a_large_answer_is_not_held_and_its_usage_is_still_read(serve: Any, upstream: Any) -> None:
    usage = {"input_tokens": 10, "output_tokens": 100}
    picture = base64.b64encode(b"x" * 3_000_000).decode()
    large = told({"data": [{"b64_json": picture}], "usage": usage}).paced(200_000)
    gateway = serve({"a": {"base_url": upstream(large).base_url, "models": [PRICE]}})
    answer = gateway.openai().images.with_raw_response.generate(model="a/m", prompt="a cat")
    assert answer.content == large.body
    assert "content-length" not in answer.headers
    assert gateway.seen.wait().cost_nanousd == 1_010_000


def test_speech_is_handed_on_as_it_comes(serve: Any, upstream: Any) -> None:
    sound = bytes(range(256)) * 400
    server = upstream(
        told(sound, "audio/mpeg").with_headers({"set-cookie": "a=b", "location": "x"}).chunked()
    )
    gateway = serve({"a": {"base_url": server.base_url}})
    with gateway.openai().audio.speech.with_streaming_response.create(
        model="a/m", voice="alloy", input="hi"
    ) as answer:
        assert answer.headers["content-type"] == "audio/mpeg"
        assert answer.headers["x-dragoman-provider"] == "a"
        assert "set-cookie" not in answer.headers
        assert "location" not in answer.headers
        assert b"".join(answer.iter_bytes()) == sound
    exchange = gateway.seen.wait()
    assert (exchange.outcome, exchange.usage, exchange.cost_nanousd) == ("ok", None, None)


def test_sound_that_breaks_off_is_cut_at_the_client_as_well(serve: Any, upstream: Any) -> None:
    broken = told(b"x" * 10_000, "audio/mpeg").chunked().paced(1000).cut(5000)
    gateway = serve({"a": {"base_url": upstream(broken).base_url, "retries": 0}})
    connection = http.client.HTTPConnection(gateway.url.removeprefix("http://"), timeout=60)
    connection.request(
        "POST",
        "/v1/audio/speech",
        b'{"model": "a/m", "input": "hi", "voice": "v"}',
        {"content-type": "application/json"},
    )
    with pytest.raises(http.client.IncompleteRead), connection.getresponse() as answer:
        answer.read()
    connection.close()
    assert gateway.seen.wait().outcome == "truncated"


def test_the_form_of_a_transcription_keeps_its_file(serve: Any, upstream: Any) -> None:
    usage = {"type": "tokens", "input_tokens": 20, "output_tokens": 3, "total_tokens": 23}
    server = upstream(told({"text": "hi", "usage": usage}))
    gateway = serve({"a": {"base_url": server.base_url, "models": [PRICE]}})
    sound = b"RIFF\r\n--not the boundary\r\n\x00\xff"
    answer = gateway.openai().audio.transcriptions.create(
        model="a/m", file=("sound.wav", sound, "audio/wav"), language="en"
    )
    assert answer.text == "hi"
    request = server.requests[0]
    assert request.path == "/v1/audio/transcriptions"
    assert request.header("content-type").startswith("multipart/form-data; boundary=")
    assert sound in request.body
    assert b'name="model"\r\n\r\nm\r\n' in request.body
    assert b"a/m" not in request.body
    assert gateway.seen.wait().cost_nanousd == 50_000


def test_a_transcription_may_be_plain_text_or_a_stream(serve: Any, upstream: Any) -> None:
    usage = {"input_tokens": 20, "output_tokens": 3}
    server = upstream(
        [
            told(b"hi there", "text/plain; charset=utf-8"),
            sse(
                [
                    {"type": "transcript.text.delta", "delta": "hi"},
                    {"type": "transcript.text.done", "text": "hi", "usage": usage},
                ],
                done=False,
            ),
        ]
    )
    gateway = serve({"a": {"base_url": server.base_url, "models": [PRICE]}})
    create = gateway.openai().audio.transcriptions.create
    said = create(model="a/m", file=("a.wav", b"x"), response_format="text")
    assert said == "hi there"
    events = list(create(model="a/m", file=("a.wav", b"x"), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert gateway.seen.wait(2).cost_nanousd == 50_000


def test_pictures_go_out_in_forms_with_several_files(serve: Any, upstream: Any) -> None:
    server = upstream(told({"created": 1, "data": []}))
    gateway = serve({"a": {"base_url": server.base_url}})
    gateway.openai().images.edit(
        model="a/m", prompt="more cats", image=[("1.png", b"one"), ("2.png", b"two")]
    )
    body = server.requests[0].body
    assert b"one" in body
    assert b"two" in body
    assert b"\r\nm\r\n" in body


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        ({"results": [], "usage": {"total_tokens": 9}}, 9),
        ({"results": [], "meta": {"tokens": {"input_tokens": 9, "output_tokens": 0}}}, 9),
        ({"results": [], "meta": {"billed_units": {"search_units": 1}}}, None),
    ],
)
def test_ranking_tells_its_usage_in_one_of_three_ways(
    serve: Any, upstream: Any, answer: Any, tokens: int | None
) -> None:
    gateway = serve({"a": {"base_url": upstream(told(answer)).base_url}})
    body = json.dumps({"model": "a/m", "query": "q", "documents": ["d"]}).encode()
    status, _, got = ask(f"{gateway.base_url}/rerank", body)
    assert (status, json.loads(got)) == (200, answer)
    usage = gateway.seen.wait().usage
    assert (usage and usage.prompt_tokens) == tokens


def test_moderation_is_asked_with_the_client(serve: Any, upstream: Any) -> None:
    server = upstream(told({"id": "modr-1", "model": "m", "results": []}))
    gateway = serve({"a": {"base_url": server.base_url}})
    assert gateway.openai().moderations.create(model="a/m", input="hi").id == "modr-1"
    assert server.requests[0].json() == {"model": "m", "input": "hi"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (html("<html>login</html>"), "upstream_protocol_error"),
        (told({"error": {"message": "no", "code": "quota"}}), None),
        (told(b"", "audio/mpeg"), "upstream_protocol_error"),
        (told(b"{half"), "upstream_protocol_error"),
        (error(404), "upstream_not_found"),
    ],
)
def test_what_is_no_answer_is_an_error_whatever_its_status(
    serve: Any, upstream: Any, answer: Answer, code: str | None
) -> None:
    gateway = serve({"a": {"base_url": upstream(answer).base_url, "retries": 0}})
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.openai().moderations.create(model="a/m", input="hi")
    assert code is None or caught.value.code == code
    assert gateway.seen.wait().outcome == "error"


def test_a_missing_path_does_not_mark_the_model_as_down(serve: Any, upstream: Any) -> None:
    from tests.upstream.fault import chat

    server = upstream([error(404), chat("ok")])
    gateway = serve(
        {"a": {"base_url": server.base_url}},
        routes={"r": {"models": ["a/m", "demo/echo"]}},
    )
    client = gateway.openai()
    with pytest.raises(openai.InternalServerError):
        client.moderations.create(model="a/m", input="hi")
    said = client.chat.completions.create(model="r", messages=[{"role": "user", "content": "x"}])
    assert said.choices[0].message.content == "ok"


def speak(client: socket.socket) -> None:
    body = b'{"model": "a/m", "input": "hi", "voice": "v"}'
    head = b"POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
    client.sendall(head + b"content-length: %d\r\n\r\n%b" % (len(body), body))


def test_a_slow_reader_holds_the_upstream_back(serve: Any, upstream: Any) -> None:
    size = 40_000_000
    server = upstream(told(b"x" * size, "audio/mpeg").paced(1_000_000))
    gateway = serve({"a": {"base_url": server.base_url}})
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        speak(client)
        got = len(client.recv(1000))
        (request,) = server.wait_requests(1)
        with pytest.raises(AssertionError):
            request.wait_answered(0.5)  # most of it has nowhere to go
        while piece := client.recv(1_000_000):
            got += len(piece)
    assert got > size
    assert gateway.seen.wait().outcome == "ok"


def test_a_client_that_leaves_takes_the_upstream_along(serve: Any, upstream: Any) -> None:
    server = upstream(told(b"", "audio/mpeg").chunked().then_forever(b"x" * 65536))
    gateway = serve({"a": {"base_url": server.base_url}})
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        speak(client)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        (request,) = server.wait_requests(1)
    request.wait_closed(3.0)
    assert gateway.seen.wait().outcome == "client_closed"
