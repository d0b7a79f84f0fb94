"""`dragoman run`: the program's surroundings, and what happens when something is missing.

The programs here say what they were given; tests/clients starts the real ones.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dragoman.cli.gateway.programs import read_programs
from dragoman.cli.gateway.reaching import Access
from dragoman.cli.gateway.run import surround
from tests.cli.running import Dragoman
from tests.clients.gateway import Gateway
from tests.upstream.fault import FaultUpstream, html

TELLS = """#!/usr/bin/env python3
import json, os, sys
print(json.dumps([dict(os.environ), sys.argv[1:]]), flush=True)
sys.exit(7)
"""
STAYS = """#!/usr/bin/env python3
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"told\\n"), sys.exit(3)))
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"interrupted\\n"))
print(os.environ["ANTHROPIC_BASE_URL"], os.getpid(), "here", flush=True)
while True:
    time.sleep(0.01)
"""
ASKS = """#!/usr/bin/env python3
import json, os, sys, urllib.request
with urllib.request.urlopen(os.environ["ANTHROPIC_BASE_URL"] + "/healthz") as answer:
    print(json.dumps([dict(os.environ), json.load(answer)]), flush=True)
sys.exit(7)
"""
DIES = "#!/bin/sh\nkill -9 $$\n"


@pytest.fixture
def install(dragoman: Dragoman) -> Callable[..., None]:
    """Put a program of some name onto the way."""
    folder = dragoman.home / "bin"
    folder.mkdir()
    dragoman.env["PATH"] = f"{folder}:{dragoman.env['PATH']}"

    def put(name: str, text: str = TELLS) -> None:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "gateway") as gateway:
        yield gateway


def is_gone(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as sock:
        return sock.connect_ex((parts.hostname or "", parts.port or 0)) != 0


def told(dragoman: Dragoman, *arguments: str, **env: str) -> Any:
    result = dragoman("run", *arguments, env=env)
    assert result.code == 7, result.err
    return json.loads(result.out)


def test_the_environment_is_the_childs_alone(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("claude")
    env, arguments = told(
        dragoman, "claude", "--url", gateway.url, "-m", "demo/echo", "--", "-p", "--", "hi",
        ANTHROPIC_API_KEY="theirs", MINE="kept",
    )  # fmt: skip
    assert arguments == ["-p", "--", "hi"]
    assert env["ANTHROPIC_BASE_URL"] == gateway.url
    assert env["ANTHROPIC_AUTH_TOKEN"] == "any"
    assert env["ANTHROPIC_MODEL"] == env["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "demo/echo"
    assert "ANTHROPIC_API_KEY" not in env
    assert env["MINE"] == "kept"


def test_without_a_model_the_default_is_asked_for_or_nothing_is_said(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("claude")
    env, _ = told(dragoman, "claude", "--url", gateway.url)
    assert "ANTHROPIC_MODEL" not in env
    dragoman.configure('default_model = "demo/story"\n')
    env, _ = told(dragoman, "claude", "--url", gateway.url)
    assert env["ANTHROPIC_MODEL"] == "demo/story"


def test_arguments_come_before_the_users(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("codex")
    env, arguments = told(
        dragoman, "codex", "--url", gateway.url, "-m", "demo/echo", "--key-env", "K", "exec", "hi",
        K="sesame",
    )  # fmt: skip
    assert f'model_providers.dragoman.base_url="{gateway.base_url}"' in arguments
    assert arguments[-4:] == ["-m", "demo/echo", "exec", "hi"]
    assert env["DRAGOMAN_GATEWAY_KEY"] == "sesame"
    assert "sesame" not in str(arguments)


def test_a_proxy_does_not_stand_between(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("aider")
    env, _ = told(
        dragoman, "aider", "--url", gateway.url, HTTPS_PROXY="http://p:1", NO_PROXY="corp.example"
    )
    assert env["NO_PROXY"] == env["no_proxy"] == "corp.example,127.0.0.1"


def test_a_gateway_elsewhere_is_asked_as_the_proxys_variables_say() -> None:
    given = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "corp.example"}
    access = Access("https://gateway.example", None)
    env, _ = surround(read_programs()["aider"], access, "any", None, given)
    assert {name: env.get(name) for name in ("NO_PROXY", "no_proxy")} == {
        "NO_PROXY": "corp.example",
        "no_proxy": None,
    }


def test_a_gateway_of_its_own_lives_as_long_as_the_program(
    dragoman: Dragoman, install: Callable[..., None]
) -> None:
    install("claude", ASKS)
    dragoman.configure('[[gateway.keys]]\nname = "team"\nkey = "env:TEAM"\n')
    env, answer = told(dragoman, "claude", "--serve", "-m", "demo/echo", TEAM="sesame")
    assert env["ANTHROPIC_AUTH_TOKEN"] == "sesame"
    assert answer["status"] == "ok"
    assert is_gone(env["ANTHROPIC_BASE_URL"])
    said = (dragoman.home / ".local/state/dragoman/gateway.log").read_text()
    # On a slow machine Python's development mode tells how long a step of the event loop took.
    assert [line for line in said.splitlines() if not line.startswith("Executing <")] == []


def test_its_gateway_ends_when_we_are_killed(
    dragoman: Dragoman, install: Callable[..., None]
) -> None:
    install("claude", STAYS)
    running = dragoman.start("run", "claude", "--serve")
    running.wait_for("here")
    url, program = running.out.decode().split()[:2]
    assert not is_gone(url)
    running.process.kill()
    os.kill(int(program), signal.SIGTERM)
    running.result()
    until = time.monotonic() + 60
    while not is_gone(url):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_what_tells_us_to_end_reaches_the_program(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("claude", STAYS)
    running = dragoman.start("run", "claude", "--url", gateway.url)
    running.wait_for("here")
    running.interrupt()  # ours to ignore: at a terminal the program has it as well
    running.process.send_signal(signal.SIGTERM)
    result = running.result()
    assert result.code == 3, result.err
    assert result.out.endswith("here\ntold\n")


def test_a_program_that_a_signal_ends_is_told_as_shells_do(
    dragoman: Dragoman, install: Callable[..., None], gateway: Gateway
) -> None:
    install("claude", DIES)
    assert dragoman("run", "claude", "--url", gateway.url).code == 137


def test_a_gateway_that_is_not_there_is_said_before_the_program_starts(
    dragoman: Dragoman, install: Callable[..., None], upstream: Callable[..., FaultUpstream]
) -> None:
    install("claude")
    dragoman.configure("[server]\nport = 1\n")
    result = dragoman("run", "claude")
    assert (result.code, result.out) == (69, "")
    assert "dragoman serve; or let run do it: --serve" in result.err
    other = dragoman("run", "claude", "--url", upstream(html()).url)
    assert (other.code, other.out) == (69, "")
    assert "is not a gateway" in other.err


def test_the_key_and_the_model_are_tried_first(
    dragoman: Dragoman, install: Callable[..., None], tmp_path: Path
) -> None:
    install("claude")
    keys = '[[gateway.keys]]\nname = "team"\nkey = "env:TEAM"\n'
    with Gateway(tmp_path / "locked", keys, TEAM="sesame") as gateway:
        arguments = ("run", "claude", "--url", gateway.url)
        refused = dragoman(*arguments, env={"DRAGOMAN_GATEWAY_KEY": "wrong-0123456789"})
        assert refused.code == 77
        assert "--key-env" in refused.err
        assert "wrong-0123456789" not in refused.err
        env = {"DRAGOMAN_GATEWAY_KEY": "sesame"}
        unknown = dragoman(*arguments, "-m", "demo/ecko", env=env)
        assert (unknown.code, unknown.out) == (2, "")
        assert "echo" in unknown.err
        assert told(dragoman, *arguments[1:], **env)[0]["ANTHROPIC_AUTH_TOKEN"] == "sesame"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["claude"], "npm install -g @anthropic-ai/claude-code"),
        (["openai"], "is not one of"),
        (["opencode"], "a model has to be named"),
        (["codex", "--serve", "--url", "http://h"], "leave one of them out"),
        (["codex", "-p", "hi"], "no such option"),
    ],
)
def test_what_cannot_be_run_is_an_error(
    dragoman: Dragoman, install: Callable[..., None], arguments: list[str], words: str
) -> None:
    dragoman.env["PATH"] = str(dragoman.home / "bin")
    for name in ("codex", "opencode"):
        install(name)
    result = dragoman("run", *arguments)
    assert result.code == 2
    assert words in result.err
