"""What stands behind the gateway while clients ask: servers of all three languages."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tests.clients.gateway import Gateway, provider
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream, Request, chat, chat_stream, tool_calls
from tests.upstream.script import Script

TEXTS = ["Hello ", "from ", "upstream."]
TEXT = "".join(TEXTS)
CALL = ["look_up", {"city": "Paris"}]
MODELS = ("plain/org/m:8b", "messages/m", "responses/m")
"""One provider for each language; aimock speaks the two that the scripted upstream does not."""


def answer(request: Request) -> Script:
    """Answer the questions of python/said.py: with a tool call when there is a tool to call."""
    body = request.json()
    streams = bool(body.get("stream"))
    if body.get("tools") and body["messages"][-1]["role"] != "tool":
        return tool_calls(("look_up", {"city": "Paris"}), stream=streams)
    return chat_stream(TEXTS) if streams else chat(TEXT)


@contextlib.contextmanager
def three_languages(home: Path) -> Iterator[Gateway]:
    """Serve `MODELS`."""
    with contextlib.ExitStack() as stack:
        plain = stack.enter_context(FaultUpstream(answer))
        mock = stack.enter_context(AimockServer())
        called = {"toolCalls": [{"name": "look_up", "arguments": {"city": "Paris"}}]}
        mock.answer("Look up", called, match={"userMessage": "Look up", "hasToolResult": False})
        mock.answer("Look up", {"content": TEXT})
        mock.answer("Say hello", {"content": TEXT}, chunkSize=6)
        config = [
            provider("plain", plain.base_url),
            provider("messages", mock.url, api="anthropic-messages"),
            provider("responses", mock.base_url, api="openai-responses"),
        ]
        yield stack.enter_context(Gateway(home, "\n".join(config)))
