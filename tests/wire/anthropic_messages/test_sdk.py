"""Answers and errors of ours, read by the official SDK, helpers and accumulators included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import pydantic
import pytest
from msgspec.structs import replace

from dragoman import errors
from dragoman.types import Completion, Dialect, Finish, Text, ToolCall, Usage
from dragoman.types.event import Failure, PartDelta, PartEnd, PartStart, Start
from dragoman.wire import get_format
from dragoman.wire.bridge import Translate
from dragoman.wire.whole import accumulate, events_of
from tests.upstream.fault import Answer, FaultUpstream, Request
from tests.wire import golden
from tests.wire.anthropic_messages.judge import (
    ASKED,
    FORMAT,
    client_of,
    events_answer,
    json_answer,
    parse,
    plain,
    rendered,
    whole,
)
from tests.wire.conftest import Stage

StartUpstream = Callable[..., FaultUpstream]

CASES = [
    (api, name)
    for api in ("anthropic-messages", "openai-completions", "openai-responses")
    for name in golden.names(api, ".sse")
]
NOT_ACCUMULATED = ("service_tier", "inference_geo", "cost")
"""What the SDK's accumulator does not take from the end of a stream, `context_management` too."""


def is_whole(api: str, name: str) -> bool:
    end = parse(api, name)[-1]
    return isinstance(end, Finish) and end.reason != "error"


def is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def is_sound(api: str, name: str) -> bool:
    """Whether all arguments are JSON objects.

    Others a stream says as they come, at which the SDK stumbles; a whole answer wraps them.
    """
    return all(is_object(call.arguments) for call in accumulate(parse(api, name)).tool_calls)


