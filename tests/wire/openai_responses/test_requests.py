"""Requests: read exactly, written again, and what of other formats' requests reaches this one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pydantic
import pytest

from dragoman.errors import InvalidRequest, Unsupported
from dragoman.types import (
    ChatRequest,
    Dialect,
    ForeignTool,
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
    system,
    tool_result,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.history import NO_RESULT
from dragoman.wire.seal import seal
from tests.upstream.fault import FaultUpstream
from tests.wire import golden
from tests.wire.openai_responses.judge import FORMAT, client_of, json_answer

StartUpstream = Callable[..., FaultUpstream]

CASES = json.loads((golden.CASES / f"{FORMAT.name}-requests.json").read_bytes())
INVALID = json.loads((golden.CASES / f"{FORMAT.name}-invalid-requests.json").read_bytes())
NAMED = {case["name"]: case["body"] for case in CASES}
PICTURE = Media(kind="image", media_type="image/png", data="iVBORw0KGgo=")


def parse(body: dict[str, Any]) -> ChatRequest:
    return FORMAT.parse_request(json.dumps(body).encode())


def render(request: ChatRequest, **dialect: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    rendered = FORMAT.render_request(request, "up", Dialect(**dialect))
    return json.loads(rendered.body), rendered.warnings


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("hi"),), **fields)


def chat(*messages: Message, **fields: Any) -> ChatRequest:
    return ask(*messages, format="openai-completions", **fields)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_request_reaches_the_upstream_as_the_case_says(case: dict[str, Any]) -> None:
    spoken = msgspec.convert(case.get("dialect", {}), Dialect)
    rendered = FORMAT.render_request(parse(case["body"]), case["body"]["model"], spoken)
    assert json.loads(rendered.body) == case.get("rendered", case["body"])
    assert list(rendered.warnings) == case.get("warnings", [])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_written_is_read_back_the_same(case: dict[str, Any]) -> None:
    spoken = Dialect(system_role="developer")
    once = FORMAT.parse_request(FORMAT.render_request(parse(case["body"]), "m", spoken).body)
    again = FORMAT.parse_request(FORMAT.render_request(once, "m", spoken).body)
    assert again == once


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["name"])
def test_a_wrong_request_is_refused_with_the_name_of_the_field(case: dict[str, Any]) -> None:
    body = case["body"]
    with pytest.raises(InvalidRequest) as caught:
        FORMAT.parse_request(body.encode() if isinstance(body, str) else json.dumps(body).encode())
    assert caught.value.param == case["param"]
    assert case["message"] in str(caught.value)
    assert caught.value.status == 400


def test_what_codex_sends_is_understood() -> None:
    request = parse(NAMED["codex"])
    assert [message.role for message in request.messages] == [
        "system", "developer", "developer", "user", "user", "assistant", "tool",
    ]  # fmt: skip
    turn = request.messages[5].parts
    assert [type(part).__name__ for part in turn] == ["Reasoning", "Text", "ToolCall", "ToolCall"]
    assert turn[0].text == "**Looking**"
    assert turn[3] == ToolCall(
        "call_2", "apply_patch", '{"input":"*** Begin Patch"}', {FORMAT.name: {"custom": True}}
    )
    assert [part.call_id for part in request.messages[6].parts] == ["call_1", "call_2"]
    names = [tool.name for tool in request.tools if isinstance(tool, Tool)]
    assert names == ["shell", "apply_patch", "mcp__git__log", "mcp__git__run"]
    assert isinstance(request.tools[-1], ForeignTool)
    assert request.reasoning == ReasoningOptions("medium", summary="auto")
    assert request.extra.keys() == {
        "store", "prompt_cache_key", "include", "client_metadata", "text",
    }  # fmt: skip


@pytest.mark.parametrize("api", ["openai-completions", "anthropic-messages"])
def test_what_codex_sends_is_mapped_or_reported_elsewhere(api: str) -> None:
    rendered = get_format(api).render_request(parse(NAMED["codex"]), "up", Dialect())
    body = json.loads(rendered.body)
    text = json.dumps(body)
    for word in ("client_metadata", "namespace\"", "web_search", "encrypted_content", "verbosity",
                 '"custom"', "input_text", "prompt_cache_key", '"include"'):  # fmt: skip
        assert word not in text
    assert len(body["tools"]) == 4
    assert any("tool" in warning for warning in rendered.warnings)
    assert any("client_metadata" in warning for warning in rendered.warnings)


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"conversation": "conv_1"},
        {"background": True},
        {"prompt": {"id": "pmpt_1"}},
    ],
    ids=lambda fields: next(iter(fields)),
)
@pytest.mark.parametrize("api", ["openai-completions", "anthropic-messages"])
def test_what_needs_the_providers_state_is_refused_elsewhere(
    api: str, fields: dict[str, Any]
) -> None:
    request = parse({"model": "m", "input": "hi", **fields})
    with pytest.raises(Unsupported) as caught:
        get_format(api).render_request(request, "up", Dialect())
    assert caught.value.param == next(iter(fields))
    assert (
        json.loads(FORMAT.render_request(request, "up", Dialect()).body).items() >= fields.items()
    )


def test_a_request_that_says_nothing_sends_only_that_nothing_is_to_be_kept() -> None:
    body, warnings = render(ask())
    said = [{"type": "message", "role": "user", "content": "hi"}]
    assert body == {"model": "up", "input": said, "store": False}
    assert warnings == ()


def test_a_caller_who_manages_state_is_left_to_it() -> None:
    body, _ = render(ask(extra={"previous_response_id": "resp_1"}))
    assert "store" not in body
    body, _ = render(ask(extra={"store": True}))
    assert body["store"] is True


def test_thoughts_are_asked_for_sealed_where_the_model_thinks() -> None:
    body, _ = render(chat(reasoning=ReasoningOptions("high")))
    assert body["include"] == ["reasoning.encrypted_content"]
    body, _ = render(chat(reasoning=ReasoningOptions("none")))
    assert "include" not in body


def test_the_first_instructions_are_instructions() -> None:
    body, _ = render(chat(system("A"), Message("developer", (Text("B"),)), user("hi")))
    assert body["instructions"] == "A"
    assert [item["role"] for item in body["input"]] == ["system", "user"]
    body, _ = render(chat(system("A")))
    assert "instructions" not in body
    assert body["input"] == [{"type": "message", "role": "system", "content": "A"}]


def test_fields_that_both_formats_of_openai_know_cross() -> None:
    extra = {"verbosity": "low", "service_tier": "flex", "store": True, "logit_bias": {"1": 2}}
    body, warnings = render(chat(extra=extra, output=JsonSchema({"type": "object"})))
    assert body["text"].keys() == {"format", "verbosity"}
    assert (body["service_tier"], body["store"]) == ("flex", True)
    assert warnings == ("logit_bias is not sent: openai-responses does not know it",)


def test_what_this_format_does_not_know_is_reported() -> None:
    request = chat(stop=("x",), top_k=3, seed=7, presence_penalty=0.5, frequency_penalty=0.5)
    body, warnings = render(request)
    assert body.keys() == {"model", "input", "store"}
    assert [warning.split()[0] for warning in warnings] == [
        "stop", "top_k", "seed", "presence_penalty", "frequency_penalty",
    ]  # fmt: skip


def test_what_cannot_cross_is_refused() -> None:
    with pytest.raises(Unsupported, match="n can't be more than 1"):
        render(chat(n=2))
    for request in (ask, chat):
        body, _ = render(request(logprobs=True, top_logprobs=3))
        assert body["include"] == ["message.output_text.logprobs"]
        assert body["top_logprobs"] == 3
    for media in (
        Media(kind="video", url="https://example.com/a.mp4"),
        Media(kind="audio", url="https://example.com/a.mp3"),
    ):
        with pytest.raises(Unsupported):
            render(ask(user(media)))


def test_tools_of_other_formats_are_no_stricter_than_there() -> None:
    body, _ = render(chat(tools=(Tool("f"), Tool("g", strict=True))))
    assert [tool["strict"] for tool in body["tools"]] == [False, True]
    assert body["tools"][0]["parameters"] == {"type": "object", "properties": {}}


def test_a_choice_without_tools_is_not_sent() -> None:
    assert "tool_choice" not in render(chat(tool_choice=ToolChoice("auto")))[0]
    assert render(chat(tool_choice=ToolChoice("none")))[0]["tool_choice"] == "none"


def test_a_budget_becomes_the_nearest_effort() -> None:
    body, warnings = render(chat(reasoning=ReasoningOptions(budget_tokens=3000)))
    assert body["reasoning"] == {"effort": "low"}
    assert warnings == ("a reasoning budget of 3000 tokens is sent as the effort 'low'",)


def test_results_of_tools_keep_pictures_and_say_errors() -> None:
    request = chat(
        user("hi"),
        assistant(ToolCall("call_1", "f", "{}"), ToolCall("call_2", "f", "{}")),
        Message(
            "tool", (ToolResult("call_2", (Text("no"),), True), ToolResult("call_1", (PICTURE,)))
        ),
    )
    *_, failed, seen = render(request)[0]["input"]
    assert (failed["call_id"], failed["output"]) == ("call_2", "Error:\nno")
    assert [block["type"] for block in seen["output"]] == ["input_image"]
    history = (assistant(ToolCall("c", "f")), tool_result("c", "Error: no", is_error=True))
    assert render(chat(*history))[0]["input"][1]["output"] == "Error: no"


def test_an_id_that_openai_refuses_is_replaced_in_call_and_result_alike() -> None:
    long = "call_" + "x" * 80
    items = render(chat(assistant(ToolCall(long, "f", "{}")), tool_result(long, "x")))[0]["input"]
    assert items[0]["call_id"] == items[1]["call_id"] != long
    assert len(items[0]["call_id"]) <= 64


def test_calls_and_results_that_lost_each_other_are_mended() -> None:
    history = (
        user("hi"),
        assistant("I look.", ToolCall("call_1", "f", "{}"), ToolCall("call_2", "f", "{}")),
        tool_result("call_2", "two"),
        tool_result("call_9", "nine"),
        user("and?"),
        assistant(ToolCall("call_3", "f", "{}")),
    )
    body, warnings = render(chat(*history))
    assert [
        (item["type"], item.get("call_id"), item.get("output", item.get("content")))
        for item in body["input"][2:]
    ] == [
        ("function_call", "call_1", None),
        ("function_call", "call_2", None),
        ("function_call_output", "call_2", "two"),
        ("function_call_output", "call_1", f"Error:\n{NO_RESULT}"),
        ("message", None, [
            {"type": "input_text", "text": "Result of the tool call call_9:"},
            {"type": "input_text", "text": "nine"},
        ]),
        ("message", None, "and?"),
        ("function_call", "call_3", None),
        ("function_call_output", "call_3", f"Error:\n{NO_RESULT}"),
    ]  # fmt: skip
    assert warnings == (
        "the result for 'call_9' has no tool call: sent as the user's words",
        "the tool call 'call_1' has no result: one was made up that says so",
        "the tool call 'call_3' has no result: one was made up that says so",
    )


def test_a_history_that_its_caller_manages_is_left_as_it_is() -> None:
    answer = {"type": "function_call_output", "call_id": "call_9", "output": "nine"}
    asked = {"model": "m", "previous_response_id": "resp_1", "input": [answer]}
    body, warnings = render(parse(asked))
    assert (body["input"], warnings) == ([answer], ())
    request = ask(tool_result("call_9", "nine"), extra={"previous_response_id": "resp_1"})
    assert render(request)[0]["input"] == [answer]


def test_what_a_model_said_may_be_quoted_by_a_user() -> None:
    said = Text("Hello", {FORMAT.name: {"id": "msg_1", "phase": "commentary", "annotations": [1]}})
    (item,) = render(ask(user(said)))[0]["input"]
    assert item == {"type": "message", "role": "user", "content": "Hello"}


def test_names_of_authors_are_not_sent() -> None:
    body, warnings = render(chat(Message("user", (Text("hi"),), "ann")))
    assert body["input"] == [{"type": "message", "role": "user", "content": "hi"}]
    assert warnings == ("names of authors are not sent: this API has none",)


def test_data_without_a_name_gets_one_that_tells_its_kind() -> None:
    pdf = Media(kind="file", media_type="application/pdf", data="JVBERi0=")
    text = Media(kind="file", media_type="text/plain", data="aGk=")
    (item,) = render(ask(user(pdf, text)))[0]["input"]
    assert [block["filename"] for block in item["content"]] == ["file.pdf", "file.txt"]


def test_history_of_other_formats_has_no_ids_and_no_foreign_thoughts() -> None:
    signed = Reasoning("I think.", {"anthropic-messages": {"signature": "sig"}})
    ours = Reasoning("We think.", {FORMAT.name: {"id": "rs_1", "encrypted_content": "gAAA"}})
    kept = Reasoning("It keeps.", {FORMAT.name: {"id": "rs_2"}})
    text = Text("Hello", {FORMAT.name: {"id": "msg_1", "phase": "commentary"}})
    call = ToolCall("call_1", "f", "{}", {FORMAT.name: {"id": "fc_1"}})
    history = (user("hi"), assistant(signed, ours, kept, text, call), tool_result("call_1", "x"))
    body, warnings = render(chat(*history))
    thought, said, called = body["input"][1:4]
    assert thought == {
        "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA",
    }  # fmt: skip
    assert said == {
        "type": "message", "role": "assistant", "phase": "commentary",
        "content": [{"type": "output_text", "text": "Hello"}],
    }  # fmt: skip
    assert "id" not in called
    assert warnings == ("reasoning that only anthropic-messages can read is left out",)


def test_thoughts_may_be_replayed_as_text_where_the_dialect_says_so() -> None:
    body, _ = render(chat(user("hi"), assistant(Reasoning("Hm."), "Ho.")), reasoning_as_text=True)
    texts = [block["text"] for item in body["input"][1:] for block in item["content"]]
    assert texts == ["<think>\nHm.\n</think>\n", "Ho."]


def test_what_only_others_know_is_left_out_and_reported() -> None:
    block = Unknown("anthropic-messages", '{"type":"server_tool_use"}')
    tool = ForeignTool("anthropic-messages", '{"type":"web_search_20250305"}')
    body, warnings = render(chat(user("hi", block), assistant("x", block, PICTURE), tools=(tool,)))
    assert "tools" not in body
    assert len(body["input"]) == 2
    assert set(warnings) == {
        "a block that only anthropic-messages knows is left out",
        "a part of kind image in an assistant's message is left out",
        "a tool that only anthropic-messages knows is left out",
    }


def test_a_refusal_is_one_where_the_client_speaks_openais_language() -> None:
    (item,) = render(chat(assistant(Refusal("No."))))[0]["input"]
    assert item["content"] == [{"type": "refusal", "refusal": "No."}]
    (item,) = render(ask(assistant(Refusal("No."))))[0]["input"]
    assert item["content"] == [{"type": "output_text", "text": "No."}]


def test_a_sealed_thought_comes_home_and_goes_nowhere_else() -> None:
    meta = {"anthropic-messages": {"signature": "sig"}}
    item = {
        "type": "reasoning", "id": "rs_1", "encrypted_content": seal(Reasoning("", meta)),
        "summary": [{"type": "summary_text", "text": "I think."}],
    }  # fmt: skip
    hi = {"role": "user", "content": "hi"}
    request = parse({"model": "m", "input": [hi, item, hi]})
    assert request.messages[1].parts == (Reasoning("I think.", meta),)
    assert [item["type"] for item in render(request)[0]["input"]] == ["message", "message"]
    home = get_format("anthropic-messages").render_request(request, "claude", Dialect())
    assert b'"signature":"sig"' in home.body


def test_a_seal_cannot_claim_what_this_format_says_openly() -> None:
    forged = seal(Reasoning("", {FORMAT.name: {"id": "rs_stolen", "encrypted_content": "x"}}))
    item = {"type": "reasoning", "summary": [], "encrypted_content": forged}
    request = parse({"model": "m", "input": [item]})
    assert request.messages[0].parts == (Reasoning(""),)


class Weather(pydantic.BaseModel):
    city: str
    degrees: float


def test_what_the_sdk_sends_is_understood(upstream: StartUpstream) -> None:
    answered = FORMAT.render_response(
        FORMAT.parse_response(golden.read(FORMAT.name, "openai-text.json"), Dialect())
    )
    body = answered.body.replace(b"Hello, world", b'{\\"city\\":\\"Rome\\",\\"degrees\\":21.5}')
    server = upstream(json_answer(body))
    with client_of(server) as client:
        parsed = client.responses.parse(
            model="m",
            instructions="Be brief.",
            input=[
                {"role": "user", "content": [{"type": "input_text", "text": "hi"},
                    {"type": "input_image", "detail": "auto", "image_url": "https://example.com/a.png"}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ],
            tools=[openai_tool()],
            text_format=Weather,
            reasoning={"effort": "low", "summary": "auto"},
            max_output_tokens=100,
            temperature=0.5,
            metadata={"k": "v"},
        )  # fmt: skip
    assert parsed.output_parsed == Weather(city="Rome", degrees=21.5)
    request = FORMAT.parse_request(server.requests[0].body)
    assert server.requests[0].path == f"/v1{FORMAT.path}"
    assert isinstance(request.output, JsonSchema)
    assert (request.output.name, request.output.strict) == ("Weather", True)
    assert [message.role for message in request.messages] == ["system", "user", "assistant", "tool"]
    assert request.reasoning == ReasoningOptions("low", summary="auto")
    assert (request.max_tokens, request.temperature, request.metadata) == (100, 0.5, {"k": "v"})
    assert request.tools[0].name == "f"
    assert request.extra == {}


def openai_tool() -> Any:
    parameters = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}
    return {"type": "function", "name": "f", "parameters": parameters, "strict": True}
