"""Answers of Bedrock, whole and streamed: AWS's own SDK reads what we read; and what goes wrong."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import errors
from dragoman.types import Media, Reasoning, Text, ToolCall
from tests.adapters.aws import MODEL, OPTIONS, event, exception, refusal, streamed, whole, words
from tests.adapters.test_bedrock_requests import StartUpstream, asker, sdk, to_bytes
from tests.library.asking import Asker, configure, trail
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import Answer, Request

__all__ = ["sdk"]

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "cases" / "bedrock" / "answers.json").read_text("utf-8")
)


def frames(case: Any) -> list[bytes]:
    """Make the stream that says what the document says, as the service cuts it."""
    body = case["body"]
    made = [event("messageStart", {"role": "assistant"})]
    for index, block in enumerate(body["output"]["message"]["content"]):
        start, deltas = cut(block)
        if start is not None:
            made.append(event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
        made += (
            event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})
            for delta in deltas
        )
        made.append(event("contentBlockStop", {"contentBlockIndex": index}))
    stop = {"stopReason": body["stopReason"]}
    if "additionalModelResponseFields" in body:
        stop["additionalModelResponseFields"] = body["additionalModelResponseFields"]
    made.append(event("messageStop", stop))
    made.append(event("metadata", {"usage": body["usage"], "metrics": body["metrics"]}))
    return made


def cut(block: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Cut a block into its start and its deltas."""
    if text := block.get("text"):
        return None, [{"text": text[:2]}, {"text": text[2:]}]
    if use := block.get("toolUse"):
        start = {"toolUse": {key: value for key, value in use.items() if key != "input"}}
        said = json.dumps(use["input"])
        return start, [{"toolUse": {"input": piece}} for piece in (said[:3], said[3:])]
    if thought := block.get("reasoningContent"):
        if "redactedContent" in thought:
            data = base64.b64decode(thought["redactedContent"])
            pieces = [base64.b64encode(half).decode() for half in (data[:1], data[1:])]
            return None, [{"reasoningContent": {"redactedContent": piece}} for piece in pieces]
        said = [{"text": thought["reasoningText"]["text"]}]
        if "signature" in thought["reasoningText"]:
            said.append({"signature": thought["reasoningText"]["signature"]})
        return None, [{"reasoningContent": one} for one in said]
    image = block["image"]
    return {"image": {"format": image["format"]}}, [{"image": {"source": image["source"]}}]


def told(content: list[dict[str, Any]]) -> list[Any]:
    """Say in our words what the SDK says that an answer holds."""
    parts: list[Any] = []
    for block in content:
        if "text" in block:
            parts.append(("text", block["text"]))
        elif use := block.get("toolUse"):
            if use.get("type") != "server_tool_use":
                parts.append(("call", use["toolUseId"], use["name"], use["input"]))
        elif thought := block.get("reasoningContent"):
            text = thought.get("reasoningText", {})
            redacted = thought.get("redactedContent")
            if isinstance(redacted, str):
                redacted = base64.b64decode(redacted)
            parts.append(("thought", text.get("text", ""), text.get("signature"), redacted))
        elif "image" in block:
            parts.append(("image", block["image"]["format"], block["image"]["source"]["bytes"]))
    return parts


def ours(parts: Any) -> list[Any]:
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            found.append(("text", part.text))
        elif isinstance(part, ToolCall):
            found.append(("call", part.id, part.name, json.loads(part.arguments)))
        elif isinstance(part, Reasoning):
            own = (part.meta or {}).get("bedrock-converse", {})
            redacted = own.get("redacted")
            data = base64.b64decode(redacted) if redacted else None
            found.append(("thought", part.text, own.get("signature"), data))
        else:
            assert isinstance(part, Media)
            kind = (part.media_type or "").removeprefix("image/")
            found.append(("image", kind, base64.b64decode(part.data or "")))
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_whole_answer_is_what_the_sdk_reads(
    name: str, kind: str, upstream: StartUpstream, sdk: Callable[[str], Any]
) -> None:
    case = CASES[name]
    server = upstream(whole(case["body"]))
    theirs = sdk(server.url).converse(modelId=MODEL, messages=HELLO)
    answer = asker(server, kind).chat(f"aws/{MODEL}")
    assert ours(answer.parts) == told(theirs["output"]["message"]["content"])
    assert answer.raw_finish_reason == theirs["stopReason"]
    assert answer.id == theirs["ResponseMetadata"]["RequestId"]
    check(case, answer)


