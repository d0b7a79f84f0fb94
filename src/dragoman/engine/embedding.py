"""The dialogue of a call for embeddings: the same engine, another endpoint, no stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dragoman.engine.dialogue import Letter, Neighbour, Whole
from dragoman.engine.estimate import estimate_text
from dragoman.errors import Unsupported
from dragoman.types.completion import Completion
from dragoman.types.http import Headers
from dragoman.types.route import Deployment
from dragoman.wire.base import Rendered, WireFormat
from dragoman.wire.bridge import Bridge
from dragoman.wire.embeddings import PATH, parse_embeddings, render_embedding_request
from dragoman.wire.extra import add_fields


class Embedding:
    """Asks for the vectors of texts."""

    neighbour: Neighbour | None = Neighbour(PATH, countable=True)
    has_images = False

    def __init__(
        self, texts: Sequence[str], dimensions: int | None, extra: Mapping[str, Any]
    ) -> None:
        self._texts = texts
        self._dimensions = dimensions
        self._extra = extra

    @property
    def estimate(self) -> int:
        """See `Dialogue.estimate`."""
        return sum(map(estimate_text, self._texts))

    def write(self, upstream: WireFormat, letter: Letter) -> Rendered:
        """See `Dialogue.write`. Raises: Unsupported where the format knows no embeddings."""
        if upstream.embeddings is not None:
            body = upstream.embeddings.render_embeddings(self._texts, self._dimensions)
            more = {**letter.body, **self._extra}
            return Rendered(add_fields(body, more) if more else body)
        if "embeddings" not in upstream.neighbours:
            raise Unsupported(
                f"{letter.deployment.ref} speaks {upstream.name}, which has no embeddings",
                hint="name a model of a provider that speaks openai-completions",
            )
        extra = {**letter.body, **self._extra}
        model = letter.deployment.model
        return Rendered(render_embedding_request(self._texts, model, self._dimensions, extra))

    def bridge(self, upstream: WireFormat, deployment: Deployment, headers: Headers) -> Bridge:
        """See `Dialogue.bridge`. Raises: Unsupported: embeddings come in one piece."""
        del upstream, deployment, headers
        raise Unsupported("embeddings cannot be streamed")

    def read(self, upstream: WireFormat, body: bytes, deployment: Deployment) -> Whole:
        """See `Dialogue.read`: `Embeddings`."""
        found = (
            upstream.embeddings.parse_embeddings(body)
            if upstream.embeddings is not None
            else parse_embeddings(body, len(self._texts), deployment.provider.dialect)
        )
        return Whole(found, "stop", found.usage, found.model)

    def tell(self, completion: Completion) -> Whole:
        """See `Dialogue.tell`. Raises: Unsupported: there are no events to put together."""
        del completion
        raise Unsupported("embeddings cannot be streamed")
