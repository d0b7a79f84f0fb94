"""Tools and schemas in words, around every format: what is asked, and what is read."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import StreamTruncated
from dragoman.types import (
    ChatRequest,
    Completion,
    Dialect,
    Finish,
    JsonObject,
    JsonSchema,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    assistant,
    system,
    user,
)
from dragoman.types.event import Event, Failure, PartDelta
from dragoman.wire import get_format
from dragoman.wire.emulation import Emulated
from dragoman.wire.emulation.tags import Call, TagReader
from dragoman.wire.emulation.words import put_into_words
from dragoman.wire.whole import accumulate, events_of
from tests.wire import golden

FORMATS = ["openai-completions", "openai-responses", "anthropic-messages"]
TAGS: list[dict[str, Any]] = json.loads((golden.CASES / "tool-tags.json").read_bytes())
NAMES = frozenset({"get", "run"})
DIALECT = Dialect()

LOOK = Tool(
    "look",
    description="Look at the weather.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
ASKED = ChatRequest(model="a/x", messages=(user("How is the weather?"),), tools=(LOOK,))
SHAPE = JsonSchema({"type": "object", "properties": {"n": {"type": "integer"}}})
CALLED = 'Let me look.\n<tool_call>\n{"name": "look", "arguments": {"city": "Lyon"}}\n</tool_call>'


def read(text: str, cuts: list[int]) -> tuple[list[Any], TagReader]:
    """Feed a text cut at these places; words that stand together are one."""
    reader = TagReader(NAMES)
    places = [0, *sorted(cuts), len(text)]
    pieces = [
        piece for start, end in itertools.pairwise(places) for piece in reader.feed(text[start:end])
    ]
    joined: list[Any] = []
    for piece in [*pieces, *reader.close()]:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined, reader


def plain(pieces: list[Any]) -> list[Any]:
    return [[p.name, p.arguments] if isinstance(p, Call) else p for p in pieces]


# -- tags


@pytest.mark.parametrize("case", TAGS, ids=lambda case: case["name"])
def test_calls_are_read_and_words_are_kept(case: dict[str, Any]) -> None:
    pieces, reader = read(case["text"], [])
    assert plain(pieces) == case["parts"]
    assert len(reader.doubts) == case.get("doubts", 0)
    mended = any(piece.mended for piece in pieces if isinstance(piece, Call))
    assert mended == case.get("mended", False)


@given(st.sampled_from(TAGS), st.data())
def test_reading_is_indifferent_to_where_a_text_is_cut(
    case: dict[str, Any], data: st.DataObject
) -> None:
    text = case["text"]
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    assert read(text, cuts)[0] == read(text, [])[0]
    assert read(text, list(range(len(text))))[0] == read(text, [])[0]


@given(st.text(alphabet="<>/tol_ca {}\"'`:\\\nnamegt,[]", max_size=80))
def test_words_that_are_no_call_come_out_as_they_went_in(text: str) -> None:
    pieces, _ = read(text, list(range(0, len(text), 3)))
    if all(isinstance(piece, str) for piece in pieces):
        assert "".join(pieces) == text


HOSTILE = [
    "<tool_call>{" * 80_000,
    "<tool_call>{}</tool_call>" * 40_000,
    '<tool_call>{"' + "</tool_call>" * 80_000,
    '<tool_call>{"' + "</tool_call><tool_call>{" * 40_000,
    " " * 10**6 + "x",
    '{"name":"get"' + "{" * 10**6,
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_megabyte_is_read_in_a_moment(number: int) -> None:
    text = HOSTILE[number]
    started = time.monotonic()
    read(text, list(range(0, len(text), 50)))
    assert time.monotonic() - started < 10


# -- what is asked


def said(request: ChatRequest, **kinds: bool) -> tuple[ChatRequest, str, tuple[str, ...]]:
    """Put a request into words; give its instructions as well, and what is told."""
    asked, warnings = put_into_words(
        request, tools=kinds.get("tools", True), schema=kinds.get("schema", True)
    )
    first = asked.messages[0]
    return asked, first.text if first.role == "system" else "", warnings


def test_tools_become_instructions_and_leave_the_request() -> None:
    asked, instructions, warnings = said(ASKED)
    assert asked.tools == ()
    assert '{"name":"look","description":"Look at the weather."' in instructions
    assert "<tool_call>" in instructions
    assert warnings == ("tools: described to the model in words (emulated)",)


def test_instructions_join_those_that_are_there() -> None:
    request = msgspec.structs.replace(ASKED, messages=(system("Be brief."), user("Hi")))
    asked, instructions, _ = said(request)
    assert instructions.startswith("Be brief.\n\n# Tools")
    assert [message.role for message in asked.messages] == ["system", "user"]


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (ToolChoice("required"), "must call at least one function"),
        (ToolChoice("tool", "look"), "must call the function look"),
        (ToolChoice("auto"), "If no function is needed"),
    ],
)
def test_the_choice_of_tools_is_said_in_words(choice: ToolChoice, words: str) -> None:
    asked, instructions, _ = said(msgspec.structs.replace(ASKED, tool_choice=choice))
    assert words in instructions
    assert asked.tool_choice is None


def test_tools_that_may_not_be_called_are_not_described() -> None:
    request = msgspec.structs.replace(ASKED, tool_choice=ToolChoice("none"))
    assert said(request)[0].messages == request.messages


def test_one_call_at_a_time_is_said_in_words() -> None:
    request = msgspec.structs.replace(ASKED, parallel_tool_calls=False)
    asked, instructions, _ = said(request)
    assert "one block at the most" in instructions
    assert asked.parallel_tool_calls is None


def test_calls_and_results_of_the_history_become_text() -> None:
    history = (
        user("Weather?"),
        assistant(Text("Looking."), ToolCall("c1", "look", '{"city": "</tool_call>"}')),
        Message("tool", (ToolResult("c1", (Text("rain"),)),)),
        user("And?"),
    )
    asked, _, _ = said(msgspec.structs.replace(ASKED, messages=history))
    roles = [message.role for message in asked.messages]
    assert roles == ["system", "user", "assistant", "user"]
    call, results = asked.messages[2].text, asked.messages[3].text
    assert call == (
        'Looking.\n<tool_call>\n{"name": "look", "arguments": {"city": "<\\/tool_call>"}}\n'
        "</tool_call>"
    )
    assert results == ('<tool_response>\n{"name":"look","content":"rain"}\n</tool_response>\nAnd?')


def test_a_history_with_tools_is_put_into_words_where_none_are_left() -> None:
    history = (
        user("a"),
        assistant(ToolCall("c", "look", "{}")),
        Message("tool", (ToolResult("c"),)),
    )
    asked, instructions, warnings = said(ChatRequest(model="a/x", messages=history))
    assert "can't be called now" in instructions
    assert not any(isinstance(p, ToolCall | ToolResult) for m in asked.messages for p in m.parts)
    assert warnings == ()


@pytest.mark.parametrize("output", [SHAPE, JsonObject()])
def test_a_schema_becomes_an_instruction(output: JsonSchema | JsonObject) -> None:
    request = ChatRequest(model="a/x", messages=(user("n?"),), output=output)
    asked, instructions, warnings = said(request)
    assert asked.output is None
    assert ('"integer"' in instructions) == isinstance(output, JsonSchema)
    assert warnings == ("the answer's schema: given to the model in words (emulated)",)


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_sends_tools_or_schema(name: str) -> None:
    request = msgspec.structs.replace(ASKED, output=SHAPE, max_tokens=100)
    emulated = Emulated(get_format(name), request, tools=True, schema=True)
    rendered = emulated.render_request(request, "x", DIALECT)
    body = json.loads(rendered.body)
    assert not {"tools", "tool_choice", "response_format", "text", "output_config"} & body.keys()
    assert "Look at the weather." in rendered.body.decode()
    assert len(rendered.warnings) == 2


# -- what is read, through each format


def answer(text: str, **more: Any) -> Completion:
    return Completion(
        parts=(Text(text),), finish_reason="stop", id="r1", model="x", created=1, **more
    )


def streamed(name: str, completion: Completion) -> bytes:
    renderer = get_format(name).stream_renderer("x")
    return b"".join(renderer.render(event) for event in events_of(completion))


def parse(
    name: str, body: bytes, request: ChatRequest, *, size: int = 10**9, **kinds: bool
) -> list[Event]:
    parser = Emulated(
        get_format(name), request, **{"tools": True, "schema": True, **kinds}
    ).stream_parser(DIALECT)
    events: list[Event] = []
    for at in range(0, len(body), size):
        events += parser.feed(body[at : at + size])
    return events + parser.close()


def check_order(events: list[Event]) -> None:
    """Every event has its place: parts open before they close, and one event ends it all."""
    assert [type(event).__name__ for event in events].count("Start") == 1
    assert isinstance(events[-1], Finish | Failure)
    accumulate(events)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("size", [1, 9, 10**9])
def test_a_call_in_a_stream_is_a_call(name: str, size: int) -> None:
    events = parse(name, streamed(name, answer(CALLED)), ASKED, size=size)
    check_order(events)
    completion = accumulate(events)
    assert completion.text == "Let me look."
    assert [(c.name, c.arguments) for c in completion.tool_calls] == [("look", '{"city": "Lyon"}')]
    assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize("name", FORMATS)
def test_a_call_in_a_whole_answer_is_a_call(name: str) -> None:
    wire = get_format(name)
    emulated = Emulated(wire, ASKED, tools=True, schema=True)
    completion = emulated.parse_response(wire.render_response(answer(CALLED)).body, DIALECT)
    assert completion.tool_calls[0].name == "look"
    assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("text", "found", "warning"),
    [
        ('{"n": 1}', '{"n": 1}', None),
        ('Sure!\n```json\n{"n": 1}\n```', '{"n": 1}', "taken out of the text around it"),
        ("{'n': 1,}", '{"n":1}', "repaired"),
        ("I can't.", "I can't.", "is not the JSON"),
    ],
)
def test_the_json_of_an_answer_is_found(
    name: str, text: str, found: str, warning: str | None
) -> None:
    request = ChatRequest(model="a/x", messages=(user("n?"),), output=SHAPE)
    events = parse(name, streamed(name, answer(text)), request, size=5)
    check_order(events)
    completion = accumulate(events)
    assert completion.text == found
    assert len(completion.warnings) == (warning is not None)
    assert warning is None or warning in completion.warnings[0]


def test_json_that_a_limit_cut_off_is_not_closed() -> None:
    request = ChatRequest(model="a/x", messages=(user("n?"),), output=SHAPE)
    cut = Completion(parts=(Text('{"n": 1'),), finish_reason="length", id="r", model="x")
    events = parse(FORMATS[0], streamed(FORMATS[0], cut), request)
    assert accumulate(events).text == '{"n": 1'
    assert accumulate(events).finish_reason == "length"


def test_words_go_on_as_they_come_and_reasoning_too() -> None:
    completion = Completion(
        parts=(Reasoning("Hm."), Text("First words. Then more.")),
        finish_reason="stop",
        id="r",
        model="x",
    )
    body = streamed(FORMATS[0], completion)
    parser = Emulated(get_format(FORMATS[0]), ASKED, tools=True, schema=False).stream_parser(
        DIALECT
    )
    before_end = parser.feed(body[: body.index(b'"finish_reason":"stop"')])
    texts = [(e.kind, e.text) for e in before_end if isinstance(e, PartDelta)]
    assert texts == [("reasoning", "Hm."), ("text", "First words. Then more.")]


def test_a_stream_that_breaks_off_in_a_call_shows_what_had_come() -> None:
    body = streamed(FORMATS[0], answer(CALLED))
    events = parse(FORMATS[0], body[: body.index(b"Lyon")], ASKED)
    end = events[-1]
    assert isinstance(end, Failure)
    assert isinstance(end.error, StreamTruncated)
    assert accumulate(events).tool_calls == ()


def test_a_tool_that_had_to_be_called_and_was_not_is_told() -> None:
    request = msgspec.structs.replace(ASKED, tool_choice=ToolChoice("required"))
    events = parse(FORMATS[0], streamed(FORMATS[0], answer("No.")), request)
    assert "was told to call a tool" in accumulate(events).warnings[0]


def test_a_schema_holds_for_the_answer_and_not_for_the_call() -> None:
    request = msgspec.structs.replace(ASKED, output=SHAPE)
    called = accumulate(parse(FORMATS[0], streamed(FORMATS[0], answer(CALLED)), request))
    assert (called.text, len(called.tool_calls)) == ("Let me look.", 1)
    answered = accumulate(parse(FORMATS[0], streamed(FORMATS[0], answer('So: {"n": 2}')), request))
    assert answered.text == '{"n": 2}'


def test_calls_of_one_turn_and_of_two_have_ids_of_their_own() -> None:
    text = '<tool_call>{"name": "look"}</tool_call>' * 2
    later = msgspec.structs.replace(ASKED, messages=(*ASKED.messages, assistant("x"), user("y")))
    ids = [
        call.id
        for request in (ASKED, later)
        for call in accumulate(
            parse(FORMATS[0], streamed(FORMATS[0], answer(text)), request)
        ).tool_calls
    ]
    assert len(set(ids)) == 4


@pytest.mark.parametrize("size", [4, 10**9])
def test_broken_arguments_of_real_calls_are_repaired_where_asked(size: int) -> None:
    call = ToolCall("c1", "look", "{'city': 'Lyon',}")
    completion = Completion(parts=(call,), finish_reason="tool_calls", id="r", model="x")
    body = streamed(FORMATS[0], completion)
    untouched = accumulate(parse(FORMATS[0], body, ASKED, size=size, tools=False))
    assert untouched.tool_calls[0].arguments == call.arguments
    events = parse(FORMATS[0], body, ASKED, size=size, tools=False, repair_arguments=True)
    check_order(events)
    repaired = accumulate(events)
    assert repaired.tool_calls == (ToolCall("c1", "look", '{"city":"Lyon"}'),)
    assert "were repaired" in repaired.warnings[0]
