"""A `BaseConfig` written for LiteLLM answers here, and says what it says there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.errors import (
    AuthFailed,
    ContextOverflow,
    DragomanError,
    RateLimited,
    StreamTruncated,
    Unsupported,
)
from dragoman.types import Finish, PartDelta
from tests.cli.running import Dragoman
from tests.compat.conftest import Ask, tell
from tests.compat.written import CONFIGS, KEY, MODEL, TOOL, Case, bare, give, take_over
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, sse

Start = Callable[..., FaultUpstream]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CONFIGS.values(), ids=CONFIGS)
def test_a_class_runs_with_its_import_changed(
    case: Case, stream: bool, ask: Ask, upstream: Start
) -> None:
    server = upstream(case.answer)
    assert tell(ask(case.file, case.name, server.url), case, stream) == case.expected(stream)


def test_a_stream_arrives_in_pieces_and_not_at_its_end(ask: Ask, upstream: Start) -> None:
    case = CONFIGS["talky"]
    server = upstream(lambda _: case.stream.stall(at=9) if case.stream else None)
    asked = ask(case.file, case.name, server.url)
    streamed = asked.stream(
        f"a/{MODEL}", until=lambda events: isinstance(events[-1], PartDelta), **case.params
    )
    assert streamed.error is None
    server.requests[0].wait_closed()


def test_a_stream_that_breaks_off_is_no_whole_answer(ask: Ask, upstream: Start) -> None:
    case = CONFIGS["parsed"]
    server = upstream(lambda _: sse([{"delta": "I am "}], done=False))
    streamed = ask(case.file, case.name, server.url).stream(f"a/{MODEL}", **case.params)
    assert isinstance(streamed.error, StreamTruncated)
    assert streamed.completion.text == "I am "


def test_a_class_without_a_stream_tells_it_in_one_piece(ask: Ask, upstream: Start) -> None:
    case = CONFIGS["guide"]
    server = upstream(case.answer)
    events = ask(case.file, case.name, server.url).stream(f"a/{MODEL}").events
    assert [e.text for e in events if isinstance(e, PartDelta)] == ["I am fine"]
    assert isinstance(events[-1], Finish)


@pytest.mark.parametrize("name", ["TextHandler", "LineHandler"])
def test_a_method_that_handles_chunks_reads_the_stream(
    name: str, ask: Ask, upstream: Start
) -> None:
    lines = sse([{"t": "Ça "}, {"t": "va"}])
    server = upstream(lambda _: bare("Ça va") if name == "TextHandler" else lines)
    streamed = ask("chunks", name, server.url).stream(f"a/{MODEL}")
    assert streamed.error is None
    assert streamed.completion.text == "Ça va"
    assert streamed.completion.finish_reason == "stop"


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (401, "who are you", AuthFailed),
        (429, "slow down", RateLimited),
        (400, "maximum context length is 8 tokens", ContextOverflow),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", ["talky", "parsed", "pulled", "guide"])
def test_what_the_provider_refuses_is_a_typed_error(
    name: str, stream: bool, status: int, message: str, kind: type, ask: Ask, upstream: Start
) -> None:
    case = CONFIGS[name]
    server = upstream(lambda _: error(status, message))
    asked = ask(case.file, case.name, server.url, retries=0)
    if stream:
        raised = asked.stream(f"a/{MODEL}").error
    else:
        with pytest.raises(DragomanError) as caught:
            asked.chat(f"a/{MODEL}")
        raised = caught.value
    assert isinstance(raised, kind)
    assert message in str(raised)
    assert KEY not in str(raised)


def test_a_class_that_wants_a_key_says_so_before_anything_is_sent(
    ask: Ask, upstream: Start
) -> None:
    server = upstream([])
    with pytest.raises(AuthFailed, match="no key for Talky"):
        ask("talky", "TalkyConfig", server.url, api_key="", auth="none").chat(f"a/{MODEL}")


def test_tools_are_refused_by_a_class_that_does_not_know_them(ask: Ask, upstream: Start) -> None:
    server = upstream([])
    with pytest.raises(Unsupported, match="knows no tools"):
        ask("talky", "TalkyConfig", server.url).chat(f"a/{MODEL}", tools=[TOOL])


def test_a_parameter_that_a_class_does_not_know_is_told(ask: Ask, upstream: Start) -> None:
    case = CONFIGS["talky"]
    server = upstream(case.answer)
    answer = ask(case.file, case.name, server.url).chat(f"a/{MODEL}", seed=7, temperature=0.1)
    assert server.requests[0].json()["params"] == {"temperature": 0.1}
    assert answer.warnings == ("seed is not sent: the adapter of a does not know it",)


def test_what_only_this_provider_knows_is_among_the_parameters(ask: Ask, upstream: Start) -> None:
    case = CONFIGS["guide"]
    server = upstream(case.answer)
    answer = ask(case.file, case.name, server.url, body={"region": "north"}).chat(
        f"a/{MODEL}", body={"mood": "calm"}
    )
    body = server.requests[0].json()
    assert body.keys() == {"messages", "params"}
    assert body["params"] == {"region": "north", "mood": "calm"}
    assert answer.warnings == ()


def test_a_stream_that_a_class_fakes_is_a_whole_answer(ask: Ask, upstream: Start) -> None:
    server = upstream(lambda _: give({"output": "I am fine"}))
    streamed = ask("others", "FakesStreams", server.url).stream(f"a/{MODEL}")
    assert streamed.error is None
    assert streamed.completion.text == "I am fine"
    assert "stream" not in server.requests[0].json()


def test_a_wrapper_that_is_a_coroutine_serves_sync_and_async(ask: Ask, upstream: Start) -> None:
    server = upstream(lambda _: bare("Ça va"))
    streamed = ask("others", "AwaitedWrapper", server.url).stream(f"a/{MODEL}")
    assert streamed.error is None
    assert streamed.completion.text == "Ça va"


def test_a_class_that_leaves_answers_alone_reads_openai_s(ask: Ask, upstream: Start) -> None:
    server = upstream([chat("Hi"), chat_stream(["Hel", "lo"])])
    asked = ask("others", "Reads", server.url)
    assert asked.chat(f"a/{MODEL}").text == "Hi"
    assert asked.stream(f"a/{MODEL}").completion.text == "Hello"
    assert [request.path for request in server.requests] == [f"/{MODEL}"] * 2


def test_tokens_that_a_class_counts_are_an_estimate(ask: Ask, upstream: Start) -> None:
    server = upstream(lambda _: give({"output": "I am fine"}))
    usage = ask("others", "Plain", server.url).chat(f"a/{MODEL}").usage
    assert usage is not None
    assert (usage.completion_tokens, usage.estimated) == (3, True)


def test_vectors_come_from_a_class_of_them(ask: Ask, upstream: Start) -> None:
    server = upstream(lambda _: give({"vectors": [[1, 2], [3, 4]]}))
    answer = ask("others", "Vectors", server.url).embed(f"a/{MODEL}", ["a", "b"], dimensions=2)
    assert [list(vector) for vector in answer.vectors] == [[1.0, 2.0], [3.0, 4.0]]
    assert server.requests[0].json() == {"texts": ["a", "b"], "as": MODEL, "dimensions": 2}


def test_the_guide_s_class_passes_conformance_streams_included(
    tmp_path: Path, upstream: Start
) -> None:
    server = upstream(lambda _: give({"output": "I am fine"}))
    dragoman = Dragoman(tmp_path)
    dragoman.configure(
        '[providers.a]\nadapter = "guide.py:MyProviderChatConfig"\napi_key_env = "KEY"\n'
        f'base_url = "{server.url}"\nmodels = [{{ id = "{MODEL}", tools = false }}]\n'
    )
    take_over("guide", dragoman.config_file.parent)
    examined = dragoman("conformance", "a", "-m", MODEL, env={"KEY": KEY})
    assert examined.code == 0, examined.out + examined.err
    for case in ("chat", "stream", "stream_same"):
        assert f"✓ {case} " in examined.out
