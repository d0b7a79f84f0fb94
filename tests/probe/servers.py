"""Model servers as scripts: what they answer, path by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.upstream.answers import chat, chat_stream, empty, error, html, models, tool_calls
from tests.upstream.fault import Request
from tests.upstream.script import Answer, Script

Paths = Mapping[str, Answer]


def serving(paths: Paths, otherwise: Answer | None = None) -> Callable[[Request], Script]:
    """Answer by path; what is not listed is a 404 in JSON."""
    nobody = otherwise or error(404, message="no such path")
    return lambda request: paths.get(request.path, nobody)


def provider(
    *ids: str,
    prefix: str = "/v1",
    key: str | None = None,
    open_list: bool = False,
    page: bool = False,
    **faults: Script,
) -> Callable[[Request], Script]:
    """A whole provider at `prefix`, which answers all that is asked of it.

    `key`: what it wants as a bearer. `open_list`: but not for its list of models. `page`: elsewhere
    it shows a web page, with status 200. `faults` are answers to single questions: `models`,
    `chat`, `stream`, `tools`, `schema`, `images`.
    """

    def serve(request: Request) -> Script:
        listing = request.path == f"{prefix}/models" and request.method == "GET"
        asking = request.path == f"{prefix}/chat/completions" and request.method == "POST"
        if not listing and not asking:
            return html() if page else empty(404)
        wanted = key is not None and not (listing and open_list)
        if wanted and request.header("authorization") != f"Bearer {key}":
            return error(401, message="Incorrect API key provided", code="invalid_api_key")
        if listing:
            return faults.get("models", models(*ids))
        body = request.json()
        if "messages" not in body:
            return error(400, message="messages is missing")
        kind = kind_of(body)
        return faults.get(kind) or _answer(kind, body["model"])

    return serve


def kind_of(body: Mapping[str, Any]) -> str:
    """Tell which of the ladder's questions a request is."""
    if "tools" in body:
        return "tools"
    if "response_format" in body:
        return "schema"
    if "image_url" in str(body["messages"]):
        return "images"
    return "stream" if body.get("stream") else "chat"


def _answer(kind: str, model: str) -> Answer:
    if kind == "stream":
        return chat_stream(["O", "K"], model=model)
    if kind == "tools":
        return tool_calls(("get_time", {"city": "Paris"}), model=model)
    return chat('{"ok": true}' if kind == "schema" else "OK", model=model)
