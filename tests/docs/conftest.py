"""The servers that the pages talk of."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.reader import Reader
from tests.upstream.answers import chat, chat_stream, embeddings, models
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Script

WORDS = ["Hello ", "from ", "your ", "own ", "server."]


def serve(request: Request) -> Script:
    """Answer as any OpenAI-compatible server would."""
    if request.method == "GET":
        return models("llama3.2:3b")
    body = request.json()
    if request.path.endswith("/embeddings"):
        return embeddings(len(body["input"]))
    if body.get("stream"):
        return chat_stream(WORDS, model=body["model"])
    return chat("".join(WORDS), model=body["model"])


@pytest.fixture
def reader(tmp_path: Path, upstream: Callable[..., FaultUpstream]) -> Reader:
    """Someone at a machine where vLLM and Ollama run, and nothing listens on port 9999."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nothing = f"localhost:{taken.getsockname()[1]}"
    servers = {
        "localhost:8000": upstream(serve).url.removeprefix("http://"),
        "localhost:11434": upstream(serve).url.removeprefix("http://"),
        "localhost:9999": nothing,
    }
    return Reader(tmp_path / "home", servers)