HELLO = [{"role": "user", "content": [{"text": "hi"}]}]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_stream_is_what_the_sdk_reads(
    name: str, kind: str, upstream: StartUpstream, sdk: Callable[[str], Any]
) -> None:
    case = CASES[name]
    server = upstream(streamed(frames(case)).paced(13))
    theirs = list(sdk(server.url).converse_stream(modelId=MODEL, messages=HELLO)["stream"])
    answer = asker(server, kind).stream(f"aws/{MODEL}")
    assert answer.error is None
    assert ours(answer.completion.parts) == told(
        to_bytes(case["body"])["output"]["message"]["content"]
    )
    said = "".join(
        one["contentBlockDelta"]["delta"].get("text", "")
        for one in theirs
        if "contentBlockDelta" in one
    )
    assert answer.completion.text == said
    assert next(iter(theirs[-1])) == "metadata"
    check(case, answer.completion)


def check(case: Any, answer: Any) -> None:
    usage = answer.usage
    assert {
        "finish": answer.finish_reason,
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "read": usage.cache_read_tokens,
        "write": usage.cache_write_tokens,
        "hour": usage.cache_write_1h_tokens,
        "sequence": answer.stop_sequence,
        "warnings": list(answer.warnings),
    } == {"read": None, "write": None, "hour": None, "sequence": None, "warnings": []} | case["is"]
    assert answer.meta["bedrock-converse"]["metrics"] == case["body"]["metrics"]


PAGE = {"title": "Skies", "location": {"web": {"url": "https://sky.example/", "domain": "sky"}}}
LEAF = {"title": "Report", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}


def test_pages_of_the_web_are_cited_and_others_named(upstream: StartUpstream) -> None:
    body = words("")
    cited = {"content": [{"text": "Blue."}], "citations": [PAGE, LEAF]}
    body["output"]["message"]["content"] = [{"citationsContent": cited}]
    deltas: list[Any] = [{"text": "Blue."}, {"citation": PAGE}, {"citation": LEAF}]
    sent = [event("contentBlockDelta", {"contentBlockIndex": 0, "delta": one}) for one in deltas]
    end = [event("contentBlockStop", {"contentBlockIndex": 0})]
    server = upstream([whole(body), streamed([*sent, *end, *frames(CASES["a text"])[-2:]])])
    ask = asker(server)
    for answer in (ask.chat(f"aws/{MODEL}"), ask.stream(f"aws/{MODEL}").completion):
        (part,) = answer.parts
        assert isinstance(part, Text)
        assert part.text == "Blue."
        assert [(one.url, one.title) for one in part.citations] == [
            ("https://sky.example/", "Skies")
        ]
        assert any("no page of the web" in warning for warning in answer.warnings)


# -- aimock, which mimics Bedrock as well


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_aimock_and_we_understand_each_other(kind: str, aimock_server: AimockServer) -> None:
    aimock_server.reset()
    aimock_server.answer("weather", {"content": "It is sunny in Lyon."}, chunkSize=3)
    call = {"name": "look", "arguments": '{"city":"Lyon"}', "id": "toolu_1"}
    aimock_server.answer("call it", {"toolCalls": [call]})
    table = {"base_url": aimock_server.url, "adapter": "bedrock", "options": OPTIONS}
    ask = Asker(kind, configure({"aws": table}))
    assert ask.chat(f"aws/{MODEL}", "the weather?").text == "It is sunny in Lyon."
    streamed_answer = ask.stream(f"aws/{MODEL}", "the weather?")
    assert streamed_answer.error is None
    assert streamed_answer.completion.text == "It is sunny in Lyon."
    assert streamed_answer.completion.usage is not None
    tools = [{"type": "function", "function": {"name": "look"}}]
    for answer in (
        ask.chat(f"aws/{MODEL}", "call it", tools=tools),
        ask.stream(f"aws/{MODEL}", "call it", tools=tools).completion,
    ):
        assert [(one.name, one.arguments) for one in answer.tool_calls] == [
            ("look", '{"city":"Lyon"}')
        ]
        assert answer.finish_reason == "tool_calls"


# -- what goes wrong

