"""An endpoint that asks a provider: how an exchange over HTTP begins, ends and is recorded."""

from __future__ import annotations

import abc
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Protocol, TypeAlias

from msgspec import Struct

from dragoman.discretion import conceal
from dragoman.engine.call import Call, CallOptions
from dragoman.errors import ConfigError, DragomanError, InvalidRequest, UnknownModel
from dragoman.guardrails.rails import Inspected
from dragoman.ledger.journal import Journal
from dragoman.server.admission.access import Principal
from dragoman.server.admission.places import Places
from dragoman.server.admission.reception import hops_of
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.complaints import Complaints
from dragoman.server.endpoints.headers import describe, overhead_s
from dragoman.server.http.failures import InternalError, WrongMediaType, write_refusal
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.server.policies.guarding import inspect_body, inspect_error, note
from dragoman.server.policies.keeping import Found, Keeping, Task
from dragoman.server.policies.once import HEADER as IDEMPOTENCY_KEY
from dragoman.server.policies.shadow import TAG as SHADOW
from dragoman.server.policies.shadow import Nowhere, Shadows, keep_to
from dragoman.transport.base import AsyncTransport
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.http import HOPS
from dragoman.types.inbound import FORMS, media_type
from dragoman.wire.base import WireFormat

_PLAIN = ("identity", "chunked", "")

NO_OPTIONS = CallOptions()

log = logging.getLogger("dragoman.server")


class Observer(Protocol):
    """Looks on: the metrics, the traces. Must be quick, and never raises."""

    def ended(self, exchange: Exchange) -> None:
        """Take note of an exchange that is over."""
        ...

    def refused(self, endpoint: str, error: DragomanError) -> None:
        """Take note of a request that never became an exchange."""
        ...


Release: TypeAlias = Callable[[Exchange], None]
"""Called exactly once when an exchange is over, before the client's last byte. Must be quick, and
never raises."""


class Gatekeeper(Protocol):
    """Decides whether an exchange that has begun may ask anybody: limits, budgets."""

    async def enter(self, call: Call, admission: Admission) -> Release:
        """Let it pass; what is returned is told how it ended. Raises: DragomanError."""
        ...


class Services(Struct, frozen=True):
    """What all endpoints share. `hold_s`: how long a stream's 200 is held back.

    An exchange passes the gatekeepers in their order, and nobody is asked before it has. `journal`
    is what it is written into, None where nothing is. `keeping` knows what was answered before,
    `shadows` asks others the same.
    """

    transport: AsyncTransport
    observers: Sequence[Observer]
    places: Places
    hold_s: float
    gatekeepers: Sequence[Gatekeeper] = ()
    journal: Journal | None = None
    keeping: Keeping | None = None
    shadows: Shadows | None = None


class _Course:
    """How far a request has come: what is known of it, whichever way it ends."""

    __slots__ = ("body", "call", "reply", "task")

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.body = b""
        self.call: Call | None = None
        self.task: Task | None = None


