"""What each demo model says."""

from __future__ import annotations

import base64
import json
import struct
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dragoman.catalog import PROVIDERS_FILE
from dragoman.errors import ConnectionLost
from dragoman.transport.demo import DemoTransport
from dragoman.transport.demo.models import MODELS
from tests.demo.ask import Sleeper, ask, ask_stream, ask_text, make_request, read_all

CASES = Path(__file__).parent / "cases"
SCHEMAS: dict[str, Any] = json.loads((CASES / "schemas.json").read_text("utf-8"))
REFUSED: dict[str, Any] = json.loads((CASES / "refused_schemas.json").read_text("utf-8"))

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
        },
    },
}
OTHER = {"type": "function", "function": {"name": "other"}}


@pytest.fixture
def demo() -> DemoTransport:
    return DemoTransport(sleep=Sleeper())


def test_echo_says_what_the_user_said_last(demo: DemoTransport) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "One"},
        {"role": "user", "content": [{"type": "text", "text": "  Two\n words "}]},
    ]
    assert ask_text(demo, "echo", messages=messages) == "  Two\n words "


@pytest.mark.parametrize("text", ["Hello", " a  b\n\nc ", "Grüße, 世界", "x" * 5000, "\n"])
def test_a_streamed_echo_is_the_text_byte_for_byte(demo: DemoTransport, text: str) -> None:
    frames = ask_stream(demo, "echo", text)
    deltas = [frame["choices"][0]["delta"].get("content", "") for frame in frames[:-1]]
    assert "".join(deltas) == text


def test_the_story_says_that_it_is_a_demo(demo: DemoTransport) -> None:
    assert "built-in demo" in ask_text(demo, "story")


@pytest.mark.parametrize("name", SCHEMAS)
def test_json_is_an_instance_of_the_schema(demo: DemoTransport, name: str) -> None:
    schema = SCHEMAS[name]
    output = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    instance = json.loads(ask_text(demo, "json", response_format=output))
    jsonschema.Draft202012Validator(schema).validate(instance)


@pytest.mark.parametrize("name", REFUSED)
def test_a_schema_beyond_the_demo_is_refused(demo: DemoTransport, name: str) -> None:
    output = {"type": "json_schema", "json_schema": {"name": "a", "schema": REFUSED[name]}}
    status, pieces = read_all(demo, make_request("json", response_format=output))
    assert status == 400
    error = json.loads(b"".join(pieces))["error"]
    assert error["param"] == "response_format"


def test_tools_calls_the_first_tool_with_arguments_that_its_schema_admits(
    demo: DemoTransport,
) -> None:
    choice = ask(demo, "tools", tools=[WEATHER, OTHER])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    parameters = WEATHER["function"]["parameters"]  # type: ignore[index]
    jsonschema.validate(json.loads(call["function"]["arguments"]), parameters)


def test_tools_calls_the_tool_that_the_request_insists_on(demo: DemoTransport) -> None:
    choice = {"type": "function", "function": {"name": "other"}}
    answer = ask(demo, "tools", tools=[WEATHER, OTHER], tool_choice=choice)
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "other"


def test_a_streamed_tool_call_comes_in_pieces(demo: DemoTransport) -> None:
    frames = ask_stream(demo, "tools", tools=[WEATHER])
    deltas = [frame["choices"][0]["delta"] for frame in frames[:-1]]
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["function"] == {"name": "weather", "arguments": ""}
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(arguments) == {"city": "city", "days": 1}


def test_tools_answers_with_what_the_tool_gave(demo: DemoTransport) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "How is the weather?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    assert ask_text(demo, "tools", messages=messages, tools=[WEATHER]) == "The tool answered: sunny"


@pytest.mark.parametrize("fields", [{}, {"tools": [WEATHER], "tool_choice": "none"}])
def test_tools_without_tools_asks_for_one(demo: DemoTransport, fields: dict[str, Any]) -> None:
    assert "Give me a tool" in ask_text(demo, "tools", **fields)


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 64, 48)
GIF = b"GIF89a" + struct.pack("<HH", 64, 48)
WEBP_X = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x3f\0\0\x2f\0\0"
WEBP_L = b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + struct.pack("<I", 63 | 47 << 14)
JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", 48, 64) + b"\x03"


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("image/png", PNG),
        ("image/gif", GIF),
        ("image/webp", WEBP_X),
        ("image/webp", WEBP_L),
        ("image/jpeg", JPEG),
    ],
)
def test_vision_tells_type_and_size_of_a_picture(
    demo: DemoTransport, media_type: str, data: bytes
) -> None:
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    content = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    expected = f"one {media_type}, 64 × 48 pixels, {len(data)} bytes"
    assert expected in ask_text(demo, "vision", content)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}, "do not follow"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJj"}}, "3 bytes"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,A"}}, "no base64"),
        ({"type": "input_audio", "input_audio": {"format": "wav", "data": "x"}}, "a sound (wav)"),
        ({"type": "file", "file": {"file_data": "data:text/csv;base64,YWJj"}}, "one text/csv"),
        ({"type": "novelty"}, "a part of type novelty"),
    ],
)
def test_vision_describes_any_attachment(
    demo: DemoTransport, part: dict[str, Any], expected: str
) -> None:
    assert expected in ask_text(demo, "vision", [part])


def test_flaky_fails_in_every_way_before_it_answers(demo: DemoTransport) -> None:
    status, pieces = read_all(demo, make_request("flaky", stream=True))
    assert status == 429
    status, pieces = read_all(demo, make_request("flaky", stream=True))
    assert status == 500
    status, pieces = read_all(demo, make_request("flaky", stream=True))
    assert (status, b"[DONE]" in b"".join(pieces)) == (200, False)
    assert len(pieces) == 1, "the first cut comes before any content"
    assert ask_text(demo, "flaky").startswith("Hello!")
    status, pieces = read_all(demo, make_request("flaky", stream=True))
    assert len(pieces) > 2, "the second cut comes in the middle of the text"
    assert b"[DONE]" not in b"".join(pieces)


def test_flaky_says_when_to_come_back(demo: DemoTransport) -> None:
    answer = demo.send(make_request("flaky"), connect_timeout_s=1.0, head_timeout_s=1.0)
    assert answer.headers["retry-after-ms"] == "20"


def test_a_seed_is_a_place_in_the_cycle_and_counts_for_itself(demo: DemoTransport) -> None:
    statuses = [read_all(demo, make_request("flaky", seed=1, stream=True))[0] for _ in range(2)]
    assert statuses == [500, 200]
    assert read_all(demo, make_request("flaky"))[0] == 429


def test_a_whole_answer_that_is_cut_is_a_lost_connection(demo: DemoTransport) -> None:
    with pytest.raises(ConnectionLost):
        read_all(demo, make_request("flaky", seed=2))


def test_an_unknown_model_is_a_404_that_names_the_known_ones(demo: DemoTransport) -> None:
    status, pieces = read_all(demo, make_request("ecko"))
    error = json.loads(b"".join(pieces))["error"]
    assert status == 404
    assert (error["code"], error["param"]) == ("model_not_found", "model")
    assert all(name in error["message"] for name in MODELS)


def test_the_catalog_lists_the_models_that_the_demo_has() -> None:
    rows = tomllib.loads(PROVIDERS_FILE.read_text("utf-8"))["providers"]["demo"]["models"]
    assert [row["id"] for row in rows] == list(MODELS)
