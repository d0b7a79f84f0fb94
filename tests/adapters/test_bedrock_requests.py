"""Requests to Bedrock: AWS's own SDK says the same, to the same path, and signs it the same."""

from __future__ import annotations

import base64
import calendar
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config as BotoConfig
from botocore.credentials import Credentials as BotoCredentials

import dragoman
from dragoman.adapters.sigv4 import Credentials, Scope, authorization, canonical_request
from dragoman.errors import Unsupported
from dragoman.types import Media, Message, Reasoning, Secret, Text, ToolCall, ToolResult
from tests.adapters.aws import MODEL, OPTIONS, event, streamed, whole, words
from tests.library.asking import Asker, configure
from tests.upstream.fault import FaultUpstream, Request

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "cases" / "bedrock" / "requests.json").read_text("utf-8")
)
StartUpstream = Callable[..., FaultUpstream]


@pytest.fixture
def sdk() -> Iterator[Callable[[str], Any]]:
    """AWS's own client, pointed at a server."""
    clients = []

    def make(url: str, **options: Any) -> Any:
        session = botocore.session.Session()
        session.set_credentials(OPTIONS["access_key_id"], OPTIONS["secret_access_key"])
        client = session.create_client(
            "bedrock-runtime",
            region_name=OPTIONS["region"],
            endpoint_url=url,
            config=BotoConfig(retries={"max_attempts": 0}, **options),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def asker(server: FaultUpstream, kind: str = "sync", **more: Any) -> Asker:
    table = {"base_url": server.url, "adapter": "bedrock", "options": OPTIONS, **more}
    return Asker(kind, configure({"aws": table}))


def to_bytes(value: Any) -> Any:
    """Make of base64 under `bytes` what the SDK wants there."""
    if isinstance(value, dict):
        return {
            key: base64.b64decode(item) if key == "bytes" else to_bytes(item)
            for key, item in value.items()
        }
    return [to_bytes(item) for item in value] if isinstance(value, list) else value


def signature(request: Request) -> str:
    """Sign a request again, as our own code does, with what it says of itself."""
    written = request.header("authorization") or ""
    names = written.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    headers = [(name, request.header(name) or "") for name in names]
    canonical = canonical_request(request.method, request.target, headers, request.body)
    credentials = Credentials(OPTIONS["access_key_id"], Secret(OPTIONS["secret_access_key"]))
    return authorization(canonical, credentials, scope(request))


def scope(request: Request) -> Scope:
    at = time.strptime(request.header("x-amz-date") or "", "%Y%m%dT%H%M%SZ")
    return Scope(calendar.timegm(at), OPTIONS["region"], "bedrock")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_sdk_sends_the_same(
    name: str, stream: bool, upstream: StartUpstream, sdk: Callable[[str], Any]
) -> None:
    case = CASES[name]
    model = case.get("model", MODEL)
    end = [event("messageStop", {"stopReason": "end_turn"})]
    server = upstream(streamed(end) if stream else whole(words("ok")))
    client, given = sdk(server.url), to_bytes(case["theirs"])
    if stream:
        list(client.converse_stream(modelId=model, **given)["stream"])
        answer = asker(server).stream(f"aws/{model}", **case["ours"])
        warnings = answer.exchange.warnings
        assert answer.error is None
    else:
        client.converse(modelId=model, **given)
        warnings = list(asker(server).chat(f"aws/{model}", **case["ours"]).warnings)
    theirs, ours = server.requests
    assert ours.json() == theirs.json()
    assert ours.target == theirs.target
    for expected in case.get("warns", ()):
        assert any(expected in warning for warning in warnings), warnings
    assert len(warnings) == len(case.get("warns", ())), warnings


@pytest.mark.parametrize("model", [CASES["an ARN is one segment of the path"]["model"], MODEL])
def test_signatures_are_the_sdks(
    model: str, upstream: StartUpstream, sdk: Callable[[str], Any]
) -> None:
    server = upstream(whole(words("ok")))
    sdk(server.url).converse(**to_bytes({"modelId": model, **CASES["a text"]["theirs"]}))
    asker(server).chat(f"aws/{model}", "hi")
    theirs, ours = server.requests
    assert signature(theirs) == theirs.header("authorization")
    assert sdks_signature(ours, server.url) in (ours.header("authorization") or "")


def sdks_signature(request: Request, url: str) -> str:
    """Sign our request with the SDK's code, at the time that it says."""
    signer = SigV4Auth(
        BotoCredentials(OPTIONS["access_key_id"], OPTIONS["secret_access_key"]),
        "bedrock",
        OPTIONS["region"],
    )
    names = ("content-type", "host", "x-amz-date", "x-amz-security-token")
    headers = {name: value for name in names if (value := request.header(name)) is not None}
    made = AWSRequest(request.method, url + request.target, headers, request.body)
    made.context["timestamp"] = request.header("x-amz-date")
    text: str = signer.signature(signer.string_to_sign(made, signer.canonical_request(made)), made)
    return text


def test_a_key_of_bedrocks_is_a_bearer_and_nothing_is_signed(upstream: StartUpstream) -> None:
    server = upstream(whole(words("ok")))
    asker(server, api_key="bedrock-api-key-abc").chat(f"aws/{MODEL}")
    (request,) = server.requests
    assert request.header("authorization") == "Bearer bedrock-api-key-abc"
    assert request.header("x-amz-date") is None


def test_a_session_token_is_sent_and_signed(upstream: StartUpstream) -> None:
    server = upstream(whole(words("ok")))
    asker(server, options={**OPTIONS, "session_token": "lent-for-an-hour"}).chat(f"aws/{MODEL}")
    (request,) = server.requests
    assert request.header("x-amz-security-token") == "lent-for-an-hour"
    assert "x-amz-security-token" in (request.header("authorization") or "")
    assert signature(request) == request.header("authorization")
    assert sdks_signature(request, server.url) in (request.header("authorization") or "")


# -- what only our own vocabulary can say


def test_a_signed_thought_goes_back_as_it_came_and_another_does_not(
    upstream: StartUpstream,
) -> None:
    thoughts = [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VjcmV0"}},
    ]
    call = {"toolUse": {"toolUseId": "t1", "name": "look", "input": {"a": 1.50}}}
    first = words("")
    first["output"]["message"]["content"] = [*thoughts, call]
    first["stopReason"] = "tool_use"
    server = upstream([whole(first), whole(words("done"))])
    ask = asker(server)
    tools = [{"type": "function", "function": {"name": "look"}}]
    answer = ask.chat(f"aws/{MODEL}", "hi", tools=tools, reasoning="low")
    history = [
        dragoman.user("hi"),
        answer.message,
        Message("tool", (ToolResult("t1", (Text("seen"),), is_error=True),)),
        Message("assistant", (Reasoning("unsigned"), Text("well "))),
    ]
    last = ask.chat(f"aws/{MODEL}", history, tools=tools, reasoning="low")
    body = server.requests[1].json()
    assert body["messages"][1]["content"] == [*thoughts, call]
    assert b'"input":{"a": 1.5}' in server.requests[1].body  # as it was written
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "t1", "content": [{"text": "seen"}], "status": "error"}}
    ]
    assert body["messages"][3]["content"] == [{"text": "well"}]
    assert any("no model of Bedrock has signed" in warning for warning in last.warnings)


