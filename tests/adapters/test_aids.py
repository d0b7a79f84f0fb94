"""What stands in for abilities works for adapters as for formats."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dragoman.errors import RepeatedItself
from dragoman.types import JsonSchema, Tool
from tests.adapters.acme import sent
from tests.library.asking import Asker
from tests.upstream.fault import Answer, FaultUpstream, Request

ACME = "tests.adapters.acme:Acme"
LOOK = Tool("look", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
SHAPE = JsonSchema({"type": "object", "properties": {"n": {"type": "integer"}}})
CALLED = 'Well: <tool_call>{"name": "look", "arguments": {"city": "Lyon"}}</tool_call>'
Start = Callable[..., FaultUpstream]
Make = Callable[..., Asker]


def saying(text: str) -> Callable[[Request], Answer]:
    """Be the provider: say this, in pieces of three where it is asked to."""

    def answer(request: Request) -> Answer:
        end = {"why": "done", "cost": [3, 2]}
        if not request.json()["live"]:
            return sent({"says": text, **end})
        return sent(*({"bit": text[at : at + 3]} for at in range(0, len(text), 3)), end)

    return answer


def ask(asker: Asker, stream: bool, **params: Any) -> Any:
    return asker.stream("a/x", **params).completion if stream else asker.chat("a/x", **params)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("streams", [False, True], ids=["plain server", "streaming server"])
def test_tools_are_emulated(asker: Make, upstream: Start, stream: bool, streams: bool) -> None:
    server = upstream(saying(CALLED))
    answer = ask(asker(server, ACME, emulate=["tools"], stream=streams), stream, tools=[LOOK])
    assert answer.text == "Well:"
    assert [(c.name, c.arguments) for c in answer.tool_calls] == [("look", '{"city": "Lyon"}')]
    body = server.requests[0].json()
    assert "<tool_call>" in json.dumps(body["turns"])
    assert body["live"] is (stream and streams)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_schema_is_emulated(asker: Make, upstream: Start, stream: bool) -> None:
    server = upstream(saying("Sure: {n: 3}"))
    answer = ask(asker(server, ACME, emulate=["schema"]), stream, output=SHAPE)
    assert answer.text == '{"n":3}'


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    ("tags", "text"), [(True, "<think>Hm.</think>\nYes."), ("open", "Hm.</think>Yes.")]
)
def test_thoughts_are_told_from_words(
    asker: Make, upstream: Start, tags: Any, text: str, stream: bool
) -> None:
    server = upstream(saying(text))
    answer = ask(asker(server, ACME, dialect={"think_tags": tags}), stream)
    assert (answer.reasoning, answer.text) == ("Hm.", "Yes.")


def test_repetition_is_ended(asker: Make, upstream: Start) -> None:
    server = upstream(saying("again and " * 500))
    streamed = asker(server, ACME, repetition_guard=True).stream("a/x")
    assert isinstance(streamed.error, RepeatedItself)
