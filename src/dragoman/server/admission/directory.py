"""What a worker knows of organisations and their keys, and how it keeps knowing it.

Law: a request is decided by what is known here, and never waits for the database unless it shows a
key that nobody here has seen. While the database is away, what was known last holds; what was not
known then cannot be told from what is wrong, so it is a 503 and never a 401.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import TYPE_CHECKING

from dragoman.discretion import HINT, TOLD
from dragoman.errors import ConfigError, DragomanError, Unauthorized
from dragoman.server.admission.census import Census, KnownKey, read_census
from dragoman.store.database import StoreError

if TYPE_CHECKING:
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.safe import Safe
    from dragoman.server.admission.access import Principal
    from dragoman.server.admission.guard_mark import GuardMark

log = logging.getLogger("dragoman.server")

INTERVAL_S = 0.3
PATIENCE_S = 2.0
"""So long a request waits for the database to say what a key is."""
STALE_S = 2.0
"""After so long without an answer the database is away."""
RETRY_AFTER_S = 2.0
RECENT_LIMIT = 20_000
"""So many keys that were used are found faster the next time."""
USES_S = 30.0
"""So often it is written down when keys were used last."""


class DirectoryAway(DragomanError):
    """Whose a key is cannot be found out: the database is away, or its secrets do not open."""

    status = 503
    code = "database_unavailable"
    retryable = True


class Directory:
    """Knows who may ask. `look` finds out what has changed; `watch` does so for ever.

    `changed` is told which organisations have, each time; `looked` is told what is known whenever a
    look is over, however it ended. Only the event loop's thread asks. `mark` remembers over a
    restart whether the database was guarded; without one it is taken to be.
    """

    def __init__(
        self,
        desk: Desk,
        safe: Safe,
        *,
        mark: GuardMark | None = None,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._mark = mark
        self._desk = desk
        self.safe = safe
        self._wall = wall
        self._clock = clock
        self._census: Census | None = None
        self._pepper = b""
        self._salt = os.urandom(32)
        self._recent: dict[bytes, KnownKey] = {}
        self._away = False
        self._unfit = False
        self._good_at = clock()
        self._asked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "directory")
        self._said: str | None = None
        self._uses: dict[str, float] = {}
        self._uses_at = clock()
        self.changed: Callable[[frozenset[str]], None] = lambda _: None
        self.looked: Callable[[Census | None], None] = lambda _: None

    # -------------------------------------------------------------------------- what is known

    @property
    def census(self) -> Census | None:
        """What was known last; None while the database has not been seen."""
        return self._census

    @property
    def away(self) -> bool:
        """Whether what is known may be old."""
        return self._away or self._clock() - self._good_at > STALE_S

    @property
    def unreadable(self) -> bool:
        """Whether the database answers, but keeps secrets that do not open here."""
        return self._unfit

    @property
    def was_open(self) -> bool:
        """Whether the database cannot be seen, and nobody here knows that it asks for keys."""
        if self._census is not None or not self.away:
            return False
        return self._mark is not None and not self._mark.stands

    def find(self, text: str) -> Principal | None:
        """Find whose a key is; None for one that is not known. Raises: Unauthorized."""
        census = self._census
        if census is None or not census.keys:
            return None
        raw = text.encode("utf-8", "surrogatepass")
        # A short-lived name for the key, of this process alone: the one in the database takes
        # three times as long to work out.
        name = blake2b(raw, key=self._salt, digest_size=16).digest()
        known = self._recent.get(name)
        if known is None:
            known = census.keys.get(hmac.digest(self._pepper, raw, "sha256").hex())
            if known is None:
                return None
            if len(self._recent) >= RECENT_LIMIT:
                self._recent.clear()
            self._recent[name] = known
        now = self._wall()
        if known.revoked or (known.until is not None and now >= known.until):
            raise _over(known)
        self._uses[known.principal.key_id or ""] = now
        return known.principal

    def unavailable(self) -> DirectoryAway:
        """Make the error for what cannot be decided now."""
        what = "whose this key is cannot be found out at the moment"
        if self._unfit:
            error = DirectoryAway(f"{what}: {TOLD}", hint=HINT, code="keys_unavailable")
        else:
            error = DirectoryAway(f"{what}: the database is away", hint="ask again in a moment")
        error.retry_after = RETRY_AFTER_S
        return error

    # ------------------------------------------------------------------------------- looking

    async def watch(self, interval_s: float = INTERVAL_S) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._note_uses()
            await asyncio.sleep(interval_s)

    async def catch_up(self) -> None:
        """See to it that all is known that was in the database when this was asked.

        Those who ask together share a look. Raises: DirectoryAway.
        """
        asked_at = self._clock()
        # Who was stopped for a while knows nothing new, and has only to look.
        if self._away and (self._census is not None or self._said is not None):
            raise self.unavailable()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self._asked_at < asked_at and not (self._away and self._said):
                    await self.look(asked_at)
        except TimeoutError:
            raise self.unavailable() from None
        if self._asked_at < asked_at:
            raise self.unavailable()

    async def look(self, since: float = float("inf")) -> None:
        """Find out what has changed, unless somebody has begun to after `since`."""
        async with self._looking:
            if self._asked_at >= since:
                return
            began = self._clock()
            loop = asyncio.get_running_loop()
            before = self._census
            try:
                # Not to be left in the middle: the thread would go on, and the next one wait.
                found = await asyncio.shield(loop.run_in_executor(self._thread, self._read, before))
            except (StoreError, ConfigError) as error:
                self._failed(error)
                self.looked(self._census)
                return
            self._away, self._unfit, self._said = False, False, None
            self._good_at, self._asked_at = self._clock(), began
            if found is not None:
                self._census = found
                self._recent = {}
                self.changed(found.changed(before))
            self.looked(self._census)

    def _read(self, before: Census | None) -> Census | None:
        """Read what has changed, in a thread; None when nothing has."""
        from dragoman.store.database import is_there

        if not is_there(self._desk.place):
            return Census() if before is None else None
        if before is not None and self._desk.revision() == before.revision:
            return None
        with self._desk.read() as connection:
            found = read_census(connection, before)
        if found.keys and not self._pepper:
            self._pepper = self.safe.pepper()
        if self._mark is not None:
            self._mark.put(found.guarded)
        return found

    def _failed(self, error: Exception) -> None:
        self._away, self._unfit = True, isinstance(error, ConfigError)
        said = str(error)
        if said != self._said:
            log.warning("what organisations have set up cannot be read: %s", said)
        self._said = said

    async def _note_uses(self) -> None:
        """Write down when keys were used last; what cannot be written is written next time."""
        if not self._uses or self._clock() - self._uses_at < USES_S:
            return
        uses, self._uses = self._uses, {}
        self._uses_at = self._clock()
        loop = asyncio.get_running_loop()
        try:
            await asyncio.shield(loop.run_in_executor(self._thread, self._write_uses, uses))
        except StoreError:
            self._uses = {**uses, **self._uses}

    def _write_uses(self, uses: Mapping[str, float]) -> None:
        from dragoman.organisations.key_rows import note_uses

        with self._desk.read() as connection:
            note_uses(connection, uses)

    def close(self) -> None:
        """Stop looking; what is still to be noted is. Blocks: call it from a thread."""
        self._thread.shutdown()
        uses, self._uses = self._uses, {}
        if uses:
            try:
                self._write_uses(uses)
            except StoreError as error:
                log.warning("when keys were used last was not written: %s", error)


def _over(known: KnownKey) -> Unauthorized:
    """Say that a key is over."""
    how = "was revoked" if known.revoked else "has expired"
    return Unauthorized(f"the gateway key {how}", hint="ask for a new one")
