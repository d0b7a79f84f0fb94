"""The Gemini API: what becomes of what only it says, of errors, and of what is malformed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from dragoman import errors
from dragoman.adapters.answer import Answer
from dragoman.adapters.google.answers import AnswerReader
from dragoman.adapters.google.contents import UNSIGNED
from dragoman.adapters.google.errors import parse_error
from dragoman.adapters.google.listing import read_models
from dragoman.errors import DragomanError, ProtocolError, StreamTruncated, Unsupported
from dragoman.types.message import (
    Citation,
    Media,
    Message,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    system,
    user,
)
from dragoman.types.request import ForeignTool, ReasoningOptions, Tool, ToolChoice
from tests.adapters.google_api import MODEL, PIXEL, USAGE, answer, asker, piece, stream, whole
from tests.upstream.fault import FaultUpstream

Start = Callable[..., FaultUpstream]

ERRORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "cases" / "gemini-errors.json").read_text("utf-8")
)
CALL = {"functionCall": {"name": "look", "args": {"city": "Lyon"}}, "thoughtSignature": "U0lH"}
TOOL = Tool("look", parameters={"type": "object"})


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case["name"])
def test_an_error_is_what_its_status_and_reason_say(
    case: dict[str, Any], kind: str, upstream: Start
) -> None:
    server = upstream(answer(case["body"], case["status"]))
    with pytest.raises(DragomanError) as raised:
        asker(kind, server.url).chat(f"g/{MODEL}", retries=0)
    error: Any = raised.value
    assert type(error) is getattr(errors, case["error"])
    assert error.upstream_status == case["status"]
    if "retry_after" in case:
        assert error.retry_after == pytest.approx(case["retry_after"])
    if "hint" in case:
        assert case["hint"] in error.hint


def test_an_error_in_the_middle_of_a_stream_ends_it(kind: str, upstream: Start) -> None:
    broken = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    server = upstream(stream([piece({"text": "Hel"}), broken]))
    went = asker(kind, server.url).stream(f"g/{MODEL}", retries=0)
    assert isinstance(went.error, errors.Overloaded)
    assert went.completion.text == "Hel"


def test_a_stream_without_a_reason_to_end_is_no_answer(kind: str, upstream: Start) -> None:
    server = upstream(stream([piece({"text": "Hel"})]))
    went = asker(kind, server.url).stream(f"g/{MODEL}", retries=0)
    assert isinstance(went.error, StreamTruncated)


@pytest.mark.parametrize("body", [{}, [], {"candidates": []}, {"candidates": "no"}, 7, "x", None])
def test_what_is_no_answer_is_an_error(body: Any, kind: str, upstream: Start) -> None:
    server = upstream(answer(body))
    with pytest.raises(ProtocolError):
        asker(kind, server.url).chat(f"g/{MODEL}", retries=0)


NONSENSE: list[Any] = [
    None, 3, "x", [], {"text": 3}, {"thought": True}, {"functionCall": "x"}, {"functionCall": {}},
    {"functionCall": {"name": 3, "args": [1]}}, {"inlineData": {"data": 3}}, {"inlineData": 9},
    {"thoughtSignature": {}}, {"thought": True, "inlineData": {"mimeType": "a/b", "data": "x"}},
]  # fmt: skip


@pytest.mark.parametrize("part", NONSENSE, ids=str)
def test_a_part_that_is_nonsense_breaks_nothing(part: Any, upstream: Start) -> None:
    body = piece(part, {"text": "ok"}, finish="STOP", groundingMetadata=[part])
    body["usageMetadata"] = {"promptTokenCount": "many", "candidatesTokenCount": -3}
    went = asker("sync", upstream(answer(body)).url).chat(f"g/{MODEL}", retries=0)
    assert went.text == "ok"
    assert went.usage is not None
    assert went.usage.suspect


def test_totals_hold_thoughts_and_what_tools_read(kind: str, upstream: Start) -> None:
    body = piece({"text": "ok"}, finish="STOP")
    body["usageMetadata"] = {**USAGE, "toolUsePromptTokenCount": 3}
    usage = asker(kind, upstream(answer(body)).url).chat(f"g/{MODEL}").usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (23, 12)
    assert (usage.cache_read_tokens, usage.reasoning_tokens) == (8, 7)


def test_what_the_model_signed_goes_back_where_it_was(kind: str, upstream: Start) -> None:
    said = [
        {"text": "Hm.", "thought": True},
        {"text": "I look.", "thoughtSignature": "VEVYVA=="},
        CALL,
        {"functionCall": {"name": "look", "args": {"city": "Nice"}}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}, "thoughtSignature": "UElD"},
        {"text": "", "thoughtSignature": "RU5E"},
    ]
    server = upstream(
        [
            stream([piece(part) for part in said[:-1]] + [piece(said[-1], finish="STOP")]),
            whole({"text": "ok"}),
        ]
    )
    ours = asker(kind, server.url)
    first = ours.stream(f"g/{MODEL}", "hi").completion
    results = Message("tool", tuple(ToolResult(c.id, (Text("ok"),)) for c in first.tool_calls))
    ours.chat(f"g/{MODEL}", [user("hi"), first.message, results])
    sent = server.requests[1].json()["contents"][1]["parts"]
    for part in sent:
        part.get("functionCall", {}).pop("id", None)
    assert sent == said[1:]  # a thought that signs nothing is none of the history's


def test_another_models_signatures_stay_away(kind: str, upstream: Start) -> None:
    server = upstream(whole(CALL))
    ours = asker(kind, server.url)
    first = ours.chat(f"g/{MODEL}", "hi")
    result = Message("tool", (ToolResult(first.tool_calls[0].id, (Text("ok"),)),))
    asked = ours.chat("g/gemma-4", [user("hi"), first.message, result])
    assert "U0lH" not in server.requests[1].body.decode()
    assert "a signature of g/gemini is left out: g/gemma can't read it" in asked.warnings


@pytest.mark.parametrize(
    ("model", "sent"),
    [("gemini-3-pro", UNSIGNED), ("gemini-flash-latest", UNSIGNED), ("gemini-2.5-pro", None)],
)
def test_a_call_that_nobody_signed_says_so_where_one_must(
    model: str, sent: str | None, upstream: Start
) -> None:
    """Only in the turn that is under way: what is over is not looked at."""
    call, result = ToolCall("c1", "look", "{}"), ToolResult("c1", (Text("ok"),))
    turn = [Message("assistant", (call,)), Message("tool", (result,))]
    server = upstream(whole({"text": "ok"}))
    asker("sync", server.url).chat(f"g/{model}", [user("hi"), *turn, user("again"), *turn])
    contents = server.requests[0].json()["contents"]
    calls = [part for one in contents for part in one["parts"] if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in calls] == [None, sent]


def test_blocks_that_only_this_api_knows_are_kept(kind: str, upstream: Start) -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
    server = upstream([whole(code, {"text": "1"}), whole({"text": "ok"})])
    ours = asker(kind, server.url)
    first = ours.chat(f"g/{MODEL}")
    assert first.parts[0] == Unknown("gemini", json.dumps(code, separators=(",", ":")))
    ours.chat(f"g/{MODEL}", [user("hi"), first.message, user("and?")])
    assert server.requests[1].json()["contents"][1]["parts"] == [code, {"text": "1"}]


def test_pages_that_a_text_rests_on_are_cited_by_characters(kind: str, upstream: Start) -> None:
    text = "Zürich is rainy."
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "a"}},
            {"web": {"uri": "https://b.example", "title": "b"}},
            {"web": 3},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 11, "endIndex": 16}, "groundingChunkIndices": [0, 2, 9]},
            {"segment": None},
            3,
        ],
    }
    pieces = [piece({"text": text[:4]}), piece({"text": text[4:]})]
    ended = piece({"text": ""}, finish="STOP", groundingMetadata=grounding)
    went = asker(kind, upstream(stream([*pieces, ended])).url).stream(f"g/{MODEL}")
    (part,) = went.completion.parts
    assert isinstance(part, Text)
    cited = Citation("https://a.example", "a", 10, 15)
    assert part.citations == (cited, Citation("https://b.example", "b"))
    assert text[cited.start : cited.end] == "rainy"


def test_log_probabilities_are_told_of_each_token(kind: str, upstream: Start) -> None:
    result = {
        "chosenCandidates": [{"token": "o", "logProbability": -0.5}, {"token": "k"}],
        "topCandidates": [{"candidates": [{"token": "o", "logProbability": -0.5}]}],
    }
    server = upstream(whole({"text": "ok"}, logprobsResult=result))
    (part,) = asker(kind, server.url).chat(f"g/{MODEL}", logprobs=True, top_logprobs=1).parts
    assert isinstance(part, Text)
    assert part.logprobs == (
        {"token": "o", "logprob": -0.5, "top_logprobs": [{"token": "o", "logprob": -0.5}]},
        {"token": "k", "logprob": 0.0, "top_logprobs": []},
    )


ENDINGS = {
    "STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "SPII": "content_filter",
    "RECITATION": "content_filter", "MALFORMED_FUNCTION_CALL": "error", "CONTINUATION": "pause",
    "OTHER": "other", "A_NEW_ONE": "other",
}  # fmt: skip


@pytest.mark.parametrize("word", ENDINGS)
def test_an_ending_has_our_word_and_theirs(word: str, upstream: Start) -> None:
    server = upstream(whole({"text": "x"}, finish=word, finishMessage="because"))
    went = asker("sync", server.url).chat(f"g/{MODEL}", retries=0)
    assert (went.finish_reason, went.raw_finish_reason) == (ENDINGS[word], word)
    assert ("the upstream says of the ending: because" in went.warnings) == (word != "STOP")


def test_a_call_ends_an_answer_for_a_call(kind: str, upstream: Start) -> None:
    went = asker(kind, upstream(whole(CALL)).url).chat(f"g/{MODEL}")
    assert (went.finish_reason, went.raw_finish_reason) == ("tool_calls", "STOP")


def test_a_prompt_that_is_blocked_is_filtered_content(kind: str, upstream: Start) -> None:
    blocked = {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "not this"}}
    went = asker(kind, upstream(stream([blocked])).url).stream(f"g/{MODEL}")
    assert went.error is None
    assert went.completion.finish_reason == "content_filter"
    assert "the prompt was blocked: not this" in went.completion.warnings


CHOICES: list[tuple[ToolChoice | None, bool | None, Any]] = [
    (None, None, None),
    (None, True, {"mode": "VALIDATED"}),
    (ToolChoice("auto"), None, {"mode": "AUTO"}),
    (ToolChoice("none"), True, {"mode": "NONE"}),
    (ToolChoice("required"), None, {"mode": "ANY"}),
    (ToolChoice("tool", "look"), True, {"mode": "ANY", "allowedFunctionNames": ["look"]}),
]


@pytest.mark.parametrize(("choice", "strict", "sent"), CHOICES)
def test_the_choice_among_tools(
    choice: ToolChoice | None, strict: bool | None, sent: Any, upstream: Start
) -> None:
    server = upstream(whole({"text": "ok"}))
    said = {} if choice is None else {"tool_choice": choice}
    tools = [structs.replace(TOOL, strict=strict), ForeignTool("gemini", '{"googleSearch": {}}')]
    asker("sync", server.url).chat(f"g/{MODEL}", tools=tools, **said)
    body = server.requests[0].json()
    assert body["tools"][1] == {"googleSearch": {}}
    assert body.get("toolConfig", {}).get("functionCallingConfig") == sent


THINKING: list[tuple[str, Any, Any]] = [
    ("gemini-3-pro", "high", {"thinkingLevel": "HIGH", "includeThoughts": True}),
    ("gemini-flash-latest", "max", {"thinkingLevel": "XHIGH", "includeThoughts": True}),
    ("gemini-3-pro", "none", {"thinkingLevel": "MINIMAL"}),
    ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
    ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
    ("gemini-2.5-pro", 2000, {"thinkingBudget": 2000, "includeThoughts": True}),
]


@pytest.mark.parametrize(("model", "reasoning", "sent"), THINKING)
def test_how_much_to_think_is_said_as_the_model_takes_it(
    model: str, reasoning: Any, sent: Any, upstream: Start
) -> None:
    server = upstream(whole({"text": "ok"}))
    asker("sync", server.url).chat(f"g/{model}", reasoning=reasoning)
    assert server.requests[0].json()["generationConfig"] == {"thinkingConfig": sent}


def test_what_cannot_be_said_is_reported(kind: str, upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    went = asker(kind, server.url).chat(
        f"g/{MODEL}",
        [user("hi"), system("Be brief."), Message("user", (Text("so?"),), name="Ann")],
        tools=[TOOL, ForeignTool("openai-responses", '{"type": "web_search"}')],
        parallel_tool_calls=False,
        user="me",
        metadata={"a": "b"},
    )
    assert sorted(went.warnings) == [
        "a tool that only openai-responses knows is left out",
        "instructions amid the history are sent as the user's",
        "metadata is not sent: the adapter of g does not know it",
        "names of authors are not sent: this API has none",
        "parallel_tool_calls is not sent: this API always lets the model make several calls",
        "user is not sent: the adapter of g does not know it",
    ]


def test_instructions_alone_are_refused(kind: str, upstream: Start) -> None:
    with pytest.raises(Unsupported, match="nothing to answer"):
        asker(kind, upstream(whole()).url).chat(f"g/{MODEL}", [system("Be brief.")])


def test_pictures_of_a_result_stand_behind_it_where_it_holds_none(upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    picture = Media(kind="image", media_type="image/png", data=PIXEL)
    call = Message("assistant", (ToolCall("c1", "look", "not json"),))
    result = Message("tool", (ToolResult("c1", (Text("a"), picture)),))
    asker("sync", server.url).chat("g/gemini-2.5-pro", [user("hi"), call, result])
    _, asked, told = server.requests[0].json()["contents"]
    assert asked["parts"][0]["functionCall"]["args"] == {"invalid_json": "not json"}
    assert [sorted(part) for part in told["parts"]] == [["functionResponse"], ["inlineData"]]


def test_fields_that_nobody_models_are_sent_as_they_are(kind: str, upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    body = {"safetySettings": safety, "generationConfig": {"responseModalities": ["IMAGE"]}}
    asker(kind, server.url).chat(f"g/{MODEL}", temperature=0.0, body=body)
    sent = server.requests[0].json()
    assert sent["safetySettings"] == safety
    assert sent["generationConfig"] == {"responseModalities": ["IMAGE"], "temperature": 0.0}


URLS = [
    ("", "m", "/v1beta/models/m:generateContent"),
    ("/v1", "m", "/v1/models/m:generateContent"),
    ("/v1beta/openai", "models/m", "/v1beta/models/m:generateContent"),
    ("/proxy/", "tunedModels/m-1", "/proxy/v1beta/tunedModels/m-1:generateContent"),
    ("/v1beta?a=b", "a/../b", "/v1beta/models/a%2F..%2Fb:generateContent?a=b"),
]


@pytest.mark.parametrize(("base", "model", "target"), URLS)
def test_a_model_is_one_segment_of_the_path(
    base: str, model: str, target: str, upstream: Start
) -> None:
    server = upstream(whole({"text": "ok"}))
    asker("sync", server.url + base).chat(f"g/{model}")
    assert server.requests[0].target == target


def test_reasoning_is_asked_for_by_nobody_who_switched_it_off(upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    ours = asker("sync", server.url, dialect={"reasoning": "none"})
    went = ours.chat(f"g/{MODEL}", reasoning=ReasoningOptions("low"))
    assert "generationConfig" not in server.requests[0].json()
    assert "reasoning options are not sent: this provider does not know them" in went.warnings


def test_thoughts_of_others_are_text_where_that_is_wanted(upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    history = [user("hi"), Message("assistant", (Reasoning("Hm."), Text("yes"))), user("so?")]
    for wanted, sent in ((False, ["yes"]), (True, ["Hm.", "yes"])):
        ours = asker("sync", server.url, dialect={"reasoning_as_text": wanted} if wanted else {})
        ours.chat(f"g/{MODEL}", history)
        parts = server.requests[-1].json()["contents"][1]["parts"]
        assert [part["text"] for part in parts] == sent


EVERYTHING = piece(
    {"text": "é", "thought": True, "thoughtSignature": "x"},
    CALL,
    {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
    {"text": "hello"},
    finish="STOP",
    finishMessage="m",
    groundingMetadata={
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 1, "endIndex": 3}, "groundingChunkIndices": [0]}
        ],
    },
    citationMetadata={"citationSources": [{"uri": "u", "startIndex": 1}]},
    logprobsResult={
        "chosenCandidates": [{"token": "a", "logProbability": -1}],
        "topCandidates": [{"candidates": [{"token": "a"}]}],
    },
)
LISTED = {"models": [{"name": "m", "inputTokenLimit": 3, "supportedGenerationMethods": ["x"]}]}
READERS: list[tuple[Any, Callable[[Any], object]]] = [
    (EVERYTHING, lambda value: AnswerReader(Answer()).read(value)),
    (ERRORS[6]["body"], lambda value: parse_error(400, {}, json.dumps(value).encode())),
    (LISTED, lambda value: list(read_models(value)) if isinstance(value, dict) else None),
]
ODD: list[Any] = [
    None, True, 0, -1, 1.5, float("inf"), "", [], {}, "x", [[]], [{}], {"a": {}}, 10**30, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(READERS)))
def test_nonsense_anywhere_is_nothing_or_an_error_of_ours(index: int) -> None:
    sound, read = READERS[index]
    for path in paths(sound):
        for odd in ODD:
            with contextlib.suppress(DragomanError):
                read(replaced(sound, path, odd))


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """List where everything in a value stands."""
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield from paths(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Copy a value with something else at one place."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy
