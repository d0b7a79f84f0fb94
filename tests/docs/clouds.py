"""Servers that speak as Bedrock, and as Azure behind Microsoft's token endpoint, for the guides."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.adapters.aws import event, refusal, streamed, whole, words
from tests.upstream.answers import chat, chat_stream, error, tool_calls
from tests.upstream.fault import Request
from tests.upstream.script import Answer, Script

MODEL = "anthropic.claude-sonnet-4-5-20250929-v1:0"
DEPLOYMENT = "my-gpt"
TOKEN = "eyJ0eXAi-of-this-page"
USAGE = {"inputTokens": 3, "outputTokens": 3, "totalTokens": 6}


def serve_bedrock(request: Request) -> Answer:
    """Answer as Bedrock does, to whoever signs, or has a key that is not `wrong`."""
    given = request.header("authorization") or "wrong"
    if "wrong" in given:
        message = "The security token included in the request is invalid."
        return refusal(403, "UnrecognizedClientException", message)
    if request.method == "GET":
        return whole({"modelSummaries": [{"modelId": MODEL}]})
    if "not-here" in request.path:
        return refusal(400, "ValidationException", "The provided model identifier is invalid.")
    body = request.json()
    if "toolConfig" in body:
        use = {"toolUseId": "t1", "name": "get_time", "input": {"city": "Paris"}}
        answer = words("", "tool_use")
        answer["output"]["message"]["content"] = [{"toolUse": use}]
        return whole(answer)
    text = '{"ok": true}' if "outputConfig" in body else "Hello from Claude."
    if not request.path.endswith("converse-stream"):
        return whole(words(text))
    deltas = [
        event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
        for piece in (text[:6], text[6:])
    ]
    end = [event("messageStop", {"stopReason": "end_turn"}), event("metadata", {"usage": USAGE})]
    return streamed([*deltas, *end])


def serve_azure(request: Request) -> Script:
    """Answer as a resource does, and as the endpoint of tokens that open it."""
    if request.path.endswith("/token"):
        return _token(request)
    key = request.header("api-key") or (request.header("authorization") or "").removeprefix(
        "Bearer "
    )
    if key not in (TOKEN, "your-key-of-the-resource"):
        return error(401, message="Access denied due to invalid subscription key.")
    if request.method == "GET":
        return error(200, {"object": "list", "data": [{"id": DEPLOYMENT, "object": "model"}]})
    body = request.json()
    if body["model"] != DEPLOYMENT:
        said = "The API deployment for this resource does not exist."
        return error(404, {"error": {"code": "DeploymentNotFound", "message": said}})
    return _chat(body)


def _token(request: Request) -> Answer:
    basic = (request.header("authorization") or "").removeprefix("Basic ")
    if b"wrong" in request.body + base64.b64decode(basic):
        said: dict[str, Any] = {
            "error": "invalid_client",
            "error_description": "AADSTS7000215: Invalid client secret provided.",
        }
        return _json(said, 401)
    return _json({"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})


def _chat(body: dict[str, Any]) -> Script:
    model = f"{DEPLOYMENT}-2026"
    if "tools" in body:
        return tool_calls(("get_time", {"city": "Paris"}), model=model)
    if "response_format" in body:
        return chat('{"ok": true}', model=model)
    if body.get("stream"):
        return chat_stream(["Hello ", "from ", "Azure."], model=model)
    return chat("Hello from Azure.", model=model)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())
