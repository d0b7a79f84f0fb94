"""Each case sees the defect that it is for, and no other case minds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dragoman.probe.conformance import CASES, Conformance, Report, find_cases
from dragoman.types.provider import Provider
from tests.probe.conformance.examined import DEFECTS, KEY, MODEL, conforming
from tests.probe.test_ladder import configured
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]

ENV = {"K": KEY}


def examined(base_url: str, **settings: Any) -> Provider:
    return configured(base_url, env=ENV, api_key="env:K", default_model=MODEL, **settings)


def examine(found: Provider, **options: Any) -> Report:
    """Run every case, and see that no secret is in what is told."""
    with Conformance(found, env=ENV, **options) as conformance:
        list(conformance.run())
        report = conformance.report()
    assert KEY not in msgspec.json.encode(report).decode()
    return report


def verdicts(report: Report) -> dict[str, str]:
    return {result.name: result.verdict for result in report.results}


def test_provider_as_it_should_be_passes_every_case(upstream: Upstream) -> None:
    server = upstream(conforming())
    report = examine(examined(server.base_url))
    assert verdicts(report) == {case.name: "ok" for case in find_cases()}
    assert (report.passed, report.total, report.ok, report.complete) == (25, 25, True, True)
    assert report.dialect == {}
    assert report.requests == len(server.requests) <= 30
    limits = [r.json().get("max_tokens", 0) for r in server.requests if r.body]
    assert max(limits) <= 512
    assert 0 < report.tokens < 1000


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_is_seen_by_its_case_alone(name: str, upstream: Upstream) -> None:
    override, expected, dialect = DEFECTS[name]
    report = examine(examined(upstream(conforming(override)).base_url))
    said = verdicts(report)
    changed = {case: verdict for case, verdict in said.items() if verdict not in ("ok", "skipped")}
    assert changed == expected
    assert dict(report.dialect) == dialect
    untold = {case for case, verdict in said.items() if verdict == "skipped"}
    assert untold == {case.name for case in CASES if _stands_on(case.name, expected)} & set(said)
    assert report.ok is ("failed" not in expected.values())


def _stands_on(name: str, expected: dict[str, str]) -> bool:
    """Whether a case needs one that failed, or one that needs it."""
    (case,) = find_cases([name])
    return any(expected.get(b) == "failed" or _stands_on(b, expected) for b in case.after)


@pytest.mark.parametrize("name", [name for name in DEFECTS if DEFECTS[name][2]])
def test_dialect_that_was_found_mends_the_defect(name: str, upstream: Upstream) -> None:
    override, _, dialect = DEFECTS[name]
    server = upstream(conforming(override))
    report = examine(examined(server.base_url, dialect=dialect))
    assert not report.failed
    assert report.dialect == {}


def test_every_case_has_a_defect_that_it_is_for() -> None:
    seen = {case for _, expected, _ in DEFECTS.values() for case in expected}
    assert {case.name for case in find_cases()} - seen == set()


def test_busy_provider_is_not_said_to_be_broken(upstream: Upstream) -> None:
    busy = error(429, message="slow down", retry_after_ms=1)
    server = upstream(conforming(lambda body: busy if "stop" in body else None))
    report = examine(examined(server.base_url))
    assert {n for n, v in verdicts(report).items() if v != "ok"} == {"stop"}
    assert verdicts(report)["stop"] == "skipped"
    assert report.total == 24


def test_provider_that_is_not_there_fails_at_its_first_case_only(upstream: Upstream) -> None:
    server = upstream(conforming(), down=True)
    report = examine(examined(server.base_url))
    assert [result.name for result in report.failed] == ["chat", "stream", "unknown_model"]
    assert "refused" in report.failed[0].detail


def test_case_tried_alone_tries_what_it_stands_on(upstream: Upstream) -> None:
    server = upstream(conforming())
    cases = find_cases(["streamed_tools"])
    with Conformance(examined(server.base_url), env=ENV) as conformance:
        (result,) = conformance.run(cases)
        report = conformance.report(cases)
    assert (result.verdict, report.passed, report.total) == ("ok", 1, 1)
    assert len(server.requests) == 4


def test_large_prompt_is_tried_when_it_is_asked_for(upstream: Upstream) -> None:
    long = error(400, message="too long", code="context_length_exceeded")
    server = upstream(conforming(lambda b: long if len(str(b)) > 90_000 else None))
    with Conformance(examined(server.base_url), env=ENV) as conformance:
        (result,) = conformance.run(find_cases(["large"]))
    assert (result.verdict, result.detail) == ("ok", "refused as too long")


def test_case_that_there_is_not_is_named() -> None:
    with pytest.raises(KeyError, match="colour"):
        find_cases(["chat", "colour"])
