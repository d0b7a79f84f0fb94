"""One try at one deployment: from the request to the first content, and on to the end.

Until content has come an attempt may fail in private, and another one follows; from then on its
output is the caller's. Its record in the exchange is written here, and else in `settling` only.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any

from dragoman.catalog.pricing import compute_cost
from dragoman.config.secrets import looked
from dragoman.engine.call import Call
from dragoman.engine.context import NOTICEABLE_BYTES, find_silent_cut
from dragoman.engine.dialogue import Whole, signer_of
from dragoman.engine.estimate import fill_in, raise_to_said
from dragoman.engine.mending import Mending
from dragoman.engine.outgoing import Outgoing, prepare
from dragoman.engine.overstated import hold_to_limit, said_tokens
from dragoman.engine.place import Place, place_at
from dragoman.engine.secrecy import find_secrets, hide_secret, hide_words
from dragoman.engine.steps import Flow, Out, Read, ReadAll, Response, Send, Step
from dragoman.engine.target import Target
from dragoman.engine.timers import timers_of
from dragoman.errors import (
    AuthFailed,
    BadRequest,
    DragomanError,
    NotFound,
    ProtocolError,
    Timeout,
    UpstreamError,
)
from dragoman.routing.plan import Try
from dragoman.types.event import FinishReason
from dragoman.types.exchange import PAID, AttemptKind, Outcome
from dragoman.types.exchange import Attempt as Record
from dragoman.types.http import HttpAnswer, HttpRequest
from dragoman.types.model import Price
from dragoman.types.usage import Usage
from dragoman.wire.base import WireFormat
from dragoman.wire.bridge import Bridge, Events
from dragoman.wire.tokens import doubts

if TYPE_CHECKING:
    from dragoman.engine.adapted import AdaptedTarget

BODY_LIMIT = 64 * 1024 * 1024
ERROR_BODY_LIMIT = 64 * 1024
DRAIN_S = 0.5


class Attempt:
    """A try on its way.

    `others` tells whether another deployment is left: then nobody waits for a place at this one.
    `racing`: another attempt runs beside it, and the slower of them is given up.
    """

    def __init__(self, call: Call, try_: Try, *, others: bool, racing: bool = False) -> None:
        around = call.around
        self.call = call
        self.deployment = try_.deployment
        self.others = others
        self.racing = racing
        self.bridge: Bridge | None = None
        self.whole: Whole | None = None
        self.answer: Response | None = None
        self._held: bytes | None = None
        self._pending: Sequence[Out] = ()
        self._began = around.clock()
        self._place: Place | None = None
        self._asked = False
        self._sent_bytes = 0
        self._over = False
        self._outgoing: Outgoing | None = None
        self._hidden: AbstractSet[str] = frozenset()
        self._mending: Mending | None = None
        self.record = self._open_record(try_.kind, try_.pause_s)
        around.health.began(self.deployment, self._began)

    # -- to the first content

    def fetch(self) -> Flow[Whole]:
        """Ask for the whole answer. Raises: DragomanError, after it was recorded."""
        try:
            outgoing = yield from self._ask(stream=False)
            body = self._held
            if body is None:
                body = yield from self._timed(ReadAll, BODY_LIMIT)
            if len(body) >= BODY_LIMIT:
                raise ProtocolError(f"the answer is larger than {BODY_LIMIT} bytes")
            self.whole = whole = self.call.dialogue.read(outgoing.format, body, self.deployment)
        except DragomanError as error:
            self._fail(error)
            raise
        except GeneratorExit:
            self.abandon()
            raise
        self.record.first_token_s = self.call.around.clock() - self._began
        self._warn(*whole.warnings)
        self._watch_model(whole.model)
        self._succeed(whole.finish_reason, whole.usage)
        return whole

    def open(self) -> Flow[None]:
        """Ask for a stream, and wait for content. `pump` goes on from there.

        Raises: DragomanError, after it was recorded.
        """
        try:
            outgoing = yield from self._ask(stream=True)
            self.bridge = bridge = self._open_bridge(outgoing.format)
            pending: list[Out] = []
            while not (bridge.committed or bridge.ended):
                pending += yield from self._read(bridge)
            self._watch_model(bridge.model)
            if bridge.failure and not bridge.committed:
                raise bridge.failure.error
            self._pending = pending
        except DragomanError as error:
            self._fail(error)
            raise
        except GeneratorExit:
            self.abandon()
            raise

    def _open_bridge(self, upstream: WireFormat) -> Bridge:
        if self.call.assembling:
            dialect = self.deployment.provider.dialect
            return Events(upstream, dialect, signer_of(self.deployment))
        assert self.answer is not None, "a bridge stands on an answer"
        return self.call.dialogue.bridge(upstream, self.deployment, self.answer.headers)

    # -- on to the end

    def pump(self) -> Flow[None]:
        """Hand on the output until the answer is whole; the record is final before its last piece.

        Raises: DragomanError, recorded, and told by the bridge in the caller's language.
        """
        bridge = self.bridge
        assert bridge is not None, "open comes before pump"
        out = self._pending
        try:
            while not bridge.ended:
                yield from out
                out = ()
                out = yield from self._read(bridge)
            if bridge.failure:
                raise bridge.failure.error
        except DragomanError as error:
            self._fail(error)
            self.call.finish("truncated")
            yield from (*out, *bridge.fail(error))
            raise
        except GeneratorExit:
            self.abandon()
            raise
        assert bridge.finish is not None
        self._warn(*bridge.finish.warnings, *bridge.warnings)
        self._succeed(bridge.finish.reason, bridge.usage)
        self.call.finish("ok")
        yield from out
        yield from self._drain(bridge)

    def _drain(self, bridge: Bridge) -> Flow[None]:
        """Read to the end of the body, so that its connection is good for the next request."""
        try:
            while chunk := (yield Read(self.answer, DRAIN_S)):  # type: ignore[arg-type]
                yield from bridge.feed(chunk)
        except DragomanError:
            return  # the answer is whole: how its connection ends is nobody's business

    def _read(self, bridge: Bridge) -> Flow[Sequence[Out]]:
        """Read one chunk; note the first content, and time the silence from any."""
        if self._held is None:
            chunk = yield from self._timed(Read)
        else:
            chunk, self._held = self._held, b""
        frames = bridge.frames
        out = bridge.feed(chunk) if chunk else bridge.close()
        if bridge.heard and bridge.frames > frames:
            if self.record.first_token_s is None:
                self.record.first_token_s = self.call.around.clock() - self._began
            self._timers.content()
        return out

    # -- asking

    def _ask(self, *, stream: bool) -> Flow[Outgoing]:
        """Send the request, see a 2xx head."""
        deployment = self.deployment
        repairs = self._mending.repairs if self._mending else ()
        outgoing = prepare(self.call, deployment, stream=stream, repairs=repairs)
        target = outgoing.target
        if target.credential is not None and deployment.credential is not None:
            self.record.credential = target.credential.label
        self._outgoing = outgoing
        warnings = outgoing.warnings
        self._warn(*(self._mending.news_of(warnings) if self._mending else warnings))
        self._sent_bytes = len(outgoing.request.body)
        yield from self._enter()
        self._asked = True
        self._timers = timers_of(self.call, deployment, stream=outgoing.streamed, now=self._began)
        if isinstance(target, Target):
            answer = yield from self._send(outgoing.request)
        else:
            self._hidden = target.ask.hidden
            answer, self._held = yield from self._run_errand(target, outgoing.request)
        headers = answer.headers
        self.record.status = answer.status
        self.record.request_id = headers.get("x-request-id") or headers.get("request-id")
        if not 200 <= answer.status < 300:
            body = yield from self._timed(ReadAll, ERROR_BODY_LIMIT)
            error = target.format.parse_error(answer.status, headers, body)
            if self._mend(outgoing, error, body):
                return (yield from self._ask(stream=stream))
            raise self._refusal(target, error)
        self._remember(outgoing)
        return outgoing

    def _mend(self, outgoing: Outgoing, error: UpstreamError, body: bytes) -> bool:
        """Whether to ask again at once, otherwise: that is no failure, but it is in the record."""
        if not isinstance(error, BadRequest):
            return False
        self._discreet(error)  # what it says may be kept
        mending = self._mending or Mending(self.call, self.deployment)
        if not mending.mend(outgoing, error, body):
            return False
        record = self.record
        record.error, record.reason = error.code, error.message
        record.duration_s = self.call.around.clock() - self._began
        self._began = self.call.around.clock()
        self._mending, self._held = mending, None
        self.record = self._open_record("retry" if record.kind == "first" else record.kind)
        self.record.credential = record.credential
        return True

    def _remember(self, outgoing: Outgoing) -> None:
        if self._mending is not None and (said := self._mending.remember(outgoing)):
            self._warn(said)

    def _send(self, request: HttpRequest) -> Flow[Response]:
        """Send a request, see a head."""
        request = self.call.marked(request)
        send = Send(request, self.deployment.provider.timeouts.connect, self._timers.left())
        try:
            self.answer = answer = yield send
        except Timeout as error:
            raise self._expired(error) from None
        return answer  # type: ignore[no-any-return]

    def _run_errand(
        self, target: AdaptedTarget, request: HttpRequest
    ) -> Flow[tuple[Response, bytes | None]]:
        """Send what an adapter wants sent; see `run_errand`."""
        if target.is_direct:
            answer = yield from self._send(request)
            target.answered(HttpAnswer(status=answer.status, headers=answer.headers))
            return answer, None
        from dragoman.engine.errand import run_errand

        def read(answer: Response) -> Flow[bytes]:
            self.answer = answer
            return (yield from self._timed(ReadAll, BODY_LIMIT))

        def pause(seconds: float) -> None:
            if seconds >= self._timers.left():
                raise self._timers.expired()

        return (yield from run_errand(target, request, self._send, read, pause))

    def _enter(self) -> Flow[None]:
        """Take a place at the provider, and wait for it only when nobody else can be asked."""
        if self._place is not None:
            return  # asked again, with its request mended
        place = place_at(self.call, self.deployment.provider)
        if place is not None:
            yield from place.take(patient=not self.others, waited=self._begin_later)
            self._place = place

    def _begin_later(self) -> None:
        """Begin only now: what was waited for a place is a pause before, and nobody's work."""
        began, self._began = self._began, self.call.around.clock()
        self.record.pause_s += self._began - began
        self.record.started_at += self._began - began

    def _timed(self, kind: type[Step], *args: Any) -> Flow[bytes]:
        """Read from the answer for as long as the timers allow."""
        try:
            data: bytes = yield kind(self.answer, self._timers.left(), *args)
            return data
        except Timeout as error:
            raise self._expired(error) from None

    def _expired(self, error: Timeout) -> Timeout:
        """Name the timer that ran out; the transport knows only its own wait."""
        return error if error.phase == "connect" else self._timers.expired()

    def _refusal(self, target: Target | AdaptedTarget, error: UpstreamError) -> UpstreamError:
        """Add to a refusal what only we know: which credential was sent."""
        secret = target.credential.secret.reveal() if target.credential else ""
        if isinstance(error, AuthFailed) and not (secret or self._hidden or error.hint):
            places = ", ".join(looked(self.deployment.provider.credentials))
            where = f"looked at {places}" if places else "none is configured"
            error.hint = f"no key was sent; {where}"
        return error

    def _discreet(self, error: DragomanError) -> None:
        """Take out of an upstream's words secrets that were sent, and what is not for all."""
        if self.deployment.provider.egress == "organisation":
            hide_words(error)
        sent = find_secrets(self._outgoing) if self._outgoing is not None else set()
        for secret in sorted(sent | self._hidden, key=len, reverse=True):
            hide_secret(error, secret)

    # -- the record

    def _watch_model(self, answered: str | None) -> None:
        """Warn when another model than the one asked for answers."""
        deployment = self.deployment
        if answered is None or answered == deployment.model:
            return
        from dragoman.routing.drift import find_drift

        routers = deployment.provider.dialect.routers
        if warning := find_drift(deployment.ref, deployment.model, answered, routers):
            self._warn(warning)

    def _open_record(self, kind: AttemptKind, pause_s: float = 0.0) -> Record:
        exchange = self.call.exchange
        number = len(exchange.attempts) + 1
        record = Record(
            id=f"{exchange.id}-{number}",
            number=number,
            kind=kind,
            provider=self.deployment.provider.name,
            model=self.deployment.model,
            started_at=self.call.around.wall(),
            pause_s=pause_s,
        )
        exchange.attempts.append(record)
        if self.call.attempting is not None:
            self.call.attempting(exchange)
        return record

    def _succeed(self, reason: FinishReason, usage: Usage | None) -> None:
        first = self.record.first_token_s if self.bridge is not None else None
        self.call.around.health.succeeded(self.deployment, self.call.around.clock(), first)
        self.record.finish_reason = reason
        if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
            usage = self._estimated(usage)
        elif self._sent_bytes > NOTICEABLE_BYTES:
            self._warn(*find_silent_cut(usage, self.call.dialogue.estimate))
        self._end("ok", self._checked(usage))

    def _fail(self, error: DragomanError) -> None:
        if self._over:
            return
        error.provider = error.provider or self.deployment.provider.name
        error.model = error.model or self.deployment.model
        error.request_id = error.request_id or self.record.request_id
        self._discreet(error)
        self.record.request_id = error.request_id
        if self.call.dialogue.neighbour is not None and isinstance(error, NotFound):
            self.call.around.health.released(self.deployment)  # the model itself may well be there
        else:
            self.call.around.health.failed(self.deployment, error, self.call.around.clock())
        self.record.error = error.code
        self.record.reason = error.message
        began = self.bridge is not None and self.bridge.committed
        usage = error.usage
        if began or error.paid:
            usage = self._estimated(None)
        elif usage is not None:
            usage = self._checked(fill_in(usage, self.call.dialogue.estimate, 0))
        self._end("truncated" if began else "error", usage)

    def abandon(self) -> None:
        """Nobody listens any more, or another attempt was faster; what was made is paid for."""
        if self._over:
            return
        if not self._asked:  # it waited for a place, and was none
            self.call.exchange.attempts.remove(self.record)
        self.call.around.health.released(self.deployment)
        self._end("interrupted" if self.racing else "client_closed", self._estimated(None))

    def _estimated(self, usage: Usage | None) -> Usage | None:
        """Fill in what was not reported, or not to the end, and mark it as our guess."""
        bridge, whole = self.bridge, self.whole
        reported = usage or (bridge.usage if bridge else None)
        neighbour = self.call.dialogue.neighbour
        if (whole and whole.owed) or (neighbour is not None and not neighbour.countable):
            return reported
        complete = raise_to_said if bridge and bridge.finish is None else fill_in
        return complete(reported or Usage(), self.call.dialogue.estimate, self._said_tokens())

    def _checked(self, usage: Usage | None) -> Usage | None:
        """Hold what was told to what can have been made, and warn of what cannot be."""
        outgoing, neighbour = self._outgoing, self.call.dialogue.neighbour
        if usage is not None and not usage.estimated and outgoing is not None:
            lengths = outgoing.format.lengths if neighbour is None else neighbour.lengths
            if renamed := self.deployment.provider.dialect.rename:
                lengths = tuple(renamed.get(name, name) for name in lengths)
            usage = hold_to_limit(usage, outgoing.request.body, self._said_tokens, lengths)
        self._warn(*doubts(usage))
        return usage

    def _said_tokens(self) -> int:
        """How many tokens of answer have come, about."""
        if self.bridge is not None:
            return self.bridge.said_tokens
        whole, outgoing = self.whole, self._outgoing
        if whole is None or outgoing is None or self.call.dialogue.neighbour is not None:
            return 0
        return said_tokens(whole, outgoing.format, self.deployment.provider.dialect)

    def _end(self, outcome: Outcome, usage: Usage | None) -> None:
        self._over = True
        record = self.record
        record.outcome = outcome
        record.duration_s = self.call.around.clock() - self._began
        record.usage = usage
        if answered := self.bridge or self.whole:
            record.answered_model = answered.model
            if outcome == "ok":
                self._watch_model(answered.model)
        price, neighbour = self.deployment.info.price, self.call.dialogue.neighbour
        price = price if neighbour is None else neighbour.price_of(price)
        if usage is not None or self._owes(price, outcome):
            record.cost_nanousd, record.cost_source = compute_cost(usage, price, record.duration_s)
        if self._place is not None:
            self._place.leave(usage)

    def _owes(self, price: Price | None, outcome: Outcome) -> bool:
        """Whether it is known without tokens what is paid: nothing, time, or a request's fee."""
        if price is None or not self._asked or outcome not in PAID:
            return False
        neighbour = self.call.dialogue.neighbour
        fee = neighbour is not None and neighbour.charged and price.request is not None
        return fee or price.free or price.per_hour is not None

    def _warn(self, *warnings: str) -> None:
        if warnings:
            known = self.call.exchange.warnings
            known.extend(warning for warning in warnings if warning not in known)
