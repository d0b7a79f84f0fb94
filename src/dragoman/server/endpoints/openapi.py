"""The data plane as an OpenAPI document: kept by hand as data, written from it.

What the three languages say in detail is their vendors' to tell; here stands what is served, how it
is asked, what must be in it, and how it fails.

Source: https://spec.openapis.org/oas/v3.1.1 (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from dragoman import __version__
from dragoman.server.admission.snapshot import Admission
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.wire.json_text import encode

PATH = "/openapi.json"

_JSON, _FORM, _EVENTS = "application/json", "multipart/form-data", "text/event-stream"
_OPENAI = "https://platform.openai.com/docs/api-reference/"
_ANTHROPIC = "https://platform.claude.com/docs/en/api/"

Properties = Mapping[str, Mapping[str, Any]]

_TEXT: Mapping[str, Any] = {"type": "string"}
_FLAG: Mapping[str, Any] = {"type": "boolean"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 1}
_LIST: Mapping[str, Any] = {"type": "array", "items": {}}
_FILE: Mapping[str, Any] = {"type": "string", "format": "binary"}
_MODEL: Mapping[str, Any] = {
    "type": "string",
    "description": "`provider/model`, a route, or an alias",
    "examples": ["demo/echo"],
}


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one path. `takes` are the fields of its body, those of `needs` must be there.

    `gives` are the content types of its answer, `query` the parameters behind the path.
    """

    summary: str
    docs: str | None = None
    takes: Properties = {}
    needs: tuple[str, ...] = ()
    kinds: tuple[str, ...] = (_JSON,)
    gives: tuple[str, ...] = (_JSON,)
    query: tuple[str, ...] = ()
    anthropic: bool = False
    is_open: bool = False


