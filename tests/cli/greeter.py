"""A server that answers everything with a greeting, and what it was asked."""

from __future__ import annotations

from tests.upstream.answers import chat, chat_stream, tokens
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Script

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


def greet(request: Request) -> Script:
    """Answer, in one piece or as a stream."""
    usage = tokens(18, 13)
    if request.json().get("stream", False):
        return chat_stream(["Good", " day"], usage=usage)
    return chat("Good day", usage=usage)


def content(server: FaultUpstream, index: int = -1) -> object:
    """What was said last in a request."""
    return server.requests[index].json()["messages"][-1]["content"]