def test_thinking_is_not_asked_for_after_calls_that_hold_no_thought(
    upstream: StartUpstream,
) -> None:
    server = upstream(whole(words("ok")))
    history = [
        dragoman.user("hi"),
        Message("assistant", (ToolCall("t1", "look", "{}"),)),
        dragoman.tool_result("t1", "seen"),
    ]
    answer = asker(server).chat(f"aws/{MODEL}", history, reasoning="low")
    assert "additionalModelRequestFields" not in server.requests[0].json()
    assert any("reasoning is not asked for" in warning for warning in answer.warnings)


MARK = {"anthropic-messages": {"cache_control": {"type": "ephemeral", "ttl": "1h"}}}


def test_cache_marks_become_cache_points_where_they_are_taken(upstream: StartUpstream) -> None:
    server = upstream(whole(words("ok")))
    messages = [
        Message("system", (Text("Be brief.", meta=MARK),)),
        Message("user", (Text("hi", meta=MARK), Text("there"))),
    ]
    asker(server).chat(f"aws/{MODEL}", messages)
    told = asker(server).chat("aws/meta.llama3-3-70b-instruct-v1:0", messages).warnings
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    claude, llama = (request.json() for request in server.requests)
    assert claude["system"] == [{"text": "Be brief."}, point]
    assert claude["messages"][0]["content"] == [{"text": "hi"}, point, {"text": "there"}]
    assert llama["system"] == [{"text": "Be brief."}]
    assert any("cache marks are not sent" in warning for warning in told)


def test_an_arn_says_by_an_option_what_its_model_is(upstream: StartUpstream) -> None:
    server = upstream(whole(words("ok")))
    model = CASES["an ARN is one segment of the path"]["model"]
    options = {**OPTIONS, "family": "anthropic.claude-sonnet-4-5"}
    asker(server, options=options).chat(f"aws/{model}", "hi", top_k=3)
    assert server.requests[0].json()["additionalModelRequestFields"] == {"top_k": 3}


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (Media(kind="image", url="https://h.example/a.png"), "not a URL"),
        (Media(kind="image", media_type="image/tiff", data="aGk="), "image/tiff"),
        (Media(kind="file", file_id="file-1"), "not a file id"),
    ],
)
def test_what_cannot_be_sent_is_refused_not_left_out(
    media: Media, said: str, upstream: StartUpstream
) -> None:
    server = upstream([])
    with pytest.raises(Unsupported, match=said):
        asker(server).chat(f"aws/{MODEL}", [Message("user", (Text("see"), media))])
