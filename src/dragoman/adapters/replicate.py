"""Replicate: not a chat but predictions, jobs that are made, waited for, and read.

    POST …/models/OWNER/NAME/predictions     a model of theirs, `OWNER/NAME`
    POST …/predictions                       a version of anybody's, `OWNER/NAME:VERSION`
    POST …/deployments/OWNER/NAME/predictions   `deployments/OWNER/NAME`

What a model takes is its own: `prompt`, `system_prompt`, `max_tokens` and so on are what most
language models call it; the provider's `dialect.rename` and `dialect.drop` say what others do, and
`body = { input = … }` what they want besides. A whole answer is waited for, by `Prefer: wait` and
then by asking again; a stream is at a URL of its own, and reports no tokens.

Source: https://replicate.com/docs/reference/http, https://replicate.com/docs/topics/predictions,
https://replicate.com/docs/topics/predictions/streaming (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from dragoman.adapters.adapter import Adapter, Body, Follow
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import CHAT, Ask, flat_text, instructions, turns
from dragoman.adapters.following import follow_request
from dragoman.adapters.frames import Piece
from dragoman.adapters.own_fields import add_own_fields
from dragoman.endpoint import encode_segment
from dragoman.errors import InvalidRequest, ProtocolError, ServerError, Unsupported, UpstreamError
from dragoman.types.message import Media, Message
from dragoman.types.request import ChatRequest
from dragoman.wire.classification import classify
from dragoman.wire.data_url import make_data_url
from dragoman.wire.error_body import ErrorDetails, bounded, one_line, read_details
from dragoman.wire.extra import fit_dialect
from dragoman.wire.json_text import encode_text

OWN_FIELDS = frozenset({"input", "version", "webhook", "webhook_events_filter"})

_PENDING = ("starting", "processing", "queued")
_INPUTS = (
    "max_tokens", "temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty",
)  # fmt: skip
_VERSION = re.compile(r"[0-9a-f]{64}")


class Replicate(Adapter):
    """Replicate's predictions. Option: `poll_s`, how often a job is asked after (0.5)."""

    name: ClassVar[str] = "replicate"

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Say the key; ask to be kept waiting for a whole answer: that saves asking again."""
        headers = dict(super().validate_environment(ask))
        if not ask.stream:
            headers["prefer"] = "wait"
        return headers

    def get_complete_url(self, ask: Ask) -> str:
        """Say where predictions of this model are made. Raises: InvalidRequest, Unsupported."""
        if ask.endpoint != CHAT:
            raise Unsupported(f"{ask.provider.name} has no {ask.endpoint}: it makes predictions")
        base = ask.base_url.rstrip("/")
        if _version(ask.model):
            return f"{base}/predictions"
        *kind, owner, name = ask.model.split("/") if "/" in ask.model else ("", "", "")
        if kind not in ([], ["deployments"]) or not (owner and name):
            raise InvalidRequest(
                f"{ask.model!r} is no model of {ask.provider.name}",
                param="model",
                hint="OWNER/NAME, OWNER/NAME:VERSION or deployments/OWNER/NAME",
            )
        place = "deployments" if kind else "models"
        return f"{base}/{place}/{encode_segment(owner)}/{encode_segment(name)}/predictions"

    def transform_request(self, ask: Ask) -> Body:
        """Say the input. Raises: Unsupported."""
        request = ask.request
        inputs: dict[str, Any] = {"prompt": _prompt(turns(request), ask)}
        if system := instructions(request):
            inputs["system_prompt"] = system
        for name in _INPUTS:
            value = getattr(request, name)
            if value is not None:
                inputs[name] = value
        if request.stop:
            inputs["stop_sequences"] = ",".join(request.stop)
        if image := _image(request):
            inputs["image"] = image
        fit_dialect(ask.provider.dialect, inputs, ask.warn)
        body: dict[str, Any] = {"input": inputs}
        if version := _version(ask.model):
            body["version"] = version
        add_own_fields(ask, body, OWN_FIELDS)
        return body

    def follow_up(self, answer: Piece, ask: Ask) -> Follow | None:
        """Go to the stream, or ask again after a while. Raises: ProtocolError."""
        prediction = answer.object()
        if prediction.get("status") not in _PENDING:
            return None
        urls = prediction.get("urls")
        urls = urls if isinstance(urls, dict) else {}
        if ask.stream and urls.get("stream"):
            wanted = {"accept": "text/event-stream", "cache-control": "no-store"}
            return Follow(follow_request(urls["stream"], self, ask, wanted), stream=True)
        return Follow(follow_request(urls.get("get"), self, ask), _pause(ask))

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Read a prediction that is over. Raises: DragomanError."""
        del ask
        prediction = answer.object()
        status = prediction.get("status")
        if status != "succeeded":
            raise _failure(status, prediction.get("error"), answer.data)
        name = prediction.get("id")
        out.start(id=name if isinstance(name, str) else None)
        out.text(_output(prediction.get("output"), answer.data))
        metrics = prediction.get("metrics")
        if isinstance(metrics, dict):
            prompt, completion = metrics.get("input_token_count"), metrics.get("output_token_count")
            if prompt is not None or completion is not None:
                out.usage(prompt=prompt, completion=completion)
            out.meta({self.name: {"metrics": metrics}})
        out.finish("stop", raw="succeeded")

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read an event: `output` is text as it is. Raises: UpstreamError."""
        del ask
        if frame.event == "output":
            out.text(frame.text)
        elif frame.event == "error":
            details = read_details(frame.data)
            raise classify(None, details, {}, frame.data)
        elif frame.event == "done":
            reason = None
            if frame.data.lstrip().startswith(b"{"):
                reason = frame.get("reason")
            if reason in ("canceled", "error"):
                raise _failure(reason, None, frame.data)
            out.finish("stop", raw="done")


def _version(model: str) -> str | None:
    """Find the version that a model's name holds, or is."""
    version = model.rpartition(":")[2]
    return version if ":" in model or _VERSION.fullmatch(model) else None


