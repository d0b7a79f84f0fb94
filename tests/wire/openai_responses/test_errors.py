"""Errors of ours as the official SDK sees them: instead of an answer, and in the middle of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from dragoman import errors
from dragoman.types import Dialect, Finish, Text, ToolCall, Usage
from dragoman.types.event import Failure, PartDelta, PartEnd, PartStart, Start
from dragoman.wire.bridge import Relay
from tests.upstream.fault import FaultUpstream
from tests.wire import golden
from tests.wire.openai_responses.judge import (
    ASKED,
    FORMAT,
    check_event,
    client_of,
    events_answer,
    frames,
    json_answer,
    rendered,
)
from tests.wire.openai_responses.test_sdk import check_sequence

StartUpstream = Callable[..., FaultUpstream]

ERRORS: list[tuple[errors.DragomanError, type[openai.APIStatusError], str]] = [
    (errors.InvalidRequest("x", param="input"), openai.BadRequestError, "invalid_request"),
    (errors.Unauthorized("x"), openai.AuthenticationError, "invalid_api_key"),
    (errors.Forbidden("x"), openai.PermissionDeniedError, "forbidden"),
    (errors.UnknownModel("x"), openai.NotFoundError, "model_not_found"),
    (errors.RateLimited("x"), openai.RateLimitError, "rate_limit_exceeded"),
    (errors.ContextOverflow("x"), openai.BadRequestError, "context_length_exceeded"),
    (errors.AuthFailed("x"), openai.InternalServerError, "upstream_auth_failed"),
    (errors.AllAttemptsFailed("x", []), openai.InternalServerError, "upstream_unavailable"),
]


@pytest.mark.parametrize(("error", "raised", "code"), ERRORS, ids=lambda v: type(v).__name__)
def test_the_sdk_raises_its_own_error(
    error: errors.DragomanError,
    raised: type[openai.APIStatusError],
    code: str,
    upstream: StartUpstream,
) -> None:
    status, body = FORMAT.render_error(error)
    with client_of(upstream(json_answer(body, status))) as client, pytest.raises(raised) as caught:
        client.responses.create(**ASKED)
    assert caught.value.code == code
    assert caught.value.param == json.loads(body)["error"]["param"]


def test_an_error_is_read_as_openai_writes_it() -> None:
    body = (
        b'{"error":{"message":"Unknown parameter: \'stop\'.","type":"invalid_request_error",'
        b'"param":"stop","code":"unknown_parameter"}}'
    )
    error = FORMAT.parse_error(400, {"x-request-id": "req_1"}, body)
    assert isinstance(error, errors.BadRequest)
    assert (error.upstream_code, error.param, error.request_id) == (
        "unknown_parameter",
        "stop",
        "req_1",
    )


def test_an_error_before_there_is_an_answer_is_an_event_that_the_sdk_raises(
    upstream: StartUpstream,
) -> None:
    body = rendered([Failure(errors.Overloaded("too much to do", hint="Wait."))])
    (told,) = frames(body)
    check_event(told)
    assert (told["code"], told["message"]) == ("upstream_overloaded", "too much to do. Wait.")
    with (
        client_of(upstream(events_answer(body))) as client,
        pytest.raises(openai.APIError, match="too much to do") as caught,
    ):
        list(client.responses.create(**ASKED, stream=True))
    assert caught.value.code == "upstream_overloaded"


def test_what_was_open_is_not_done_when_an_answer_fails(upstream: StartUpstream) -> None:
    error = errors.RateLimited("slow down")
    error.upstream_code = "tokens"
    body = rendered(
        [
            Start("resp_1"),
            PartStart(0, Text("")),
            PartDelta(0, "text", "Hel"),
            PartEnd(0, Text("Hel")),
            PartStart(1, ToolCall("call_1", "f")),
            PartDelta(1, "tool_call", '{"a'),
            Failure(error, Usage(7, 3)),
        ]
    )
    told = frames(body)
    check_sequence(told)
    last = told[-1]
    assert last["type"] == "response.failed"
    assert last["response"]["error"]["code"] == "rate_limit_exceeded"
    done, opened = last["response"]["output"]
    assert (done["status"], opened["status"], opened["arguments"]) == (
        "completed",
        "in_progress",
        "",
    )
    kinds = [frame["type"] for frame in told]
    assert "response.function_call_arguments.done" not in kinds
    with (
        client_of(upstream(events_answer(body))) as client,
        client.responses.stream(**ASKED) as stream,
        pytest.raises(RuntimeError),
    ):
        stream.get_final_response()


def test_usage_of_a_failed_answer_is_said() -> None:
    body = rendered([Start("resp_1"), Failure(errors.ServerError("x"), Usage(7, 3))])
    assert frames(body)[-1]["response"]["usage"]["input_tokens"] == 7


def test_a_failure_in_mid_relay_is_told_behind_the_last_whole_frame(
    upstream: StartUpstream,
) -> None:
    body = golden.read(FORMAT.name, "openai-text.sse")
    cut = body[: body.index(b'"delta":"lo, "')]
    bridge = Relay(FORMAT, Dialect(), "m")
    out = b"".join(bridge.feed(cut)) + b"".join(bridge.fail(errors.ConnectionLost("gone")))
    assert cut.startswith(out[: out.rindex(b"event: error")])
    with client_of(upstream(events_answer(out))) as client:
        seen: list[Any] = []
        with pytest.raises(openai.APIError, match="gone"):
            seen.extend(client.responses.create(**ASKED, stream=True))


def test_an_error_of_the_upstreams_is_bounded_and_redacted_in_a_relay() -> None:
    told = {"type": "error", "code": "server_error", "message": "key sk-abcdefghijklmnop is burnt"}
    frame = b"event: error\ndata: " + json.dumps(told).encode() + b"\n\n"
    before = golden.read(FORMAT.name, "truncated-in-text.sse")
    bridge = Relay(FORMAT, Dialect(), "m")
    out = b"".join(bridge.feed(before + frame))
    assert out.startswith(before)
    assert b"abcdefghijklmnop" not in out
    assert isinstance(bridge.failure, Failure)
    assert b"".join(bridge.close()) == b""


def test_a_relay_knows_usage_and_the_end() -> None:
    body = golden.read(FORMAT.name, "tool-calls-parallel.sse")
    bridge = Relay(FORMAT, Dialect(), "m")
    out = [b"".join(bridge.feed(body[at : at + 50])) for at in range(0, len(body), 50)]
    assert b"".join(out) + b"".join(bridge.close()) == body
    assert bridge.finish is not None
    assert isinstance(bridge.finish, Finish)
    assert bridge.usage is not None
    assert (bridge.usage.prompt_tokens, bridge.id, bridge.model) == (36, "resp_68a1", "gpt-6-astra")
