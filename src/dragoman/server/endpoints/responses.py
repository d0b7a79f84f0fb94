"""The Responses API, with a memory: `previous_response_id` and `store`.

A response that a provider keeps is continued there: who made it is remembered, and the request goes
to nobody else. One that no provider keeps is kept here, when the client asks for it (`store: true`)
and the operator agrees (`store_responses`): then its whole history is sent again.

Source: https://platform.openai.com/docs/guides/conversation-state (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Whole
from dragoman.engine.settling import settle
from dragoman.errors import DragomanError, InvalidRequest
from dragoman.guardrails.rails import Rails
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.dialogue import OverHttp
from dragoman.server.endpoints.endpoint import Services
from dragoman.server.endpoints.generate import Generator
from dragoman.server.endpoints.keeping_reply import KeepingReply
from dragoman.server.http.aside import aside
from dragoman.server.http.messages import Reply, Request
from dragoman.server.policies.guarding import note
from dragoman.store import StoreError
from dragoman.store.debts import due_after
from dragoman.store.responses import PROVIDER_TTL_S, Responses, StoredResponse
from dragoman.types.completion import Completion
from dragoman.types.event import Event, Start
from dragoman.types.guardrail import Finding
from dragoman.types.http import Headers
from dragoman.types.identifier import new_id
from dragoman.types.lazy import lazy
from dragoman.types.model import Price
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment
from dragoman.wire.base import WireFormat
from dragoman.wire.bridge import Bridge, Translate
from dragoman.wire.envelope import Envelope, open_envelope
from dragoman.wire.fields import read_bool, read_text
from dragoman.wire.json_text import decode, encode, encode_text
from dragoman.wire.openai_responses import FORMAT
from dragoman.wire.openai_responses.response import NOT_YET

BEFORE = "previous_response_id"


class StoreDown(DragomanError):
    """What is remembered of responses cannot be read."""

    status = 503
    code = "store_unavailable"
    retryable = True


class Memory(Struct, frozen=True):
    """What one request is to leave behind. `key` is whose it is, empty where none is needed.

    `by_provider`: providers that keep responses keep this one. `id` is its name where we keep it
    ourselves: then `items` is all that leads to it, `ttl_s` how long it is kept, and `continues`
    what it was said to continue.
    """

    key: str
    by_provider: bool
    id: str | None = None
    items: Sequence[Any] = ()
    ttl_s: float = 0.0
    continues: str | None = None


class _Renamed(Translate):
    """A translation whose answer has our id: a provider's may come twice, and would be mixed up."""

    def _written(self, events: Sequence[Event]) -> Sequence[bytes]:
        return super()._written(
            [replace(event, id=None) if isinstance(event, Start) else event for event in events]
        )


class OverResponses(OverHttp):
    """The dialogue with a client of the Responses API: it notes who made what.

    `owed` are the ids of answers that are still being made, and can be asked for here.
    """

    memory: Memory

    def __init__(self, envelope: Envelope, client: WireFormat) -> None:
        super().__init__(envelope, client)
        self._bridges: list[tuple[Deployment, Bridge]] = []
        self._whole: list[tuple[Deployment, bytes]] = []
        self._told: str | None = None
        self.owed: set[str] = set()

    @lazy
    def echoed(self) -> ChatRequest:
        """See `OverHttp.echoed`: what we keep is said to be kept."""
        memory, request = self.memory, self.request
        if memory.id is None:
            return request
        said = {"store": True, BEFORE: memory.continues}
        return replace(request, extra={**request.extra, **said})

    @property
    def answer_id(self) -> str:
        """See `OverHttp.answer_id`."""
        return self.memory.id or self.exchange.id

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`."""
        bridge = super().bridge(upstream, deployment, headers)
        if upstream is self.client:
            self._bridges.append((deployment, bridge))
        return bridge

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`."""
        whole = super().read(upstream, body, deployment)
        if upstream is self.client:
            self._whole.append((deployment, body))
            made = _id_of(body) if self.memory.by_provider and _is_unfinished(whole) else None
            if made is not None:
                self.owed.add(made)
                return replace(whole, usage=None, owed=True)
        return whole

    def _written(self, completion: Completion, price: Price | None) -> Whole:
        if self.memory.id is not None:
            completion = replace(completion, id=None)
        return super()._written(completion, price)

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`."""
        self._told = completion.id
        return super().tell(completion)

    def made(self, deployments: Sequence[Deployment]) -> Sequence[tuple[Deployment, str]]:
        """What those of `deployments` that keep responses have made so far, by their ids."""
        found = [(d, bridge.id) for d, bridge in self._bridges if bridge.committed]
        found += [(d, _id_of(body)) for d, body in self._whole]
        if self._told is not None and (final := self.exchange.final) is not None:
            named = [d for d in deployments if _is(d, final.provider, final.model)]
            found += [(d, self._told) for d in named[:1] if _keeps(d)]
        return [(deployment, made) for deployment, made in found if made]

    def going_on(self) -> Sequence[tuple[Deployment, str]]:
        """What is still being made in the background, though its stream has broken off."""
        background = bytes(self.envelope.fields.get("background", b"false"))
        if not self.memory.by_provider or background != b"true":
            return ()
        unfinished = [(d, b) for d, b in self._bridges if b.finish is None and b.usage is None]
        return [(deployment, bridge.id) for deployment, bridge in unfinished if bridge.id]