REFUSALS: list[list[Any]] = json.loads(
    (Path(__file__).parent / "cases" / "bedrock" / "errors.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    ("status", "kind", "message", "error", "hint"),
    REFUSALS,
    ids=[f"{status} {kind} {message[:30]}" for status, kind, message, *_ in REFUSALS],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_every_exception_is_told_for_what_it_is(
    status: int,
    kind: str,
    message: str,
    error: str,
    hint: str,
    stream: bool,
    upstream: StartUpstream,
) -> None:
    server = upstream(refusal(status, kind, message, x_amzn_requestid="rq-9"))
    ask = asker(server, retries=0)
    if stream:
        found: Any = ask.stream(f"aws/{MODEL}").error
    else:
        with pytest.raises(errors.DragomanError) as raised:
            ask.chat(f"aws/{MODEL}")
        found = raised.value
    assert type(found).__name__ == error
    assert found.message == message
    assert hint in (found.hint or "")
    assert (found.upstream_status, found.upstream_code) == (status, kind)
    assert found.request_id == "rq-9"


def test_the_type_of_an_exception_may_stand_in_the_body(upstream: StartUpstream) -> None:
    body = {"__type": "com.amazon.coral.service#ThrottlingException", "message": "Slow down"}
    server = upstream(Answer(400, (), json.dumps(body).encode()))
    with pytest.raises(errors.RateLimited, match="Slow down"):
        asker(server, retries=0).chat(f"aws/{MODEL}")


def test_what_should_have_been_signed_is_not_repeated(upstream: StartUpstream) -> None:
    """AWS repeats the canonical request, a session's token with it."""
    message = (
        "The request signature we calculated does not match the signature you provided."
        "\n\nThe Canonical String for this request should have been\n'POST\n/model\n\n"
        "x-amz-security-token:lent-for-an-hour\n'"
    )
    server = upstream(refusal(403, "InvalidSignatureException", message))
    options = {**OPTIONS, "session_token": "lent-for-an-hour"}
    with pytest.raises(errors.AuthFailed) as raised:
        asker(server, options=options).chat(f"aws/{MODEL}")
    assert "does not match" in raised.value.message
    assert "Canonical" not in raised.value.message
    assert "AWS_SECRET_ACCESS_KEY" in (raised.value.hint or "")
    assert "lent-for" not in f"{raised.value!r}{raised.value.raw!r}{raised.value.__dict__}"


BEGUN = [
    event("messageStart", {"role": "assistant"}),
    event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}}),
]


@pytest.mark.parametrize(
    ("name", "message", "error"),
    [
        ("throttlingException", "Too many requests", errors.RateLimited),
        ("modelStreamErrorException", "The model broke", errors.ServerError),
        ("internalServerException", "We broke", errors.ServerError),
        ("serviceUnavailableException", "Later", errors.Overloaded),
        ("validationException", "Input is too long for requested model.", errors.ContextOverflow),
        ("neverHeardOfException", "What?", errors.ServerError),
    ],
)
def test_an_exception_inside_a_stream_ends_it(
    name: str, message: str, error: type[errors.DragomanError], upstream: StartUpstream
) -> None:
    server = upstream(streamed([*BEGUN, exception(name, message)]))
    answer = asker(server).stream(f"aws/{MODEL}")
    assert type(answer.error) is error
    assert str(answer.error) == message
    assert answer.completion.text == "Hel"


def test_an_exception_before_content_is_retried(upstream: StartUpstream) -> None:
    late = [exception("throttlingException", "Too many requests")]
    server = upstream([streamed([BEGUN[0], *late]), streamed(frames(CASES["a text"]))])
    answer = asker(server).stream(f"aws/{MODEL}")
    assert answer.error is None
    assert answer.completion.text == "Hello, you."
    assert [line.split()[0] for line in trail(answer.exchange)] == ["first", "retry"]


@pytest.mark.parametrize("at", range(1, sum(map(len, frames(CASES["a text"]))), 37))
def test_a_stream_that_breaks_off_is_never_taken_for_whole(
    at: int, upstream: StartUpstream
) -> None:
    sent = frames(CASES["a text"])
    body = b"".join(sent)
    answer = asker(upstream(streamed([body[:at]])), retries=0).stream(f"aws/{MODEL}")
    if at < len(body) - len(sent[-1]):
        assert isinstance(answer.error, errors.StreamTruncated)
    else:
        assert answer.error is None  # the ending was there, the usage was not


def test_a_damaged_frame_is_an_error_and_not_an_answer(upstream: StartUpstream) -> None:
    body = bytearray(b"".join(frames(CASES["a text"])))
    body[-200] ^= 1
    answer = asker(upstream(streamed([bytes(body)])), retries=0).stream(f"aws/{MODEL}")
    assert isinstance(answer.error, errors.ProtocolError)


@pytest.mark.parametrize(
    "body",
    ["{}", '{"output": null}', '{"output": {"message": {"content": "x"}}}', "[]", "<html>", "nope"],
)
def test_nonsense_is_a_protocol_error_or_an_empty_answer(
    body: str, upstream: StartUpstream
) -> None:
    server = upstream(Answer(200, (("content-type", "application/json"),), body.encode()))
    try:
        answer = asker(server, retries=0).chat(f"aws/{MODEL}")
    except errors.ProtocolError:
        return
    assert answer.parts == ()


