"""The cases of `dragoman conformance` as tests, for whoever writes an adapter or runs a server.

# tests/test_acme.py
from dragoman.testing import ConformanceTests

class TestAcme(ConformanceTests):
    provider = {"base_url": "http://127.0.0.1:8000/v1", "adapter": "acme.py:Acme"}
    model = "acme-1"
    supports = {"tools", "schema"}
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dragoman.config import load
from dragoman.errors import ConfigError
from dragoman.probe.conformance import CASES, Conformance, Result, find_cases
from dragoman.probe.conformance.case import Case
from dragoman.types.provider import Provider

NAME = "examined"
"""What a provider is called that is given as a table."""


def find_provider(
    provider: str | Mapping[str, Any] | Provider, file: Path | None = None
) -> Provider:
    """Find a provider by its name in the configuration, or make one of a table.

    Raises: what pytest raises for a test that failed, where there is none or it is broken.
    """
    if isinstance(provider, Provider):
        return provider
    try:
        return _load(provider, file)
    except ConfigError as error:
        fix = f"\nFix: {error.hint}" if error.hint else ""
        pytest.fail(f"{error}{fix}", pytrace=False)


def _load(provider: str | Mapping[str, Any], file: Path | None) -> Provider:
    name = provider if isinstance(provider, str) else NAME
    overrides = {} if isinstance(provider, str) else {"providers": {NAME: dict(provider)}}
    found = load(file=file, env=os.environ, overrides=overrides).providers.get(name.lower())
    if found is None:
        raise ConfigError(f"there is no provider {name!r}", hint="dragoman providers list")
    if found.problems:
        raise found.problems[0]
    return found


def examine_class(own: type[ConformanceTests]) -> Conformance:
    """Begin the examination of the provider that a class names."""
    provider = find_provider(own.provider, own.config_file)
    return Conformance(provider, env=os.environ, model=own.model)


def check(result: Result, *, required: bool = False) -> None:
    """Pass, fail or skip as a case's result says. `required`: it must be offered.

    Raises: what pytest raises for a test that failed or is skipped.
    """
    words = f"{result.name}: {result.about}.\nSeen: {result.detail}"
    if result.fix:
        words += f"\nFix: {result.fix}"
    if result.dialect:
        words += f"\nIts dialect should say: {dict(result.dialect)}"
    if result.verdict == "failed" or (required and result.verdict != "ok"):
        pytest.fail(words, pytrace=False)
    if result.verdict in ("unsupported", "skipped"):
        pytest.skip(f"{result.verdict}: {result.detail}")


class ConformanceTests:
    """A base class: one test for each case, over the provider that a subclass names.

    provider: a table as in the configuration, a name in it, or a `Provider`.
    model: the model to try; else the provider's default. cases: try these alone.
    supports: cases that must be passed, where otherwise "not supported" would skip them.
    config_file: read in place of the user's configuration.
    """

    provider: ClassVar[str | Mapping[str, Any] | Provider]
    model: ClassVar[str | None] = None
    cases: ClassVar[Collection[str]] = ()
    supports: ClassVar[Collection[str]] = ()
    config_file: ClassVar[Path | None] = None

    @pytest.mark.parametrize("case", find_cases(), ids=lambda case: case.name)
    def test_conforms(self, dragoman_conformance: Conformance, case: Case) -> None:
        """A case of the suite. The class has one examination: cases share what they learn."""
        if self.cases and case.name not in self.cases:
            pytest.skip("not among the cases of this class")
        check(dragoman_conformance.examine(case), required=case.name in self.supports)

    def test_supports_names_cases(self) -> None:
        """A misspelt name would let everything pass."""
        unknown = {*self.supports, *self.cases} - {case.name for case in CASES}
        assert not unknown, f"there are no such cases: {sorted(unknown)}"