_MEDIA = {"model": _MODEL, "prompt": _TEXT}
_SOUND = {"model": _MODEL, "file": _FILE}
_PICTURE = {"model": _MODEL, "image": _FILE, "prompt": _TEXT}

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("POST", "/chat/completions"): Operation(
        summary="Generate, in the language of chat completions",
        docs=_OPENAI + "chat/create",
        takes={"model": _MODEL, "messages": _LIST, "stream": _FLAG},
        needs=("model", "messages"),
        gives=(_JSON, _EVENTS),
    ),
    ("POST", "/responses"): Operation(
        summary="Generate, in the language of OpenAI's Responses",
        docs=_OPENAI + "responses/create",
        takes={
            "model": _MODEL,
            "input": {"oneOf": [_TEXT, _LIST]},
            "stream": _FLAG,
            "store": _FLAG,
            "previous_response_id": _TEXT,
        },
        needs=("model",),
        gives=(_JSON, _EVENTS),
    ),
    ("GET", "/responses/{id}"): Operation(
        summary="Show a response that was kept",
        docs=_OPENAI + "responses/get",
        query=("include", "stream", "starting_after"),
        gives=(_JSON, _EVENTS),
    ),
    ("DELETE", "/responses/{id}"): Operation(
        summary="Delete a response that was kept", docs=_OPENAI + "responses/delete"
    ),
    ("POST", "/responses/{id}/cancel"): Operation(
        summary="Cancel a response that is made in the background",
        docs=_OPENAI + "responses/cancel",
    ),
    ("GET", "/responses/{id}/input_items"): Operation(
        summary="List the items that led to a response",
        docs=_OPENAI + "responses/input-items",
        query=("limit", "order", "after", "include"),
    ),
    ("POST", "/messages"): Operation(
        summary="Generate, in the language of Anthropic's Messages",
        docs=_ANTHROPIC + "messages/create",
        takes={"model": _MODEL, "messages": _LIST, "max_tokens": _COUNT, "stream": _FLAG},
        needs=("model", "messages", "max_tokens"),
        gives=(_JSON, _EVENTS),
        anthropic=True,
    ),
    ("POST", "/messages/count_tokens"): Operation(
        summary="Count the tokens of a prompt; `x-dragoman-estimated: true` marks an estimate",
        docs=_ANTHROPIC + "messages/count_tokens",
        takes={"model": _MODEL, "messages": _LIST},
        needs=("model", "messages"),
        anthropic=True,
    ),
    ("POST", "/embeddings"): Operation(
        summary="Turn texts into vectors",
        docs=_OPENAI + "embeddings/create",
        takes={
            "model": _MODEL,
            "input": {"oneOf": [_TEXT, _LIST]},
            "dimensions": _COUNT,
            "encoding_format": {"enum": ["float", "base64"]},
        },
        needs=("model", "input"),
    ),
    ("POST", "/completions"): Operation(
        summary="Complete a text (legacy)",
        docs=_OPENAI + "completions/create",
        takes={"model": _MODEL, "prompt": {"oneOf": [_TEXT, _LIST]}, "stream": _FLAG},
        needs=("model",),
        gives=(_JSON, _EVENTS),
    ),
    ("GET", "/models"): Operation(
        summary="List the models that can be asked; in Anthropic's shape with `anthropic-version`",
        docs=_OPENAI + "models/list",
        query=("limit", "after_id", "before_id"),
    ),
    ("GET", "/models/{model}"): Operation(
        summary="Show a model; its id may hold slashes", docs=_OPENAI + "models/retrieve"
    ),
    ("POST", "/images/generations"): Operation(
        summary="Make images",
        docs=_OPENAI + "images/create",
        takes=_MEDIA,
        needs=("model", "prompt"),
        gives=(_JSON, _EVENTS),
    ),
    ("POST", "/images/edits"): Operation(
        summary="Edit images",
        docs=_OPENAI + "images/createEdit",
        takes=_PICTURE,
        needs=("model",),
        kinds=(_FORM, _JSON),
        gives=(_JSON, _EVENTS),
    ),
    ("POST", "/images/variations"): Operation(
        summary="Vary an image",
        docs=_OPENAI + "images/createVariation",
        takes=_PICTURE,
        needs=("model",),
        kinds=(_FORM, _JSON),
    ),
    ("POST", "/audio/speech"): Operation(
        summary="Speak a text",
        docs=_OPENAI + "audio/createSpeech",
        takes={"model": _MODEL, "input": _TEXT, "voice": {}},
        needs=("model", "input"),
        gives=("audio/*", "application/octet-stream", _EVENTS),
    ),
    ("POST", "/audio/transcriptions"): Operation(
        summary="Write down what is said",
        docs=_OPENAI + "audio/createTranscription",
        takes=_SOUND,
        needs=("model",),
        kinds=(_FORM, _JSON),
        gives=(_JSON, "text/plain", _EVENTS),
    ),
    ("POST", "/audio/translations"): Operation(
        summary="Write down in English what is said",
        docs=_OPENAI + "audio/createTranslation",
        takes=_SOUND,
        needs=("model",),
        kinds=(_FORM, _JSON),
        gives=(_JSON, "text/plain"),
    ),
    ("POST", "/rerank"): Operation(
        summary="Order documents by how well they answer a query",
        takes={"model": _MODEL, "query": _TEXT, "documents": _LIST},
        needs=("model", "query", "documents"),
    ),
    ("POST", "/moderations"): Operation(
        summary="Say whether a text is harmful",
        docs=_OPENAI + "moderations/create",
        takes={"model": _MODEL, "input": {"oneOf": [_TEXT, _LIST]}},
        needs=("model", "input"),
    ),
    ("GET", "/metrics"): Operation(summary="Measurements, for Prometheus", gives=("text/plain",)),
    ("GET", PATH): Operation(summary="This document"),
    ("GET", "/healthz"): Operation(summary="Whether the process answers", is_open=True),
    ("GET", "/health"): Operation(summary="The same as `/healthz`", is_open=True),
    ("GET", "/readyz"): Operation(summary="Whether requests should be sent here", is_open=True),
}

