"""Requests with an `Idempotency-Key`: answered once, however often they are sent within a day.

The first one is worked on to its end, also when its client has left: it is the client that comes
back. Those that come meanwhile wait for its answer, for a while. A worker that dies loses its claim
when its journal has been read, or at the latest when it has not renewed it for long enough.

Precedent: https://docs.stripe.com/api/idempotent_requests (read 2026-11)
Source: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/ (read 2026-11)
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Collection

from msgspec import Struct

from dragoman.engine.call import Call
from dragoman.errors import DragomanError, GuardrailBlocked, InvalidRequest, RequestError
from dragoman.server.http.messages import Reply
from dragoman.server.http.recorder import Recorder
from dragoman.store.claims import Claim, ClaimKey, Claims
from dragoman.store.database import StoreError
from dragoman.types.kept import KeptAnswer

log = logging.getLogger("dragoman.server")

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
LENGTH_LIMIT = 255
KEPT_S = 24 * 3600.0
LEASE_S = 30.0
RENEW_S = 10.0
PATIENCE_S = 60.0
"""How long the same request waits for the first one's answer. Then it is told to come again."""
FIRST_LOOK_S = 0.05
LAST_LOOK_S = 1.0
SIZE_LIMIT = 16 * 1024 * 1024
LAST_WORDS_S = 2.0

_PASSING = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which asking again is of use."""


class InUse(RequestError):
    """The same request is being answered at the moment."""

    status = 409
    code = "idempotency_key_in_use"
    retryable = True


class ValueReused(InvalidRequest):
    """The value came with another request before."""

    status = 422
    code = "idempotency_key_reused"


class AnswerGone(RequestError):
    """It was answered, and the answer was too large to be kept, or does not open any more."""

    status = 409
    code = "idempotent_answer_not_kept"


class ClaimsDown(DragomanError):
    """Nobody can say whether this request was answered before."""

    status = 503
    code = "store_unavailable"
    retryable = True


class Hold(Struct, frozen=True):
    """A claim that is ours to work on."""

    key: ClaimKey
    holder: str
    renewing: asyncio.Task[None]


class Once:
    """Sees that requests are answered once. `wall` is Unix time."""

    def __init__(
        self,
        claims: Claims,
        wall: Callable[[], float],
        *,
        lease_s: float = LEASE_S,
        renew_s: float = RENEW_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._claims = claims
        self._wall = wall
        self._lease_s = lease_s
        self._renew_s = renew_s
        self._patience_s = patience_s
        self._unattended: dict[asyncio.Task[None], Recorder] = {}

    @property
    def unattended(self) -> int:
        """How many requests are being answered whose clients have left."""
        return len(self._unattended)

    async def attend(
        self, reply: Reply, pings: Collection[bytes], work: Callable[[Recorder], Awaitable[None]]
    ) -> None:
        """Have a request answered to its end, whether or not its client stays."""
        recorder = Recorder(reply, SIZE_LIMIT, pings)
        task: asyncio.Task[None] = asyncio.ensure_future(work(recorder))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.done():
                raise
            if reply.interrupted:
                task.cancel()
                await asyncio.wait([task])
            else:
                recorder.leave()
                self._unattended[task] = recorder
                task.add_done_callback(self._attended)
            raise

    def _attended(self, task: asyncio.Task[None]) -> None:
        del self._unattended[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a request whose client had left failed: %s", error, exc_info=error)

    async def claim(self, call: Call, gateway_key: str, value: str, body: bytes) -> Hold | Claim:
        """Claim a request; wait while somebody else has it. A claim that is not ours has an answer.

        Raises: InvalidRequest, ValueReused, InUse, AnswerGone, ClaimsDown.
        """
        if not 0 < len(value) <= LENGTH_LIMIT or not value.isascii() or not value.isprintable():
            raise InvalidRequest(
                f"{HEADER}: expected 1 to {LENGTH_LIMIT} printable ASCII characters",
                param=HEADER,
            )
        exchange = call.exchange
        key = ClaimKey(exchange.organisation_id, gateway_key, _digest(value.encode()))
        asked = _digest((exchange.endpoint or "").encode() + b"\0" + body)
        holder = self._claims.new_holder()
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + self._patience_s, FIRST_LOOK_S
        while True:
            claim = await self._ask(
                lambda: self._claims.claim(key, asked, holder, self._wall(), self._lease_s)
            )
            if claim.mine:
                return Hold(key, holder, asyncio.ensure_future(self._renew(key, holder)))
            if claim.digest != asked:
                raise ValueReused(
                    f"the {HEADER} was used for another request in the last 24 hours",
                    param=HEADER,
                    hint="use a new one for each request, and the same one for its repetitions",
                )
            if claim.gone:
                raise AnswerGone(
                    "this request was answered; its answer is not kept and cannot be given twice",
                    hint=f"answers up to {SIZE_LIMIT} bytes are kept; ask with a new value",
                )
            if claim.answer is not None:
                return claim
            if loop.time() >= until:
                error = InUse(
                    f"a request with this {HEADER} is still being answered",
                    hint="ask again in a moment, with the same value",
                )
                error.retry_after = LAST_LOOK_S
                raise error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_LOOK_S)

    async def settle(self, hold: Hold, call: Call, recorder: Recorder) -> None:
        """Keep what was answered for those who ask again; or let them try."""
        hold.renewing.cancel()
        now = self._wall()
        answer = recorder.answer(now, call.exchange.warnings)
        try:
            if recorder.ended and recorder.too_large:
                await asyncio.to_thread(
                    self._claims.settle, hold.key, hold.holder, None, now + KEPT_S
                )
            elif answer is not None and _is_final(call, answer, recorder):
                await asyncio.to_thread(
                    self._claims.settle, hold.key, hold.holder, answer, now + KEPT_S
                )
            else:
                await asyncio.to_thread(self._claims.release, hold.key, hold.holder)
        except StoreError as error:
            log.warning("an answer could not be kept for those who ask again: %s", error)

    async def close(self) -> None:
        """Break off what nobody listens to, with its record, and close the database."""
        tasks = dict(self._unattended)
        for task, recorder in tasks.items():
            recorder.interrupted = True
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORDS_S)
        await asyncio.to_thread(self._claims.close)

    async def _ask(self, work: Callable[[], Claim]) -> Claim:
        try:
            return await asyncio.to_thread(work)
        except StoreError as error:
            log.warning("claims cannot be looked up: %s", error)
            told = ClaimsDown(
                f"whether a request with this {HEADER} was answered cannot be found out",
                hint="ask again in a moment",
            )
            told.retry_after = LAST_LOOK_S
            raise told from None

    async def _renew(self, key: ClaimKey, holder: str) -> None:
        while True:
            await asyncio.sleep(self._renew_s)
            try:
                await asyncio.to_thread(
                    self._claims.renew, key, holder, self._wall() + self._lease_s
                )
            except StoreError as error:
                log.warning("a claim could not be renewed: %s", error)


def _is_final(call: Call, answer: KeptAnswer, recorder: Recorder) -> bool:
    """Whether the same request would be answered the same: success, or an error that stays.

    What was refused before anybody was asked has cost nothing, and may be allowed by now.
    """
    if call.exchange.outcome == "ok":
        return True
    final = call.exchange.final
    if final is None:
        return False
    if answer.stream:  # one that breaks off may be whole the next time, unless we broke it off
        return final.error == GuardrailBlocked.code
    lasting = 400 <= answer.status < 500 and answer.status not in _PASSING
    return lasting and recorder.retry_useless


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
