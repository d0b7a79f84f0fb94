"""What stands in for abilities, as the library's callers see it; sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dragoman.aids import find_aids
from dragoman.errors import RepeatedItself, Timeout, Unsupported
from dragoman.registry import Registry
from dragoman.types import Finish, JsonSchema, ModelInfo, PartDelta, Tool, ToolCall, ToolChoice
from tests.library.asking import Asker, configure, trail
from tests.upstream.fault import FaultUpstream, chat, chat_stream, chunk, error, sse, tool_calls
from tests.upstream.llama import LlamaServer

StartUpstream = Callable[..., FaultUpstream]
LOOK = Tool("look", parameters={"type": "object", "properties": {"city": {"type": "string"}}})
CALLED = '<tool_call>{"name": "look", "arguments": {"city": "Lyon"}}</tool_call>'
SHAPE = JsonSchema({"type": "object", "properties": {"n": {"type": "integer"}}})


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def asker(kind: str, upstream: FaultUpstream, **settings: Any) -> Asker:
    return Asker(kind, configure({"a": {"base_url": upstream.base_url, **settings}}))


# -- which aids a deployment has


def aids_of(model: dict[str, Any] | None = None, **settings: Any) -> Any:
    provider = {"base_url": "http://a.test/v1", **settings}
    if model is not None:
        provider["models"] = [{"id": "x", **model}]
    return Registry(configure({"a": provider})).resolve("a/x").deployments[0].aids


def test_who_needs_no_aid_has_none() -> None:
    assert aids_of() is None
    assert aids_of({"tools": True}) is None
    assert aids_of({"emulate": [], "repetition_guard": False}, repetition_guard=True) is None
    assert aids_of({"emulate": []}, emulate=["tools"]) is None


def test_a_model_that_calls_tools_is_not_helped_by_its_provider() -> None:
    assert aids_of({"tools": True}, emulate=["tools"]) is None
    assert aids_of({"tools": True, "emulate": ["tools"]}).emulate_tools
    assert aids_of({"tools": False}, emulate=["tools"]).emulate_tools
    assert aids_of({"tools": False}).refuse_tools


def test_what_the_catalog_says_refuses_nothing() -> None:
    provider = configure({"a": {"base_url": "http://a.test/v1"}}).providers["a"]
    told = ModelInfo(id="x", tools=False, sources={"tools": "catalog"})
    assert find_aids(provider, told) is None
    discovered = ModelInfo(id="x", tools=False, sources={"tools": "discovered"})
    assert find_aids(provider, discovered) is not None


def test_a_route_may_guard_and_not_guard() -> None:
    def guarded(route: dict[str, Any], **settings: Any) -> bool:
        config = configure(
            {"a": {"base_url": "http://a.test/v1", **settings}},
            routes={"r": {"models": ["a/x"], **route}},
        )
        return Registry(config).resolve("r").deployments[0].aids is not None

    assert guarded({"repetition_guard": True})
    assert guarded({"repetition_guard": {"characters": 300}})
    assert guarded({}, repetition_guard=True)
    assert not guarded({"repetition_guard": False}, repetition_guard=True)


# -- tools and schemas


def test_emulated_tools_call_python_functions(kind: str, upstream: StartUpstream) -> None:
    server = upstream([chat(CALLED), chat("It rains in Lyon.")])
    found = asker(kind, server, emulate=["tools"]).chat("a/x", tools=[LOOK])
    assert [(c.name, c.arguments) for c in found.tool_calls] == [("look", '{"city": "Lyon"}')]
    assert (found.text, found.finish_reason) == ("", "tool_calls")
    assert "tools: described to the model in words (emulated)" in found.exchange.warnings


def test_emulated_calls_come_out_of_a_stream(kind: str, upstream: StartUpstream) -> None:
    pieces = [CALLED[at : at + 3] for at in range(0, len(CALLED), 3)]
    server = upstream(chat_stream(["Look: ", *pieces]))
    found = asker(kind, server, emulate=["tools"]).stream("a/x", tools=[LOOK])
    assert found.completion.text == "Look:"
    assert found.completion.tool_calls[0].name == "look"
    words = [e.text for e in found.events if isinstance(e, PartDelta) and e.kind == "text"]
    assert words == ["Look:"]


def test_what_was_mended_is_told(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat(CALLED.replace('"', "'")))
    found = asker(kind, server, emulate="tools").chat("a/x", tools=[LOOK])
    assert found.tool_calls[0].arguments == '{"city":"Lyon"}'
    assert "a call of look was broken JSON, and was repaired" in found.warnings


def test_an_emulated_schema_is_asked_for_and_read(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat("Of course: {'n': 3}"))
    found = asker(kind, server, emulate=["schema"]).chat("a/x", output=SHAPE)
    assert found.text == '{"n":3}'
    assert "response_format" not in server.requests[0].json()


def test_a_fallback_that_has_the_ability_is_asked_as_usual(
    kind: str, upstream: StartUpstream
) -> None:
    first, second = upstream(error(503)), upstream(tool_calls(("look", {"city": "Lyon"})))
    config = configure(
        {
            "a": {"base_url": first.base_url, "emulate": ["tools"], "retries": 0},
            "b": {"base_url": second.base_url},
        }
    )
    found = Asker(kind, config).chat(["a/x", "b/y"], tools=[LOOK])
    assert found.tool_calls[0].name == "look"
    assert "tools" not in first.requests[0].json()
    assert "tools" in second.requests[0].json()


def test_a_model_that_calls_none_is_refused_tools(kind: str, upstream: StartUpstream) -> None:
    server = upstream([chat("Hello")])
    ask = asker(kind, server, models=[{"id": "x", "tools": False}])
    with pytest.raises(Unsupported, match="a/x calls no tools") as raised:
        ask.chat("a/x", tools=[LOOK])
    assert 'emulate = ["tools"]' in (raised.value.hint or "")
    none = ask.chat("a/x", tools=[LOOK], tool_choice=ToolChoice("none"))
    assert none.text == "Hello"


def test_broken_arguments_are_repaired_where_asked(kind: str, upstream: StartUpstream) -> None:
    server = upstream([tool_calls(("look", "{'city': 'Lyon'"))] * 2)
    as_it_is = asker(kind, server).chat("a/x", tools=[LOOK])
    assert as_it_is.tool_calls[0].arguments == "{'city': 'Lyon'"
    repaired = asker(kind, server, repair_arguments=True).chat("a/x", tools=[LOOK])
    assert repaired.tool_calls == (ToolCall("call_0", "look", '{"city":"Lyon"}'),)
    assert any("were repaired" in told for told in repaired.warnings)


def test_a_real_server_is_asked_in_words(llama_server: LlamaServer, kind: str) -> None:
    config = configure({"a": {"base_url": llama_server.base_url, "emulate": ["tools", "schema"]}})
    found = Asker(kind, config).stream(
        f"a/{llama_server.model}", tools=[LOOK], output=SHAPE, max_tokens=40
    )
    assert found.error is None
    assert isinstance(found.events[-1], Finish)
    assert found.completion.usage is not None


# -- time


def test_what_is_held_back_counts_as_heard(kind: str, upstream: StartUpstream) -> None:
    """A long object takes longer than the first token may: nobody gives up meanwhile."""
    pieces = ['{"n": [', *("1, " for _ in range(12)), "1]}"]
    server = upstream(chat_stream(pieces).paced(180, pause_s=0.1))
    timeouts = {"first_token": 0.6, "idle": 2}
    ask = asker(kind, server, emulate=["schema"], timeouts=timeouts)
    found = ask.stream("a/x", output=SHAPE)
    assert found.error is None
    assert found.completion.text == "".join(pieces)


def test_a_plain_server_may_take_its_time(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat("Slow and whole.").stall(0.5, at=0))
    ask = asker(kind, server, stream=False, timeouts={"first_token": 0.2})
    found = ask.stream("a/x")
    assert found.error is None
    assert found.completion.text == "Slow and whole."
    assert "stream" not in server.requests[0].json() or not server.requests[0].json()["stream"]


def test_a_silent_server_is_given_up_with_aids_as_without(
    kind: str, upstream: StartUpstream
) -> None:
    server = upstream(chat_stream(["x"]).stall(at=0))
    ask = asker(kind, server, emulate=["schema"], timeouts={"first_token": 0.2}, retries=0)
    assert isinstance(ask.stream("a/x", output=SHAPE).error, Timeout)


# -- repetition


def again(count: int) -> Any:
    return sse([chunk({"content": "And again. "}) for _ in range(count)], done=False)


def test_a_whole_answer_that_would_repeat_itself_is_ended(
    kind: str, upstream: StartUpstream
) -> None:
    server = upstream(again(1000))
    ask = asker(kind, server, repetition_guard=True)
    with pytest.raises(RepeatedItself) as raised:
        ask.chat("a/x")
    assert raised.value.partial is not None
    assert raised.value.partial.text.startswith("And again. And again.")
    exchange = raised.value.exchange
    assert exchange is not None
    assert trail(exchange) == ["first a/x truncated 200 repetition"]
    assert ask.around.health.cooling(ask.around.clock()) == set()


def test_a_real_model_that_degenerates_is_stopped(llama_server: LlamaServer, kind: str) -> None:
    """Without chance, a model that has learned nothing says one word for ever."""
    config = configure(
        {
            name: {"base_url": llama_server.base_url, "repetition_guard": guard}
            for name, guard in (("free", False), ("watched", {"characters": 400}))
        }
    )
    ask = Asker(kind, config)
    asked: dict[str, Any] = {"messages": "Tell me", "temperature": 0, "max_tokens": 600}
    free = ask.stream(f"free/{llama_server.model}", **asked)
    assert (free.error, free.completion.finish_reason) == (None, "length")
    watched = ask.stream(f"watched/{llama_server.model}", **asked)
    assert isinstance(watched.error, RepeatedItself)
    assert free.completion.text.startswith(watched.completion.text)
    assert len(watched.completion.text) < len(free.completion.text) / 2
    assert watched.exchange.usage is not None
    assert watched.exchange.usage.estimated


def test_without_a_guard_nobody_watches(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["And again. "] * 1000))
    assert asker(kind, server).stream("a/x").error is None
