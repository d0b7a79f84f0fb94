"""A made-up provider, and its adapter: an API that is like nobody else's.

POST /talk/MODEL   {"turns": [["user", "hi"]], "length": 8, "live": false}
                   with `x-acme: KEY`
→ {"says": "hello", "cost": [3, 1], "why": "done"}
→ live: one object a line: {"bit": "hel"} {"bit": "lo"} {"why": "done", "cost": [3, 1]}
→ an error: {"oops": "…", "kind": "busy"}
POST /vectors/MODEL {"texts": […]} → {"rows": [[…]]}
GET /shelf → {"on": ["small", …]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from dragoman.adapters import Adapter, Answer, Ask, HttpAnswer, Piece
from dragoman.errors import BadRequest, DragomanError, Overloaded
from dragoman.types.embedding import Embeddings
from tests.upstream.fault import Answer as Sent
from tests.upstream.fault import Request, error

REASONS = {"done": "stop", "full": "length"}


class Acme(Adapter):
    """The adapter."""

    provider: ClassVar[Mapping[str, Any]] = {
        "base_url": "http://acme.invalid",
        "api_key_env": "ACME_KEY",
        "default_model": "small",
    }
    framing = "json-lines"

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        return {"content-type": "application/json", "X-Acme": ask.api_key or ""}

    def get_complete_url(self, ask: Ask) -> str:
        place = "vectors" if ask.endpoint == "embeddings" else "talk"
        return f"{ask.base_url}/{place}/{ask.model}"

    def transform_request(self, ask: Ask) -> Mapping[str, Any]:
        request = ask.request
        body: dict[str, Any] = {
            "turns": [[message.role, message.text] for message in request.messages],
            "live": ask.stream,
        }
        if request.max_tokens:
            body["length"] = request.max_tokens
        return body

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        self._take(answer.object(), out)
        out.text(answer["says"])

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        out.text(frame.get("bit"))
        self._take(frame.object(), out)

    def _take(self, said: Mapping[str, Any], out: Answer) -> None:
        if "cost" in said:
            out.usage(prompt=said["cost"][0], completion=said["cost"][1])
        if "why" in said:
            out.finish(REASONS.get(said["why"], said["why"]), raw=said["why"])

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        said = json.loads(answer.body)
        return (Overloaded if said["kind"] == "busy" else BadRequest)(said["oops"])

    def get_models_url(self, ask: Ask) -> str:
        return f"{ask.base_url}/shelf"

    def transform_models(self, answer: Piece, ask: Ask) -> Iterable[str]:
        return (str(name) for name in answer["on"])

    def transform_embedding_request(self, ask: Ask) -> Mapping[str, Any]:
        return {"texts": list(ask.texts)}

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        return Embeddings(vectors=tuple(map(tuple, answer["rows"])), model=None, usage=None)


def serve(request: Request) -> Sent:
    """Be the provider: answer with what was said last, in capitals."""
    if request.method == "GET":
        return sent({"on": ["small", "large"]}) if request.path == "/shelf" else error(404)
    body = request.json()
    if request.path.startswith("/vectors/"):
        return sent({"rows": [[float(len(text)), 1.0] for text in body["texts"]]})
    said = body["turns"][-1][1].upper()
    if said == "BUSY":
        return sent({"oops": "come back later", "kind": "busy"}, status=503)
    end = {"why": "done", "cost": [len(body["turns"]), 2]}
    if not body["live"]:
        return sent({"says": said, **end})
    half = len(said) // 2
    return sent({"bit": said[:half]}, {"bit": said[half:]}, end)


def sent(*objects: Mapping[str, Any], status: int = 200) -> Sent:
    """Make an answer of these objects, one a line."""
    lines = b"".join(json.dumps(one).encode() + b"\n" for one in objects)
    return Sent(status, (("content-type", "application/json"),), lines)
