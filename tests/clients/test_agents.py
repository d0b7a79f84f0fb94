"""Coding agents as published: with `dragoman run` they finish a turn with a shell tool, offline."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.clients.gateway import Gateway, provider
from tests.clients.installed import Machine
from tests.upstream.fault import FaultUpstream, Request, chat, chat_stream, error, tool_calls
from tests.upstream.script import Script

COMMAND = "echo made-by-the-agent | tee made.txt"
SHELLS: Mapping[str, Mapping[str, Any]] = {
    "Bash": {"command": COMMAND, "description": "Make a file"},
    "exec_command": {"cmd": COMMAND},
}
"""What the shell tools of the agents are called and given."""

FINAL = ["It ", "is ", "made."]
AGENTS: Mapping[str, list[str]] = {
    "claude": ["-p", "Make a file", "--allowedTools", "Bash", "--output-format", "json"],
    "codex": [
        "-c", "analytics.enabled=false", "--disable", "plugins",
        "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox",
        "Make a file",
    ],
}  # fmt: skip
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


def work(request: Request) -> Script:
    """Call the shell once; when its output is there, say that all is done."""
    if request.method != "POST":
        return error(404)
    body = request.json()
    offered = {tool["function"]["name"] for tool in body.get("tools", ())}
    if not offered or any(message["role"] == "tool" for message in body["messages"]):
        return chat_stream(FINAL) if body.get("stream") else chat("".join(FINAL))
    (shell,) = offered & set(SHELLS)
    return tool_calls((shell, SHELLS[shell]), stream=True)


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_finishes_a_turn_with_a_shell_tool(
    agent: str,
    serve: Callable[..., Gateway],
    upstream: Callable[..., FaultUpstream],
    machine: Machine,
) -> None:
    server = upstream(work)
    gateway = serve(provider("mycompany", server.base_url))
    check(machine, server, machine.run(command(agent, "--url", gateway.url), **QUIET))


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_may_bring_its_gateway_along(
    agent: str, upstream: Callable[..., FaultUpstream], machine: Machine
) -> None:
    server = upstream(work)
    config = machine.home / ".config/dragoman/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(
        provider("mycompany", server.base_url) + '[[gateway.keys]]\nname = "me"\nkey = "env:MINE"\n'
    )
    check(machine, server, machine.run(command(agent, "--serve"), MINE="sesame", **QUIET))


def command(agent: str, *where: str) -> list[str]:
    run = [sys.executable, "-m", "dragoman", "run", agent, "-m", "mycompany/custom-gpt-4"]
    return [*run, *where, "--", *AGENTS[agent]]


def check(machine: Machine, server: FaultUpstream, said: str) -> None:
    assert "".join(FINAL) in said
    assert (machine.work / "made.txt").read_text() == "made-by-the-agent\n"
    assert {request.json()["model"] for request in server.requests} == {"custom-gpt-4"}
    results = [m for m in server.requests[-1].json()["messages"] if m["role"] == "tool"]
    assert ["made-by-the-agent" in str(result["content"]) for result in results] == [True]
