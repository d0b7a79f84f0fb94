"""Examines one provider, case by case."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Self

from dragoman.errors import (
    AuthFailed,
    BadRequest,
    BillingError,
    DragomanError,
    InvalidRequest,
    NotFound,
    Overloaded,
    RateLimited,
    ServerError,
)
from dragoman.probe.conformance.case import Case, Found, Result, Verdict
from dragoman.probe.conformance.cases import CASES, find_cases
from dragoman.probe.conformance.report import Report
from dragoman.probe.conformance.subject import Subject
from dragoman.probe.explain import fix_for, words_for
from dragoman.transport.base import Transport
from dragoman.types.credential import Secret
from dragoman.types.provider import Provider

_BY_NAME = {case.name: case for case in CASES}
_UNTOLD = (RateLimited, Overloaded, BillingError)
"""Who has no time or no money left has said nothing about itself."""
_REFUSALS = (BadRequest, NotFound, InvalidRequest)
_NOT_IMPLEMENTED = 501


class Conformance:
    """The examination of one provider. Cases may be run in any order, each once.

    `key` comes before all configured ones, `model` before the provider's default. Blocks. A
    provider with problems must not be given to it.

    Example:
        with Conformance(config.providers["mine"], env=os.environ) as conformance:
            for result in conformance.run():
                print(result.name, result.verdict)
        print(conformance.report().passed)
    """

    def __init__(
        self,
        provider: Provider,
        *,
        env: Mapping[str, str],
        key: Secret | None = None,
        model: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        self.provider = provider
        self.subject = Subject(provider, env=env, key=key, model=model, transport=transport)
        self._env = env
        self._results: dict[str, Result] = {}
        self.error: DragomanError | None = None
        """What failed first of that which is needed, where that was an error."""

    def run(self, cases: tuple[Case, ...] | None = None) -> Iterator[Result]:
        """Try cases, else all but the large ones. Raises: nothing of the provider's."""
        for case in find_cases() if cases is None else cases:
            yield self.examine(case)

    def examine(self, case: Case) -> Result:
        """Try one case, after those that it needs; what was tried before is told again."""
        if case.name not in self._results:
            self._results[case.name] = self._hindrance(case) or self._try(case)
        return self._results[case.name]

    def report(self, cases: tuple[Case, ...] | None = None) -> Report:
        """Sum up. What was not tried of `cases` is skipped."""
        wanted = find_cases() if cases is None else cases
        left = [case for case in wanted if case.name not in self._results]
        return Report(
            provider=self.provider.name,
            model=self.subject.model if self._results else None,
            api=self.provider.api,
            results=tuple(
                self._results.get(case.name) or _told(case, Found("skipped", "not tried"))
                for case in wanted
            ),
            requests=self.subject.watch.requests,
            tokens=self.subject.tokens,
            complete=not left,
        )

    def close(self) -> None:
        """Close the connections that were opened here."""
        self.subject.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hindrance(self, case: Case) -> Result | None:
        """Say why a case cannot be tried."""
        if case.apis is not None and self.provider.api not in case.apis:
            return _told(case, Found("unsupported", f"not part of {self.provider.api}"))
        if self.subject.model is None:
            return self._without_model(case)
        for name in case.after:
            before = self.examine(_BY_NAME[name])
            if before.verdict == "failed" or before.verdict == "skipped":
                return _told(case, Found("skipped", f"cannot be told without {name}"))
            if before.verdict == "unsupported":
                return _told(case, Found("unsupported", f"stands on {name}"))
        return None

    def _without_model(self, case: Case) -> Result:
        if not case.needed:
            return _told(case, Found("skipped", "no model is known to try"))
        error = self.subject.unlisted
        if error is None:
            fix = "name one with -m MODEL"
            return _told(case, Found("failed", "no model is known to try", fix), code="no_model")
        self.error = self.error or error
        return _told(case, self._refused(case, error), code=error.code)

    def _try(self, case: Case) -> Result:
        began = time.monotonic()
        error: DragomanError | None = None
        try:
            found = case.examine(self.subject)
        except DragomanError as caught:
            error = caught
            found = self._refused(case, caught)
        return _told(case, found, time.monotonic() - began, error.code if error else None)

    def _refused(self, case: Case, error: DragomanError) -> Found:
        verdict = _verdict(case, error)
        if verdict == "failed" and self.error is None:
            self.error = error
        fix = None
        if verdict in ("failed", "skipped"):
            fix = fix_for(error, self.provider, self._env, models=self.subject.models)
        return Found(verdict, words_for(error, self.provider), fix)


def _verdict(case: Case, error: DragomanError) -> Verdict:
    """Judge a refusal: of what need not be offered it says only that it is not."""
    if isinstance(error, _UNTOLD):
        return "skipped"
    if case.needed or isinstance(error, AuthFailed):
        return "failed"
    if isinstance(error, _REFUSALS):
        return "unsupported"
    if isinstance(error, ServerError):
        return "unsupported" if error.upstream_status == _NOT_IMPLEMENTED else "warning"
    return "failed"


def _told(
    case: Case, found: Found, seconds: float | None = None, code: str | None = None
) -> Result:
    return Result(
        name=case.name,
        verdict=found.verdict,
        about=case.about,
        detail=found.detail,
        fix=found.fix,
        seconds=seconds,
        needed=case.needed,
        code=code,
        dialect=found.dialect,
    )
