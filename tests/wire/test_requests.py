"""Requests of chat completions: read exactly, written in every dialect."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidRequest, Unsupported
from dragoman.types import (
    ChatRequest,
    Dialect,
    ForeignTool,
    JsonObject,
    JsonSchema,
    Media,
    Message,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    assistant,
    tool_result,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.history import NO_RESULT
from dragoman.wire.openai_completions import parse_messages
from tests.wire import golden

FORMAT = get_format("openai-completions")
CASES = json.loads((golden.CASES / f"{FORMAT.name}-requests.json").read_bytes())
INVALID = json.loads((golden.CASES / f"{FORMAT.name}-invalid-requests.json").read_bytes())


def render(request: ChatRequest, **dialect: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    rendered = FORMAT.render_request(request, "up", Dialect(**dialect))
    return json.loads(rendered.body), rendered.warnings


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("hi"),), **fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_request_reaches_the_upstream_as_the_case_says(case: dict[str, Any]) -> None:
    spoken = msgspec.convert(case.get("dialect", {}), Dialect)
    request = FORMAT.parse_request(json.dumps(case["body"]).encode())
    rendered = FORMAT.render_request(request, case["body"]["model"], spoken)
    assert json.loads(rendered.body) == case.get("rendered", case["body"])
    assert list(rendered.warnings) == case.get("warnings", [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_written_is_read_back_the_same(case: dict[str, Any]) -> None:
    request = FORMAT.parse_request(json.dumps(case["body"]).encode())
    plain = Dialect(strict_tools=True, reasoning_field="reasoning_details")
    if request.reasoning is not None and request.reasoning.budget_tokens is not None:
        plain = Dialect(strict_tools=True, reasoning="nested")
    once = FORMAT.parse_request(FORMAT.render_request(request, request.model, plain).body)
    again = FORMAT.parse_request(FORMAT.render_request(once, request.model, plain).body)
    assert again == once


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["name"])
def test_a_wrong_request_is_refused_with_the_name_of_the_field(case: dict[str, Any]) -> None:
    body = case["body"]
    with pytest.raises(InvalidRequest) as caught:
        FORMAT.parse_request(body.encode() if isinstance(body, str) else json.dumps(body).encode())
    assert caught.value.param == case["param"]
    assert case["message"] in str(caught.value)
    assert caught.value.status == 400


def test_a_request_that_says_nothing_sends_nothing() -> None:
    body, warnings = render(ask())
    assert body == {"model": "up", "messages": [{"role": "user", "content": "hi"}]}
    assert warnings == ()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_tool_results_of_a_turn_are_one_message_in_our_vocabulary(size: int) -> None:
    written = [{"role": "tool", "tool_call_id": f"c{n}", "content": "x"} for n in range(size)]
    (message,) = parse_messages(written)
    assert message.role == "tool"
    assert [part.call_id for part in message.parts if isinstance(part, ToolResult)] == [
        f"c{n}" for n in range(size)
    ]


def test_messages_of_ours_may_stand_among_dictionaries() -> None:
    messages = parse_messages([user("a"), {"role": "assistant", "content": "b"}])
    assert messages == (user("a"), assistant("b"))


@pytest.mark.parametrize("kind", ["relayed", "message", "completion"])
def test_an_answer_can_be_sent_back_as_it_came(kind: str) -> None:
    """Clients append `choices[0].message` to the history, with all that is in it."""
    name = "reasoning-openrouter-details"
    whole = golden.read(FORMAT.name, f"{name}.json")
    completion = FORMAT.parse_response(whole, Dialect())
    written = json.loads(FORMAT.render_response(completion).body)["choices"][0]["message"]
    relayed = json.loads(whole)["choices"][0]["message"]
    message = {
        "relayed": parse_messages([relayed])[0],
        "message": parse_messages([written])[0],
        "completion": completion.message,
    }[kind]
    plain, _ = render(ask(user("a"), message))
    assert plain["messages"][1] == {"role": "assistant", "content": "42"}
    echoed, _ = render(ask(user("a"), message), reasoning_field="reasoning_details")
    assert echoed["messages"][1]["reasoning_details"] == relayed["reasoning_details"]


def test_reasoning_goes_back_only_where_the_dialect_wants_it() -> None:
    message = Message("assistant", (Reasoning("Hm."), Text("42")))
    assert render(ask(message))[0]["messages"][0] == {"role": "assistant", "content": "42"}
    body, _ = render(ask(message), reasoning_field="reasoning_content")
    assert body["messages"][0]["reasoning_content"] == "Hm."
    body, _ = render(ask(message), reasoning_as_text=True)
    assert "Hm." in json.dumps(body["messages"][0]["content"])


def test_meta_of_another_format_is_never_sent() -> None:
    meta = {"anthropic-messages": {"cache_control": {"type": "ephemeral"}, "signature": "s"}}
    messages = (
        Message("user", (Text("a", meta), Media(kind="image", url="https://e.com/a", meta=meta))),
        Message(
            "assistant", (Reasoning("r", meta), Text("b", meta), ToolCall("c", "f", "{}", meta))
        ),
        Message("tool", (ToolResult("c", (Text("d", meta),), meta=meta),), meta=meta),
    )
    rendered = FORMAT.render_request(ask(*messages, tools=(Tool("f", meta=meta),)), "m", Dialect())
    assert b"ephemeral" not in rendered.body
    assert b"signature" not in rendered.body


def test_what_only_another_format_knows_is_reported() -> None:
    request = ask(
        Message("user", (Text("a"), Unknown("anthropic-messages", '{"type":"search_result"}'))),
        tools=(ForeignTool("anthropic-messages", '{"type":"bash_20250124"}'), Tool("f")),
        format="anthropic-messages",
        extra={"container": "x", "context_management": {}},
    )
    body, warnings = render(request)
    assert len(body["tools"]) == 1
    assert "container" not in body
    assert warnings == (
        "a block that only anthropic-messages knows is left out",
        "a tool that only anthropic-messages knows is left out",
        "container is not sent: openai-completions does not know it",
        "context_management is not sent: openai-completions does not know it",
    )


@pytest.mark.parametrize("form", [None, FORMAT.name])
def test_extra_fields_go_along_and_never_replace_ours(form: str | None) -> None:
    extra = {"top_a": 0.1, "temperature": 2, "model": "x", "stream": True, "guided": {"a": [1]}}
    body, warnings = render(ask(temperature=0.5, format=form, extra=extra))
    assert body["top_a"] == 0.1
    assert body["guided"] == {"a": [1]}
    assert (body["temperature"], body["model"], "stream" in body) == (0.5, "up", False)
    assert warnings == ()


@pytest.mark.parametrize(
    ("asked", "supported", "expected"),
    [
        (None, True, {"include_usage": True}),
        (True, True, {"include_usage": True}),
        (False, True, {"include_usage": True}),
        (None, False, None),
        (True, False, None),
    ],
)
def test_usage_is_asked_for_in_streams_where_the_dialect_knows_it(
    asked: bool | None, supported: bool, expected: dict[str, Any] | None
) -> None:
    body, _ = render(ask(stream=True, stream_usage=asked), stream_usage=supported)
    assert body["stream"] is True
    assert body.get("stream_options") == expected


OUTPUT = JsonSchema({"type": "object"}, "answer", strict=True)


def test_a_schema_is_sent_in_the_way_that_the_dialect_knows() -> None:
    native, _ = render(ask(output=OUTPUT))
    assert native["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
    }
    in_mode, _ = render(ask(output=OUTPUT), json_schema="object")
    assert in_mode["response_format"] == {"type": "json_object"}
    told, _ = render(ask(output=OUTPUT), json_schema="none")
    assert "response_format" not in told
    for body in (in_mode, told):
        assert body["messages"][0]["role"] == "system"
        assert '{"type":"object"}' in body["messages"][0]["content"]
    free, _ = render(ask(output=JsonObject()), json_schema="none")
    assert "JSON" in free["messages"][0]["content"]


def test_instructions_about_the_schema_join_those_that_are_there() -> None:
    body, _ = render(
        ask(Message("system", (Text("Be brief."),)), user("a"), output=OUTPUT), json_schema="none"
    )
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"].startswith("Be brief.\n\n")


HIGH = ReasoningOptions("high")
OFF = ReasoningOptions("none")


@pytest.mark.parametrize(
    ("way", "options", "expected", "warns"),
    [
        ("effort", HIGH, {"reasoning_effort": "high"}, False),
        ("effort", ReasoningOptions(budget_tokens=4000), {"reasoning_effort": "low"}, True),
        ("nested", HIGH, {"reasoning": {"effort": "high"}}, False),
        ("nested", ReasoningOptions(budget_tokens=9), {"reasoning": {"max_tokens": 9}}, False),
        ("enable_thinking", HIGH, {"enable_thinking": True}, True),
        ("enable_thinking", OFF, {"enable_thinking": False}, False),
        ("chat_template_kwargs", OFF, {"chat_template_kwargs": {"enable_thinking": False}}, False),
        ("thinking", HIGH, {"thinking": {"type": "enabled"}}, True),
        ("thinking", OFF, {"thinking": {"type": "disabled"}}, False),
        ("none", HIGH, {}, True),
    ],
)
def test_reasoning_is_asked_for_in_the_dialects_way(
    way: str, options: ReasoningOptions, expected: dict[str, Any], warns: bool
) -> None:
    body, warnings = render(ask(reasoning=options), reasoning=way)
    del body["model"], body["messages"]
    assert body == expected
    assert bool(warnings) == warns


def test_template_arguments_of_the_caller_join_the_switch() -> None:
    extra = {"chat_template_kwargs": {"custom": 1}}
    body, _ = render(ask(reasoning=OFF, extra=extra), reasoning="chat_template_kwargs")
    assert body["chat_template_kwargs"] == {"custom": 1, "enable_thinking": False}


def test_pictures_out_of_tools_follow_as_the_users() -> None:
    image = Media(kind="image", media_type="image/png", data="AAAA")
    messages = (
        Message("assistant", (ToolCall("a", "shot"), ToolCall("b", "time"))),
        Message("tool", (ToolResult("a", (image,)), ToolResult("b", (Text("noon"),)))),
        user("and?"),
    )
    body, _ = render(ask(*messages))
    assert [message["role"] for message in body["messages"]] == [
        "assistant", "tool", "tool", "user", "user",
    ]  # fmt: skip
    assert body["messages"][1]["content"]
    assert body["messages"][3]["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"


def test_a_failed_tool_says_so() -> None:
    call = Message("assistant", (ToolCall("a", "f", "{}"),))
    body, _ = render(ask(call, tool_result("a", "no such file", is_error=True)))
    assert body["messages"][1]["content"] == "Error: no such file"


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    calls = Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")))
    for rest in ((tool_result("b", "2"), user("go on")), (tool_result("b", "2"),)):
        body, warnings = render(ask(calls, *rest))
        results = [message for message in body["messages"] if message["role"] == "tool"]
        assert [result["tool_call_id"] for result in results] == ["b", "a"]
        assert results[1]["content"] == f"Error: {NO_RESULT}"
        assert warnings == ("the tool call 'a' has no result: one was made up that says so",)


def test_a_result_without_a_call_is_told_as_the_users() -> None:
    body, warnings = render(ask(user("a"), tool_result("x", "42")))
    assert [message["role"] for message in body["messages"]] == ["user", "user"]
    assert "42" in json.dumps(body["messages"][1]["content"])
    assert warnings == ("the result for 'x' has no tool call: sent as the user's words",)


def test_ids_too_long_for_openai_are_shortened_alike_in_call_and_result() -> None:
    long = "fc_" + "x" * 100
    calls = Message("assistant", (ToolCall(long, "f", "{}"), ToolCall("functions.f:0", "f", "{}")))
    messages = (calls, tool_result(long, "1"), tool_result("functions.f:0", "2"))
    body, warnings = render(ask(*messages))
    first, second = (call["id"] for call in body["messages"][0]["tool_calls"])
    assert len(first) <= 40
    assert second == "functions.f:0"
    assert [message["tool_call_id"] for message in body["messages"][1:]] == [first, second]
    assert warnings == ()


def test_dialects_that_insist_on_names_and_turns_are_served() -> None:
    messages = (
        Message("assistant", (ToolCall("a", "f", "{}"),)),
        tool_result("a", "1"),
        user("go on"),
    )
    body, _ = render(ask(*messages), tool_result_name=True, assistant_after_tool_result=True)
    assert body["messages"][1]["name"] == "f"
    assert [message["role"] for message in body["messages"]] == [
        "assistant", "tool", "assistant", "user",
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_instructions_have_the_role_of_the_dialect(role: str) -> None:
    for asked in ("system", "developer"):
        message = Message("system" if asked == "system" else "developer", (Text("x"),))
        body, _ = render(ask(message), system_role=role)
        assert body["messages"][0]["role"] == role


def test_text_is_one_string_where_the_dialect_wants_it() -> None:
    body, _ = render(ask(user("a", "b")), content_as_string=True)
    assert body["messages"][0]["content"] == "a\n\nb"


@pytest.mark.parametrize(
    "part",
    [
        Media(kind="image", file_id="file-1"),
        Media(kind="audio", url="https://example.com/a.mp3"),
        Media(kind="video", file_id="file-1"),
    ],
)
def test_media_that_can_not_be_said_are_refused_rather_than_lost(part: Media) -> None:
    with pytest.raises(Unsupported, match=part.kind):
        render(ask(Message("user", (part,))))


def test_an_assistants_message_of_which_nothing_is_left_is_left_out() -> None:
    message = Message("assistant", (Reasoning("Hm."),))
    body, _ = render(ask(user("a"), message, user("b")))
    assert [m["content"] for m in body["messages"]] == ["a", "b"]
    refused = Message("assistant", (Refusal("No."),))
    assert render(ask(refused))[0]["messages"][0]["refusal"] == "No."


def test_dropped_and_renamed_fields_are_reported() -> None:
    request = ask(temperature=0.7, seed=1, max_tokens=9)
    body, warnings = render(request, drop=("seed", "top_k"), rename={"temperature": "temp"})
    assert body["temp"] == 0.7
    assert "seed" not in body
    assert warnings == ("seed is not sent: this provider does not know it",)
    body, _ = render(request, max_tokens_field="max_completion_tokens")
    assert body["max_completion_tokens"] == 9


def test_lone_surrogates_in_a_library_call_become_replacement_characters() -> None:
    body, _ = render(ask(user("a\ud83d")))
    assert body["messages"][0]["content"] == "a\ufffd"


def test_arguments_that_are_no_json_are_sent_back_as_they_were() -> None:
    body, _ = render(ask(Message("assistant", (ToolCall("a", "f", '{"x": oops'),))))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"x": oops'


LETTERS = st.characters(exclude_categories=["C", "Z"])
TEXTS = st.text(LETTERS, max_size=8)
FILLED = st.text(LETTERS, min_size=1, max_size=8)
PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(
        lambda data, detail: Media(kind="image", media_type="image/png", data=data, detail=detail),
        st.sampled_from(["AAAA", "iVBORw0KGgo="]),
        st.sampled_from([None, "low"]),
    ),
    st.builds(
        lambda name: Media(kind="image", url=f"https://example.com/{name}"), st.just("a.png")
    ),
    st.builds(lambda: Media(kind="audio", media_type="audio/mpeg", data="AAAA")),
    st.builds(lambda: Media(kind="file", file_id="file-1")),
    st.builds(lambda: Media(kind="file", media_type="application/pdf", data="AA==", name="a.pdf")),
)
MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda text: Message("system", (Text(text),)), TEXTS),
        st.builds(
            lambda parts: Message("user", tuple(parts)), st.lists(PARTS, min_size=1, max_size=3)
        ),
        st.builds(
            lambda text, calls: Message("assistant", (Text(text), *calls)),
            FILLED,
            st.lists(
                st.builds(ToolCall, FILLED, FILLED, st.just('{"a": 1.0}')),
                max_size=2,
                unique_by=lambda call: call.id,
            ),
        ),
    ),
    min_size=1,
    max_size=4,
).map(lambda messages: tuple(each for message in messages for each in answered(message)))


def answered(message: Message) -> list[Message]:
    """Put results behind the calls of a message."""
    results = [ToolResult(p.id, (Text("x"),)) for p in message.parts if isinstance(p, ToolCall)]
    return [message, Message("tool", tuple(results))] if results else [message]


REQUESTS = st.builds(
    ChatRequest,
    model=FILLED,
    messages=MESSAGES,
    tools=st.lists(
        st.builds(
            Tool,
            FILLED,
            st.none() | TEXTS,
            st.none() | st.just({"type": "object"}),
            st.none() | st.booleans(),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    tool_choice=st.none()
    | st.builds(ToolChoice, st.sampled_from(["auto", "none", "required"]))
    | st.builds(lambda name: ToolChoice("tool", name), FILLED),
    parallel_tool_calls=st.none() | st.booleans(),
    output=st.none()
    | st.builds(JsonObject)
    | st.builds(JsonSchema, st.just({"type": "object"}), FILLED),
    reasoning=st.none() | st.builds(ReasoningOptions, st.sampled_from(["none", "low", "max"])),
    max_tokens=st.none() | st.integers(1, 9999),
    temperature=st.none() | st.floats(0, 2),
    stop=st.lists(FILLED, max_size=2).map(tuple),
    seed=st.none() | st.integers(-9, 9),
    n=st.none() | st.integers(1, 3),
    logprobs=st.none() | st.booleans(),
    user=st.none() | FILLED,
    metadata=st.none() | st.just({"a": "b"}),
    format=st.just(FORMAT.name),
    extra=st.dictionaries(st.sampled_from(["store", "guided_json"]), st.booleans()),
)


@given(REQUESTS)
def test_any_request_survives_being_written_and_read(request: ChatRequest) -> None:
    rendered = FORMAT.render_request(request, request.model, Dialect(strict_tools=True))
    assert FORMAT.parse_request(rendered.body) == request
    assert rendered.warnings == ()
