"""A `BaseConfig` written for LiteLLM answers here, and says what it says there."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Completion
from dragoman.errors import (
    AuthFailed,
    ContextOverflow,
    DragomanError,
    RateLimited,
    StreamTruncated,
    Unsupported,
)
from dragoman.types import Finish, PartDelta
from tests.compat.conftest import KEY, Ask, Table, settings
from tests.compat.written import CASES, CONFIGS, MODEL, TOOL, TURNS, Case, bare
from tests.library.asking import Asker
from tests.upstream.fault import FaultUpstream, error, sse

Start = Callable[..., FaultUpstream]

ROOT = Path(__file__).parents[2]
LITELLM = ROOT / ".venv-clients/litellm/bin/python"


def test_litellm_is_not_installed_here() -> None:
    assert importlib.util.find_spec("litellm") is None


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", CONFIGS.values(), ids=CONFIGS)
def test_a_class_runs_with_its_import_changed(
    case: Case, stream: bool, ask: Ask, upstream: Start
) -> None:
    server = upstream(case.answer)
    assert tell(ask(case.file, case.name, server.url), case, stream) == case.expected(stream)


def test_litellm_itself_asks_and_answers_the_same(table: Table, upstream: Start) -> None:
    asked = [
        (case, stream, upstream(case.answer), upstream(case.answer))
        for case in CONFIGS.values()
        for stream in (False, True)
        if not (stream and case.stream is None)  # LiteLLM has no stream for it at all
    ]
    said = ask_litellm([given(case, stream, there.url) for case, stream, there, _ in asked])
    for (case, stream, there, here), theirs in zip(asked, said, strict=True):
        ours = tell(Asker("sync", *settings(table(case.file, case.name, here.url))), case, stream)
        theirs["text"] = theirs["text"] or ""
        if ours["usage"] is None or stream:
            # LiteLLM counts itself what nobody reports, and tells it of streams when asked alone.
            del ours["usage"], theirs["usage"]
        assert ours == theirs, (case.name, stream)
        (their_request,), (our_request,) = there.requests, here.requests
        assert our_request.target == their_request.target
        assert our_request.json() == their_request.json()
        for header in ("authorization", "x-key", "x-signature"):
            assert our_request.header(header) == their_request.header(header), header


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
    assert server.requests[0].json()["params"] == {"region": "north", "mood": "calm"}
    assert answer.warnings == ()


def given(case: Case, stream: bool, base_url: str) -> dict[str, Any]:
    return {
        "file": str(CASES / f"{case.file}.py"),
        "name": case.name,
        "base_url": base_url,
        "model": MODEL,
        "messages": TURNS,
        "params": dict(case.params),
        "stream": stream,
    }


def ask_litellm(every: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask through LiteLLM itself, in the environment where that is."""
    script = Path(__file__).parent / "ask_litellm.py"
    run = subprocess.run(
        [LITELLM, script, json.dumps(every)], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    (said,) = (line for line in run.stdout.splitlines() if line.startswith("[{"))
    told: list[dict[str, Any]] = json.loads(said)
    return told


def tell(asker: Asker, case: Case, stream: bool) -> dict[str, Any]:
    """Ask, and tell what was answered."""
    params = dict(case.params)
    ref = f"a/{MODEL}"
    if stream:
        streamed = asker.stream(ref, TURNS, **params)
        assert streamed.error is None, streamed.error
        answer: Completion = streamed.completion
    else:
        answer = asker.chat(ref, TURNS, **params)
    usage = answer.usage
    reported = usage is not None and not usage.estimated
    return {
        "text": answer.text,
        "calls": [{"name": c.name, "arguments": c.arguments} for c in answer.tool_calls],
        "end": answer.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens] if reported else None,
    }