# -- where to, and as whom


def test_a_clock_that_is_off_is_made_up_for_once(upstream: StartUpstream) -> None:
    """The server's clock is a day ahead: the second try is signed with its time."""
    late = "Sun, 22 Nov 2099 12:00:00 GMT"
    message = "Signature expired: 20261121T120000Z is now earlier than 20991122T115500Z"

    def serve(request: Request) -> Answer:
        if (request.header("x-amz-date") or "").startswith("20991122T12"):
            return whole(words("ok"))
        return refusal(403, "InvalidSignatureException", message, date=late)

    server = upstream(serve)
    ask = asker(server)
    assert [answer.text for answer in ask.chat_often(2, f"aws/{MODEL}")] == ["ok", "ok"]
    assert len(server.requests) == 3


def test_a_refusal_with_the_clocks_in_step_is_not_repeated(upstream: StartUpstream) -> None:
    server = upstream(refusal(403, "InvalidSignatureException", "no"))
    with pytest.raises(errors.AuthFailed):
        asker(server).chat(f"aws/{MODEL}")
    assert len(server.requests) == 1


def test_without_credentials_it_is_said_what_to_set(upstream: StartUpstream) -> None:
    server = upstream([])
    table = {"base_url": server.url, "adapter": "bedrock", "options": {"region": "us-east-1"}}
    with pytest.raises(errors.ConfigError, match="AWS_BEARER_TOKEN_BEDROCK") as raised:
        Asker("sync", configure({"aws": table})).chat(f"aws/{MODEL}")
    assert "export-credentials" in (raised.value.hint or "")


def test_credentials_come_from_the_variables_all_together(upstream: StartUpstream) -> None:
    server = upstream(whole(words("ok")))
    env = {
        "AWS_ACCESS_KEY_ID": "AKIDENV",
        "AWS_SECRET_ACCESS_KEY": "secret-of-env",
        "AWS_SESSION_TOKEN": "session-of-env",
        "AWS_DEFAULT_REGION": "eu-west-3",
    }
    plain = {"base_url": server.url, "adapter": "bedrock"}
    own = {**plain, "options": {**OPTIONS, "region": "us-west-2"}}
    config = configure({"env": plain, "own": own}, env=env)
    ask = Asker("sync", config, env)
    ask.chat(f"env/{MODEL}")
    ask.chat(f"own/{MODEL}")
    of_env, of_options = server.requests
    assert "AKIDENV/" in (of_env.header("authorization") or "")
    assert "/eu-west-3/bedrock/" in (of_env.header("authorization") or "")
    assert of_env.header("x-amz-security-token") == "session-of-env"
    assert "/us-west-2/bedrock/" in (of_options.header("authorization") or "")
    assert of_options.header("x-amz-security-token") is None


def test_nothing_is_said_without_a_region() -> None:
    ask = Asker("sync", configure({"aws": {"adapter": "bedrock", "api_key": "k-12345678"}}))
    with pytest.raises(errors.ConfigError, match="region") as raised:
        ask.chat(f"aws/{MODEL}")
    assert "AWS_REGION" in (raised.value.hint or "")


# -- vectors


@pytest.mark.parametrize(
    ("model", "texts", "body", "answer"),
    [
        (
            "amazon.titan-embed-text-v2:0",
            ["a"],
            {"inputText": "a"},
            {"embedding": [1, 0.5], "inputTextTokenCount": 4},
        ),
        (
            "cohere.embed-v4:0",
            ["a", "b"],
            {"texts": ["a", "b"], "input_type": "search_document"},
            {"embeddings": {"float": [[1, 0.5], [0, 2]]}},
        ),
        (
            "cohere.embed-english-v3",
            ["a", "b"],
            {"texts": ["a", "b"], "input_type": "search_document"},
            {"embeddings": [[1, 0.5], [0, 2]]},
        ),
    ],
)
def test_texts_become_vectors(
    model: str, texts: list[str], body: Any, answer: Any, upstream: StartUpstream
) -> None:
    from dragoman import Client

    server = upstream(whole(answer))
    ask = asker(server)
    with Client(ask.config, surroundings=ask.around) as client:
        found = client.embed(f"aws/{model}", texts)
    assert [list(vector) for vector in found.vectors] == [[1.0, 0.5], [0.0, 2.0]][: len(texts)]
    assert server.requests[0].json() == body
    assert server.requests[0].path.endswith("/invoke")
