"""What Google's own library sends for a conversation is what we send, and it reads what we read.

Each conversation is written twice: as our callers write it, and as the library's documentation
does. The mock is the same for both, so that it is not just our own belief.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from google import genai
from google.genai import types as g

from dragoman.adapters.google.answers import FINISH_REASONS
from dragoman.adapters.google.contents import UNSIGNED
from dragoman.config import Secrets
from dragoman.probe.discover import discover_models
from dragoman.transport.sync import SyncTransport
from dragoman.types.message import (
    Media,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    system,
    user,
)
from dragoman.types.request import JsonSchema, ReasoningOptions
from tests.adapters.google_api import KEY, MODEL, PIXEL, answer, asker, piece, stream, whole
from tests.upstream.fault import FaultUpstream

Start = Callable[..., FaultUpstream]

LOOK = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": ["integer", "null"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look out", "parameters": LOOK},
}
DECLARED = g.Tool(
    function_declarations=[
        g.FunctionDeclaration(name="look", description="Look out", parameters_json_schema=LOOK)
    ]
)
SIGNED = base64.b64encode(b"signed").decode()
PNG = base64.b64decode(PIXEL)


@dataclass
class Told:
    """One conversation, in our words and in the library's."""

    messages: Any
    contents: Any
    params: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    model: str = MODEL


