"""The cases over servers that this project did not write, the demo, and all three languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman.config import load
from dragoman.probe.conformance import Conformance, Report
from dragoman.probe.conformance.answers import COUNT, ODD, SAY_OK
from dragoman.probe.conformance.faults import NO_MODEL, WRONG_KEY
from dragoman.testing import FaultyUpstream, Reply, refused
from dragoman.testing.reply import Asked
from dragoman.types.usage import Usage
from tests.adapters import acme
from tests.probe.test_ladder import configured
from tests.upstream.aimock import AimockServer
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream
from tests.upstream.llama import LlamaServer

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
NEVER_FAILING = {
    "chat", "stream", "stream_same", "usage", "stream_usage", "max_tokens", "system", "turns",
    "unicode", "empty", "cancel",
}  # fmt: skip


def examine(base_url: str, model: str, **settings: Any) -> Report:
    with Conformance(configured(base_url, **settings), env={}, model=model) as conformance:
        list(conformance.run())
        return conformance.report()


def by_verdict(report: Report, verdict: str) -> set[str]:
    return {result.name for result in report.results if result.verdict == verdict}


@pytest.mark.parametrize("api", APIS)
def test_llama_cpp_conforms_but_for_what_it_cannot(api: str, llama_server: LlamaServer) -> None:
    report = examine(llama_server.base_url, llama_server.model, api=api)
    assert by_verdict(report, "ok") >= NEVER_FAILING - {"unicode"}
    # It babbles, so calls of functions are not its strength; and it answers for any model.
    assert by_verdict(report, "failed") <= {"tool_choice"}
    assert by_verdict(report, "warning") >= {"unknown_model", "images"}
    assert by_verdict(report, "skipped") == set()
    assert report.tokens > 100


def test_key_of_a_real_server_is_asked_for(tmp_path: Path) -> None:
    with LlamaServer(tmp_path, api_key="sesame-0123456789") as server:
        found = configured(server.base_url, env={"K": "sesame-0123456789"}, api_key="env:K")
        env = {"K": "sesame-0123456789"}
        with Conformance(found, env=env, model=server.model) as conformance:
            verdicts = {result.name: result.verdict for result in conformance.run()}
    assert verdicts["wrong_key"] == "ok"
    assert verdicts["chat"] == "ok"


@pytest.mark.parametrize("api", APIS)
def test_aimock_conforms(api: str, aimock_server: AimockServer) -> None:
    aimock_server.reset()
    for text, response in (
        ("What time is it", {"toolCalls": [{"name": "get_time", "arguments": '{"city":"Paris"}'}]}),
        ("JSON object", {"content": '{"ok": true}'}),
        ("17 times 23", {"content": "391", "reasoning": "17 times 23 is …"}),
        (ODD, {"content": ODD}),
        ("", {"content": "OK"}),
    ):
        aimock_server.answer(text, response, chunkSize=2)
    report = examine(aimock_server.base_url, aimock_server.model, api=api)
    # It always calls what its fixture says, and outside of completions it counts no tokens. What
    # Anthropic's API has no place for, an empty message, no fixture answers.
    uncounted = set() if api == "openai-completions" else {"usage", "stream_usage"}
    assert by_verdict(report, "failed") == uncounted
    unanswered = {"empty"} if api == "anthropic-messages" else set()
    passed = NEVER_FAILING | {"tools", "streamed_tools", "schema", "json", "tool_result"}
    assert by_verdict(report, "ok") >= passed - uncounted - unanswered
    assert by_verdict(report, "warning") >= {"tool_choice"}


def test_demo_conforms_but_for_what_its_models_are_not_for() -> None:
    provider = load(env={}, cwd=Path("/")).providers["demo"]
    with Conformance(provider, env={}, model="tools") as conformance:
        list(conformance.run())
        report = conformance.report()
    assert by_verdict(report, "failed") == set()
    assert by_verdict(report, "warning") == {"schema", "json"}


@pytest.mark.parametrize("api", APIS)
def test_provider_as_it_should_be_passes_in_every_language(api: str) -> None:
    with FaultyUpstream(answer) as upstream:
        report = examine(upstream.base_url, "m1", api=api, auth="x-api-key", api_key="good-key-01")
    rest = {r.name: (r.verdict, r.detail) for r in report.results if r.verdict != "ok"}
    assert set(rest) <= {"developer", "stop", "embeddings", "cancel"}, rest
    assert by_verdict(report, "failed") == set()


def answer(asked: Asked) -> Reply:
    """Answer every case as it should be, whatever its language."""
    body = asked.body.decode()
    if WRONG_KEY in asked.headers.get("x-api-key", ""):
        return refused(401, "wrong key")
    if NO_MODEL in body:
        return refused(404, "there is no such model", "model_not_found")
    if "get_time" in body or "get_weather" in body:
        return _called(body)
    if ODD in asked.json().__str__():
        return Reply(text=ODD)
    if "17 times 23" in body:
        return Reply(text="391", reasoning="17 times 23 …")
    if "JSON object" in body:
        return Reply(text='{"ok": true}')
    if COUNT in body and "256" not in body:
        return Reply(text="1 2 3 4 5 6 ", usage=Usage(prompt_tokens=20, completion_tokens=12))
    return Reply(text="OK" if SAY_OK in body else "Ada. PINEAPPLE. Red.")


def _called(body: str) -> Reply:
    if "21:47" in body:
        return Reply(text="It is 21:47.")
    name = "get_weather" if "get_weather" in body else "get_time"
    cities = ("Paris", "Tokyo") if "Tokyo" in body else ("Paris",)
    return Reply(calls=tuple((name, f'{{"city": "{city}"}}') for city in cities))


def test_adapter_is_a_provider_like_any_other() -> None:
    adapter = f"{Path(acme.__file__)}:Acme"
    with FaultUpstream(lambda r: error(404) if r.method == "GET" else acme.serve(r)) as server:
        report = examine(server.url, "small", adapter=adapter, api_key="k-0123456789")
    assert by_verdict(report, "ok") >= NEVER_FAILING
    # It has no functions, and its API takes any key and any model.
    assert by_verdict(report, "failed") == set()
    assert report.dialect == {}
