"""Answers of ours, read by the official SDK: helpers, accumulators and types."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from msgspec.structs import replace

from dragoman.types import Finish
from dragoman.types.event import Event, Failure
from dragoman.wire.whole import accumulate
from tests.wire import golden
from tests.wire.conftest import Stage
from tests.wire.openai_responses.judge import (
    ASKED,
    FORMAT,
    check_event,
    check_response,
    events_answer,
    frames,
    json_answer,
    parse,
    rendered,
)

CASES = [
    (api, name)
    for api in ("openai-responses", "openai-completions", "anthropic-messages")
    for name in golden.names(api, ".sse")
]
UNHEARD_OF = {"unknown-item"}
"""Cases with items that the SDK does not know: its helpers warn of them, whoever sends them."""


def end_of(api: str, name: str) -> Event:
    return parse(api, name)[-1]


def is_whole(api: str, name: str) -> bool:
    end = end_of(api, name)
    return isinstance(end, Finish) and end.reason != "error"


WHOLE = [case for case in CASES if is_whole(*case) and case[1] not in UNHEARD_OF]
CUT = [case for case in CASES if not is_whole(*case)]


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_the_sdk_makes_the_same_of_a_stream_and_of_the_whole_answer(
    api: str, name: str, stage: Stage
) -> None:
    events = parse(api, name)
    completion = replace(accumulate(events), model="m")
    whole = FORMAT.render_response(completion).body
    stage.play(json_answer(whole), events_answer(rendered(events)))
    created = stage.openai.responses.create(**ASKED)
    with stage.openai.responses.stream(**ASKED) as stream:
        for event in stream:
            last = event
    assert last.type == f"response.{created.status}"
    assert said(last.response) == said(created)
    assert created.output_text == completion.text
    calls = [item for item in created.output if item.type == "function_call"]
    custom = [item for item in created.output if item.type == "custom_tool_call"]
    assert len(calls) + len(custom) == len(completion.tool_calls)
    assert [call.call_id for call in calls] == [
        call.id for call in completion.tool_calls if call.id in {c.call_id for c in calls}
    ]


def said(response: Any) -> dict[str, Any]:
    """What an answer says. Helpers add what they parsed; ids may come late and are then ours."""
    plain: dict[str, Any] = json.loads(response.to_json())
    for item in plain["output"]:
        item.pop("parsed_arguments", None)
        for part in item.get("content") or ():
            part.pop("parsed", None)
        item.pop("id", None)
    return plain


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_the_final_answer_is_there_when_the_answer_is_complete(
    api: str, name: str, stage: Stage
) -> None:
    body = rendered(parse(api, name))
    complete = frames(body)[-1]["type"] == "response.completed"
    stage.play(events_answer(body))
    with stage.openai.responses.stream(**ASKED) as stream:
        if complete:
            assert stream.get_final_response().status == "completed"
        else:  # the SDK has no final answer where one is incomplete
            with pytest.raises(RuntimeError, match=r"response\.completed"):
                stream.get_final_response()


@pytest.mark.parametrize(("api", "name"), WHOLE)
def test_every_event_and_answer_is_of_the_sdks_type(api: str, name: str) -> None:
    events = parse(api, name)
    for frame in frames(rendered(events)):
        check_event(frame)
    check_response(json.loads(FORMAT.render_response(accumulate(events)).body))


@pytest.mark.parametrize(("api", "name"), CASES)
def test_a_stream_is_told_in_its_full_sequence(api: str, name: str) -> None:
    check_sequence(frames(rendered(parse(api, name))))


def check_sequence(told: list[dict[str, Any]]) -> None:
    """Everything begins before it grows, and grows before it is done; ids and places stay."""
    assert [frame["sequence_number"] for frame in told] == list(range(len(told)))
    if told[0]["type"] == "error":
        assert len(told) == 1
        return
    assert [frame["type"] for frame in told[:2]] == ["response.created", "response.in_progress"]
    items: dict[int, dict[str, Any]] = {}
    grown: dict[tuple[int, str, int], str] = {}
    done: set[Any] = set()
    for frame in told[2:-1]:
        kind, index = frame["type"].removeprefix("response."), frame["output_index"]
        if kind == "output_item.added":
            assert index == len(items)
            items[index] = frame["item"]
            continue
        item = items[index]
        assert index not in done
        if kind == "output_item.done":
            assert {**item, **frame["item"]}.keys() >= item.keys()
            assert (frame["item"]["type"], frame["item"].get("id")) == (
                item["type"],
                item.get("id"),
            )
            done.add(index)
            continue
        assert frame["item_id"] == item["id"]
        subject, _, step = kind.rpartition(".")
        place = frame.get("content_index", frame.get("summary_index", 0))
        key = (index, subject, place)
        assert key not in done
        if subject == "content_part" or subject == "reasoning_summary_part":
            key = (index, "part", place)
            assert (key in grown) == (step == "done")
            grown.setdefault(key, "")
        elif step == "delta":
            if subject in ("output_text", "refusal", "reasoning_summary_text"):
                assert (index, "part", place) in grown
            grown[key] = grown.get(key, "") + frame["delta"]
        elif step == "done":
            words = ("text", "refusal", "arguments", "input")
            whole = next(frame[word] for word in words if word in frame)
            assert grown.get(key, "") == whole
            done.add(key)
    end = told[-1]
    assert end["type"] in ("response.completed", "response.incomplete", "response.failed")
    assert end["response"]["status"] == end["type"].removeprefix("response.")
    assert len(end["response"]["output"]) == len(items)
    if end["type"] != "response.failed":
        assert {index for index in done if isinstance(index, int)} == items.keys()


@pytest.mark.parametrize(("api", "name"), CUT)
def test_an_answer_that_broke_off_is_never_told_as_whole(api: str, name: str, stage: Stage) -> None:
    events = parse(api, name)
    body = rendered(events)
    end = frames(body)[-1]
    stage.play(events_answer(body))
    if end["type"] == "error":
        with pytest.raises(openai.APIError) as raised:
            list(stage.openai.responses.create(**ASKED, stream=True))
        assert raised.value.body["message"] == end["message"]
        return
    with stage.openai.responses.stream(**ASKED) as stream:
        *_, last = list(stream)
        assert last.type == "response.failed"
        assert last.response.error.message
        with pytest.raises(RuntimeError):
            stream.get_final_response()
    assert isinstance(events[-1], Failure) or last.response.error.code == "upstream_error"
