"""The adapter `bedrock`: Converse and ConverseStream, signed or with a key.

[providers.bedrock]
options = { region = "eu-central-1" }        # else AWS_REGION, AWS_DEFAULT_REGION
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from dragoman.adapters.adapter import Adapter, AuthFlow, Body
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import EMBEDDINGS, Ask
from dragoman.adapters.bedrock.access import (
    NO_REGION,
    SERVICE,
    base_url,
    find_credentials,
    find_region,
    find_skew,
    models_url,
)
from dragoman.adapters.bedrock.answer import read_frame, read_response
from dragoman.adapters.bedrock.embedding import read_vectors, render_texts
from dragoman.adapters.bedrock.errors import frame_error, read_error
from dragoman.adapters.bedrock.models import read_models
from dragoman.adapters.bedrock.request import render_request
from dragoman.adapters.frames import Framing, Piece
from dragoman.adapters.sigv4 import Scope, sign
from dragoman.endpoint import encode_segment
from dragoman.errors import DragomanError
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer, HttpRequest


class Bedrock(Adapter):
    """See the package. Options: `region`, `access_key_id`, `secret_access_key`,
    `session_token`, `family` (what an ARN's model is: `anthropic.claude-sonnet-4-5`)."""

    name = "bedrock"
    framing: ClassVar[Framing] = "event-stream"
    provider: ClassVar[Mapping[str, Any]] = {
        "base_url": f"https://{NO_REGION}",
        "api_key_env": "AWS_BEARER_TOKEN_BEDROCK",
        "api_key_optional": True,
    }

    def __init__(self) -> None:
        self._skew_s = 0.0

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """See `Adapter.validate_environment`."""
        accepted = "application/vnd.amazon.eventstream" if ask.stream else "application/json"
        headers = {"content-type": "application/json", "accept": accepted}
        if ask.api_key:
            headers["authorization"] = f"Bearer {ask.api_key}"
        return headers

    def get_complete_url(self, ask: Ask) -> str:
        """See `Adapter.get_complete_url`."""
        verb = "converse-stream" if ask.stream else "converse"
        if ask.endpoint == EMBEDDINGS:
            verb = "invoke"
        return f"{base_url(ask)}/model/{encode_segment(ask.model)}/{verb}"

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """See `Adapter.auth_flow`: a clock that is off is made up for, once."""
        if ask.api_key:
            yield request
            return
        credentials, region = find_credentials(ask), find_region(ask)
        now = ask.clock()
        answer = yield sign(request, credentials, Scope(now + self._skew_s, region, SERVICE))
        skew = find_skew(answer, now)
        if abs(skew - self._skew_s) > 1 and skew:
            self._skew_s = skew
            yield sign(request, credentials, Scope(ask.clock() + skew, region, SERVICE))

    def transform_request(self, ask: Ask) -> Body:
        """See `Adapter.transform_request`."""
        return render_request(ask)

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """See `Adapter.transform_response`."""
        del ask
        read_response(answer, out)

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """See `Adapter.transform_stream`."""
        if frame.event == "exception":
            out.fail(frame_error(frame))
        else:
            read_frame(frame, out, ask)

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """See `Adapter.get_error`."""
        del ask
        return read_error(answer)

    def get_models_url(self, ask: Ask) -> str:
        """See `Adapter.get_models_url`: the host beside the one that answers."""
        return models_url(ask)

    def transform_models(self, answer: Piece, ask: Ask) -> Iterable[str]:
        """See `Adapter.transform_models`."""
        del ask
        return read_models(answer)

    def transform_embedding_request(self, ask: Ask) -> Body:
        """See `Adapter.transform_embedding_request`."""
        return render_texts(ask)

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """See `Adapter.transform_embedding_response`."""
        del ask
        return read_vectors(answer)
