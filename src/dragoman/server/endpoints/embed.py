"""Embeddings, relayed: the one shape that servers have for them is the clients' shape, too.

Source: https://platform.openai.com/docs/api-reference/embeddings (read 2026-11)
"""

from __future__ import annotations

import time
from typing import Any

import msgspec
from msgspec.structs import replace

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Letter, Neighbour, Whole
from dragoman.engine.drive import arun
from dragoman.engine.embedding import Embedding
from dragoman.engine.estimate import estimate_text
from dragoman.engine.flow import complete
from dragoman.errors import Unsupported
from dragoman.server.admission.snapshot import Admission
from dragoman.server.endpoints.beside import begin_beside
from dragoman.server.endpoints.endpoint import Endpoint
from dragoman.server.endpoints.headers import describe
from dragoman.server.http.aside import aside
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.types.lazy import lazy
from dragoman.types.route import Deployment
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.embeddings import PATH, pack_vector, parse_embeddings, render_embeddings
from dragoman.wire.envelope import Envelope, open_envelope
from dragoman.wire.extra import add_fields
from dragoman.wire.fields import expect, read_count, read_text, refuse
from dragoman.wire.json_text import decode, encode

INPUTS_LIMIT = 100_000
"""So many texts may be sent at once, or tokens: far more than providers take. Millions of them fit
into a large body, and would keep everybody else of a worker waiting for seconds."""
_ENCODINGS = ("float", "base64")
_each = msgspec.json.Decoder(list[msgspec.Raw]).decode


class EmbeddingRelay(Embedding):
    """The dialogue of a request for vectors over HTTP: bytes are handed on in both directions.

    Vectors come in the encoding that the client asked for, whatever the server knows of it.
    Raises: InvalidRequest that names the field.
    """

    neighbour: Neighbour | None = Neighbour(PATH, countable=True)

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        _check_count(envelope)
        self._inputs = _read_input(envelope.get("input"))
        encoding = envelope.get("encoding_format")
        if encoding is not None and read_text(encoding, "encoding_format") not in _ENCODINGS:
            refuse("encoding_format", "expected 'float' or 'base64'")
        if (dimensions := envelope.get("dimensions")) is not None:
            read_count(dimensions, "dimensions")
        self._kind: type = str if encoding == "base64" else list

    @lazy
    def estimate(self) -> int:
        """See `Dialogue.estimate`: tokens that are sent as such are counted."""
        return sum(_size(item) for item in self._inputs)

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`."""
        deployment = letter.deployment
        if upstream.embeddings is not None:
            dimensions = self._envelope.get("dimensions")
            body = upstream.embeddings.render_embeddings(self._as_texts(deployment), dimensions)
            return Rendered(add_fields(body, letter.body) if letter.body else body)
        body = self._envelope.relayed(deployment.model, deployment.provider.dialect)
        return Rendered(add_fields(body, letter.body) if letter.body else body)

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`: the upstream's bytes, unless its vectors are encoded otherwise."""
        if upstream.embeddings is not None:
            found = upstream.embeddings.parse_embeddings(body)
            told = render_embeddings(found, self._envelope.model or "", packed=self._kind is str)
            return Whole(told, "stop", found.usage, found.model)
        found = parse_embeddings(body, len(self._inputs), deployment.provider.dialect)
        usage = found.usage
        if usage is not None and usage.prompt_tokens is None:
            usage = replace(usage, prompt_tokens=usage.total_tokens)
        value = decode(body)
        rows = value["data"]
        if not all(isinstance(row["embedding"], self._kind) for row in rows):
            order = sorted(range(len(rows)), key=lambda at: _index(rows[at], at))
            for vector, at in zip(found.vectors, order, strict=True):
                rows[at]["embedding"] = pack_vector(vector) if self._kind is str else vector
            body = encode(value)
        return Whole(body, "stop", usage, found.model)

    def _as_texts(self, deployment: Deployment) -> list[str]:
        """List the texts. Raises: Unsupported for tokens, which only their own model knows."""
        if not all(isinstance(item, str) for item in self._inputs):
            raise Unsupported(
                f"{deployment.ref} takes texts, not tokens", hint="send the texts themselves"
            )
        return self._inputs


class EmbeddingEndpoint(Endpoint):
    """Answers requests for vectors."""

    async def begin(self, body: bytes, request: Request, admission: Admission) -> Call:
        """See `Endpoint.begin`."""
        envelope = open_envelope(body)
        dialogue = await aside(len(body), lambda: EmbeddingRelay(envelope))
        options = self.options(request)
        return begin_beside(admission, dialogue, envelope.model, options, heard=request.headers)

    async def answer(self, call: Call, reply: Reply) -> None:
        """See `Endpoint.answer`."""
        whole = await arun(complete(call), self.services.transport)
        headers = {**JSON_HEADERS, **describe(call.exchange, time.time())}
        self.conclude(call, reply, 200)
        await reply.send(200, headers, whole.out)


def _check_count(envelope: Envelope) -> None:
    """See that there are not too many inputs, before they are read. Raises: InvalidRequest."""
    raw = bytes(envelope.fields.get("input", b""))
    if raw.count(b",") < INPUTS_LIMIT:
        return
    try:
        count = len(_each(raw))
    except (ValueError, RecursionError):
        return
    if count > INPUTS_LIMIT:
        refuse("input", f"has more than {INPUTS_LIMIT} items")


def _read_input(value: Any) -> list[Any]:
    """Read one text, several, the tokens of one, or of several: as a list of them."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        expect(value, "input", "a string or a list")
    if not value:
        refuse("input", "is empty")
    if all(type(item) is int for item in value):
        return [value]
    kind = str if isinstance(value[0], str) else list
    for index, item in enumerate(value):
        path = f"input[{index}]"
        if not isinstance(item, kind):
            expect(item, path, "a string" if kind is str else "a list of tokens")
        if kind is list and not (item and all(type(token) is int for token in item)):
            refuse(path, "expected a list of tokens, which are whole numbers")
    return value


def _size(item: Any) -> int:
    return estimate_text(item) if isinstance(item, str) else len(item)


def _index(row: dict[str, Any], place: int) -> int:
    index = row.get("index")
    return index if isinstance(index, int) else place
