"""What `config export` writes is taken by the tool that it is for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.installed import Machine
from tests.clients.upstreams import TEXT, answer
from tests.upstream.fault import FaultUpstream

OURS = """
default_model = "mine"

[[providers]]
name = "mine"
base_url = "{url}"
api_key_env = "CORP_KEY"
default_model = "org/m:8b"
headers = {{ "x-team" = "search" }}

  [[providers.models]]
  id = "org/m:8b"
  tools = true
  cost = {{ input = 0.15, output = 2.5 }}

[aliases]
quick = "mine/org/m:8b"
"""
DRAGOMAN = Path(sys.executable).with_name("dragoman")
TOKENIZER = "CONNECT openaipublic.blob.core.windows.net:443"


@pytest.fixture
def export(
    machine: Machine, upstream: Callable[..., FaultUpstream]
) -> tuple[FaultUpstream, Callable[[str, Path], None]]:
    """A server of one's own, and a way to write its configuration for a tool."""
    server = upstream(answer)
    ours = machine.work / "ours.toml"
    ours.write_text(OURS.format(url=server.url))

    def write(tool: str, path: Path) -> None:
        path.parent.mkdir(parents=True)
        machine.run(
            [DRAGOMAN, "--config", ours, "config", "export", "--to", tool, path], CORP_KEY="k-1"
        )

    return server, write


def test_llm_asks_the_models_that_were_exported(
    machine: Machine, export: tuple[FaultUpstream, Callable[[str, Path], None]]
) -> None:
    server, write = export
    write("llm", machine.home / "llm/extra-openai-models.yaml")
    env = {"LLM_USER_PATH": str(machine.home / "llm")}
    ask = ["llm", "-m", "quick", "--key", "k-1", "--no-stream", "Say hello"]
    assert machine.run(ask, **env) == f"{TEXT}\n"
    (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.json()["model"] == "org/m:8b"
    assert request.header("authorization") == "Bearer k-1"
    assert request.header("x-team") == "search"


def test_gptme_lists_and_asks_the_providers_that_were_exported(
    machine: Machine, export: tuple[FaultUpstream, Callable[[str, Path], None]]
) -> None:
    server, write = export
    write("gptme", machine.home / ".config/gptme/config.toml")
    machine.does_without = {TOKENIZER}
    listed = machine.run(["gptme-util", "providers", "list", "--no-discover"], CORP_KEY="k-1")
    assert "📡 mine" in listed
    assert "API Key: $CORP_KEY" in listed
    ask = ["gptme", "--non-interactive", "--no-stream", "--tools", "none", "Say hello"]
    assert TEXT in machine.run(ask, CORP_KEY="k-1")
    request = server.requests[-1]
    assert request.json()["model"] == "org/m:8b"
    assert request.header("authorization") == "Bearer k-1"
