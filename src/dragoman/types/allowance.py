"""How much somebody may use, and what an exchange takes of it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Measure: TypeAlias = Literal["requests", "tokens", "spend", "concurrency"]
Period: TypeAlias = Literal["now", "minute", "hour", "day", "week", "month", "total"]
SubjectKind: TypeAlias = Literal["organisation", "project", "member", "key", "provider", "model"]
Mode: TypeAlias = Literal["strict", "soft"]
Unknown: TypeAlias = Literal["allow", "block", "assume"]

OF_DEPLOYMENTS: frozenset[SubjectKind] = frozenset({"provider", "model"})
"""Subjects that are asked, where all others ask."""
RATES: frozenset[Period] = frozenset({"minute"})
"""Periods that slide: never more than so much in any stretch of that length. The longer ones are
those of the calendar, in UTC; weeks begin on Monday."""

Bucket: TypeAlias = tuple[str, str, int]
"""What is counted together: an allowance's id, a subject, when its period began (or 0)."""

EVERYBODY = "*"
"""As a subject: each one of its kind for itself. As an organisation: all of them together."""


class Allowance(Struct, frozen=True, kw_only=True):
    """How much of a measure a subject may use in a period.

    `amount` is nano-dollars for `spend`, else a number. `organisation_id` '*' is the whole
    instance's. `subject` is an id (organisation, project, member, key) or a name (provider, model
    ref); a key of the configuration file is `file:NAME`. `mode`: `strict` reserves before it lets
    through, `soft` counts and tells. `unknown`: what is done where a price is not known, with
    `assumed_nanousd` for a request. `operator`: the organisation cannot change it.
    """

    id: str
    name: str
    organisation_id: str
    kind: SubjectKind
    subject: str
    measure: Measure
    period: Period
    amount: int
    mode: Mode = "strict"
    unknown: Unknown = "allow"
    assumed_nanousd: int | None = None
    operator: bool = False
    version: int = 1

    @property
    def is_quota(self) -> bool:
        """Whether it is used up for so long that it has to be remembered."""
        return is_quota(self.measure, self.period)

    @property
    def is_configured(self) -> bool:
        """Whether it comes from the configuration, and is no organisation's own."""
        return self.organisation_id == EVERYBODY

    @property
    def assumed(self) -> int:
        """What a request of unknown price counts as, in nano-dollars."""
        return (self.assumed_nanousd or 0) if self.unknown == "assume" else 0


def is_quota(measure: Measure, period: Period) -> bool:
    """See `Allowance.is_quota`."""
    return measure != "concurrency" and period not in RATES


class Charge(Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """That an exchange counts against a quota, in the period that began at `since` (Unix time).

    `kind` and `subject` say which of the attempts do. `assumed` is what an answer of unknown cost
    counts as, in nano-dollars.
    """

    allowance_id: str
    kind: SubjectKind
    subject: str
    measure: Measure
    since: int
    assumed: int = 0

    @property
    def bucket(self) -> Bucket:
        """What it is counted together with."""
        return self.allowance_id, self.subject, self.since
