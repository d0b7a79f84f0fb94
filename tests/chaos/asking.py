"""Asks a gateway over plain HTTP, in any of the three languages."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

PATHS = {
    "openai-completions": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic-messages": "/v1/messages",
}
ENDINGS = {
    "openai-completions": b"data: [DONE]",
    "openai-responses": b'"type":"response.completed"',
    "anthropic-messages": b'"type":"message_stop"',
}
LONG_S = 60.0


def request_body(language: str, model: str, *, stream: bool) -> bytes:
    """Write the smallest request of a language."""
    body: dict[str, Any] = {"model": model, "stream": stream}
    if language == "openai-responses":
        body["input"] = "hi"
    else:
        body["messages"] = [{"role": "user", "content": "hi"}]
    if language == "anthropic-messages":
        body["max_tokens"] = 100
    return json.dumps(body).encode()


def ask(url: str, language: str, model: str, *, stream: bool) -> tuple[int, bytes]:
    """Ask; give the status, and all that came until the end."""
    at = urlsplit(url)
    connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=LONG_S)
    try:
        connection.request(
            "POST",
            PATHS[language],
            request_body(language, model, stream=stream),
            {"content-type": "application/json", "connection": "close"},
        )
        # A response that is cut keeps its socket open, unless it is closed itself.
        with connection.getresponse() as answer:
            return answer.status, answer.read()
    finally:
        connection.close()
