"""A description in a file is an adapter: whole and streamed, with tools, in every language."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

from dragoman.adapters.find import find_adapter
from dragoman.errors import (
    AuthFailed,
    BadRequest,
    ConfigError,
    ContextOverflow,
    ProtocolError,
    RateLimited,
    StreamTruncated,
    Unsupported,
    UpstreamError,
)
from dragoman.probe.conformance import find_cases
from tests.adapters import parley, parley_examined
from tests.library.asking import Asker, configure, elapsed
from tests.probe.conformance.examined import MODEL
from tests.probe.conformance.test_cases import ENV, examine, verdicts
from tests.probe.test_ladder import configured
from tests.server.serving import Served
from tests.upstream.fault import Answer, FaultUpstream

CASES = Path(__file__).parent / "cases"
PARLEY = CASES / "parley.toml"
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tell the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PNG = "iVBORw0KGgo="
Start = Callable[..., FaultUpstream]


@pytest.fixture
def ask(kind: str, upstream: Start) -> Callable[..., Asker]:
    """Ask Parley, or whatever another script and another description make of it."""

    def make(script: Any = parley.serve, adapter: Path = PARLEY, **table: Any) -> Asker:
        server = upstream(script)
        provider = {"base_url": server.url, "adapter": str(adapter), "api_key": "env:KEY", **table}
        env = {"KEY": parley.KEY}
        made = Asker(kind, configure({"p": provider}, env=env), env)
        made.server = server  # type: ignore[attr-defined]
        return made

    return make


def said(value: Any) -> Answer:
    """Answer with JSON."""
    return Answer(headers=(("content-type", "application/json"),), body=json.dumps(value).encode())


def events(body: bytes) -> Answer:
    """Answer with server-sent events."""
    return Answer(headers=(("content-type", "text/event-stream"),), body=body)


def lines_of(values: list[Any]) -> Answer:
    """Answer with a JSON value on each line."""
    return Answer(body=b"".join(json.dumps(value).encode() + b"\n" for value in values))


def body(asker: Asker) -> Any:
    """The body that the upstream got last."""
    return asker.server.requests[-1].json()  # type: ignore[attr-defined]


def test_a_description_is_shorter_than_sixty_lines() -> None:
    lines = PARLEY.read_text().splitlines()
    assert sum(1 for line in lines if line.strip()) < 60


def test_only_what_was_said_is_sent(ask: Callable[..., Asker]) -> None:
    asker = ask()
    answer = asker.chat("p/small", "hello")
    assert body(asker) == {"live": False, "turns": [{"author": "guest", "words": "hello"}]}
    assert answer.text == "nobody heard hello"
    assert (answer.id, answer.model) == ("p-1", "small")
    assert answer.finish_reason == "stop"
    assert answer.raw_finish_reason == "complete"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 11
    assert answer.usage.reasoning_tokens == 2
    assert answer.warnings == ()


def test_a_history_with_pictures_calls_and_results_is_told_in_its_words(
    ask: Callable[..., Asker],
) -> None:
    call = {"id": "c1", "type": "function",
            "function": {"name": "weather", "arguments": '{"city": "Lyon"}'}}  # fmt: skip
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    asker = ask()
    asker.chat(
        "p/small",
        [
            {"role": "system", "content": "Bo"},
            {"role": "user", "content": [{"type": "text", "text": "see"}, picture]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {"role": "user", "content": "and?"},
        ],
        tools=[TOOL], temperature=0.5, stop=["."], max_tokens=9,
    )  # fmt: skip
    assert body(asker) == {
        "persona": "Bo",
        "live": False,
        "heat": 0.5,
        "until": ["."],
        "limits": {"words": 9},
        "turns": [
            {"author": "guest", "words": "see", "pictures": [{"kind": "image/png", "bytes": PNG}]},
            {
                "author": "bot",
                "orders": [{"ref": "c1", "task": "weather", "with": {"city": "Lyon"}}],
            },
            {"author": "clerk", "ref": "c1", "words": "sunny"},
            {"author": "guest", "words": "and?"},
        ],
        "knack": [
            {
                "title": "weather",
                "about": "Tell the weather",
                "takes": TOOL["function"]["parameters"],  # type: ignore[index]
            }
        ],
    }


@pytest.mark.parametrize("sizes", [(1,), (7, 100), (5000,)])
def test_a_stream_is_read_however_it_is_cut(ask: Callable[..., Asker], sizes: Any) -> None:
    asker = ask(lambda request: parley.serve(request).paced(*sizes))
    streamed = asker.stream("p/small", "think hard")
    assert streamed.error is None
    completion = streamed.completion
    assert (completion.reasoning, completion.text) == ("Hm, yes.", "nobody heard think hard")
    assert (completion.id, completion.model, completion.finish_reason) == ("p-1", "small", "stop")
    assert completion.usage is not None
    assert completion.usage.total_tokens == 16


@pytest.mark.parametrize("way", ["chat", "stream"])
def test_parallel_calls_arrive_whole_and_in_pieces(ask: Callable[..., Asker], way: str) -> None:
    asker = ask()
    asked = ("p/small", "look up Lyon and Rome")
    if way == "chat":
        completion = asker.chat(*asked, tools=[TOOL])
    else:
        completion = asker.stream(*asked, tools=[TOOL]).completion
    calls = [(c.id, c.name, json.loads(c.arguments)) for c in completion.tool_calls]
    assert calls == [("o0", "weather", {"city": "Lyon"}), ("o1", "weather", {"city": "Rome"})]
    assert completion.finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("said", "kind_of_error"),
    [("too_long", ContextOverflow), ("hurry", RateLimited), ("else", BadRequest)],
)
def test_its_errors_are_ours(
    ask: Callable[..., Asker], said: str, kind_of_error: type[Exception]
) -> None:
    with pytest.raises(kind_of_error, match=f"there is {said}"):
        ask().chat("p/small", f"trouble {said}", retries=0)


def test_a_wrong_key_is_told_as_such(ask: Callable[..., Asker]) -> None:
    with pytest.raises(AuthFailed, match="show your key"):
        ask(api_key="wrong").chat("p/small", retries=0)


def test_an_error_inside_a_stream_is_one(ask: Callable[..., Asker]) -> None:
    said = (
        b'event: words\ndata: {"w": "Hal"}\n\nevent: oops\ndata: {"trouble": {"says": "gone"}}\n\n'
    )
    streamed = ask(Answer(headers=(("content-type", "text/event-stream"),), body=said)).stream(
        "p/small"
    )
    assert "gone" in str(streamed.error)
    assert streamed.completion.text == "Hal"


def test_a_stream_that_stops_before_its_end_is_no_answer(ask: Callable[..., Asker]) -> None:
    streamed = ask(events(b'event: words\ndata: {"w": "Hal"}\n\n')).stream("p/small")
    assert isinstance(streamed.error, StreamTruncated)


def test_the_gateway_answers_in_every_language(upstream: Start) -> None:
    server = upstream(parley.serve)
    table = {"base_url": server.url, "adapter": str(PARLEY), "api_key": parley.KEY}
    with Served({"p": table}) as served:
        client = served.openai()
        chunks = client.chat.completions.create(
            model="p/small", messages=[{"role": "user", "content": "think"}], stream=True
        )
        said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
        assert "".join(said) == "nobody heard think"
        assert len(said) > 2
        response = client.responses.create(model="p/small", instructions="Bo", input="hello")
        assert response.output_text == "Bo heard hello"
        message = served.anthropic().messages.create(
            model="p/small",
            max_tokens=50,
            messages=[{"role": "user", "content": "look up Lyon"}],
            tools=[{"name": "weather", "input_schema": {"type": "object"}}],
        )
        assert message.stop_reason == "tool_use"
        (block,) = message.content
        assert isinstance(block, anthropic.types.ToolUseBlock)
        assert block.input == {"city": "Lyon"}


# -- what is wrong in a description

BROKEN = tomllib.loads((CASES / "broken-descriptions.toml").read_text())


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_in_a_description_is_told_with_its_place(
    case: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(case["text"].lstrip("\n"))
    with pytest.raises(ConfigError) as caught:
        find_adapter(str(file), "p")
    assert case["says"] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert case.get("hint", "") in (caught.value.hint or "")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "talk.toml"
    file.write_text(BROKEN["several"]["text"].lstrip("\n"))
    with pytest.raises(ConfigError, match=r"urll .*:3:1: response\.text .*:5:1: error\.code "):
        find_adapter(str(file), "p")


def test_a_broken_description_is_its_provider_s_alone(
    kind: str, upstream: Start, tmp_path: Path
) -> None:
    file = tmp_path / "talk.json"
    file.write_text('{\n "url": "{base_url}",\n "response": {"text": "x"}\n}')
    server = upstream(parley.serve)
    sound = {"base_url": server.url, "adapter": str(PARLEY), "api_key": parley.KEY}
    broken = {"base_url": server.url, "adapter": str(file)}
    asker = Asker(kind, configure({"p": sound, "q": broken}))
    assert asker.chat("p/small", "hello").text == "nobody heard hello"
    with pytest.raises(ConfigError, match=r"talk\.json:3:\d+: response\.text must begin"):
        asker.chat("q/small", "hello")
    assert asker.chat(["q/small", "p/small"], "hello").text == "nobody heard hello"


# -- what its template does not carry

PLAIN = """
url = "{base_url}/ask"
[request]
q = "{last}"
[response]
text = "$.a"
"""


def test_what_the_template_never_names_is_reported_or_refused(
    ask: Callable[..., Asker], tmp_path: Path
) -> None:
    file = tmp_path / "plain.toml"
    file.write_text(PLAIN)
    asker = ask(said({"a": "yes"}), adapter=file)
    messages = [
        {"role": "system", "content": "Bo"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    answer = asker.chat("p/small", messages, temperature=1)
    assert body(asker) == {"q": "three"}
    assert answer.text == "yes"
    told = " ".join(answer.warnings)
    for lost in ("temperature is not sent", "the instructions are not sent", "earlier messages"):
        assert lost in told
    with pytest.raises(Unsupported, match="knows no tools"):
        asker.chat("p/small", tools=[TOOL])


def test_without_a_stream_table_a_stream_is_one_piece(
    ask: Callable[..., Asker], tmp_path: Path
) -> None:
    file = tmp_path / "plain.toml"
    file.write_text(PLAIN)
    streamed = ask(said({"a": "all of it"}), adapter=file).stream("p/small")
    assert streamed.error is None
    assert streamed.completion.text == "all of it"


# -- other shapes

LINES = """
url = "{base_url}/go"
[request]
text = "{prompt}"
[response]
text = "$.out"
[stream]
framing = "json-lines"
cumulative = true
text = "$.out"
end = "$.over"
"""


def test_lines_that_repeat_what_was_said_are_told_once(
    ask: Callable[..., Asker], tmp_path: Path
) -> None:
    file = tmp_path / "lines.toml"
    file.write_text(LINES)
    lines = [{"out": "He"}, {"out": "Hell"}, {"out": "Hello", "over": True}]
    streamed = ask(lines_of(lines), adapter=file).stream("p/small")
    assert streamed.error is None
    assert streamed.completion.text == "Hello"
    cut = ask(lines_of(lines[:2]), adapter=file).stream("p/small")
    assert isinstance(cut.error, StreamTruncated)
    back = ask(lines_of([{"out": "He"}, {"out": "Ho"}]), adapter=file).stream("p/small", retries=0)
    assert "takes back text that it had sent $.out" in str(back.error)


DONE = """
url = "{base_url}/go"
[request]
text = "{prompt}"
[response]
text = "$.t"
[stream]
text = "$.t"
end = "[DONE]"
"""


@pytest.mark.parametrize(("ending", "whole"), [(b"data: [DONE]\n\n", True), (b"", False)])
def test_a_stream_may_end_with_a_mark(
    ask: Callable[..., Asker], tmp_path: Path, ending: bytes, whole: bool
) -> None:
    file = tmp_path / "done.toml"
    file.write_text(DONE)
    streamed = ask(events(b'data: {"t": "Hi"}\n\n' + ending), adapter=file).stream("p/small")
    assert streamed.completion.text == "Hi"
    assert (streamed.error is None) is whole


POLLED = """
url = "{base_url}/jobs"
[headers]
authorization = "Key {api_key}"
[request]
text = "{prompt}"
[response]
text = "$.result"
[poll]
url = "$.see"
status = "$.state"
pending = ["waiting", "running"]
failed = ["broken"]
every_s = 0.05
[error]
message = "$.why"
"""


def test_a_job_is_waited_for(ask: Callable[..., Asker], tmp_path: Path) -> None:
    file = tmp_path / "job.toml"
    file.write_text(POLLED)
    script = [
        said({"state": "waiting", "see": "/jobs/1"}),
        said({"state": "running"}),
        said({"state": "done", "result": "42"}),
    ]
    asker = ask(script, adapter=file)
    assert asker.chat("p/small").text == "42"
    requests = asker.server.requests  # type: ignore[attr-defined]
    assert [(r.method, r.path) for r in requests] == [
        ("POST", "/jobs"), ("GET", "/jobs/1"), ("GET", "/jobs/1"),
    ]  # fmt: skip
    assert {r.header("authorization") for r in requests} == {f"Key {parley.KEY}"}


def test_a_job_that_breaks_is_an_error(ask: Callable[..., Asker], tmp_path: Path) -> None:
    file = tmp_path / "job.toml"
    file.write_text(POLLED)
    asker = ask(said({"state": "broken", "why": "no paper"}), adapter=file)
    with pytest.raises(UpstreamError, match="no paper"):
        asker.chat("p/small", retries=0)


def test_a_job_elsewhere_is_asked_for_without_the_key(
    ask: Callable[..., Asker], upstream: Start, tmp_path: Path
) -> None:
    file = tmp_path / "job.toml"
    file.write_text(POLLED)
    other = upstream(said({"state": "done", "result": "42"}))
    asker = ask(said({"state": "waiting", "see": f"{other.url}/jobs/1"}), adapter=file)
    assert asker.chat("p/small").text == "42"
    assert other.requests[0].header("authorization") is None


# -- hostile answers

DEEP = b'{"reply":' * 100_000 + b"1" + b"}" * 100_000
HOSTILE = {
    "no JSON": b"nonsense",
    "deep": DEEP,
    "a list": b"[1, 2, 3]",
    "a number": b"7",
    "nothing there": b'{"reply": {"word": "x"}}',
    "text that is a number": b'{"reply": {"words": [1]}}',
    "text that is an object": b'{"reply": {"words": [{"a": "b"}]}}',
    "arguments that are a list": b'{"reply": {"orders": [{"ref": "a", "with": [1]}]}}',
    "a name that is an object": b'{"reply": {"orders": [{"ref": {}}]}}',
    "far too much": b'{"reply": {"words": [' + b'"a",' * 100_000 + b'"a"]}}',
    "a page": b"<html><title>Hello</title></html>",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_hostile_answers_are_typed_errors_in_bounded_time(
    ask: Callable[..., Asker], answer: bytes
) -> None:
    since = time.monotonic()
    with pytest.raises(ProtocolError):
        ask(Answer(body=answer)).chat("p/small", "hello", retries=0)
    assert elapsed(since) < 2


def test_usage_that_is_no_number_is_unknown(ask: Callable[..., Asker]) -> None:
    answer = ask(said({"reply": {"words": ["x"]}, "spent": {"read": "many", "written": -1}}))
    usage = answer.chat("p/small", "hello").usage
    assert usage is not None
    assert usage.prompt_tokens is None
    assert usage.completion_tokens is None


# -- vectors, and what it has

MORE = """
url = "{base_url}/talk"
[request]
q = "{last}"
[response]
text = "$.a"
[models]
url = "{base_url}/list"
id = "$.has[*].called"
[embeddings]
url = "{base_url}/vectors/{model}"
request = { words = "{texts}", size = "{dimensions}" }
each = "$.made[*].v"
usage = "$.read"
"""


def test_vectors_are_made_as_described(ask: Callable[..., Asker], tmp_path: Path) -> None:
    file = tmp_path / "more.toml"
    file.write_text(MORE)
    asker = ask(said({"made": [{"v": [1, 0.5]}, {"v": [0, 2]}], "read": 7}), adapter=file)
    answer = asker.embed("p/m", ["a", "b"])
    (request,) = asker.server.requests  # type: ignore[attr-defined]
    assert (request.path, request.json()) == ("/vectors/m", {"words": ["a", "b"]})
    assert answer.vectors == ((1.0, 0.5), (0.0, 2.0))
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 7
    with pytest.raises(ProtocolError, match="no vectors at"):
        ask(said({"made": [{"v": "x"}]}), adapter=file).embed("p/m", ["a"], retries=0)
    with pytest.raises(ProtocolError, match="1 vectors for 2"):
        ask(said({"made": [{"v": [1]}]}), adapter=file).embed("p/m", ["a", "b"], retries=0)


def test_a_description_passes_every_case_of_conformance(upstream: Start) -> None:
    server = upstream(parley_examined.serve)
    found = configured(
        server.url, env=ENV, api_key="env:K", default_model=MODEL, adapter=str(PARLEY)
    )
    report = examine(found)
    assert verdicts(report) == {case.name: "ok" for case in find_cases()}
    assert report.dialect == {}
