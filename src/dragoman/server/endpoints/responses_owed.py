"""Responses that are made in the background, and are still owed: the gateway asks for them itself.

Law: whoever asked pays for what was made, be it never fetched, and whatever has become of the key
since. What is not finished is asked for again later, and leaves no trace.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dragoman.engine.call import Call, CallOptions
from dragoman.errors import DragomanError, InvalidRequest, UnknownModel
from dragoman.ledger.charging import is_counted
from dragoman.server.admission.access import Principal
from dragoman.server.admission.reception import Reception
from dragoman.server.admission.snapshot import Admission, Snapshot
from dragoman.server.endpoints.complaints import Complaints
from dragoman.server.endpoints.endpoint import Services, ascribe, let_go
from dragoman.server.endpoints.responses_store import Asking, NoSuchResponse, StoredResponses
from dragoman.server.http.messages import Reply
from dragoman.server.policies.shadow import Nowhere
from dragoman.store.database import StoreError
from dragoman.store.debts import Debt, claim_due
from dragoman.store.responses import Responses, StoredResponse
from dragoman.types.gateway_key import ANYTHING
from dragoman.wire.base import WireFormat

if TYPE_CHECKING:
    from dragoman.organisations.desk import Desk

log = logging.getLogger("dragoman.server")

LOOK_S = 5.0
"""So often a worker looks what is due."""
MOST = 32
"""So much is claimed at a look."""
AT_ONCE = 4
"""So many are asked for at a time in a worker; each may be as long as `SETTLED_BYTES`."""
PATIENCE = CallOptions(retries=0, total=30.0)
"""Nobody waits, and it is asked for again: so not often at a time, and not for long."""


class Collector(StoredResponses):
    """Asks for what is owed as its client would, and writes it down where that settles it."""

    def __init__(self, client: WireFormat, services: Services, kept: Responses) -> None:
        super().__init__("GET", "", client, services, kept)

    async def collect(self, made: StoredResponse, admission: Admission) -> bool:
        """Ask for a response, and charge for it if it is finished; say whether it is.

        Nobody gets to see it, so no guardrail does. One that its provider has no more is owed no
        more.
        Raises: NoSuchResponse for that; DragomanError where it cannot be asked for now.
        """
        call = self.open(made, admission, PATIENCE)
        if not call.deployments:
            raise UnknownModel(f"{made.provider} is not the provider that made it")
        assert isinstance(call.dialogue, Asking)
        call.exchange.endpoint = self.path
        ascribe(call.exchange, admission.principal)
        reply = Nowhere()
        try:
            await self.enter(call, admission)
            await self.answer(call, reply)
        except NoSuchResponse:
            await self.give_up(made, f"{made.provider} has it no more")
            raise
        finally:
            self.conclude(call, reply)
            if not call.concluded:
                let_go(call)
        return call.dialogue.passage.finished

    async def give_up(self, made: StoredResponse, why: str) -> None:
        """Let a response be owed no more, though nobody knows what it used."""
        if await self._kept.settle(made):
            log.warning("%r is not counted, made in the background: %s", made.id[:100], why)

    def conclude(self, call: Call, reply: Reply, status: int | None = None) -> None:
        """See `Endpoint.conclude`: what has settled nothing is written down nowhere."""
        if is_counted(call.exchange):
            super().conclude(call, reply, status)


class Deletion(StoredResponses):
    """Deletes a response; of one that is owed it is found out before what it used."""

    def __init__(
        self, client: WireFormat, services: Services, kept: Responses, collector: Collector
    ) -> None:
        super().__init__("DELETE", "", client, services, kept)
        self._collector = collector

    async def prepare(self, made: StoredResponse, admission: Admission) -> None:
        """See `StoredResponses.prepare`. Raises: InvalidRequest for what is still being made."""
        if made.owed and not await self._collector.collect(made, admission):
            raise InvalidRequest(
                f"'{made.id[:100]}' is still being made", hint="cancel it, and then delete it"
            )


class Debts:
    """Looks for what is due, in one worker of as many as there are: each debt is one's alone.

    `snapshot` gives the one in force.

    Example:
        background.start("debts", Debts(desk, collector, reception, snapshot).watch)
    """

    def __init__(
        self,
        desk: Desk,
        collector: Collector,
        reception: Reception,
        snapshot: Callable[[], Snapshot],
    ) -> None:
        self._desk = desk
        self._collector = collector
        self._reception = reception
        self._snapshot = snapshot
        self._complaints = Complaints()
        self._away = False

    async def watch(self, pause_s: float = LOOK_S) -> None:
        """Look for ever; while the database is away, wait for it."""
        while True:
            await asyncio.sleep(pause_s)
            try:
                await self.look()
                self._away = False
            except StoreError as error:
                if not self._away:
                    log.warning("what is made in the background is not asked for: %s", error)
                self._away = True

    async def look(self) -> None:
        """Ask for what is due. Raises: StoreError."""
        due = await asyncio.to_thread(self._claim, self._snapshot().around.wall())
        places = asyncio.Semaphore(AT_ONCE)

        async def settle(debt: Debt) -> None:
            async with places:
                await self._settle(debt)

        async with asyncio.TaskGroup() as group:
            for debt in due:
                group.create_task(settle(debt))

    def _claim(self, now: float) -> Sequence[Debt]:
        with self._desk.read() as connection:
            return claim_due(connection, now, MOST)

    async def _settle(self, debt: Debt) -> None:
        """Ask for one; what goes wrong is told, and keeps nobody else waiting."""
        made = debt.made
        try:
            if debt.is_orphaned:
                return await self._collector.give_up(made, "its organisation is gone")
            await self._collector.collect(made, await self._admit(debt))
        except NoSuchResponse:
            return None
        except DragomanError as error:
            self._complain(made, error)
        except Exception:
            log.exception("%r could not be asked for", made.id[:100])
        return None

    async def _admit(self, debt: Debt) -> Admission:
        """Make the admission of who asked, whatever the key may be used for by now.

        The operator's provider is asked also where it is not open to the organisation any more, or
        hidden by one of its own.

        Raises: ConfigError, DirectoryAway.
        """
        made, snapshot, tenants = debt.made, self._snapshot(), self._reception.tenants
        principal = Principal(
            key=debt.key or made.key or None,
            organisation_id=made.organisation_id,
            project_id=debt.project_id,
            account_id=debt.account_id,
            key_id=debt.key_id,
            rules=ANYTHING,
        )
        if made.own and tenants is not None:
            found = tenants.find(principal, snapshot)
            snapshot = found or await tenants.build(principal, snapshot)
        return Admission(principal, snapshot)

    def _complain(self, made: StoredResponse, error: DragomanError) -> None:
        """Tell the log, once, why a provider cannot be asked."""
        if self._complaints.is_new((made.organisation_id, made.provider, error.code)):
            log.warning(
                "%s of '%s' cannot be asked for what it makes in the background: %s; it is asked"
                " later",
                *(made.provider, made.organisation_id, error.message),
            )