_BARE = ("/metrics", PATH, "/healthz", "/health", "/readyz")
"""What is no part of a versioned API; everything else is served with and without `/v1`."""

_ERRORS: Mapping[str, Any] = {
    "OpenAIError": {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": _TEXT,
                    "type": _TEXT,
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    },
    "AnthropicError": {
        "type": "object",
        "required": ["type", "error"],
        "properties": {
            "type": {"const": "error"},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {"type": _TEXT, "message": _TEXT},
            },
            "request_id": {"type": ["string", "null"]},
        },
    },
}

_KEYS: Mapping[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "api-key": {"type": "apiKey", "in": "header", "name": "api-key"},
}


class OpenApi:
    """Shows the document of all that is served. `control` describes what is below `/api/v1`."""

    def __init__(self, control: Callable[[], Awaitable[Mapping[str, Any]]] | None = None) -> None:
        self._control = control

    async def __call__(self, request: Request, reply: Reply, admission: Admission) -> None:
        """Show the document."""
        del request, admission
        document = describe_plane(OPERATIONS)
        if self._control is not None:
            document = join_planes(document, await self._control())
        await reply.send(200, JSON_HEADERS, encode(document))


def join_planes(data: Mapping[str, Any], control: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make one document of two. Nothing is in both but what is the same in both."""
    joined = {**data, "paths": {**data["paths"], **control["paths"]}}
    joined["components"] = {
        kind: {**data["components"].get(kind, {}), **control["components"].get(kind, {})}
        for kind in dict.fromkeys([*data["components"], *control["components"]])
    }
    return joined


def describe_plane(served: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
    """Write the document of these methods and paths. Raises: KeyError for one that is not known."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path in served:
        public = path if path in _BARE else f"/v1{path}"
        described = _describe(method, path, OPERATIONS[method, path])
        paths.setdefault(public, {})[method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dragoman gateway",
            "version": __version__,
            "description": "Paths under `/v1` are served without it as well. A key is needed only"
            " where `[[gateway.keys]]` are configured.",
        },
        "paths": paths,
        "components": {"schemas": _ERRORS, "securitySchemes": _KEYS},
        "security": [{}, *({name: []} for name in _KEYS)],
    }


def _describe(method: str, path: str, operation: Operation) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "operationId": f"{method.lower()}{path.replace('/', '_').replace('.', '_')}".translate(
            {ord("{"): None, ord("}"): None}
        ),
        "summary": operation.summary,
        "responses": {"200": _content(operation.gives), "default": _error(operation)},
    }
    if operation.docs is not None:
        described["externalDocs"] = {"url": operation.docs}
    if operation.is_open:
        described["security"] = []
    if parameters := [*_in_path(path), *map(_in_query, operation.query)]:
        described["parameters"] = parameters
    if operation.takes:
        schema = {
            "type": "object",
            "required": list(operation.needs),
            "properties": operation.takes,
            "additionalProperties": True,
        }
        body = {kind: {"schema": schema} for kind in operation.kinds}
        described["requestBody"] = {"required": True, "content": body}
    return described


def _content(kinds: Iterable[str]) -> Mapping[str, Any]:
    return {"description": "The answer", "content": {kind: {} for kind in kinds}}


def _error(operation: Operation) -> Mapping[str, Any]:
    name = "AnthropicError" if operation.anthropic else "OpenAIError"
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {
        "description": "What went wrong; `x-should-retry: false` where asking again is of no use",
        "content": {_JSON: {"schema": schema}},
    }


def _in_path(path: str) -> Iterable[Mapping[str, Any]]:
    for piece in path.split("/"):
        if piece.startswith("{"):
            yield {"name": piece[1:-1], "in": "path", "required": True, "schema": _TEXT}


def _in_query(name: str) -> Mapping[str, Any]:
    return {"name": name, "in": "query", "schema": _TEXT}
