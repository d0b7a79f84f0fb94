"""Four shells complete commands, options, providers and models, and nobody is asked for them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.cli.completion.complete import split_line
from tests.cli.running import Dragoman
from tests.upstream.answers import models
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]
CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}

CONFIG = """
default_model = "mine/big-model"
[providers.mine]
base_url = "{url}"
models = [{{ id = "big-model" }}, {{ id = "small-model" }}]
[routes.smart]
models = ["mine/big-model", "demo/echo"]
"""


@pytest.fixture
def mine(dragoman: Dragoman) -> Dragoman:
    """Somebody with a provider that cannot be reached, a route and a template."""
    dragoman.configure(CONFIG.format(url="http://127.0.0.1:9/v1"))
    dragoman("--save", "translate", "-s", "You are a translator.")
    return dragoman


def offered(dragoman: Dragoman, *words: str, shell: str = "fish") -> list[str]:
    """What is offered for the last of these words."""
    result = dragoman("__complete", shell, *words)
    assert (result.code, result.err) == (0, "")
    return [line.partition("\t")[0] for line in result.out.splitlines()]


OFFERS = {
    "command": (["pro"], ["providers"]),
    "command of a command": (["providers", "te"], ["test"]),
    "the word after global options": (["--color", "never", "mod"], ["models"]),
    "option of a prompt": (["--no-s"], ["--no-stream"]),
    "option of a command": (["setup", "--p"], ["--port"]),
    "model": (["-m", "mine/"], ["mine/big-model", "mine/small-model"]),
    "model, joined": (["--model=mine/s"], ["--model=mine/small-model"]),
    "model behind another": (["-m", "smart", "-m", "mine/b"], ["mine/big-model"]),
    "route": (["-m", "sma"], ["smart"]),
    "demo": (["--fallback", "demo/ec"], ["demo/echo"]),
    "model of explain": (["explain", "mine/s"], ["mine/small-model"]),
    "model in chat": (["chat", "-m", "mine/b"], ["mine/big-model"]),
    "provider": (["providers", "test", "mine"], ["mine"]),
    "provider of keys": (["keys", "set", "groq"], ["groq"]),
    "provider of models": (["models", "list", "-p", "mine"], ["mine"]),
    "template": (["-t", "tr"], ["translate"]),
    "choice": (["completion", "f"], ["fish"]),
    "choice of an option": (["usage", "--by", "d"], ["day"]),
    "subject of help": (["help", "exit"], ["exit-codes"]),
    "request option": (["-o", "temp"], ["temperature"]),
    "value that nobody knows": (["-o", "temperature", ""], []),
    "file": (["-a", ""], [":files"]),
    "file of the configuration": (["--config", "x"], [":files"]),
    "words of a prompt": (["hello", "wor"], []),
    "words behind --": (["--", "pro"], []),
    "nothing that fits": (["--nope"], []),
}


@pytest.mark.parametrize("name", OFFERS)
def test_what_fits_is_offered(name: str, mine: Dragoman) -> None:
    words, wanted = OFFERS[name]
    assert offered(mine, *words, shell="zsh") == wanted


def test_every_command_is_offered_with_its_summary(mine: Dragoman) -> None:
    lines = dict(
        line.split("\t") for line in mine("__complete", "zsh", "").out.splitlines() if line
    )
    from dragoman.cli.app import COMMANDS

    assert {name: row.summary for name, row in COMMANDS.items()} == lines


@pytest.mark.parametrize("shell", ["bash", "powershell"])
def test_line_is_split_as_the_shell_would(shell: str, mine: Dragoman) -> None:
    assert offered(mine, "dragoman -m demo/ec", shell=shell) == ["demo/echo"]
    assert offered(mine, "dragoman -m 'demo/ec", shell=shell) == ["demo/echo"]
    assert "chat" in offered(mine, "dragoman ", shell=shell)
    assert offered(mine, "dragoman providers test mine", shell=shell) == ["mine"]


def test_bash_is_given_what_comes_after_its_own_ends_of_words(mine: Dragoman) -> None:
    mine.configure('[providers.mine]\nbase_url = "http://h"\nmodels = [{ id = "llama3.2:3b" }]\n')
    assert offered(mine, "dragoman -m mine/llama3.2:", shell="bash") == ["3b"]
    assert offered(mine, "dragoman -m mine/llama3.2:") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dragoman", []),
        ("dragoman ", [""]),
        ("dragoman -m x", ["-m", "x"]),
        ("dragoman 'a b", ["a b"]),
        ('dragoman "a', ["a"]),
        ("dragoman a\\ b ", ["a b", ""]),
        ("", []),
    ],
)
def test_words_of_a_line(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_discovered_models_are_completed_without_a_network(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(models("org/found-one", "org/found-two"))
    dragoman.configure(f'[providers.mine]\nbase_url = "{server.base_url}"\n')
    assert offered(dragoman, "-m", "mine/o") == []
    assert dragoman("models", "list", "--refresh", "-p", "mine").code == 0
    asked = len(server.requests)
    assert offered(dragoman, "-m", "mine/o") == ["mine/org/found-one", "mine/org/found-two"]
    assert len(server.requests) == asked


def test_change_of_the_configuration_is_noticed(mine: Dragoman) -> None:
    assert offered(mine, "-m", "other/") == []
    mine.configure('[providers.other]\nbase_url = "http://h"\nmodels = [{ id = "m" }]\n')
    assert offered(mine, "-m", "other/") == ["other/m"]
    mine.configure("[providers\n")
    assert offered(mine, "pro") == ["providers"]
    (mine.cwd / "dragoman.toml").write_text('[routes.ours]\nmodels = ["demo/echo"]\n')
    mine.configure("")
    assert offered(mine, "-m", "our") == ["ours"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"stamp": 1, "files": 2}'])
def test_broken_index_is_made_again(content: bytes, mine: Dragoman) -> None:
    index = mine.home / ".cache/dragoman/completion.json"
    assert offered(mine, "pro") == ["providers"]
    assert json.loads(index.read_text())["commands"]
    index.write_bytes(content)
    assert offered(mine, "pro") == ["providers"]


def test_cache_that_cannot_be_written_costs_nothing_but_time(mine: Dragoman) -> None:
    (mine.home / ".cache").write_text("no folder")
    assert offered(mine, "pro") == ["providers"]
    assert mine("completion", "bash").code == 0


def test_second_press_of_tab_loads_neither_click_nor_the_configuration(mine: Dragoman) -> None:
    offered(mine, "pro")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dragoman", "__complete", "fish", "pro"],
        env=mine.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.stdout.startswith("providers\t")
    assert not {"click", "msgspec", "dragoman.config", "tomllib", "ssl"} & loaded


# ------------------------------------------------------------------------------------ in shells


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_script_says_where_it_belongs(shell: str, dragoman: Dragoman) -> None:
    result = dragoman("completion", shell)
    assert (result.code, result.err) == (0, "")
    assert f"dragoman completion {shell}" in result.out
    assert f"__complete {shell}" in result.out


@pytest.mark.parametrize("shell", [name for name in CHECKS if shutil.which(name)])
def test_script_is_what_its_shell_can_read(shell: str, dragoman: Dragoman, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(dragoman("completion", shell).out)
    done = subprocess.run([*CHECKS[shell], script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_script_for_powershell_is_balanced(dragoman: Dragoman) -> None:
    script = dragoman("completion", "powershell").out
    for opening, closing in ("()", "{}", "[]"):
        assert script.count(opening) == script.count(closing)
    assert "Register-ArgumentCompleter -Native -CommandName dragoman" in script


def press_tab(mine: Dragoman, shell: list[str], script: str) -> list[str]:
    """Run a script in a real shell in which `dragoman` is ours."""
    ours = mine.home / "bin"
    ours.mkdir(exist_ok=True)
    program = ours / "dragoman"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dragoman "$@"\n')
    program.chmod(0o755)
    env = {**mine.env, "PATH": f"{ours}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*shell, script], env=env, cwd=mine.cwd, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


BASH = """
eval "$(dragoman completion bash)"
COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}; read -ra COMP_WORDS <<<"$COMP_LINE"
_dragoman dragoman
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = """
autoload -Uz compinit && compinit -u -D
eval "$(dragoman completion zsh)"
compadd() {{ shift $(( $# - 1 )); print -l -- ${{(P)1}} }}
words=({line}); CURRENT=$#words
_dragoman
"""
FISH = """
dragoman completion fish | source
complete -C '{line}' | string replace -r '\\t.*' ''
"""
SHELLS = {"bash": (["bash", "-c"], BASH), "zsh": (["zsh", "-f", "-c"], ZSH),
          "fish": (["fish", "-c"], FISH)}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("dragoman -m mine/", ["mine/big-model", "mine/small-model"]),
        ("dragoman providers tes", ["test"]),
        ("dragoman completion z", ["zsh"]),
    ],
)
@pytest.mark.parametrize("shell", [name for name in SHELLS if shutil.which(name)])
def test_tab_in_a_real_shell(shell: str, line: str, wanted: list[str], mine: Dragoman) -> None:
    command, script = SHELLS[shell]
    assert press_tab(mine, command, script.format(line=line)) == wanted
