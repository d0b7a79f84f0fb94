"""The servers that the pages talk of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.clouds import serve_azure, serve_bedrock
from tests.docs.google import serve_gemini
from tests.docs.natives import ollama_chat, serve_cohere, serve_replicate
from tests.docs.reader import GATEWAY, Reader
from tests.docs.servers import answer, find_server
from tests.upstream.answers import embeddings, error, models
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.ports import free_port
from tests.upstream.script import Answer, Script


def serve(request: Request) -> Script:
    """Answer as any OpenAI-compatible server would."""
    if request.path == "/v1/models":
        return models("llama3.2:3b")
    if request.method == "GET":
        return error(404)
    body = request.json()
    if request.path.endswith("/embeddings"):
        return embeddings(len(body["input"]))
    return answer(body)


def serve_ollama(request: Request) -> Script:
    """Answer as Ollama would."""
    if request.path == "/api/version":
        return error(200, {"version": "0.12.3"})
    if request.path == "/api/tags":
        return error(200, {"models": [{"name": "llama3.2:3b", "model": "llama3.2:3b"}]})
    if request.path == "/api/chat":
        return ollama_chat(request)
    return serve(request)


def serve_acme(request: Request) -> Script:
    """Answer as the made-up provider of the pages about adapters: it repeats what it was told."""
    if request.method == "GET":
        return error(404)
    body = request.json()
    if "says" not in str(body.get("turns")):
        return error(400, {"problem": "turns is missing"})
    words = str(body["turns"][-1]["says"])
    end = {"ended": "done", "tokens": {"in": 3, "out": 5}}
    pieces = [{"piece": word} for word in re.findall(r"\S+\s*", words)]
    answer = [*pieces, end] if body.get("live") else [{"says": words, **end}]
    lines = "".join(f"{json.dumps(one)}\n" for one in answer)
    return Answer(200, (("content-type", "application/json"),), lines.encode())


def serve_guide(request: Request) -> Script:
    """Answer as the provider of LiteLLM's integration guide might."""
    words = request.json()["messages"][-1]["content"]
    return error(200, {"output": f"You said: {words}"})


@pytest.fixture
def reader(
    tmp_path: Path,
    upstream: Callable[..., FaultUpstream],
    page: Path,
    request: pytest.FixtureRequest,
) -> Reader:
    """Someone at a machine where vLLM and Ollama run, and nothing listens on port 9999."""
    servers = {
        "localhost:8000": upstream(serve).url.removeprefix("http://"),
        "localhost:11434": upstream(serve_ollama).url.removeprefix("http://"),
        "localhost:7000": upstream(serve_acme).url.removeprefix("http://"),
        "localhost:7100": upstream(serve_gemini).url.removeprefix("http://"),
        "localhost:7200": upstream(serve_cohere).url.removeprefix("http://"),
        "localhost:7300": upstream(serve_replicate).url.removeprefix("http://"),
        "localhost:7600": upstream(serve_bedrock).url.removeprefix("http://"),
        "localhost:7500": upstream(serve_azure).url.removeprefix("http://"),
        "localhost:7400": upstream(serve_guide).url.removeprefix("http://"),
        "localhost:9999": f"localhost:{free_port()}",
        GATEWAY: f"127.0.0.1:{free_port()}",
    }
    providers = {}
    if guide := find_server(page.stem):
        servers[guide.at] = guide.locate(upstream(guide.serve).url)
        providers[guide.provider] = guide.base_url
    if page.stem == "llama-cpp":
        servers["localhost:8080"] = request.getfixturevalue("llama_server").url.split("//")[1]
        providers["llamacpp"] = "http://localhost:8080/v1"
    return Reader(tmp_path / "home", servers, providers)