TOLD = {
    "a question": Told("hi", "hi"),
    "instructions and settings": Told(
        [system("Be brief."), user("hi")],
        [g.Content(role="user", parts=[g.Part.from_text(text="hi")])],
        {
            "temperature": 0.5, "top_p": 0.9, "top_k": 3, "max_tokens": 50, "stop": ["END", "###"],
            "seed": 7, "presence_penalty": 0.1, "frequency_penalty": -0.1,
            "logprobs": True, "top_logprobs": 2,
        },
        {
            "system_instruction": "Be brief.", "temperature": 0.5, "top_p": 0.9, "top_k": 3,
            "max_output_tokens": 50, "stop_sequences": ["END", "###"], "seed": 7,
            "presence_penalty": 0.1, "frequency_penalty": -0.1,
            "response_logprobs": True, "logprobs": 2,
        },
    ),
    "pictures and files": Told(
        [
            user(
                "What is this?",
                Media(kind="image", media_type="image/png", data=PIXEL),
                Media(kind="file", url="https://a.example/report.pdf"),
                Media(kind="video", url="https://www.youtube.com/watch?v=1"),
                Media(kind="file", file_id="https://g.example/v1beta/files/abc"),
            )
        ],
        [
            g.Content(
                role="user",
                parts=[
                    g.Part.from_text(text="What is this?"),
                    g.Part.from_bytes(data=PNG, mime_type="image/png"),
                    g.Part.from_uri(file_uri="https://a.example/report.pdf"),
                    g.Part.from_uri(
                        file_uri="https://www.youtube.com/watch?v=1", mime_type="video/mp4"
                    ),
                    g.Part(file_data=g.FileData(file_uri="https://g.example/v1beta/files/abc")),
                ],
            )
        ],
    ),
    "tools, and how much to think": Told(
        "hi",
        "hi",
        {"tools": [TOOL], "tool_choice": "auto", "reasoning": ReasoningOptions("low")},
        {
            "tools": [DECLARED],
            "tool_config": g.ToolConfig(
                function_calling_config=g.FunctionCallingConfig(
                    mode=g.FunctionCallingConfigMode.AUTO
                )
            ),
            "thinking_config": g.ThinkingConfig(
                thinking_level=g.ThinkingLevel.LOW, include_thoughts=True
            ),
        },
    ),
    "a tool that must be called": Told(
        "hi",
        "hi",
        {
            "tools": [TOOL],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "reasoning": ReasoningOptions(budget_tokens=512),
        },
        {
            "tools": [DECLARED],
            "tool_config": g.ToolConfig(
                function_calling_config=g.FunctionCallingConfig(
                    mode=g.FunctionCallingConfigMode.ANY, allowed_function_names=["look"]
                )
            ),
            "thinking_config": g.ThinkingConfig(thinking_budget=512, include_thoughts=True),
        },
        "gemini-2.5-flash",
    ),
    "no thinking": Told(
        "hi",
        "hi",
        {"reasoning": ReasoningOptions("none")},
        {"thinking_config": g.ThinkingConfig(thinking_budget=0)},
        "gemini-2.5-flash",
    ),
    "a schema": Told(
        "hi",
        "hi",
        {"output": JsonSchema(LOOK)},
        {"response_mime_type": "application/json", "response_json_schema": LOOK},
    ),
    "calls, signed, and their results": Told(
        [
            user("The weather?"),
            Message(
                "assistant",
                (
                    Reasoning("Hm.", {"gemini": {"signatures": {"call:0": SIGNED}}}),
                    Text("I look."),
                    ToolCall("c1", "look", '{"city": "Lyon", "days": 2}'),
                    ToolCall("c2", "look", '{"city": "Nice"}'),
                ),
            ),
            Message(
                "tool",
                (
                    ToolResult("c1", (Text("sunny"),)),
                    ToolResult("c2", (Text("no such city"),), is_error=True),
                ),
            ),
        ],
        [
            g.Content(role="user", parts=[g.Part.from_text(text="The weather?")]),
            g.Content(
                role="model",
                parts=[
                    g.Part(text="Hm.", thought=True),
                    g.Part(text="I look."),
                    g.Part(
                        function_call=g.FunctionCall(
                            id="c1", name="look", args={"city": "Lyon", "days": 2}
                        ),
                        thought_signature=b"signed",
                    ),
                    g.Part(
                        function_call=g.FunctionCall(id="c2", name="look", args={"city": "Nice"})
                    ),
                ],
            ),
            g.Content(
                role="user",
                parts=[
                    g.Part(
                        function_response=g.FunctionResponse(
                            id="c1", name="look", response={"output": "sunny"}
                        )
                    ),
                    g.Part(
                        function_response=g.FunctionResponse(
                            id="c2", name="look", response={"error": "no such city"}
                        )
                    ),
                ],
            ),
        ],
        {"tools": [TOOL]},
        {"tools": [DECLARED]},
    ),
    "a picture in a result": Told(
        [
            user("Draw."),
            Message("assistant", (ToolCall("c1", "draw", "{}"),)),
            Message(
                "tool",
                (
                    ToolResult(
                        "c1",
                        (Text("here"), Media(kind="image", media_type="image/png", data=PIXEL)),
                    ),
                ),
            ),
        ],
        [
            g.Content(role="user", parts=[g.Part.from_text(text="Draw.")]),
            g.Content(
                role="model",
                parts=[
                    g.Part(
                        function_call=g.FunctionCall(id="c1", name="draw", args={}),
                        # The library takes bytes, the API base64: the word is its own base64.
                        thought_signature=base64.urlsafe_b64decode(UNSIGNED),
                    )
                ],
            ),
            g.Content(
                role="user",
                parts=[
                    g.Part(
                        function_response=g.FunctionResponse(
                            id="c1",
                            name="draw",
                            response={"output": "here"},
                            parts=[
                                g.FunctionResponsePart.from_bytes(data=PNG, mime_type="image/png")
                            ],
                        )
                    )
                ],
            ),
        ],
    ),
}  # fmt: skip


@pytest.fixture
def library() -> Iterator[Callable[[FaultUpstream], genai.Client]]:
    """Make clients of Google's, pointed at a server."""
    made: list[genai.Client] = []

    def make(server: FaultUpstream) -> genai.Client:
        options = g.HttpOptions(base_url=server.url, api_version="v1beta")
        made.append(genai.Client(api_key=KEY, http_options=options))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.mark.parametrize("name", TOLD)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_library_sends_what_we_send(
    name: str, streamed: bool, kind: str, upstream: Start, library: Any
) -> None:
    told = TOLD[name]
    said = stream([piece({"text": "ok"}, finish="STOP")]) if streamed else whole({"text": "ok"})
    server = upstream(said)
    ours = asker(kind, server.url)
    ask = ours.stream if streamed else ours.chat
    ask(f"g/{told.model}", told.messages, **told.params)
    models = library(server).models
    config = g.GenerateContentConfig(**told.config)
    if streamed:
        list(
            models.generate_content_stream(model=told.model, contents=told.contents, config=config)
        )
    else:
        models.generate_content(model=told.model, contents=told.contents, config=config)
    mine, theirs = server.requests
    assert mine.target == theirs.target
    assert mine.method == theirs.method == "POST"
    assert mine.header("x-goog-api-key") == theirs.header("x-goog-api-key") == KEY
    assert normal(mine.json()) == normal(theirs.json())


