"""Responses that were made before: shown, deleted, cancelled, and what led to them.

Those that a provider keeps are asked for there; those that we keep are ours to show. A response of
another key's is one that there is not.

Law: one that was made in the background is paid for when it is first seen finished, and once.
Unless that can be noted in a moment, it stays owed.

Source: https://platform.openai.com/docs/api-reference/responses (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn
from urllib.parse import parse_qs, quote

from dragoman.engine.call import Call, CallOptions
from dragoman.engine.dialogue import Letter, Neighbour
from dragoman.engine.settling import settle
from dragoman.errors import InvalidRequest, NotFound, RequestError, Unsupported
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.beside import Passing, begin_beside, hand_on
from dragoman.server.endpoints.endpoint import Endpoint, Services
from dragoman.server.endpoints.responses import find, made_by
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.store.responses import Responses, StoredResponse
from dragoman.types.http import Headers
from dragoman.types.provider import Dialect
from dragoman.types.route import Deployment
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge
from dragoman.wire.fields import refuse
from dragoman.wire.ids import hashed_id
from dragoman.wire.json_text import decode, encode

PATH = "/responses/{id}"

PAGE = 20
PAGE_LIMIT = 100


class NoSuchResponse(RequestError):
    """There is no such response, or it is another key's."""

    status = 404
    code = "response_not_found"


class _Nothing:
    """What is sent where the path says all. See `beside.Sent`."""

    body = b""
    stream = False

    def __init__(self, model: str) -> None:
        self.model = model

    def relayed(self, model: str, dialect: Dialect, *, ask_usage: bool = False) -> bytes:
        """See `beside.Sent.relayed`."""
        del model, dialect, ask_usage
        return b""


class Asking(Passing):
    """The dialogue about a response: what it used was counted before, unless it is owed."""

    metered = False
    owed: StoredResponse | None = None

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`: nothing is added, for there is nothing to add it to."""
        del upstream, letter
        return Rendered(b"")

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`."""
        bridge = super().bridge(upstream, deployment, headers)
        self.passage.settling = self.owed is not None
        return bridge


class StoredResponses(Endpoint):
    """Answers for one method and one tail of the path (`/cancel`, say)."""

    has_body = False

    def __init__(
        self, method: str, tail: str, client: WireFormat, services: Services, kept: Responses
    ) -> None:
        super().__init__(PATH + tail, client, services)
        self._method = method
        self._tail = tail
        self._kept = kept

    async def __call__(self, request: Request, reply: Reply, admission: Admission) -> None:
        """Answer from what we keep, or have the provider answer."""
        made = await self._find(request, admission)
        if made.body is None:
            return await super().__call__(request, reply, admission)
        answer = _ANSWERS[self._method, self._tail](made, request.query)
        if (rails := admission.snapshot.outward) is not None:
            screen = rails.screen()
            answer = screen.answer(answer)
            if screen.blocked is not None:
                raise screen.blocked.error
        if self._method == "DELETE":
            self._kept.remove(made.key, made.id)
        return await reply.send(200, JSON_HEADERS, encode(answer))

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        del body
        made = await self._find(request, admission)
        await self.prepare(made, admission)
        rails = admission.snapshot.outward
        if rails is not None and parse_qs(request.query).get("stream", ["false"]) != ["false"]:
            raise Unsupported(
                "stream: guardrails look at responses that were made before as a whole",
                param="stream",
                hint="leave it out",
            )
        call = self.open(made, admission, self.options(request), request.query)
        if not call.deployments:
            raise _missing(made.id)
        assert isinstance(call.dialogue, Asking)
        call.dialogue.rails = rails
        return call

    async def prepare(self, made: StoredResponse, admission: Admission) -> None:
        """Do what has to be done before a response is asked for. Raises: DragomanError."""

    def open(
        self, made: StoredResponse, admission: Admission, options: CallOptions, query: str = ""
    ) -> Call:
        """Begin an exchange with who made a response; nobody is left where that is not here.

        Raises: UnknownModel, ConfigError, Unsupported.
        """
        tail = f"/{quote(made.id, safe='')}{self._tail}"
        if query:
            tail += f"?{query}"
        settles = made.owed and (self._method, self._tail) in _SETTLING
        neighbour = Neighbour("/responses", tail, self._method, free=True, settles=settles)
        ref = f"{made.provider}/{made.model}"
        dialogue = Asking(_Nothing(ref), neighbour, self.client)
        dialogue.owed = made if settles else None
        call = begin_beside(admission, dialogue, ref, options)
        call.deployments = tuple(d for d in call.deployments if made_by(d, made))
        return call

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`. Raises: NoSuchResponse where its provider has it no more."""
        assert isinstance(call.dialogue, Asking)
        neighbour = call.dialogue.neighbour
        assert neighbour is not None, "a response is asked for by its path"
        try:
            await hand_on(
                self, call, call.dialogue, reply, partial(self._settle, call, call.dialogue)
            )
        except NotFound:
            raise _missing(neighbour.tail.split("/")[1].partition("?")[0]) from None

    async def _settle(self, call: Call, dialogue: Asking) -> None:
        """Charge for what turns out to be finished, if it is still owed."""
        made, due = dialogue.owed, dialogue.passage.due
        if made is None or due is None:
            return
        dialogue.owed = None
        if await self._kept.settle(made):
            settle(call, due)

    def cacheable(self, call: Call) -> bool:
        """See `Endpoint.cacheable`: what is kept is looked at as it is now."""
        del call
        return False

    async def _find(self, request: Request, admission: Admission) -> StoredResponse:
        response_id = request.path.removeprefix("/v1").split("/")[2]
        made = await find(self._kept, admission.principal.owner, response_id)
        if made is None:
            raise _missing(response_id)
        return made


