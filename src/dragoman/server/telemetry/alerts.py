"""Delivers news to organisations' webhooks in the background, and retries what fails.

Law: no request waits for a webhook. News are kept in the database (`organisations.deliveries`), and
any worker delivers what any of them wrote. News of a quota are written in the transaction that used
it up. News of an outage wait in memory until the database takes them; when a worker dies before
that, another one notices the outage by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dragoman.errors import DragomanError
from dragoman.ledger.describing import amount_of, describe
from dragoman.store.database import StoreError, is_there
from dragoman.types.calendar import find_span
from dragoman.types.exchange import DEFAULT_ORGANISATION

if TYPE_CHECKING:
    from dragoman.organisations.deliveries import Errand, State
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.organisations.webhooks import Event, Webhook
    from dragoman.server.limits.spending import Reached
    from dragoman.server.telemetry.turns import Name, Turn
    from dragoman.store.database import Connection
    from dragoman.transport.base import AsyncTransport

TURNS_LIMIT = 1000
"""How many turns wait in memory for a database that is away; then the earliest are dropped."""
AT_ONCE = 8
POLL_S = 0.5
"""How often to look for what is due, which includes what dead workers have left behind."""
EXHAUSTED = 100

log = logging.getLogger("dragoman.server")


class Alerts:
    """What webhooks are told. Any thread may call `reached`; all else is for the event loop's."""

    def __init__(self, desk: Desk, safe: Safe) -> None:
        self._desk = desk
        self._safe = safe
        self._turns: deque[Turn] = deque(maxlen=TURNS_LIMIT)
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._away = False

    def reached(self, connection: Connection, marks: Sequence[Reached]) -> None:
        """Announce that most of a quota is used, once this transaction is committed.

        Raises: StoreError.
        """
        for mark in marks:
            _announce_mark(connection, mark, self._desk.clock())

    def turned(self, turn: Turn) -> None:
        """Announce that a provider went down or came back."""
        self._turns.append(turn)
        self._wake.set()

    async def outages(self) -> list[Name]:
        """List the providers that were announced to be down; none while the database is away."""
        try:
            return await asyncio.to_thread(self._outages)
        except StoreError as error:
            log.debug("what was told of providers cannot be read: %s", error)
            return []

    async def watch(self, transport: AsyncTransport) -> None:
        """Deliver what is due, for ever."""
        try:
            while True:
                self._wake.clear()
                try:
                    errands = await asyncio.to_thread(self._take, AT_ONCE - len(self._under_way))
                    self._away = False
                except StoreError as error:
                    errands = []
                    (log.debug if self._away else log.warning)("webhooks must wait: %s", error)
                    self._away = True
                for errand in errands:
                    task = asyncio.ensure_future(self._run(transport, errand))
                    self._under_way.add(task)
                    task.add_done_callback(self._done)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_S)
        finally:
            for task in self._under_way:
                task.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a webhook was not told: %s", error, exc_info=error)

    # -- in threads

    def _take(self, limit: int) -> list[Errand]:
        """Write down what providers have done, and claim what is due. Raises: StoreError."""
        from dragoman.organisations.deliveries import claim

        if not is_there(self._desk.place):
            return []
        with self._desk.read() as connection:
            while self._turns:
                turn = self._turns[0]
                with connection.transaction():
                    _announce_turn(connection, turn)
                if self._turns and self._turns[0] is turn:
                    self._turns.popleft()
            return claim(connection, self._desk.clock(), limit) if limit > 0 else []

    def _outages(self) -> list[Name]:
        from dragoman.organisations.deliveries import list_outages

        if not is_there(self._desk.place):
            return []
        with self._desk.read() as connection:
            return list_outages(connection)

    def _find(self, errand: Errand) -> Webhook | None:
        from dragoman.organisations.failures import NotFound
        from dragoman.organisations.webhooks import resolve_webhook

        with self._desk.read() as connection:
            try:
                found = resolve_webhook(connection, errand.organisation_id, errand.webhook)
            except NotFound:
                return None
        return found if found.enabled else None

    def _settle(
        self, errand: Errand, status: int | None, reason: str | None, *, hopeless: bool = False
    ) -> State | None:
        from dragoman.organisations.deliveries import settle

        with self._desk.read() as connection:
            return settle(
                connection,
                errand,
                self._desk.clock(),
                status=status,
                reason=reason,
                hopeless=hopeless,
            )

    # -- one try

    async def _run(self, transport: AsyncTransport, errand: Errand) -> None:
        """Try a delivery, and write down the result.

        If that cannot be written, the delivery is tried again when our claim on it has expired.
        """
        try:
            webhook = await asyncio.to_thread(self._find, errand)
            if webhook is None:
                await asyncio.to_thread(
                    self._settle, errand, None, "the webhook is switched off", hopeless=True
                )
                return
            status, reason = await self._try(transport, webhook, errand)
            state = await asyncio.to_thread(self._settle, errand, status, reason)
        except StoreError as error:
            log.warning("what a webhook was told cannot be written down: %s", error)
            return
        if state == "failed":
            log.warning(
                "the webhook '%s' of the organisation %s was not told of %s: %s",
                *(errand.webhook, errand.organisation_id, errand.event, reason),
            )

    async def _try(
        self, transport: AsyncTransport, webhook: Webhook, errand: Errand
    ) -> tuple[int | None, str | None]:
        """Send it. Returns: the status of the answer, and why it failed, if it did."""
        from dragoman.organisations.delivery import NotDelivered, deliver, why_not

        try:
            return await deliver(
                transport, self._safe, webhook, errand.id, errand.body.encode()
            ), None
        except NotDelivered as error:
            return error.answered, error.message
        except DragomanError as error:
            reason = why_not(error, webhook)
            if reason != error.message:
                log.warning("the webhook '%s' cannot be told: %s", webhook.name, error.message)
            return None, reason


def _announce_mark(connection: Connection, mark: Reached, now: float) -> None:
    from dragoman.organisations.deliveries import announce

    allowance = mark.allowance
    of = DEFAULT_ORGANISATION if allowance.is_configured else allowance.organisation_id
    event: Event = "budget.exhausted" if mark.percent >= EXHAUSTED else "budget.warning"
    data = {
        "limit": allowance.name,
        "kind": allowance.kind,
        "subject": mark.subject,
        "percent": mark.percent,
        "used": amount_of(allowance, mark.used),
        "allowed": describe(allowance),
        "since": mark.since,
        "until": find_span(allowance.period, mark.since)[1],
    }
    announce(connection, of, event, data, now)


def _announce_turn(connection: Connection, turn: Turn) -> None:
    """Note a turn, and announce it unless another worker has."""
    from dragoman.organisations.deliveries import announce, begin_outage, end_outage

    of = turn.organisation_id or ""
    if turn.up:
        event: Event = "provider.up"
        is_news = end_outage(connection, of, turn.provider) and not turn.gone
    else:
        event = "provider.down"
        is_news = begin_outage(connection, of, turn.provider, turn.at)
    if is_news:
        data = {"provider": turn.provider, "reason": turn.reason}
        announce(connection, of or DEFAULT_ORGANISATION, event, data, turn.at)