class ResponsesEndpoint(Generator):
    """Generates responses, and remembers them."""

    dialogue = OverResponses

    def __init__(self, path: str, client: WireFormat, services: Services, kept: Responses) -> None:
        super().__init__(path, client, services)
        self._kept = kept

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        envelope = open_envelope(body)
        fields = envelope.fields
        key = admission.principal.owner
        if BEFORE not in fields and "store" not in fields:
            return await self._begin(envelope, request, admission, Memory(key, by_provider=True))
        return await self._open_stateful(envelope, request, admission, key)

    def cacheable(self, call: Call) -> bool:
        """See `Endpoint.cacheable`: what is kept somewhere is a new thing each time."""
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        memory = dialogue.memory
        return not memory.by_provider and memory.id is None and memory.continues is None

    async def _begin(
        self, envelope: Envelope, request: Request, admission: Admission, memory: Memory
    ) -> Call:
        call = await self.open(envelope, request, admission)
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        dialogue.memory = memory
        if memory.id is not None:
            dialogue.translate = _Renamed
        return call

    async def _open_stateful(
        self, envelope: Envelope, request: Request, admission: Admission, key: str
    ) -> Call:
        """Begin what continues something, or is to be kept, or is not to be."""
        before, store = envelope.get(BEFORE), envelope.get("store")
        wants = store is not None and read_bool(store, "store")
        prior = None if before is None else await self._prior(key, read_text(before, BEFORE))
        settings = admission.snapshot.config.server
        changes: dict[str, bytes | None] = {}
        items: list[Any] = []
        findings: Sequence[Finding] = ()
        if wants or (prior is not None and prior.body is not None):
            items = read_items(envelope.get("input"))
        if prior is not None and prior.body is not None:
            before_it, inward = prior.input or "[]", admission.snapshot.inward
            kept = [*decode(before_it.encode()), *_output(prior.body)]
            size_bytes = len(before_it) + len(prior.body)
            kept, findings = await aside(size_bytes, lambda: _inspect(kept, inward))
            items = [*kept, *items]
            changes = {BEFORE: None, "input": encode(items)}
        memory = Memory(key, by_provider=store is None or wants)
        by_us = wants and settings.store_responses and (prior is None or prior.body is not None)
        if by_us:
            changes["store"] = None  # providers that keep responses do so unless told otherwise
            memory = Memory(key, True, new_id("resp"), items, settings.store_responses_ttl, before)
        if changes:
            envelope = open_envelope(envelope.rewritten(changes))
        call = await self._begin(envelope, request, admission, memory)
        note(call.exchange, findings)
        if prior is not None and prior.body is None:
            call.deployments = _makers(prior, call.deployments)
        elif wants and not by_us and not any(map(_keeps, call.deployments)):
            raise InvalidRequest(
                f"store: {call.exchange.asked[:200]} has nobody who keeps responses",
                param="store",
                hint="leave it out, or set `store_responses = true` under [server]",
            )
        return call

    async def _prior(self, key: str, response_id: str) -> StoredResponse:
        prior = await find(self._kept, key, response_id)
        if prior is None:
            error = InvalidRequest(
                f"previous_response_id: there is no response '{response_id[:100]}'",
                param=BEFORE,
                hint="it was not kept, or not for long enough: send the whole history instead",
            )
            error.code = "previous_response_not_found"
            raise error
        return prior

    def begun(self, call: Call) -> None:
        """See `Generator.begun`: from now on the client may continue it."""
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        if dialogue.memory.by_provider:
            for deployment, made in dialogue.made(call.deployments):
                self._note(call, deployment, made, owed=made in dialogue.owed)

    def conclude(self, call: Call, reply: Reply, status: int | None = None) -> None:
        """See `Endpoint.conclude`: what goes on without a listener is paid for when it is known."""
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        going_on = () if call.concluded else dialogue.going_on()
        for deployment, made in going_on:
            self._note(call, deployment, made, owed=True)
        final = call.exchange.final
        if going_on and final is not None and final.outcome != "ok":
            settle(call, None)
        super().conclude(call, reply, status)

    def _note(self, call: Call, deployment: Deployment, made: str, *, owed: bool) -> None:
        """Remember what a provider keeps."""
        now = call.around.wall()
        row = _row(made, call, deployment, now + PROVIDER_TTL_S)
        self._kept.add(replace(row, owed=True, due_at=due_after(row, now)) if owed else row)

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`."""
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        if dialogue.memory.id is not None:
            reply = cast("Reply", KeepingReply(reply, lambda body: self._keep(call, body)))
        await super().answer(call, reply)

    def _keep(self, call: Call, body: bytes) -> None:
        """Keep a whole response, unless its provider does."""
        dialogue = call.dialogue
        assert isinstance(dialogue, OverResponses)
        memory, final = dialogue.memory, call.exchange.final
        if _id_of(body) != memory.id or final is None or memory.id is None:
            return
        named = (d for d in call.deployments if _is(d, final.provider, final.model))
        if (deployment := next(named, None)) is None:
            return
        row = _row(memory.id, call, deployment, call.around.wall() + memory.ttl_s)
        said = encode_text(list(memory.items))
        self._kept.add(replace(row, body=body.decode("utf-8", "replace"), input=said))


class _Named(Struct):
    """A response, as far as its id."""

    id: Any = None


async def find(kept: Responses, key: str, response_id: str) -> StoredResponse | None:
    """Find a response of a key's. Raises: StoreDown."""
    try:
        return await kept.fetch(key, response_id)
    except StoreError as error:
        raise StoreDown(f"what is remembered cannot be read: {error}") from error


def read_items(value: Any) -> list[Any]:
    """Read an input as a list of items."""
    if value is None:
        return []
    if isinstance(value, str):
        content = [{"type": "input_text", "text": value}]
        return [{"type": "message", "role": "user", "content": content}]
    if not isinstance(value, list):
        raise InvalidRequest("input: expected a string or a list", param="input")
    return value


def _inspect(items: list[Any], rails: Rails | None) -> tuple[list[Any], Sequence[Finding]]:
    """Look at what is sent again as at what is sent: answers need not have passed these guardrails.

    Raises: GuardrailBlocked, InvalidRequest for what is too deep to be looked at.
    """
    if rails is None:
        return items, ()
    try:
        inspected = rails.inspect({"input": items})
    except RecursionError:
        raise InvalidRequest(
            "what was said before is nested too deep for guardrails to look at", param="input"
        ) from None
    if inspected.blocked is not None:
        raise inspected.blocked.error
    return inspected.changed.get("input", items), inspected.findings


def _makers(prior: StoredResponse, deployments: tuple[Deployment, ...]) -> tuple[Deployment, ...]:
    """Find the deployments at which a response can be continued. Raises: InvalidRequest."""
    makers = tuple(d for d in deployments if made_by(d, prior))
    if not makers:
        raise InvalidRequest(
            f"previous_response_id: '{prior.id[:100]}' is kept by {prior.provider}, which this"
            " model does not lead to",
            param=BEFORE,
            hint=f"ask {prior.provider}/{prior.model}, or send the whole history instead",
        )
    return makers


def made_by(deployment: Deployment, made: StoredResponse) -> bool:
    """Whether a deployment keeps a response: the same provider, and the same of several keys."""
    return _maker(deployment) == (made.provider, made.own, made.credential)


def _maker(deployment: Deployment) -> tuple[str, bool, int | None]:
    """Say who keeps what a deployment makes; an organisation's provider may have any name."""
    provider = deployment.provider
    return provider.name, provider.organisation_id is not None, deployment.credential


def _keeps(deployment: Deployment) -> bool:
    return deployment.provider.api == FORMAT.name


def _is(deployment: Deployment, provider: str, model: str) -> bool:
    return (deployment.provider.name, deployment.model) == (provider, model)


def _row(made: str, call: Call, deployment: Deployment, expires_at: float) -> StoredResponse:
    assert isinstance(call.dialogue, OverResponses)
    provider, own, credential = _maker(deployment)
    return StoredResponse(
        id=made,
        key=call.dialogue.memory.key,
        provider=provider,
        model=deployment.model,
        credential=credential,
        expires_at=expires_at,
        organisation_id=call.exchange.organisation_id,
        own=own,
    )


def _is_unfinished(whole: Whole) -> bool:
    """Whether an answer only says that there will be one: it is made in the background."""
    return whole.completion is not None and whole.completion.raw_finish_reason in NOT_YET


def _id_of(body: bytes) -> str | None:
    try:
        found = msgspec.json.decode(body, type=_Named).id
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _output(body: str) -> list[Any]:
    output = decode(body.encode()).get("output")
    return output if isinstance(output, list) else []
