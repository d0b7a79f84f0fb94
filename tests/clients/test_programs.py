"""Programs on the command line that ask the gateway as one more OpenAI-compatible server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.clients.gateway import Gateway, provider
from tests.clients.installed import Machine
from tests.clients.upstreams import TEXT, TEXTS, answer
from tests.upstream.fault import FaultUpstream, Request, chat, chat_stream, tool_calls

LLM_MODELS = """
- model_id: gateway
  model_name: plain/org/m:8b
  api_base: {url}/v1
  supports_tools: true
"""
LOOK_UP = (
    'def look_up(city: str) -> str:\n    "Look up a city."\n    return "the city of " + city\n'
)

TOKENIZER = "CONNECT openaipublic.blob.core.windows.net:443"
"""gptme counts tokens with tiktoken, which would fetch its tables; without, it estimates."""

GPTME = """
[[providers]]
name = "dragoman"
base_url = "{url}/v1"
default_model = "plain/org/m:8b"
"""


def test_llm_prints_answers_streams_and_calls_functions(
    serve: Callable[..., Gateway], upstream: Callable[..., FaultUpstream], machine: Machine
) -> None:
    server = upstream(answer)
    gateway = serve(provider("plain", server.base_url))
    folder = machine.home / "llm"
    folder.mkdir()
    (folder / "extra-openai-models.yaml").write_text(LLM_MODELS.format(url=gateway.url))
    ask = ["llm", "-m", "gateway", "--key", "any"]
    env = {"LLM_USER_PATH": str(folder)}
    assert machine.run([*ask, "--no-stream", "Say hello"], **env) == f"{TEXT}\n"
    assert machine.run([*ask, "Say hello"], **env) == f"{TEXT}\n"
    assert [bool(request.json().get("stream")) for request in server.requests] == [False, True]
    said = machine.run([*ask, "--functions", LOOK_UP, "Look up Paris"], **env)
    assert said.strip() == TEXT
    (result,) = [m for m in server.requests[-1].json()["messages"] if m["role"] == "tool"]
    assert result["content"] == "the city of Paris"


def test_gptme_works_with_the_gateway_as_one_of_its_providers(
    serve: Callable[..., Gateway], upstream: Callable[..., FaultUpstream], machine: Machine
) -> None:
    def script(request: Request) -> Any:
        body = request.json()
        streams = bool(body.get("stream"))
        if body.get("tools") and "made-by" not in str(body["messages"]):
            command = {"command": "echo made-by-gptme | tee made.txt"}
            return tool_calls(("shell", command), stream=streams)
        return chat_stream(TEXTS) if streams else chat(TEXT)

    server = upstream(script)
    gateway = serve(provider("plain", server.base_url))
    folder = machine.home / ".config/gptme"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(GPTME.format(url=gateway.url))
    machine.does_without = {TOKENIZER}
    ask = ["gptme", "-m", "dragoman/plain/org/m:8b", "--non-interactive"]
    machine.run([*ask, "--name", "whole", "--no-stream", "--tools", "none", "Say hello"])
    assert ("assistant", TEXT) in conversation(machine, "whole")
    machine.run(
        [*ask, "--name", "tool", "--tools", "shell", "--tool-format", "tool", "Make a file"]
    )
    assert (machine.work / "made.txt").read_text() == "made-by-gptme\n"
    assert ("assistant", TEXT) in conversation(machine, "tool")
    streamed = {bool(request.json().get("stream")) for request in server.requests}
    assert streamed == {False, True}


def conversation(machine: Machine, name: str) -> list[tuple[str, str]]:
    """Read what gptme has kept: who said what."""
    log = machine.home / f".local/share/gptme/logs/{name}/conversation.jsonl"
    messages = [json.loads(line) for line in log.read_text().splitlines()]
    return [(message["role"], message["content"].strip()) for message in messages]
