"""What patterns whose writer nobody trusts may take, of memory and of everybody's time."""

from __future__ import annotations

import pytest

from dragoman.config.tenant import build_tenant_guardrail
from dragoman.guardrails import rails
from dragoman.guardrails.rails import Rails
from dragoman.types.guardrail import Guardrail, GuardrailMode

SLOW = r"(.?){200}x"
"""It remembers at each character two hundred ways in which it may go on."""
TEXT = "ab " * 10_000


def tenants(*patterns: str, mode: GuardrailMode = "enforce") -> Guardrail:
    definition = {"kind": "pattern", "where": ["in"], "patterns": list(patterns)}
    guardrail, problems = build_tenant_guardrail("slow", definition, mode)
    assert problems == ()
    return guardrail


@pytest.mark.parametrize(
    ("patterns", "why"),
    [
        ([r"(.?){900}x"], "too large"),
        ([r".*(.?){200}x"], "too large"),
        ([r"a"] * 51, "51 patterns, at most 50"),
    ],
)
def test_a_tenant_writes_no_pattern_that_is_large(patterns: list[str], why: str) -> None:
    definition = {"kind": "pattern", "where": ["in"], "patterns": patterns}
    _, (problem,) = build_tenant_guardrail("large", definition, "enforce")
    assert why in problem.message
    assert problem.hint
    Rails([Guardrail(name="large", kind="pattern", where=("in",), patterns=tuple(patterns))])


def test_patterns_as_people_write_them_are_not_large() -> None:
    usual = (r"\bEMP-[0-9]{4,8}\b", r"\S{1,200}@corp", r"(?i)project-(?:alpha|beta)+", r"\p{L}+")
    inspected = Rails([tenants(*usual)]).inspect({"input": "EMP-12345 " + TEXT})
    assert inspected.blocked is None
    assert [finding.what for finding in inspected.findings] == ["pattern"]


def test_a_text_is_refused_that_takes_too_long() -> None:
    inspected = Rails([tenants(*[SLOW] * 50)]).inspect({"input": TEXT})
    assert inspected.blocked is not None
    assert "too long" in inspected.blocked.error.message
    assert inspected.changed == {}


def test_in_shadow_mode_that_is_told() -> None:
    inspected = Rails([tenants(*[SLOW] * 50, mode="shadow")]).inspect({"input": TEXT})
    assert inspected.blocked is None
    assert inspected.changed == {}
    assert {finding.what for finding in inspected.findings} == {"text that takes too long"}


def test_nothing_goes_out_that_nobody_had_time_to_look_at(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = {"kind": "pattern", "patterns": ["q{1,9}"]}
    guardrail, _ = build_tenant_guardrail("slow", definition, "enforce")
    screen = Rails([guardrail]).screen()
    told = screen.feed(0, "before ")
    monkeypatch.setattr(rails, "PER_CHARACTER_S", -1.0)
    assert "behind" not in told + screen.feed(0, "behind") + screen.close(0)
    assert screen.blocked is not None


def test_an_operator_has_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rails, "GRACE_S", 0.0)
    monkeypatch.setattr(rails, "PER_CHARACTER_S", 0.0)
    operators = Guardrail(name="own", kind="pattern", where=("in",), patterns=("EMP-[0-9]+",))
    assert Rails([operators]).inspect({"input": "EMP-1"}).changed == {"input": "[pattern removed]"}
    assert Rails([tenants("EMP-[0-9]+")]).inspect({"input": "EMP-1"}).blocked is not None
