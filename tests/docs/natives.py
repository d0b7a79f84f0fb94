"""Servers that speak as Ollama, Cohere and Replicate do, for the pages that talk of them."""

from __future__ import annotations

import json
from typing import Any

from tests.upstream.answers import error
from tests.upstream.fault import Request
from tests.upstream.script import Answer

TEXT = "Hello from your own server."
MODEL = "command-a-03-2025"
CALL = {"name": "get_time", "arguments": {"city": "Paris"}}


def ollama_chat(request: Request) -> Answer:
    """Answer `/api/chat`; more than the window holds is refused."""
    body = request.json()
    size, window = len(str(body["messages"])) // 4, body.get("options", {}).get("num_ctx", 4096)
    if size > window:
        said = f"request ({size} tokens) exceeds the available context size ({window} tokens)"
        return error(400, {"error": said})
    message: dict[str, Any] = {"role": "assistant", "content": _text(body, "format")}
    if "tools" in body:
        message |= {"content": "", "tool_calls": [{"function": CALL}]}
    line = {"model": body["model"], "message": message, "done": True, "done_reason": "stop"}
    said = json.dumps({**line, "prompt_eval_count": size, "eval_count": 5})
    return Answer(200, (("content-type", "application/x-ndjson"),), said.encode() + b"\n")


def serve_cohere(request: Request) -> Answer:
    """Answer as Cohere's API v2 does."""
    if request.path == "/v1/models":
        return _json({"models": [{"name": MODEL, "context_length": 256000}]})
    if request.path != "/v2/chat":
        return _json({"message": "not found"}, 404)
    body = request.json()
    message: dict[str, Any] = {
        "role": "assistant",
        "content": [{"type": "text", "text": _text(body, "response_format")}],
    }
    if "tools" in body:
        function = {"name": CALL["name"], "arguments": json.dumps(CALL["arguments"])}
        calls = [{"id": "c1", "type": "function", "function": function}]
        message |= {"content": [], "tool_plan": "I will look.", "tool_calls": calls}
    usage = {"billed_units": {"input_tokens": 5, "output_tokens": 5}}
    reason = "TOOL_CALL" if "tools" in body else "COMPLETE"
    return _json({"id": "a1", "finish_reason": reason, "message": message, "usage": usage})


def serve_replicate(request: Request) -> Answer:
    """Answer as Replicate does: a prediction that is asked for twice, and its stream."""
    host = request.header("host")
    if request.path == "/streams/p1":
        words = "".join(f"event: output\nid: {word}\ndata: {word} \n\n" for word in TEXT.split())
        said = f"{words}event: done\nid: 9\ndata: {{}}\n\n"
        return Answer(200, (("content-type", "text/event-stream"),), said.encode())
    urls = {"get": f"http://{host}/v1/predictions/p1", "stream": f"http://{host}/streams/p1"}
    if request.method == "POST":
        return _json({"id": "p1", "status": "starting", "urls": urls}, 201)
    metrics = {"input_token_count": 4, "output_token_count": 5}
    done = {"id": "p1", "status": "succeeded", "output": [TEXT], "urls": urls}
    return _json({**done, "metrics": metrics})


def _text(body: dict[str, Any], wants_json: str) -> str:
    return '{"ok": true}' if wants_json in body else TEXT


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())
