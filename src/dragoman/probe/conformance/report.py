"""What a run came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from dragoman.probe.conformance.case import Result


class Report(Struct, frozen=True, kw_only=True):
    """The results of one run. `tokens` are those that were reported, prompts and answers together.

    `complete` is False when it was broken off.
    """

    provider: str
    model: str | None
    api: str
    results: tuple[Result, ...]
    requests: int
    tokens: int
    complete: bool = True

    @property
    def passed(self) -> int:
        """How many cases are as they should be."""
        return self._count("ok")

    @property
    def total(self) -> int:
        """How many cases say something: what is not offered, and what was not tried, do not."""
        return self.passed + self._count("warning") + self._count("failed")

    @property
    def failed(self) -> tuple[Result, ...]:
        """The cases that failed."""
        return tuple(result for result in self.results if result.verdict == "failed")

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and something was found out."""
        return not self.failed and any(result.verdict != "skipped" for result in self.results)

    @property
    def dialect(self) -> Mapping[str, Any]:
        """What the provider's dialect should say, as far as it showed; what it says is left out."""
        return {key: value for result in self.results for key, value in result.dialect.items()}

    def _count(self, verdict: str) -> int:
        return sum(result.verdict == verdict for result in self.results)
