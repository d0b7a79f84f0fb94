"""`dragoman env`: lines that shells take, and keys that are named, not shown."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.cli.running import Dragoman

KEYS = '[[gateway.keys]]\nname = "team"\nkey = "{key}"\n'


def in_bash(lines: str, *names: str, **env: str) -> list[str]:
    """Let bash take the lines, and tell what the variables are then."""
    script = lines + "".join(f'\nprintf "%s\\0" "${{{name}-unset}}"' for name in names)
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, env=env)
    return done.stdout.decode().split("\0")[:-1]


def test_the_lines_point_a_shell_at_the_configured_address(dragoman: Dragoman) -> None:
    dragoman.configure('[server]\nhost = "0.0.0.0"\nport = 4455\n')
    lines = dragoman("env", "openai")
    assert lines.err == ""
    assert in_bash(lines.out, "OPENAI_BASE_URL", "OPENAI_API_KEY") == [
        "http://127.0.0.1:4455/v1",
        "any",
    ]


def test_what_would_send_another_key_is_taken_away(dragoman: Dragoman) -> None:
    lines = dragoman("env", "anthropic", "--url", "http://[::1]:4400/v1/").out
    names = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
    seen = in_bash(lines, *names, ANTHROPIC_AUTH_TOKEN="theirs")
    assert seen == ["http://[::1]:4400", "any", "unset"]


@pytest.mark.parametrize(
    ("shell", "expected"),
    [
        ("zsh", "export OPENAI_BASE_URL=http://127.0.0.1:4400/v1\nexport OPENAI_API_KEY=any\n"),
        (
            "fish",
            "set -gx OPENAI_BASE_URL 'http://127.0.0.1:4400/v1'\nset -gx OPENAI_API_KEY 'any'\n",
        ),
        (
            "powershell",
            "$env:OPENAI_BASE_URL = 'http://127.0.0.1:4400/v1'\n$env:OPENAI_API_KEY = 'any'\n",
        ),
    ],
)
def test_each_shell_gets_its_own_lines(dragoman: Dragoman, shell: str, expected: str) -> None:
    assert dragoman("env", "openai", "--shell", shell).out == expected


@pytest.mark.parametrize(
    ("shell", "reference"), [("bash", '"$TEAM"'), ("fish", '"$TEAM"'), ("powershell", "$env:TEAM")]
)
def test_a_key_is_named_and_not_shown(dragoman: Dragoman, shell: str, reference: str) -> None:
    dragoman.configure(KEYS.format(key="env:TEAM"))
    env = {"TEAM": "sesame-0123456789"}
    result = dragoman("env", "openai", "--shell", shell, env=env)
    assert reference in result.out
    assert "sesame" not in result.out + result.err
    shown = dragoman("env", "openai", "--shell", shell, "--show-key", env=env)
    assert "sesame-0123456789" in shown.out


def test_a_key_that_is_in_no_variable_has_to_be_put_into_one(dragoman: Dragoman) -> None:
    dragoman.configure(KEYS.format(key="cmd:echo sesame"))
    result = dragoman("env", "openai")
    assert 'OPENAI_API_KEY="$DRAGOMAN_GATEWAY_KEY"' in result.out
    assert "DRAGOMAN_GATEWAY_KEY is not set" in result.err
    assert "sesame" in dragoman("env", "openai", "--show-key").out


def test_another_gateway_gets_no_key_of_this_machines(dragoman: Dragoman) -> None:
    dragoman.configure(KEYS.format(key="env:TEAM"))
    arguments = ("env", "openai", "--url", "https://gateway.example")
    assert "OPENAI_API_KEY=any" in dragoman(*arguments, env={"TEAM": "x"}).out
    assert '"$MINE"' in dragoman(*arguments, "--key-env", "MINE", env={"MINE": "x"}).out


def test_a_program_with_a_configuration_gets_it_whole(dragoman: Dragoman) -> None:
    lines = dragoman("env", "opencode", "-m", "it's/a {model}").out
    (text,) = in_bash(lines, "OPENCODE_CONFIG_CONTENT")
    provider = json.loads(text)["provider"]["dragoman"]
    assert list(provider["models"]) == ["it's/a {model}"]
    assert provider["options"] == {
        "baseURL": "http://127.0.0.1:4400/v1",
        "apiKey": "{env:DRAGOMAN_GATEWAY_KEY}",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["codex"], "dragoman run codex"),
        (["opencode"], "a model has to be named"),
        (["openai", "-m", "x"], "no variable names the model"),
        (["openai", "--url", "localhost:4400"], "no address of a gateway"),
        (["openai", "--url", "http://h/'; rm -rf ~"], "no address of a gateway"),
        (["openai", "--key-env", "sk-123"], "not the key itself"),
        (["nothing"], "is not one of"),
    ],
)
def test_what_cannot_be_told_is_an_error(
    dragoman: Dragoman, arguments: list[str], words: str
) -> None:
    result = dragoman("env", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_a_port_that_is_not_known_before_has_to_be_told(dragoman: Dragoman) -> None:
    dragoman.configure("[server]\nport = 0\n")
    assert "--url" in dragoman("env", "openai").err
