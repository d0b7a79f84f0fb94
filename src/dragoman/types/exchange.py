"""The record of one request: every attempt, what it used, what it cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, TypeAlias

from msgspec import Struct, field

from dragoman.errors import ConfigError
from dragoman.types.allowance import Charge
from dragoman.types.event import FinishReason
from dragoman.types.guardrail import Finding
from dragoman.types.usage import Usage

Outcome: TypeAlias = Literal["ok", "error", "truncated", "client_closed", "interrupted"]

ANSWERED: tuple[Outcome, ...] = ("ok", "truncated", "client_closed")
"""What came of an attempt whose answer reached the caller, all of it or its beginning."""
STOPPED: tuple[Outcome, ...] = ("client_closed", "interrupted")
"""What was broken off, by the caller or by us: nobody's failure."""
PAID: tuple[Outcome, ...] = (*ANSWERED, "interrupted")
"""What is taken to be paid for, though nobody may know how much."""
NO_ROOM = "provider_limit"
"""The error of an attempt that a provider's own limit kept back."""
KEPT_BACK = (NO_ROOM, ConfigError.code)
"""The errors of attempts that never came to their provider: there was no room, or no key."""

CostSource: TypeAlias = Literal[
    "cached",
    "reported",
    "config",
    "discovered",
    "catalog",
    "demo",
    "free",
    "machine_time",
    "estimated",
    "unknown",
]
"""Where a cost comes from: who told the price; `machine_time`: from an hour of the machine."""
Replayed: TypeAlias = Literal["cache", "idempotency"]
AttemptKind: TypeAlias = Literal["first", "retry", "fallback", "hedge"]

DEFAULT_ORGANISATION = "default"
"""Id and name of the one that is there from the start, and stays.

To it belongs what is asked without a key or with one of the configuration file; its webhooks hear
of the operator's providers, and of the gateway's own budgets.
"""

NANO = Decimal(1_000_000_000)
MOST_NANOUSD = 2**53 - 1
"""Nothing costs more, and no budget is larger: nine million dollars. Redis counts in doubles."""
MOST_USD = Decimal(9_000_000)


class Attempt(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One try at one deployment. Times are seconds; `started_at` is Unix time.

    `interrupted`: we broke it off ourselves, because another attempt was faster or we shut down.

    `status` is the HTTP status, None when nothing was answered. `error` is the error's code and
    `reason` its one line, for people. `pause_s` is how long we waited before it.
    """

    id: str
    number: int
    kind: AttemptKind
    provider: str
    model: str
    credential: str | None = None
    started_at: float
    duration_s: float = 0.0
    pause_s: float = 0.0
    first_token_s: float | None = None
    outcome: Outcome = "error"
    status: int | None = None
    error: str | None = None
    reason: str | None = None
    request_id: str | None = None
    answered_model: str | None = None
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    cost_nanousd: int | None = None
    cost_source: CostSource = "unknown"

    @property
    def has_asked(self) -> bool:
        """Whether it came to its provider. `store.sums.HAS_ASKED` is the same."""
        return self.error is None or self.status is not None or self.error not in KEPT_BACK

    @property
    def is_paid(self) -> bool:
        """Whether it is taken to be paid for: its cost is unknown where there is none.

        So is an attempt that failed although its answer was made. `store.sums.IS_PAID` is the same.
        """
        usage = self.usage
        return self.outcome in PAID or (usage is not None and usage.completion_tokens is not None)

    @property
    def is_metered(self) -> bool:
        """Whether tokens of it were told. `store.sums.IS_METERED` is the same."""
        return self.usage is not None and self.usage.total_tokens is not None


class Exchange(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One request of a client, with all its attempts: the row in the ledger.

    `asked` is the model as the caller wrote it; `route` the route or alias that it named, if any.

    Through the gateway: `endpoint` is the path that was asked, `key` the name of the gateway key,
    `status` what the client was told, None when it was told nothing, and `overhead_s` how long it
    took until the answer began, without the time in which a provider was waited for: until the
    answer's head, or the first content where the head went out before; until the end where no
    answer began. `traceparent` is the client's header of that name.
    `organisation_id`, `project_id`, `account_id` and `key_id` say whose it was; `tag` marks traffic
    that is not what it seems (`demo`: made up). `charges` are the quotas that it counts against.
    `refused` is the code of the error that its client was told.

    `replayed`: it was answered as one before it, so that it has no attempts and costs nothing.
    `findings` are what guardrails found.
    """

    id: str
    asked: str
    started_at: float
    route: str | None = None
    stream: bool = False
    duration_s: float = 0.0
    first_token_s: float | None = None
    outcome: Outcome = "error"
    endpoint: str | None = None
    key: str | None = None
    status: int | None = None
    overhead_s: float | None = None
    traceparent: str | None = None
    organisation_id: str = DEFAULT_ORGANISATION
    project_id: str | None = None
    account_id: str | None = None
    key_id: str | None = None
    tag: str | None = None
    charges: tuple[Charge, ...] = ()
    attempts: list[Attempt] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    replayed: Replayed | None = None
    refused: str | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def final(self) -> Attempt | None:
        """The attempt that answered, else the last one."""
        attempts = self.attempts
        if len(attempts) == 1:
            return attempts[0]
        for attempt in reversed(attempts):
            if attempt.outcome in ANSWERED:
                return attempt
        return attempts[-1] if attempts else None

    @property
    def provider(self) -> str | None:
        """The provider that answered, else the last one tried."""
        final = self.final
        return final.provider if final is not None else None

    @property
    def model(self) -> str | None:
        """The upstream model that answered, else the last one tried."""
        final = self.final
        return final.model if final is not None else None

    @property
    def usage(self) -> Usage | None:
        """The usage of the attempt that answered."""
        final = self.final
        return final.usage if final is not None else None

    @property
    def cost_nanousd(self) -> int | None:
        """The sum over attempts; None when the answering attempt's cost is unknown."""
        if self.replayed is not None:
            return 0
        final = self.final
        if final is None or final.cost_nanousd is None:
            return None
        if len(self.attempts) == 1:
            return final.cost_nanousd
        return sum([attempt.cost_nanousd or 0 for attempt in self.attempts])

    @property
    def cost(self) -> Decimal | None:
        """The same in USD."""
        nano = self.cost_nanousd
        return None if nano is None else Decimal(nano) / NANO

    @property
    def cost_source(self) -> CostSource:
        """Where the answering attempt's price came from; a sum that holds a guess is one itself."""
        if self.replayed is not None:
            return "cached"
        final = self.final
        if final is None:
            return "unknown"
        source, attempts = final.cost_source, self.attempts
        if len(attempts) > 1 and source not in ("unknown", "demo"):
            guessed = any(one.cost_source == "estimated" for one in attempts)
            return "estimated" if guessed else source
        return source