OPAQUE = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema"})
"""What belongs to the caller, in which nothing is spelled otherwise."""


def normal(body: dict[str, Any]) -> Any:
    """Spell alike what the API takes in two spellings, and take out what it does not want.

    The library writes some names with underscores, which protobuf's JSON allows; base64 in the
    alphabet for URLs; a role for the instructions; and an object for settings where there are none.
    """
    body.get("systemInstruction", {}).pop("role", None)
    if not body.get("generationConfig", True):
        del body["generationConfig"]
    return spelled(body)


def spelled(value: Any, key: str = "") -> Any:
    if key in OPAQUE:
        return value
    if isinstance(value, dict):
        return {camel(name): spelled(one, camel(name)) for name, one in value.items()}
    if isinstance(value, list):
        return [spelled(one) for one in value]
    if key in ("data", "thoughtSignature"):
        return value.replace("-", "+").replace("_", "/")
    return value


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


ANSWERS: dict[str, list[dict[str, Any]]] = {
    "text": [piece({"text": "Hel"}), piece({"text": "lo"}, finish="STOP")],
    "thoughts": [
        piece({"text": "Hm", "thought": True}),
        piece({"text": "m.", "thought": True}),
        piece({"text": "Yes."}),
        piece({"text": "", "thoughtSignature": SIGNED}, finish="MAX_TOKENS"),
    ],
    "calls": [
        piece(
            {
                "functionCall": {"id": "f1", "name": "look", "args": {"city": "Lyon"}},
                "thoughtSignature": SIGNED,
            },
            {"functionCall": {"id": "f2", "name": "look", "args": {"city": "Nice", "days": 2}}},
            finish="STOP",
        )
    ],
    "a picture": [
        piece(
            {"text": "Here: "},
            {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
            finish="STOP",
        )
    ],
    "filtered": [piece({"text": "I"}), piece(finish="SAFETY")],
    "a prompt that is blocked": [
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": USAGE_OF_BLOCKED}
        for USAGE_OF_BLOCKED in [{"promptTokenCount": 4, "totalTokenCount": 4}]
    ],
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("streamed", [False, True])
def test_the_library_reads_what_we_read(
    name: str, streamed: bool, kind: str, upstream: Start, library: Any
) -> None:
    pieces = ANSWERS[name]
    server = upstream(stream(pieces).paced(7) if streamed else answer(merged(pieces)))
    ours = asker(kind, server.url)
    if streamed:
        went = ours.stream(f"g/{MODEL}")
        assert went.error is None
        mine = went.completion
        chunks = list(library(server).models.generate_content_stream(model=MODEL, contents="hi"))
    else:
        mine = ours.chat(f"g/{MODEL}")
        chunks = [library(server).models.generate_content(model=MODEL, contents="hi")]
    theirs = Theirs(chunks)
    assert (mine.text, mine.reasoning) == (theirs.text, theirs.thoughts)
    assert [(c.id, c.name) for c in mine.tool_calls] == [(c.id, c.name) for c in theirs.calls]
    assert [c.arguments for c in mine.tool_calls] == [
        g.FunctionCall(args=c.args).model_dump_json(include={"args"})[8:-1] for c in theirs.calls
    ]
    assert mine.raw_finish_reason == theirs.reason
    usage, counted = mine.usage, theirs.usage
    assert usage is not None
    assert usage.prompt_tokens == counted.prompt_token_count
    assert usage.total_tokens == counted.total_token_count
    assert usage.reasoning_tokens == counted.thoughts_token_count
    assert usage.cache_read_tokens == counted.cached_content_token_count
    pictures = [part.data for part in mine.parts if isinstance(part, Media)]
    assert pictures == [base64.b64encode(data).decode() for data in theirs.pictures]


class Theirs:
    """What the library has read."""

    def __init__(self, chunks: list[g.GenerateContentResponse]) -> None:
        candidates = [one for chunk in chunks for one in chunk.candidates or ()]
        contents = [one.content for one in candidates if one.content is not None]
        parts = [part for content in contents for part in content.parts or ()]
        self.text = "".join(part.text or "" for part in parts if not part.thought)
        self.thoughts = "".join(part.text or "" for part in parts if part.thought)
        self.calls = [part.function_call for part in parts if part.function_call]
        blobs = [part.inline_data for part in parts if part.inline_data]
        self.pictures = [blob.data or b"" for blob in blobs]
        reasons = [one.finish_reason.value for one in candidates if one.finish_reason]
        feedback = [chunk.prompt_feedback for chunk in chunks if chunk.prompt_feedback]
        reasons += [one.block_reason.value for one in feedback if one.block_reason]
        self.reason = reasons[-1]
        self.usage: Any = chunks[-1].usage_metadata


def merged(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    """Make of the responses of a stream the one that is whole."""
    last = pieces[-1]
    if "candidates" not in last:
        return last
    parts = [part for one in pieces for part in one["candidates"][0]["content"]["parts"]]
    candidate = {**last["candidates"][0], "content": {"role": "model", "parts": parts}}
    return {**last, "candidates": [candidate]}


def test_every_finish_reason_of_the_library_has_a_meaning() -> None:
    words = {reason.value for reason in g.FinishReason} - {"FINISH_REASON_UNSPECIFIED"}
    assert words == set(FINISH_REASONS)


def test_vectors_are_asked_for_and_read_as_the_library_does(
    kind: str, upstream: Start, library: Any
) -> None:
    server = upstream(answer({"embeddings": [{"values": [0.5, 1]}, {"values": [0.25, 2]}]}))
    model = "gemini-embedding-001"
    mine = asker(kind, server.url).embed(f"g/{model}", ["one", "two"], dimensions=2)
    theirs = library(server).models.embed_content(
        model=model,
        contents=["one", "two"],
        config=g.EmbedContentConfig(output_dimensionality=2),
    )
    assert mine.vectors == tuple(tuple(one.values) for one in theirs.embeddings)
    ours, its = server.requests
    assert ours.target == its.target == f"/v1beta/models/{model}:batchEmbedContents"
    body = its.json()
    for one in body["requests"]:
        one["content"].pop("role", None)
    assert ours.json() == body


def test_models_are_listed_as_the_library_lists_them(upstream: Start, library: Any) -> None:
    rows = [
        {"name": "models/gemini-3.5-pro", "displayName": "Gemini 3.5 Pro", "thinking": True,
         "inputTokenLimit": 1048576, "outputTokenLimit": 65536,
         "supportedGenerationMethods": ["generateContent", "countTokens"]},
        {"name": "models/gemini-embedding-001", "inputTokenLimit": 2048, "outputTokenLimit": 1,
         "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/veo", "supportedGenerationMethods": ["predictLongRunning"]},
        {"name": 3}, None,
    ]  # fmt: skip
    server = upstream(answer({"models": rows}))
    provider = asker("sync", server.url).config.providers["g"]
    with SyncTransport() as transport:
        found = discover_models(provider, Secrets({"KEY": KEY}), transport)
    sound = upstream(answer({"models": rows[:3]}))
    theirs = {model.name.removeprefix("models/"): model for model in library(sound).models.list()}
    assert [info.id for info in found] == ["gemini-3.5-pro", "gemini-embedding-001"]
    for info in found:
        assert info.context_window == theirs[info.id].input_token_limit
        assert info.max_tokens == theirs[info.id].output_token_limit
    assert server.requests[0].path == sound.requests[0].path == "/v1beta/models"
    assert server.requests[0].header("x-goog-api-key") == KEY
