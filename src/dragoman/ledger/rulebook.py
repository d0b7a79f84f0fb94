"""Which allowances concern a request: looked up once for everybody who asks alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from dragoman.types.allowance import EVERYBODY, OF_DEPLOYMENTS, Allowance, SubjectKind

WHOLE = ""
"""As a subject: everybody together, counted as one."""
REMEMBERED = 10_000

Bound: TypeAlias = tuple[Allowance, str]
"""An allowance, and the subject that it is counted for."""
Subjects: TypeAlias = tuple[tuple[SubjectKind, str], ...]


class Rulebook:
    """All allowances there are. It is replaced whole, never changed."""

    def __init__(self, allowances: Iterable[Allowance]) -> None:
        self.allowances = tuple(allowances)
        self._by: dict[tuple[str, SubjectKind, str], list[Allowance]] = {}
        for each in self.allowances:
            self._by.setdefault((each.organisation_id, each.kind, each.subject), []).append(each)
        self._known: dict[tuple[str, Subjects], Sequence[Bound]] = {}
        self.minds_deployments = any(each.kind in OF_DEPLOYMENTS for each in self.allowances)

    def find(self, organisation_id: str, subjects: Subjects) -> Sequence[Bound]:
        """Find what holds for these subjects of an organisation."""
        key = organisation_id, subjects
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = tuple(self._look(organisation_id, subjects))
        return found

    def _look(self, organisation_id: str, subjects: Subjects) -> Iterable[Bound]:
        for organisation in (organisation_id, EVERYBODY):
            for kind, subject in subjects:
                for named in (subject, EVERYBODY):
                    for allowance in self._by.get((organisation, kind, named), ()):
                        yield allowance, subject
                for allowance in self._by.get((organisation, kind, WHOLE), ()):
                    yield allowance, WHOLE
