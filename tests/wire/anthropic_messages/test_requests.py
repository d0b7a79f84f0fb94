"""Requests for messages: read exactly, written so that the API takes them."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import DragomanError, InvalidRequest, Unsupported
from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    JsonSchema,
    Media,
    Message,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Unknown,
    assistant,
    system,
    tool_result,
    user,
)
from dragoman.wire import get_format
from dragoman.wire.anthropic_messages.schema import BESIDE
from dragoman.wire.anthropic_messages.thinking import claude_version
from dragoman.wire.envelope import open_envelope
from dragoman.wire.seal import MARK, seal
from tests.wire import golden
from tests.wire.anthropic_messages.judge import FORMAT

CHAT = get_format("openai-completions")


def cases(kind: str) -> list[dict[str, Any]]:
    return json.loads((golden.CASES / f"{FORMAT.name}-{kind}.json").read_bytes())  # type: ignore[no-any-return]


def bytes_of(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def render(request: ChatRequest, model: str = "up", **dialect: Any) -> dict[str, Any]:
    return json.loads(FORMAT.render_request(request, model, Dialect(**dialect)).body)  # type: ignore[no-any-return]


def ask(*messages: Message, **fields: Any) -> ChatRequest:
    return ChatRequest(model="m", messages=messages or (user("hi"),), **fields)


@pytest.mark.parametrize("case", cases("requests"), ids=lambda case: case["name"])
def test_a_request_reaches_an_upstream_of_the_same_language_as_the_case_says(
    case: dict[str, Any],
) -> None:
    body = bytes_of(case["body"])
    spoken = msgspec.convert(case.get("dialect", {}), Dialect)
    rendered = FORMAT.render_request(FORMAT.parse_request(body), "m", spoken)
    assert json.loads(rendered.body) == case.get("rendered", json.loads(body))
    assert list(rendered.warnings) == case.get("warnings", [])
    assert case.get("contains", "") in rendered.body.decode()


@pytest.mark.parametrize("case", cases("foreign-requests"), ids=lambda case: case["name"])
def test_a_request_for_a_chat_completion_is_written_as_the_case_says(case: dict[str, Any]) -> None:
    spoken = msgspec.convert(case.get("dialect", {}), Dialect)
    request = CHAT.parse_request(json.dumps(case["body"]).encode())
    if "error" in case:
        with pytest.raises(Unsupported) as caught:
            FORMAT.render_request(request, request.model, spoken)
        assert f"Unsupported: {caught.value}" == case["error"]
        return
    rendered = FORMAT.render_request(request, request.model, spoken)
    assert json.loads(rendered.body) == case["rendered"]
    assert list(rendered.warnings) == case.get("warnings", [])
    check_history(json.loads(rendered.body))


@pytest.mark.parametrize("case", cases("invalid-requests"), ids=lambda case: case["name"])
def test_a_wrong_request_is_refused_with_the_name_of_the_field(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        FORMAT.parse_request(bytes_of(case["body"]))
    assert caught.value.param == case["param"]
    assert case["message"] in str(caught.value)
    assert caught.value.status == 400


def check_history(body: dict[str, Any]) -> None:
    """Check what the API demands of any history."""
    messages = body["messages"]
    assert messages[0]["role"] == "user"
    roles = [message["role"] for message in messages]
    assert all(one != other for one, other in itertools.pairwise(roles))
    seen: set[str] = set()
    expected: list[str] = []
    for message in messages:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        assert blocks
        kinds = [block["type"] for block in blocks]
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        assert kinds[: len(results)] == ["tool_result"] * len(results), "results come first"
        assert sorted(results) == sorted(expected), "each call has one result, right behind it"
        calls = [block for block in blocks if block["type"] == "tool_use"]
        expected = [call["id"] for call in calls]
        assert not seen & set(expected)
        seen.update(expected)
        assert len(set(expected)) == len(expected)
        for call in calls:
            assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", call["id"])
            assert isinstance(call["input"], dict)
        assert all(block["text"].strip() for block in blocks if block["type"] == "text")
    assert not expected
    if seen:
        assert body["tools"]


# -- sealed reasoning


@pytest.mark.parametrize(
    "part",
    [
        Reasoning("Hm.", {"openai-responses": {"id": "rs_1", "encrypted_content": "E="}}),
        Reasoning("", {"openai-responses": {"encrypted_content": "E="}}),
        Reasoning("Hm."),
    ],
)
def test_reasoning_of_another_format_comes_home_through_a_client(part: Reasoning) -> None:
    answer = Completion(parts=(part, Text("b")), finish_reason="stop")
    block = json.loads(FORMAT.render_response(answer).body)["content"][0]
    assert MARK in json.dumps(block)
    sent = {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [block, {"type": "text", "text": "b"}]},
            {"role": "user", "content": "c"},
        ],
    }
    request = FORMAT.parse_request(json.dumps(sent).encode())
    assert request.messages[1].parts[0] == part
    assert MARK not in json.dumps(render(request)), "and goes to no provider of this format"
    assert open_envelope(json.dumps(sent).encode()).holds_seals


@pytest.mark.parametrize("sealed", ["dragoman:", "dragoman:%%%", "dragoman:W10=", "dragoman:e30="])
def test_a_broken_seal_is_no_reasoning_of_anybodys(sealed: str) -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": sealed}
    message = {"role": "assistant", "content": [block]}
    body = {"model": "m", "max_tokens": 9, "messages": [message]}
    request = FORMAT.parse_request(json.dumps(body).encode())
    assert request.messages[0].parts == (Reasoning("Hm."),)


def test_a_seal_can_not_forge_a_signature_of_this_format() -> None:
    forged = seal(Reasoning("", {FORMAT.name: {"redacted": "x"}}))
    block = {"type": "thinking", "thinking": "Hm.", "signature": forged}
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": [block]}]}
    request = FORMAT.parse_request(json.dumps(body).encode())
    assert request.messages[0].parts == (Reasoning("Hm."),)


# -- what callers of the library say


def test_a_request_that_says_nothing_sends_little() -> None:
    assert render(ask()) == {
        "model": "up",
        "max_tokens": 8192,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_meta_of_another_format_is_never_sent() -> None:
    meta = {"openai-completions": {"secret": "s"}, "openai-responses": {"id": "rs_1"}}
    messages = (
        Message("user", (Text("a", meta), Media(kind="image", url="https://e.x/a", meta=meta))),
        Message("assistant", (Reasoning("r", meta), Text("b", meta), ToolCall("c", "f", "", meta))),
        Message("tool", (ToolResult("c", (Text("d", meta),), meta=meta),), meta=meta),
    )
    body = json.dumps(render(ask(*messages, tools=(Tool("f", meta=meta),))))
    assert "secret" not in body
    assert "rs_1" not in body


def test_what_only_another_format_knows_is_reported() -> None:
    request = ask(
        Message("user", (Text("a"), Unknown("openai-responses", '{"type":"x"}'))),
        Message("assistant", (Unknown("openai-responses", '{"type":"y"}'), Text("b"))),
        user("c"),
        format="openai-responses",
        extra={"store": False, "truncation": "auto"},
    )
    rendered = FORMAT.render_request(request, "m", Dialect())
    assert rendered.warnings == (
        "a block that only openai-responses knows is left out",
        "truncation is not sent: anthropic-messages does not know it",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("previous_response_id", "resp_1"), ("conversation", "c"), ("background", True)],
)
def test_what_needs_the_state_of_another_server_is_refused(name: str, value: Any) -> None:
    with pytest.raises(Unsupported) as caught:
        render(ask(format="openai-responses", extra={name: value}))
    assert caught.value.param == name


def test_a_refusal_that_stood_beside_the_content_does_not_go_back() -> None:
    said = Refusal("No.", BESIDE)
    body = render(ask(user("a"), Message("assistant", (Text("I can"), said)), user("b")))
    assert body["messages"][1]["content"] == "I can"
    body = render(ask(user("a"), assistant(), Message("assistant", (Refusal("No."),)), user("b")))
    assert body["messages"][1]["content"] == "No."


def test_pictures_are_results_of_tools_too() -> None:
    image = Media(kind="image", media_type="image/png", data="AAAA")
    call = Message("assistant", (ToolCall("a", "shot"),))
    body = render(ask(user("x"), call, Message("tool", (ToolResult("a", (image,)),))))
    (result,) = body["messages"][2]["content"]
    assert result["content"][0]["source"]["data"] == "AAAA"


def test_a_tool_result_may_come_from_any_role() -> None:
    call = Message("assistant", (ToolCall("a", "f"),))
    body = render(ask(user("x"), call, Message("user", (Text("and"), ToolResult("a")))))
    assert [block["type"] for block in body["messages"][2]["content"]] == ["tool_result", "text"]


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-sonnet-4-5-20250929", (4, 5)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-1", (4, 1)),
        ("claude-3-7-sonnet-latest", (3, 7)),
        ("anthropic/claude-haiku-4.5", (4, 5)),
        ("eu.anthropic.claude-sonnet-4-6-v1:0", (4, 6)),
        ("claude-opus-4-5@20251101", (4, 5)),
        ("claude-fable-5-2", (5, 2)),
        ("claude-sonnet-5", (5, 0)),
        ("claude-mythos-preview", (99, 0)),
        ("glm-5", None),
    ],
)
def test_the_version_of_a_model_is_in_its_name(model: str, version: tuple[int, int] | None) -> None:
    assert claude_version(model) == version


def test_extra_fields_go_along_and_never_replace_ours() -> None:
    extra = {"top_a": 0.1, "temperature": 2, "model": "x", "output_config": {"task_budget": 7}}
    body = render(ask(temperature=0.5, extra=extra, output=JsonSchema({"type": "string"})))
    assert body["top_a"] == 0.1
    assert (body["temperature"], body["model"]) == (0.5, "up")
    assert body["output_config"].keys() == {"task_budget", "format"}


# -- any history


NAMES = st.sampled_from(["f", "g"])
IDS = st.sampled_from(["a", "b", "call_0", "functions.f:0", "", "x" * 70, "ü"])
TEXTS = st.sampled_from(["", " ", "x", "hello\n"])
USER_PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.just(Media(kind="image", url="https://e.x/a.png")),
    st.just(Unknown(FORMAT.name, '{"type":"search_result"}')),
    st.just(Unknown("openai-responses", "{}")),
)
RESULTS = st.builds(ToolResult, IDS, st.lists(USER_PARTS, max_size=2).map(tuple), st.booleans())
ASSISTANT_PARTS = st.one_of(
    st.builds(Text, TEXTS),
    st.builds(ToolCall, IDS, NAMES, st.sampled_from(["", "{}", '{"a": 1.50}', "oops", "[]"])),
    st.builds(Reasoning, TEXTS, st.none() | st.just({FORMAT.name: {"signature": "S="}})),
    st.builds(Refusal, TEXTS),
    st.just(Media(kind="image", url="https://e.x/a.png")),
)
HISTORIES = st.lists(
    st.one_of(
        st.builds(lambda text: system(text), TEXTS),
        st.builds(lambda parts: Message("user", tuple(parts)), st.lists(USER_PARTS, max_size=3)),
        st.builds(
            lambda parts: Message("assistant", tuple(parts)), st.lists(ASSISTANT_PARTS, max_size=4)
        ),
        st.builds(lambda parts: Message("tool", tuple(parts)), st.lists(RESULTS, max_size=3)),
    ),
    max_size=8,
)


@given(HISTORIES)
def test_any_history_is_made_safe(history: list[Message]) -> None:
    request = ChatRequest(model="m", messages=(*history, user("end")))
    body = render(request)
    check_history(body)
    again = FORMAT.parse_request(json.dumps(body).encode())
    assert render(again, "up") == body, "and what is safe stays as it is"


@given(HISTORIES, st.sampled_from(["low", "high", None]), st.integers(0, 5000))
def test_any_request_is_written_or_refused(
    history: list[Message], effort: Any, max_tokens: int
) -> None:
    options = ReasoningOptions(effort, None if effort else 2000)
    request = ask(*history, user("x"), reasoning=options, max_tokens=max_tokens)
    body = render(request, "claude-opus-4-5")
    budget = body.get("thinking", {}).get("budget_tokens")
    assert budget is None or 1024 <= budget < max_tokens


def test_results_of_one_turn_stay_with_their_turn() -> None:
    """Two turns whose calls have the same id, the first of them never answered."""
    history = (
        user("x"),
        Message("assistant", (ToolCall("a", "f", '{"n":1}'),)),
        user("y"),
        Message("assistant", (ToolCall("a", "f", '{"n":2}'),)),
        tool_result("a", "two"),
    )
    first, second = [
        block
        for message in render(ask(*history))["messages"]
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "tool_result"
    ]
    assert first["is_error"]
    assert second["content"] == "two"


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with pytest.raises(DragomanError):
        FORMAT.parse_request(body)
