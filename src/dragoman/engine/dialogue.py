"""The two sides of a call: how it is put to a provider, and how the caller is handed the answer.

A dialogue serves all attempts of its call, whatever languages their providers speak.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.context import fit
from dragoman.engine.estimate import estimate_request
from dragoman.engine.images import has_images
from dragoman.types.completion import Completion
from dragoman.types.event import FinishReason
from dragoman.types.http import Headers
from dragoman.types.lazy import lazy
from dragoman.types.model import OnOverflow, Price
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment
from dragoman.types.usage import Usage
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge, Events
from dragoman.wire.extra import add_fields
from dragoman.wire.signer import forget_signatures, name_signer, sign_completion


class Whole(Struct, frozen=True):
    """An answer in one piece: what the caller gets, and what is measured of it.

    `owed`: it is still being made, and what it uses is told later.
    """

    out: Any
    finish_reason: FinishReason
    usage: Usage | None
    model: str | None = None
    completion: Completion | None = None
    warnings: tuple[str, ...] = ()
    owed: bool = False


class Letter(Struct, frozen=True):
    """What a deployment's own side adds to a request, before it is written.

    `anew`: its dialect changes what stands inside messages, so that bytes can't be relayed.
    """

    deployment: Deployment
    stream: bool
    body: Mapping[str, Any]
    on_overflow: OnOverflow
    estimate: int
    anew: bool = False


FREE = Price(free=True)
"""The price where nothing is paid for."""


class Neighbour(Struct, frozen=True):
    """An endpoint beside the format's own: what of it is not as there.

    `tail` comes behind the path, a query included: what differs from one request to the next.
    `countable`: tokens that a provider does not report there may be estimated. `charged`: a request
    there is paid for, be it without tokens. `free`: nothing is paid for there, whatever the model.
    `settles`: but what was asked for before may be, once it is known what it used. `lengths`: the
    fields that say there how long an answer may be.
    """

    path: str
    tail: str = ""
    method: str = "POST"
    content_type: str = "application/json"
    countable: bool = False
    charged: bool = False
    free: bool = False
    settles: bool = False
    lengths: tuple[str, ...] = ()

    def price_of(self, price: Price | None) -> Price | None:
        """Say what is paid here for a model of this price."""
        return FREE if self.free else price


class Dialogue(Protocol):
    """What the engine knows of a caller.

    `neighbour` is the endpoint that is asked, None the format's own. `estimate` is the prompt in
    tokens, about.
    """

    neighbour: Neighbour | None

    @property
    def estimate(self) -> int:
        """How many tokens the prompt has, about."""
        ...

    @property
    def has_images(self) -> bool:
        """Whether a model must be able to see."""
        ...

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """Write the request's body. Raises: ContextOverflow, InvalidRequest."""
        ...

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """Start handing on an answer of `deployment` that comes with these headers."""
        ...

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """Hand on an answer in one piece. Raises: UpstreamError, ProtocolError."""
        ...

    def tell(self, completion: Completion) -> Whole:
        """Hand on an answer that was put together from its events."""
        ...


class InProcess:
    """The dialogue with a caller in this process: requests and completions as they are."""

    neighbour: Neighbour | None = None

    def __init__(self, request: ChatRequest) -> None:
        self.request = request

    @lazy
    def estimate(self) -> int:
        """See `Dialogue.estimate`."""
        return estimate_request(self.request)

    @lazy
    def has_images(self) -> bool:
        """See `Dialogue.has_images`."""
        return has_images(self.request)

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`."""
        return write_anew(self.request, upstream, letter)

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`: events."""
        del headers
        return Events(upstream, deployment.provider.dialect, signer_of(deployment))

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`: a completion."""
        completion = upstream.parse_response(body, deployment.provider.dialect)
        return self.tell(sign_completion(completion, signer_of(deployment)))

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`: a completion."""
        return Whole(
            completion,
            completion.finish_reason,
            completion.usage,
            completion.model,
            completion,
        )


def write_anew(request: ChatRequest, upstream: WireFormat, letter: Letter) -> Rendered:
    """Write a request in the upstream's format: fitted to the window, with what is added to it.

    What the caller says comes before what the deployment adds.
    """
    deployment = letter.deployment
    is_foreign = request.format not in (None, upstream.name)
    extra = request.extra if is_foreign else {**letter.body, **request.extra}
    if letter.stream != request.stream or len(extra) != len(request.extra):
        request = replace(request, stream=letter.stream, extra=extra)
    warnings: tuple[str, ...] = ()
    if deployment.info.context_window is not None:
        fitted = fit(request, deployment.info, letter.on_overflow, letter.estimate)
        request, warnings = fitted.request, fitted.warnings
    if upstream.needs_max_tokens and request.max_tokens is None:
        request = replace(request, max_tokens=deployment.info.max_tokens)
    request, forgotten = forget_signatures(request, signer_of(deployment))
    rendered = upstream.render_request(request, deployment.model, deployment.provider.dialect)
    body = rendered.body
    if is_foreign and letter.body:
        body = add_fields(body, letter.body)
    return Rendered(body, (*warnings, *forgotten, *rendered.warnings))


def signer_of(deployment: Deployment) -> str:
    """Name who signs the thoughts of a deployment's answers."""
    return name_signer(deployment.provider.name, deployment.model)