def _prompt(messages: list[Message], ask: Ask) -> str:
    """Tell a conversation as one text: a single turn as it is, several with who says them."""

    def lost(sentence: str) -> None:
        if not sentence.startswith("image"):
            ask.warn(sentence)

    if len(messages) == 1:
        return flat_text(messages[0], lost)
    told = [f"{message.role.capitalize()}: {flat_text(message, lost)}" for message in messages]
    return "\n\n".join([*told, "Assistant:"])


def _image(request: ChatRequest) -> str | None:
    """Find the picture of the request. Raises: Unsupported for several."""
    parts = [part for message in request.messages for part in message.parts]
    images = [part for part in parts if isinstance(part, Media) and part.kind == "image"]
    if len(images) > 1:
        raise Unsupported("a prediction takes one picture", param="messages")
    if not images:
        return None
    (image,) = images
    if image.data is not None:
        return make_data_url(image.media_type or "image/png", image.data)
    return image.url


def _output(output: Any, raw: bytes) -> str:
    """Tell a prediction's output as text: pieces are joined, an object is told as JSON."""
    if output is None or isinstance(output, str):
        return output or ""
    if isinstance(output, list) and all(isinstance(piece, str) for piece in output):
        return "".join(output)
    if isinstance(output, list | dict | int | float) and not isinstance(output, bool):
        return encode_text(output)
    raise ProtocolError("the prediction's output is no text", raw=bounded(raw))


def _failure(status: Any, said: Any, raw: bytes) -> UpstreamError:
    """Make the error for a prediction that has come to nothing."""
    if isinstance(said, str) and said.strip():
        return classify(None, ErrorDetails(one_line(said)), {}, raw)
    word = status if isinstance(status, str) else "in no state that is known"
    return ServerError(f"the prediction is {one_line(word)}", raw=bounded(raw))


def _pause(ask: Ask) -> float:
    try:
        return max(0.05, float(ask.option("poll_s", default="0.5") or 0.5))
    except ValueError:
        return 0.5