CUT = [case for case in CASES if not is_whole(*case)]
WHOLE = [case for case in CASES if is_whole(*case) and is_sound(*case)]
UNSOUND = [case for case in CASES if is_whole(*case) and not is_sound(*case)]


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_the_sdk_makes_the_same_of_a_stream_and_of_the_whole_answer(
    api: str, name: str, stage: Stage
) -> None:
    events = parse(api, name)
    completion = accumulate(events)
    body = whole(replace(completion, model="m"))
    stage.play(json_answer(body), events_answer(rendered(events)))
    created = stage.claude.messages.create(**ASKED)
    with stage.claude.messages.stream(**ASKED) as stream:
        texts = list(stream.text_stream)
        streamed = stream.get_final_message()
    expected = plain(created)
    expected.pop("context_management", None)
    expected["usage"] = {k: v for k, v in expected["usage"].items() if k not in NOT_ACCUMULATED}
    found = plain(streamed)
    found["usage"] = {k: v for k, v in found["usage"].items() if k not in NOT_ACCUMULATED}
    assert found == expected
    assert "".join(texts) == "".join(b.text for b in created.content if b.type == "text")
    calls = [block for block in created.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [
        (call.name, json.loads(call.arguments)) for call in completion.tool_calls
    ]


@pytest.mark.parametrize(("api", "name"), CUT)
def test_the_sdk_raises_where_an_answer_broke_off(api: str, name: str, stage: Stage) -> None:
    stage.play(events_answer(rendered(parse(api, name))))
    with (
        stage.claude.messages.stream(**ASKED) as stream,
        pytest.raises(anthropic.APIStatusError) as raised,
    ):
        stream.until_done()
    body: Any = raised.value.body
    assert body["type"] == "error"
    assert body["error"]["message"]


@pytest.mark.parametrize(("api", "name"), UNSOUND)
def test_arguments_that_are_no_object_are_wrapped_in_a_whole_answer(
    api: str, name: str, stage: Stage
) -> None:
    completion = accumulate(parse(api, name))
    answer = FORMAT.render_response(completion)
    stage.play(json_answer(answer.body))
    content = stage.claude.messages.create(**ASKED).content
    inputs = [block.input for block in content if block.type == "tool_use"]
    assert inputs == [
        json.loads(call.arguments)
        if is_object(call.arguments)
        else {"invalid_json": call.arguments}
        for call in completion.tool_calls
    ]
    assert any("no JSON object" in warning for warning in answer.warnings)


def test_parallel_calls_that_come_interleaved_are_told_one_after_another(
    upstream: StartUpstream,
) -> None:
    """Chat completions interleave the deltas of parallel calls; blocks can't."""
    events = [
        Start("msg_1"),
        PartStart(0, ToolCall("call_a", "look")),
        PartDelta(0, "tool_call", '{"at":'),
        PartStart(1, ToolCall("call_b", "look")),
        PartDelta(1, "tool_call", '{"at"'),
        PartDelta(0, "tool_call", "1}"),
        PartDelta(1, "tool_call", ":2}"),
        PartStart(2, ToolCall("functions.look:2", "look")),
        PartEnd(1, ToolCall("call_b", "look", '{"at":2}')),
        PartEnd(0, ToolCall("call_a", "look", '{"at":1}')),
        PartDelta(2, "tool_call", '{"at":3}'),
        PartEnd(2, ToolCall("functions.look:2", "look", '{"at":3}')),
        Finish("tool_calls", usage=Usage(7, 3)),
    ]
    renderer = FORMAT.stream_renderer("m")
    pieces = [renderer.render(event) for event in events]
    assert b'"at' in pieces[2]  # the first call streams on
    assert pieces[4] == b""  # the second waits
    server = upstream(events_answer(b"".join(pieces)))
    with client_of(server) as client, client.messages.stream(**ASKED) as stream:
        order = [event.index for event in stream if event.type == "content_block_start"]
        message = stream.get_final_message()
    assert order == [0, 1, 2]
    assert [block.input["at"] for block in message.content if block.type == "tool_use"] == [1, 2, 3]
    ids = [block.id for block in message.content if block.type == "tool_use"]
    assert ids[:2] == ["call_a", "call_b"]
    assert ids[2].startswith("toolu_")


@pytest.mark.parametrize(
    ("pieces", "read"),
    [
        (["nu", "ll"], {}),
        (["[1", "]"], {"invalid_json": "[1]"}),
        (["oops"], {"invalid_json": "oops"}),
        ([" ", '{"a"', ":1}"], {"a": 1}),
        ([""], {}),
    ],
)
def test_arguments_that_do_not_begin_as_an_object_wait_for_their_end(
    pieces: list[str], read: dict[str, Any], upstream: StartUpstream
) -> None:
    """The SDK's accumulator stumbles over anything else."""
    call = ToolCall("toolu_1", "f", "".join(pieces))
    events = [
        Start("msg_1"),
        PartStart(0, ToolCall("toolu_1", "f")),
        *(PartDelta(0, "tool_call", piece) for piece in pieces),
        PartEnd(0, call),
        Finish("tool_calls"),
    ]
    server = upstream(events_answer(rendered(events)))
    with client_of(server) as client, client.messages.stream(**ASKED) as stream:
        (block,) = stream.get_final_message().content
    assert block.type == "tool_use"
    assert block.input == read


def test_the_async_client_reads_a_stream_too(upstream: StartUpstream) -> None:
    server = upstream(events_answer(rendered(parse("anthropic-messages", "tool-call"))))

    async def ask() -> Any:
        async with (
            anthropic.AsyncAnthropic(base_url=server.url, api_key="k") as client,
            client.messages.stream(**ASKED) as stream,
        ):
            return await stream.get_final_message()

    message = asyncio.run(ask())
    assert message.content[1].input == {"city": "Paris", "days": 3}
    assert message.stop_reason == "tool_use"


def test_the_raw_stream_has_every_event_in_its_place(upstream: StartUpstream) -> None:
    server = upstream(events_answer(rendered(parse("anthropic-messages", "thinking"))))
    with client_of(server) as client:
        stream = client.messages.create(**ASKED, stream=True)
        kinds = [event.type for event in stream]
    block = ["content_block_start", "content_block_delta", "content_block_stop"]
    assert kinds == [
        "message_start",
        *block[:1], *block[1:2] * 3, *block[2:],
        *block,
        "message_delta",
        "message_stop",
    ]  # fmt: skip


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def test_structured_output_is_parsed_by_the_helper(upstream: StartUpstream) -> None:
    answer = Completion(
        parts=(Text('{"city":"Paris","degrees":7}'),), finish_reason="stop", id="msg_1", model="m"
    )
    server = upstream([json_answer(whole(answer)), events_answer(rendered(events_of(answer)))])
    with client_of(server) as client:
        parsed = client.messages.parse(**ASKED, output_format=Weather)
        with client.messages.stream(**ASKED, output_format=Weather) as stream:
            streamed = stream.get_final_message()
    assert parsed.parsed_output == streamed.parsed_output == Weather(city="Paris", degrees=7)
    request = FORMAT.parse_request(server.requests[0].body)
    assert request.output is not None


def test_the_tool_runner_runs_its_round_without_a_server_that_remembers(
    upstream: StartUpstream,
) -> None:
    """Requests and results are the SDK's own: it first tries to continue a thread of the server's,

    and sends the whole history when it is told that there is none.
    """
    call = ToolCall("toolu_1", "add", '{"a":1,"b":2}')
    seen: list[list[str]] = []

    def answer(request: Request) -> Answer:
        try:
            asked = FORMAT.parse_request(request.body)
            get_format("openai-completions").render_request(asked, "m", Dialect())
        except errors.DragomanError as error:
            status, body = FORMAT.render_error(error)
            return json_answer(body, status)
        seen.append([message.role for message in asked.messages])
        parts = (call,) if len(seen) == 1 else (Text("Three."),)
        reason: Any = "tool_calls" if len(seen) == 1 else "stop"
        return json_answer(whole(Completion(parts=parts, finish_reason=reason, id=f"msg_{seen}")))

    @anthropic.beta_tool
    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return str(a + b)

    with client_of(upstream(answer)) as client:
        last = client.beta.messages.tool_runner(**ASKED, tools=[add]).until_done()
    assert [block.text for block in last.content if block.type == "text"] == ["Three."]
    assert seen == [["user"], ["user", "assistant", "tool"]]


@pytest.mark.parametrize(
    ("error", "status", "kind", "raised"),
    [
        (errors.InvalidRequest("x"), 400, "invalid_request_error", anthropic.BadRequestError),
        (errors.Unauthorized("x"), 401, "authentication_error", anthropic.AuthenticationError),
        (errors.BudgetExceeded("x"), 402, "billing_error", anthropic.APIStatusError),
        (errors.Forbidden("x"), 403, "permission_error", anthropic.PermissionDeniedError),
        (errors.UnknownModel("x"), 404, "not_found_error", anthropic.NotFoundError),
        (errors.LimitExceeded("x"), 429, "rate_limit_error", anthropic.RateLimitError),
        (errors.RateLimited("x"), 429, "rate_limit_error", anthropic.RateLimitError),
        (errors.Overloaded("x"), 529, "overloaded_error", anthropic.InternalServerError),
        (errors.ServerError("x"), 502, "api_error", anthropic.InternalServerError),
        (errors.AuthFailed("x"), 502, "api_error", anthropic.InternalServerError),
        (errors.Timeout("idle", 3), 504, "timeout_error", anthropic.InternalServerError),
        (errors.ContextOverflow("x"), 400, "invalid_request_error", anthropic.BadRequestError),
        (
            errors.BadRequest("x", status=413),
            413,
            "request_too_large",
            anthropic.APIStatusError,
        ),
    ],
)
def test_the_sdk_raises_the_error_that_it_has_for_ours(
    error: errors.DragomanError,
    status: int,
    kind: str,
    raised: type[anthropic.APIStatusError],
    upstream: StartUpstream,
) -> None:
    found, body = FORMAT.render_error(error)
    assert found == status
    with client_of(upstream(json_answer(body, found))) as client, pytest.raises(raised) as caught:
        client.messages.create(**ASKED)
    value: Any = caught.value.body
    assert value["error"]["type"] == kind
    assert error.message in value["error"]["message"]


def test_an_error_amid_a_stream_leaves_what_came_before(upstream: StartUpstream) -> None:
    """And nothing is closed: a call that broke off must not look complete."""
    body = rendered(parse("anthropic-messages", "error-in-tool-call"))
    assert b"content_block_stop" not in body
    assert b"message_stop" not in body
    server = upstream(events_answer(body))
    with client_of(server) as client, client.messages.stream(**ASKED) as stream:
        with pytest.raises(anthropic.APIStatusError):
            stream.until_done()
        (call,) = stream.current_message_snapshot.content
    assert call.type == "tool_use"
    assert call.name == "rm"


def test_a_failure_without_a_start_is_an_error_event_alone() -> None:
    body = rendered([Failure(errors.Timeout("first_token", 2))])
    assert body.startswith(b"event: error\ndata: ")
    assert body.count(b"event:") == 1


def test_the_bridge_translates_a_chat_stream_for_the_sdk(upstream: StartUpstream) -> None:
    chat = get_format("openai-completions")
    bridge = Translate(chat, Dialect(), FORMAT.stream_renderer("m"), id="msg_given", created=1)
    body = golden.read(chat.name, "tool-calls-interleaved.sse")
    out = b"".join(b"".join(bridge.feed(body[at : at + 5])) for at in range(0, len(body), 5))
    out += b"".join(bridge.close())
    server = upstream(events_answer(out))
    with client_of(server) as client, client.messages.stream(**ASKED) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    assert len([block for block in message.content if block.type == "tool_use"]) >= 2
