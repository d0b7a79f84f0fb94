"""All cases, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.probe.conformance import answers, content, faults, functions
from dragoman.probe.conformance.case import Case

CASES: tuple[Case, ...] = (
    *answers.CASES,
    *functions.CASES,
    *content.CASES,
    *faults.CASES,
    answers.LARGE,
)
"""Each stands after those that it needs. What the names mean is in docs/guides/conformance.md."""


def find_cases(names: Iterable[str] = (), *, large: bool = False) -> tuple[Case, ...]:
    """Find cases by name, in their order; without names all but the large ones.

    Raises: KeyError with a name that there is not.
    """
    wanted = set(names)
    unknown = wanted - {case.name for case in CASES}
    if unknown:
        raise KeyError(min(unknown))
    if wanted:
        return tuple(case for case in CASES if case.name in wanted)
    return tuple(case for case in CASES if large or not case.large)
