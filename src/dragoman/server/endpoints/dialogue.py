"""The dialogue with a client over HTTP, in whichever of the three languages it speaks.

Where the provider speaks it too, bytes are relayed and only looked on; elsewhere they are
translated. Which of the two is chosen for each attempt, so that a fallback may change it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal

from msgspec.structs import replace

from dragoman.catalog.pricing import compute_cost
from dragoman.engine.dialogue import Letter, Neighbour, Whole, signer_of, write_anew
from dragoman.engine.estimate import estimate_request, estimate_size
from dragoman.engine.images import has_images
from dragoman.errors import InvalidRequest
from dragoman.guardrails.rails import Rails
from dragoman.server.policies.guarding import AnswerScreen
from dragoman.types.completion import Completion
from dragoman.types.exchange import NANO, Exchange
from dragoman.types.http import Headers
from dragoman.types.lazy import lazy
from dragoman.types.model import Price
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment
from dragoman.types.usage import Usage
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge, Relay, Translate
from dragoman.wire.envelope import Envelope
from dragoman.wire.json_text import encode
from dragoman.wire.signer import sign_completion

_ONE_CHOICE = "n is not sent: an answer that is looked at, or tells its cost, has one choice"


class OverHttp:
    """One request of a client, and its answer. `exchange` is set once the call has begun.

    An answer that is written anew tells its cost among its usage. With `tells_cost` every answer
    does, so that none is relayed. With `rails` nor is one: `screen` looks at that of the attempt
    that is under way.
    """

    neighbour: Neighbour | None = None
    exchange: Exchange
    tells_cost = False
    translate: type[Translate] = Translate
    rails: Rails | None = None
    screen: AnswerScreen | None = None

    def __init__(self, envelope: Envelope, client: WireFormat) -> None:
        self.envelope = envelope
        self.client = client

    @lazy
    def request(self) -> ChatRequest:
        """The request in our own words; parsed when somebody must look inside."""
        return self.envelope.request(self.client)

    @property
    def answer_id(self) -> str:
        """What an answer is called whose provider does not name it."""
        return self.exchange.id

    @property
    def echoed(self) -> ChatRequest:
        """The request as answers repeat it."""
        return self.request

    @lazy
    def estimate(self) -> int:
        """See `Dialogue.estimate`: by size, unless pictures make the body large."""
        if self.is_parsed_to_estimate:
            return estimate_request(self.request)
        return estimate_size(len(self.envelope.body))

    @lazy
    def has_images(self) -> bool:
        """See `Dialogue.has_images`."""
        return self.is_parsed_to_estimate and has_images(self.request)

    @lazy
    def is_parsed_to_estimate(self) -> bool:
        """Whether the size of the request alone says nothing: there may be pictures in it."""
        return b"image" in self.envelope.body

    def estimate_early(self) -> None:
        """Parse and estimate now what is asked for later; what cannot be parsed is said then."""
        with suppress(InvalidRequest):
            _ = self.estimate

    @property
    def _relays(self) -> bool:
        """Whether an answer in the client's language goes out as it comes."""
        return not self.tells_cost and self.rails is None

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`."""
        deployment = letter.deployment
        # What only the answer needs must not be found wrong when it is paid.
        if not self._relays and (self.request.n or 1) > 1:
            rendered = write_anew(replace(self.request, n=None), upstream, letter)
            return Rendered(rendered.body, (*rendered.warnings, _ONE_CHOICE))
        apart = upstream is not self.client or letter.anew
        if apart or _must_fit(letter) or self.envelope.holds_seals:
            return write_anew(self.request, upstream, letter)
        dialect = deployment.provider.dialect
        ask_usage = dialect.stream_usage and self.client.asks_for_usage
        body = self.envelope.relayed(deployment.model, dialect, ask_usage=ask_usage)
        added = {name: v for name, v in letter.body.items() if name not in self.envelope.fields}
        body = _with(body, added) if added else body
        lost = (name for name in dialect.drop if name in self.envelope.fields)
        return Rendered(
            body, tuple(f"{name} is not sent: this provider does not know it" for name in lost)
        )

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`.

        A server that sends JSON has not streamed, whatever it was asked: that is written anew.
        """
        model, dialect = self.envelope.model, deployment.provider.dialect
        request_id = self.exchange.id
        streamed = "json" not in headers.get("content-type", "")
        if self.rails is not None:
            self.screen = self._look(self.rails)
        elif upstream is self.client and self._relays and streamed:
            asked = dialect.stream_usage and self.client.asks_for_usage
            drop_usage = asked and not self.envelope.wants_usage
            return Relay(upstream, dialect, model, drop_usage=drop_usage, request_id=request_id)
        wants_usage = self.envelope.wants_usage or not self.client.asks_for_usage
        return self.translate(
            upstream,
            dialect,
            self.client.stream_renderer(model, wants_usage, self.echoed, request_id),
            id=self.answer_id,
            created=int(self.exchange.started_at),
            priced=lambda usage: _priced(usage, deployment.info.price),
            signer=signer_of(deployment),
            screen=self.screen.events if self.screen is not None else None,
        )

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`: the upstream's bytes, or an answer in the client's language."""
        dialect = deployment.provider.dialect
        relayed = upstream is self.client and self._relays
        if relayed and (found := upstream.measure_response(body, dialect)) is not None:
            return Whole(body, found.finish_reason, found.usage, found.model)
        completion = upstream.parse_response(body, dialect)
        if relayed:
            return Whole(
                body, completion.finish_reason, completion.usage, completion.model, completion
            )
        signed = sign_completion(completion, signer_of(deployment))
        return self._written(signed, deployment.info.price)

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`."""
        final = self.exchange.final
        cost = None if final is None else final.cost_nanousd
        usage = completion.usage
        if usage is not None and cost is not None:
            usage = replace(usage, cost=Decimal(cost) / NANO)
        return self._written(replace(completion, usage=usage), None)

    def _look(self, rails: Rails) -> AnswerScreen:
        return AnswerScreen(rails.screen(), structured=self.request.output is not None)

    def _written(self, completion: Completion, price: Price | None) -> Whole:
        if self.rails is not None:
            self.screen = self._look(self.rails)
            completion = self.screen.completion(completion)
        named = replace(
            completion,
            usage=completion.usage and _priced(completion.usage, price),
            id=completion.id or self.answer_id,
            model=self.envelope.model,
            created=completion.created or int(self.exchange.started_at),
        )
        rendered = self.client.render_response(named, self.echoed)
        return Whole(
            rendered.body,
            completion.finish_reason,
            completion.usage,
            completion.model,
            completion,
            (*completion.warnings, *rendered.warnings),
        )


def _priced(usage: Usage, price: Price | None) -> Usage:
    """Add what it cost, where that is known."""
    if usage.cost is not None or price is None:
        return usage
    cost, _ = compute_cost(usage, price)
    return usage if cost is None else replace(usage, cost=Decimal(cost) / NANO)


def _must_fit(letter: Letter) -> bool:
    """Whether the request may have to be cut, so that it must be understood."""
    return letter.estimate > 0 and letter.on_overflow != "error"


def _with(body: bytes, added: Mapping[str, object]) -> bytes:
    """Add top-level fields at the end of an object; it is not empty, having a model."""
    end = body.rindex(b"}")
    return body[:end] + b"," + encode(added)[1:-1] + body[end:]
