"""Tells organisations' webhooks what has happened: in the background, again when it fails.

Law: nobody waits for it, and it never takes much: what is to be told waits in a queue with an end,
and a webhook that does not answer is given up after a few tries, aloud.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dragoman.errors import DragomanError
from dragoman.ledger.calendar import find_span
from dragoman.ledger.describing import amount_of, describe
from dragoman.store.database import StoreError
from dragoman.types.allowance import EVERYBODY
from dragoman.types.exchange import DEFAULT_ORGANISATION
from dragoman.types.identifier import new_id

if TYPE_CHECKING:
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.organisations.webhooks import Event, Webhook
    from dragoman.server.spending import Reached
    from dragoman.server.turns import Turn
    from dragoman.transport.base import AsyncTransport

QUEUE_LIMIT = 1000
AT_ONCE = 8
PAUSES_S = (1.0, 5.0, 30.0, 120.0)
"""Between the tries: five in all, over two and a half minutes."""
EXHAUSTED = 100

log = logging.getLogger("dragoman.server")


class News(Struct, frozen=True):
    """Something to tell an organisation."""

    organisation_id: str
    event: Event
    data: Mapping[str, Any]
    at: float


class Alerts:
    """Tells. `reached` is called by any thread, `turned` in the event loop's; `watch` delivers."""

    def __init__(
        self,
        desk: Desk,
        safe: Safe,
        *,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self._desk = desk
        self._safe = safe
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[News] = asyncio.Queue(QUEUE_LIMIT)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    def reached(self, marks: Sequence[Reached]) -> None:
        """Tell that much of a quota is used."""
        for mark in marks:
            self._loop.call_soon_threadsafe(self._put, _news_of(mark))

    def turned(self, turn: Turn) -> None:
        """Tell that a provider went down or came back."""
        event: Event = "provider.up" if turn.up else "provider.down"
        data = {"provider": turn.provider, "reason": turn.reason}
        self._put(News(turn.organisation_id or DEFAULT_ORGANISATION, event, data, turn.at))

    async def watch(self, transport: AsyncTransport) -> None:
        """Deliver for ever."""
        try:
            while True:
                news = await self._news.get()
                try:
                    webhooks = await asyncio.to_thread(self._listening, news)
                except StoreError as error:
                    log.warning("webhooks cannot be read: %s is not told: %s", news.event, error)
                    continue
                for webhook in webhooks:
                    task = asyncio.ensure_future(self._tell(transport, webhook, news))
                    self._under_way.add(task)
                    task.add_done_callback(self._under_way.discard)
        finally:
            for task in self._under_way:
                task.cancel()

    def _put(self, news: News) -> None:
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull:
            log.warning("too much is to be told to webhooks: %s is not", news.event)

    def _listening(self, news: News) -> list[Webhook]:
        from dragoman.organisations.webhooks import list_listening

        with self._desk.read() as connection:
            return list_listening(connection, news.organisation_id, news.event)

    async def _tell(self, transport: AsyncTransport, webhook: Webhook, news: News) -> None:
        """Try until it is taken, or has been tried often enough."""
        from dragoman.organisations.delivery import deliver, write_body

        body = write_body(new_id("dlv"), news.event, news.at, news.data)
        for pause_s in (*PAUSES_S, None):
            try:
                async with self._places:
                    await deliver(transport, self._safe, webhook, body)
                return
            except (DragomanError, StoreError) as error:
                if pause_s is None:
                    log.warning(
                        "the webhook '%s' of the organisation %s was not told of %s: %s",
                        *(webhook.name, webhook.organisation_id, news.event, error),
                    )
                    return
            await self._sleep(pause_s)


def _news_of(mark: Reached) -> News:
    allowance = mark.allowance
    of = allowance.organisation_id
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
    return News(DEFAULT_ORGANISATION if of == EVERYBODY else of, event, data, time.time())