class Endpoint(abc.ABC):
    """Answers requests of one path, in one language, from whatever their model leads to.

    `path` is what the client's API calls it, behind the version. `has_body`: what is asked is in
    the body, and goes on.
    """

    has_body = True

    def __init__(self, path: str, client: WireFormat, services: Services) -> None:
        self.path = path
        self.client = client
        self.services = services
        self._forwarded = client.forwarded
        self._complaints = Complaints()

    @abc.abstractmethod
    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """Read a request. Raises: InvalidRequest, UnknownModel, ConfigError."""

    @abc.abstractmethod
    async def answer(self, call: Call, reply: Reply) -> None:
        """Get the answer, conclude, send the last of it.

        Raises: DragomanError while the reply has not begun.
        """

    def check(self, request: Request) -> None:
        """Look at the head of a request. Raises: WrongMediaType."""
        check_json(request)

    def options(self, request: Request) -> CallOptions:
        """Take from a request's head what goes on to providers of the same language."""
        given = request.headers
        hops = hops_of(given) if HOPS in given else 0
        for name in self._forwarded:
            if name in given:
                found = {name: given[name] for name in self._forwarded if name in given}
                return CallOptions(headers=found, language=self.client.name, hops=hops)
        return CallOptions(hops=hops) if hops else NO_OPTIONS

    def __call__(self, request: Request, reply: Reply, admission: Admission) -> Awaitable[None]:
        """Answer one request, and see that it is written down."""
        keeping = self.services.keeping
        if IDEMPOTENCY_KEY not in request.headers or keeping is None:
            return self._respond(request, reply, admission)
        return keeping.once.attend(
            reply,
            (self.client.ping,),
            lambda recorder: self._respond(request, recorder, admission),
        )

    async def _respond(self, request: Request, reply: Reply, admission: Admission) -> None:
        course = _Course(reply)
        try:
            self.check(request)
            if self.services.journal is not None:
                self.services.journal.check()
            course.body = await request.body()
            if not self.services.places.take():
                await self.services.places.wait()
            try:
                await self._proceed(course, request, admission)
            finally:
                self.services.places.leave()
        except DragomanError as error:
            await self._refuse(error, course, admission)
            error.with_traceback(None)  # somebody may keep it, but not the request and all it read
        except asyncio.CancelledError:
            if course.call is not None:
                course.call.finish("client_closed")
            raise
        except Exception:
            if course.call is not None:
                course.call.finish("error")
                self.conclude(course.call, course.reply, InternalError.status)
            raise
        finally:
            if (call := course.call) is not None:
                self.conclude(call, course.reply)
                if call.route.shadow is not None and call.exchange.outcome == "ok":
                    self._cast_shadow(call, course.body, request, admission)
                if course.task is not None and self.services.keeping is not None:
                    await self.services.keeping.settle(course.task, call, course.reply)

    async def _proceed(self, course: _Course, request: Request, admission: Admission) -> None:
        """Answer a request whose body has come. Raises: DragomanError."""
        services, snapshot = self.services, admission.snapshot
        asked = course.body
        inspected: Inspected | None = None
        looked_at = True
        rails = snapshot.inward if self.has_body else None
        if rails is not None:
            course.body, inspected = await inspect_body(
                rails, asked, request.headers.get("content-type", "")
            )
            looked_at = inspected is not None and inspected.blocked is None
        if request.passed is not None and looked_at and self.has_body:
            request.passed(course.body)
        call = course.call = await self.begin(course.body, request, admission)
        call.exchange.endpoint = self.path
        ascribe(call.exchange, admission.principal)
        call.exchange.traceparent = request.headers.get("traceparent")
        if inspected is not None:
            note(call.exchange, inspected.findings)
            if inspected.blocked is not None:
                raise inspected.blocked.error
        elif rails is not None:
            raise InvalidRequest("guardrails cannot read the body", hint="send plain JSON")
        found: Found | None = None
        keeping = services.keeping
        if keeping is not None and keeping.concerns(request, snapshot):
            task, cacheable = Task(), self.cacheable(call)
            course.task = task
            found = await keeping.look(
                task, call, request, admission, course.body, asked=asked, cacheable=cacheable
            )
            if found is None:
                course.reply = keeping.record(course.reply, self.client.ping)
        try:
            await self.enter(call, admission)
        finally:
            course.reply.extra.update(call.told)
        if services.journal is not None:
            call.attempting = services.journal.intend
        if found is None:
            await self.answer(call, course.reply)
        else:
            await self._replay(call, found, course.reply)

    async def _refuse(self, error: DragomanError, course: _Course, admission: Admission) -> None:
        """Tell the client, in its language, and write it down before."""
        call = course.call
        if call is None:
            for observer in self.services.observers:
                observer.refused(self.path, error)
        if admission.principal.key is not None:
            error = conceal(error, None if call is None else call.exchange)
        if call is not None and (rails := admission.snapshot.outward) is not None:
            screen = rails.screen()
            error = inspect_error(screen, error)
            note(call.exchange, screen.findings)
        headers = JSON_HEADERS if call is None else describe(call.exchange, time.time())
        refusal = write_refusal(error, self.client, headers)
        if call is not None:
            call.exchange.refused = error.code
            call.finish("error")
            self.conclude(call, course.reply, refusal[0])
        await course.reply.send(*refusal)

    def _cast_shadow(self, call: Call, body: bytes, request: Request, admission: Admission) -> None:
        """Have what was answered asked of the route's shadow, too, unless nobody was asked."""
        shadows, privacy = self.services.shadows, call.route.privacy
        if shadows is None or call.exchange.replayed is not None:
            return

        async def ask(copy: bytes) -> None:
            await self._ask_shadow(copy, request, admission, privacy)

        shadows.follow(call, body, ask)

    async def _ask_shadow(
        self, body: bytes, request: Request, admission: Admission, privacy: str | None
    ) -> None:
        """Ask, and write it down where somebody was asked; what it says goes nowhere."""
        reply = Nowhere()
        call: Call | None = None
        try:
            call = await self.begin(body, request, admission)
            call.deployments = keep_to(call, privacy)
            exchange = call.exchange
            exchange.endpoint, exchange.tag = self.path, SHADOW
            ascribe(exchange, admission.principal)
            if not call.deployments:
                raise UnknownModel(f"the shadow {exchange.asked} leaves the class '{privacy}'")
            await self.enter(call, admission)
            if self.services.journal is not None:
                call.attempting = self.services.journal.intend
            await self.answer(call, reply)
        except DragomanError as error:
            log.info("a shadow was not answered: %s", error)
            if call is not None:
                call.finish("error")
        except asyncio.CancelledError:
            if call is not None:
                call.finish("interrupted")
            raise
        finally:
            if call is not None:
                self._end_shadow(call, reply)

    def _end_shadow(self, call: Call, reply: Reply) -> None:
        """Write a shadow down, unless nobody was asked: that is no request."""
        if call.exchange.attempts or call.concluded:
            return self.conclude(call, reply)
        return let_go(call)

    async def enter(self, call: Call, admission: Admission) -> None:
        """Have a call pass the gatekeepers. Raises: DragomanError."""
        for gatekeeper in self.services.gatekeepers:
            call.releases.append(await gatekeeper.enter(call, admission))

    def cacheable(self, call: Call) -> bool:
        """Whether the same answer may be given to whoever asks the same."""
        del call
        return True

    async def _replay(self, call: Call, found: Found, reply: Reply) -> None:
        """Answer as was answered before."""
        answer = found.answer
        call.finish("ok" if answer.status < HTTPStatus.BAD_REQUEST else "error")
        headers = {**found.head(time.time()), **describe(call.exchange, time.time())}
        self.conclude(call, reply, answer.status)
        if not answer.stream:
            return await reply.send(answer.status, headers, answer.body)
        await reply.start(answer.status, headers)
        await reply.write(answer.body)
        return await reply.end()

    def conclude(self, call: Call, reply: Reply, status: int | None = None) -> None:
        """Write down an exchange that is over: before its last bytes go out, and once.

        `status` is what the client is about to be told, where the reply has not begun.
        """
        if call.concluded:
            return
        call.concluded = True
        exchange = call.exchange
        if exchange.outcome == "client_closed" and reply.interrupted:
            exchange.outcome = "interrupted"
        exchange.status = status if reply.status is None else reply.status
        if exchange.overhead_s is None:  # no answer of ours had begun
            exchange.overhead_s = overhead_s(exchange, exchange.started_at + exchange.duration_s)
        for attempt in exchange.attempts:
            if attempt.error == ConfigError.code:
                self._complain(attempt)
        if self.services.journal is not None:
            self.services.journal.ended(exchange)
        for observer in self.services.observers:
            observer.ended(exchange)
        let_go(call)

    def _complain(self, attempt: Attempt) -> None:
        """Tell the log, once, what is wrong with the configuration of a provider."""
        said = (attempt.provider, attempt.reason)
        if self._complaints.is_new(said):
            log.warning("%s cannot be asked: %s", *said)


def ascribe(exchange: Exchange, principal: Principal) -> None:
    """Note whose an exchange is."""
    exchange.key = principal.key
    exchange.organisation_id = principal.organisation_id
    exchange.project_id = principal.project_id
    exchange.account_id = principal.account_id
    exchange.key_id = principal.key_id


def let_go(call: Call) -> None:
    """Tell the gatekeepers that a call is over."""
    for release in call.releases:
        release(call.exchange)


def check_json(request: Request) -> None:
    """See that a body is JSON, or not said to be anything else. Raises: WrongMediaType."""
    kind = media_type(request.headers)
    if kind in FORMS:
        raise WrongMediaType(
            f"the body is said to be {kind}",
            hint="send JSON, with the header `content-type: application/json`",
        )
    check_coding(request)


def check_coding(request: Request) -> None:
    """See that a body is sent as it is: we unpack none. Raises: WrongMediaType."""
    for name in ("content-encoding", "transfer-encoding"):
        coding = request.headers.get(name)
        if coding is not None and coding.strip().lower() not in _PLAIN:
            raise WrongMediaType(
                f"the body is encoded ({name}: {coding[:100]}), and is not unpacked here",
                hint="send it as it is",
            )