def _missing(response_id: str) -> NoSuchResponse:
    return NoSuchResponse(
        f"there is no response '{response_id[:100]}'",
        hint="it was not kept, or not for long enough",
    )


# ------------------------------------------------------------------------------------- our own


def _show(made: StoredResponse, query: str) -> Mapping[str, Any]:
    if parse_qs(query).get("stream") == ["true"]:
        raise Unsupported("stream: a response that is kept here is whole", param="stream")
    shown: Mapping[str, Any] = decode((made.body or "").encode())
    return shown


def _delete(made: StoredResponse, query: str) -> Mapping[str, Any]:
    del query
    return {"id": made.id, "object": "response", "deleted": True}


def _cancel(made: StoredResponse, query: str) -> NoReturn:
    del query
    raise InvalidRequest(f"'{made.id}' is whole: only what is made in the background is cancelled")


def _list(made: StoredResponse, query: str) -> Mapping[str, Any]:
    """List the items that led to a response; the latest first, unless asked otherwise."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    items = [
        _item(item, made.id, at) for at, item in enumerate(decode((made.input or "").encode()))
    ]
    order = asked.get("order", "desc")
    if order not in ("asc", "desc"):
        refuse("order", "expected 'asc' or 'desc'")
    if order == "desc":
        items.reverse()
    limit = asked.get("limit", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= PAGE_LIMIT):
        refuse("limit", f"expected a whole number from 1 to {PAGE_LIMIT}")
    if (after := asked.get("after")) is not None:
        ids = [item["id"] for item in items]
        if after not in ids:
            refuse("after", "there is no such item")
        items = items[ids.index(after) + 1 :]
    page = items[: int(limit)]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(page) < len(items),
    }


def _item(given: Any, response_id: str, at: int) -> Mapping[str, Any]:
    """Write an item in full: its id, its type, and its content as parts."""
    item: dict[str, Any] = dict(given)
    item.setdefault("type", "message")
    item.setdefault("id", hashed_id(f"{response_id}:{at}", "item_"))
    if item["type"] == "message" and isinstance(item.get("content"), str):
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        item["content"] = [{"type": kind, "text": item["content"]}]
    return item


_ANSWERS = {
    ("GET", ""): _show,
    ("DELETE", ""): _delete,
    ("POST", "/cancel"): _cancel,
    ("GET", "/input_items"): _list,
}

_SETTLING = (("GET", ""), ("POST", "/cancel"))
"""What is answered with the response itself."""

OPERATIONS = tuple(_ANSWERS)
"""Each method, and the tail of the path that it is for."""
