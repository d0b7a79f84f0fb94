"""Requests that the official SDK makes: read by us, and written again as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import pydantic
import pytest
from anthropic.types import Message as SdkMessage

from dragoman.types import (
    Completion,
    Dialect,
    ForeignTool,
    JsonSchema,
    Media,
    Reasoning,
    ReasoningOptions,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
    Usage,
)
from tests.upstream.fault import FaultUpstream
from tests.wire.anthropic_messages.judge import ASKED, FORMAT, client_of, json_answer, whole

StartUpstream = Callable[..., FaultUpstream]
PNG = "iVBORw0KGgo="
TOOL: Any = {
    "name": "look",
    "description": "Look somewhere.",
    "input_schema": {"type": "object", "properties": {"at": {"type": "integer"}}},
    "cache_control": {"type": "ephemeral", "ttl": "1h"},
}
ANSWER = Completion(
    parts=(
        Reasoning("Hm.", {FORMAT.name: {"signature": "S="}}),
        Text("I look."),
        ToolCall("toolu_1", "look", '{"at":1}'),
        ToolCall("toolu_2", "look", '{"at":2}'),
    ),
    finish_reason="tool_calls",
    usage=Usage(20, 9, cache_read_tokens=4, cache_write_tokens=6),
    id="msg_1",
    model="m",
)


def sent(upstream: FaultUpstream, ask: Callable[[anthropic.Anthropic], object]) -> Any:
    """Let the SDK ask; check that what it sent is written again as it was, and give it."""
    with client_of(upstream) as client:
        ask(client)
    body = upstream.requests[-1].json()
    request = FORMAT.parse_request(upstream.requests[-1].body)
    rendered = FORMAT.render_request(request, body["model"], Dialect())
    assert json.loads(rendered.body) == body
    assert rendered.warnings == ()
    return request


@pytest.fixture
def server(upstream: StartUpstream) -> FaultUpstream:
    return upstream(json_answer(whole(ANSWER)))


def test_every_parameter_finds_its_place(server: FaultUpstream) -> None:
    request = sent(
        server,
        lambda client: client.messages.create(
            model="m",
            max_tokens=4096,
            messages=[{"role": "user", "content": "hi"}],
            system=[{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
            tools=[TOOL, {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}],
            tool_choice={"type": "auto", "disable_parallel_tool_use": True},
            thinking={"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
            stop_sequences=["END"],
            metadata={"user_id": "u"},
            service_tier="standard_only",
            inference_geo="eu",
            container="container_1",
        ),
    )
    assert request.messages[0].parts == (
        Text("S", {FORMAT.name: {"cache_control": {"type": "ephemeral"}}}),
    )
    tool, search = request.tools
    assert isinstance(tool, Tool)
    assert tool.meta == {FORMAT.name: {"cache_control": {"type": "ephemeral", "ttl": "1h"}}}
    assert isinstance(search, ForeignTool)
    assert request.tool_choice == ToolChoice("auto")
    assert request.parallel_tool_calls is False
    assert request.reasoning is not None
    assert (request.reasoning.budget_tokens, request.reasoning.summary) == (2048, "auto")
    assert (request.stop, request.user, request.max_tokens) == (("END",), "u", 4096)
    assert request.extra == {
        "service_tier": "standard_only",
        "inference_geo": "eu",
        "container": "container_1",
    }


def test_effort_and_schema_are_of_the_output_config(server: FaultUpstream) -> None:
    schema: Any = {"type": "object", "properties": {}, "additionalProperties": False}
    request = sent(
        server,
        lambda client: client.messages.create(
            **ASKED,
            thinking={"type": "adaptive"},
            output_config={"effort": "high", "format": {"type": "json_schema", "schema": schema}},
        ),
    )
    assert request.output == JsonSchema(schema)
    assert request.reasoning == ReasoningOptions("high", meta={FORMAT.name: {"type": "adaptive"}})


class Point(pydantic.BaseModel):
    x: int


def test_the_parse_helper_sends_a_schema(server: FaultUpstream) -> None:
    with client_of(server) as client, pytest.raises(pydantic.ValidationError):
        client.messages.parse(**ASKED, output_format=Point)  # our answer is no Point
    request = FORMAT.parse_request(server.requests[-1].body)
    assert isinstance(request.output, JsonSchema)
    assert request.output.schema["required"] == ["x"]


def test_media_of_every_source_are_read(server: FaultUpstream) -> None:
    content: Any = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"type": "image", "source": {"type": "url", "url": "https://e.x/a.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "T",
            "citations": {"enabled": True},
        },
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "grün"},
        },
        {"type": "search_result", "source": "s", "title": "t", "content": []},
        {"type": "text", "text": "What is this?"},
    ]
    request = sent(
        server,
        lambda client: client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": content}]
        ),
    )
    image, by_url, pdf, text, found, question = request.messages[0].parts
    assert image == Media(kind="image", media_type="image/png", data=PNG)
    assert by_url == Media(kind="image", url="https://e.x/a.png")
    assert (pdf.kind, pdf.name, pdf.media_type) == ("file", "T", "application/pdf")
    assert text.media_type == "text/plain"
    assert isinstance(found, Unknown)
    assert question == Text("What is this?")


def test_an_answer_goes_back_as_the_sdk_gives_it_back(upstream: StartUpstream) -> None:
    """Signed thought, parallel calls, results with a picture and an error, all in one history."""
    server = upstream([json_answer(whole(ANSWER)), json_answer(whole(ANSWER))])

    def ask(client: anthropic.Anthropic) -> SdkMessage:
        first = client.messages.create(**ASKED, tools=[TOOL])
        results: Any = [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_2",
                "content": [
                    {"type": "text", "text": "seen"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                    },
                ],
            },
            {
                "type": "tool_result",
                "tool_use_id": "toolu_1",
                "content": "too dark",
                "is_error": True,
            },
            {"type": "text", "text": "Go on."},
        ]
        history: Any = [
            *ASKED["messages"],
            {"role": "assistant", "content": first.content},
            {"role": "user", "content": results},
        ]
        return client.messages.create(model="m", max_tokens=99, messages=history, tools=[TOOL])

    request = sent(server, ask)
    assert [message.role for message in request.messages] == ["user", "assistant", "tool", "user"]
    assert request.messages[1].parts == ANSWER.parts
    seen, dark = request.messages[2].parts
    assert isinstance(seen, ToolResult)
    assert [type(part) for part in seen.parts] == [Text, Media]
    assert dark == ToolResult("toolu_1", (Text("too dark"),), is_error=True)


def test_a_stream_is_asked_for(server: FaultUpstream) -> None:
    assert sent(server, lambda client: client.messages.create(**ASKED, stream=True).close()).stream


def test_beta_fields_survive(server: FaultUpstream) -> None:
    edits: Any = {"edits": [{"type": "clear_tool_uses_20250919"}]}
    request = sent(
        server,
        lambda client: client.beta.messages.create(
            **ASKED,
            context_management=edits,
            mcp_servers=[{"type": "url", "url": "https://e.x/mcp", "name": "x"}],
            betas=["context-management-2025-06-27"],
        ),
    )
    assert request.extra["context_management"] == edits
    assert server.requests[-1].header("anthropic-beta") == "context-management-2025-06-27"
