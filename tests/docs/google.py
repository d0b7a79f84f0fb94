"""Gemini's API, and Vertex AI's, as the pages talk to them."""

from __future__ import annotations

import json
from typing import Any

from tests.upstream.answers import sse
from tests.upstream.fault import Request
from tests.upstream.script import Answer

WORDS = ["Hello ", "from ", "Gemini."]
USAGE = {"promptTokenCount": 7, "candidatesTokenCount": 3, "totalTokenCount": 10}
MODEL = {
    "name": "models/gemini-flash-latest",
    "inputTokenLimit": 1048576,
    "outputTokenLimit": 65536,
    "supportedGenerationMethods": ["generateContent"],
}


def serve_gemini(request: Request) -> Answer:
    """Answer as Google does, to whoever has a key that is not `wrong`."""
    key = request.header("x-goog-api-key") or request.header("authorization") or "wrong"
    if "wrong" in key:
        return _refused()
    if request.method == "GET":
        return _json({"models": [MODEL]})
    parts = _parts(request.json())
    if "stream" not in request.path:
        return _json(_response(parts, "STOP"))
    pieces = [_response([part], None) for part in parts[:-1]]
    return sse([*pieces, _response(parts[-1:], "STOP")], done=False)


def _parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    if "tools" in body:
        return [{"functionCall": {"name": "get_time", "args": {"city": "Paris"}}}]
    if "responseMimeType" in body.get("generationConfig", {}):
        return [{"text": '{"ok": true}'}]
    return [{"text": word} for word in WORDS]


def _response(parts: list[dict[str, Any]], finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-flash"}


def _refused() -> Answer:
    error = {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
    }
    return _json({"error": error}, 400)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())
