"""Keys: stored where only their owner reads them, listed by their ends, never shown."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest

from tests.cli.running import Dragoman
from tests.cli.test_exit_codes import check_told

KEY = "sk-1234567890abcdef"
ROOT = Path(__file__).parents[2]


def store(dragoman: Dragoman) -> Path:
    return dragoman.home / ".local/share/dragoman/credentials.json"


def ring(dragoman: Dragoman) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "PYTHON_KEYRING_BACKEND": "tests.config.file_keyring.FileKeyring",
        "TEST_KEYRING": str(dragoman.home / "ring.json"),
    }


def test_piped_key_is_stored_and_said_plainly(dragoman: Dragoman) -> None:
    result = dragoman("keys", "set", "groq", stdin=f"{KEY}\n".encode())
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "The key is in ~/.local/share/dragoman/credentials.json, as plain text that only you can"
        " read (this machine has no keyring). It is sent to https://api.groq.com alone.\n"
    )
    assert stat.S_IMODE(store(dragoman).stat().st_mode) == 0o600


def test_typed_key_is_not_shown(dragoman: Dragoman) -> None:
    running = dragoman.at_terminal("keys", "set", "groq")
    running.wait_for("Key for groq (hidden)", err=True)
    running.type(f"{KEY}\n")
    result = running.result()
    assert result.code == 0
    assert KEY not in result.out + result.err
    assert json.loads(store(dragoman).read_text())["credentials"]["groq"]["secret"] == KEY


def test_keyring_takes_the_key(dragoman: Dragoman) -> None:
    env = ring(dragoman)
    result = dragoman("keys", "set", "groq", stdin=KEY.encode(), env=env)
    assert result.out == "The key is in the system's keyring, for https://api.groq.com alone.\n"
    assert KEY not in store(dragoman).read_text()
    listed = dragoman("keys", "list", env=env).out.splitlines()
    assert listed[1].split() == ["groq", "…cdef", "keyring", "https://api.groq.com"]
    assert dragoman("keys", "remove", "groq", env=env).code == 0
    assert json.loads((dragoman.home / "ring.json").read_text()) == {}


@pytest.mark.parametrize("fault", ["locked", "odd", "forgets"])
def test_keyring_that_fails_is_said_plainly(fault: str, dragoman: Dragoman) -> None:
    env = {**ring(dragoman), "TEST_KEYRING_FAULT": fault}
    result = dragoman("keys", "set", "groq", stdin=KEY.encode(), env=env)
    assert result.code == 0
    assert "as plain text" in result.out
    assert "keyring" in result.out
    assert dragoman("keys", "list", env=env).code == 0


def test_file_can_be_asked_for(dragoman: Dragoman) -> None:
    result = dragoman("keys", "set", "groq", "--file", stdin=KEY.encode(), env=ring(dragoman))
    assert "as plain text" in result.out
    assert not (dragoman.home / "ring.json").exists()


def test_list_tells_whose_which_where_and_for_which_host(dragoman: Dragoman) -> None:
    dragoman.configure(
        '[providers.corp]\nbase_url = "https://llm.corp.example/v1"\napi_key = "env:CORP"\n'
        '[providers.cmd]\nbase_url = "https://cmd.example/v1"\napi_key = "cmd:false"\n'
        '[providers.open]\nbase_url = "http://127.0.0.1:9/v1"\n'
        '[providers.off]\nbase_url = "http://127.0.0.1:8/v1"\napi_key = "env:CORP"\n'
        "enabled = false\n"
    )
    env = {"CORP": "corp-key-12345678", "GROQ_API_KEY": "gsk_short", "OPENAI_API_KEY": ""}
    assert dragoman("keys", "set", "groq", stdin=KEY.encode()).code == 0
    result = dragoman("keys", "list", env=env)
    rows = [re.split(" {2,}", line) for line in result.out.splitlines()]
    assert rows == [
        ["PROVIDER", "KEY", "SOURCE", "FOR"],
        ["groq", "…", "$GROQ_API_KEY", "https://api.groq.com"],
        [
            "groq",
            "…cdef",
            "credentials file",
            "https://api.groq.com",
            "(not used: another comes before it)",
        ],
        ["corp", "…5678", "$CORP", "https://llm.corp.example"],
        ["cmd", "…", "cmd:false …", "https://cmd.example"],
    ]
    found = dragoman("keys", "list", "--json", env=env).json()
    assert [(row["provider"], row["used"]) for row in found] == [
        ("groq", True), ("groq", False), ("corp", True), ("cmd", True),
    ]  # fmt: skip
    assert KEY not in result.out
    assert "gsk_short" not in json.dumps(found)


def test_provider_that_moved_is_not_sent_its_old_key(dragoman: Dragoman) -> None:
    dragoman.configure('[providers.up]\nbase_url = "http://127.0.0.1:9/v1"\n')
    assert dragoman("keys", "set", "up", stdin=KEY.encode()).code == 0
    dragoman.configure('[providers.up]\nbase_url = "http://127.0.0.1:10/v1"\n')
    listed = dragoman("keys", "list").out
    assert "http://127.0.0.1:9  (not used: up is at http://127.0.0.1:10 now)" in listed
    assert "authorization" not in dragoman("-m", "up/m", "--curl", "hi").out.lower()


def test_variable_that_comes_first_is_told(dragoman: Dragoman) -> None:
    result = dragoman("keys", "set", "groq", stdin=KEY.encode(), env={"GROQ_API_KEY": "gsk_1"})
    assert result.code == 0
    assert result.err == "Warning: $GROQ_API_KEY is set too, and comes before it\n"
    left = dragoman("keys", "remove", "groq", env={"GROQ_API_KEY": "gsk_1"})
    assert left.err == "groq still has a key: $GROQ_API_KEY\n"


def test_nothing_to_list_says_how_to_begin(dragoman: Dragoman) -> None:
    result = dragoman("keys", "list")
    assert (result.code, result.out) == (0, "")
    assert "dragoman keys set PROVIDER" in result.err
    assert dragoman("keys", "list", "--json").json() == []


WRONG = {
    "a key in argv": (["set", "groq", KEY], b"", 2, "others can read it"),
    "unknown provider": (["set", "corp"], b"k", 2, "dragoman providers add corp"),
    "misspelt": (["set", "grok"], b"k", 2, "groq"),
    "no key": (["set", "groq"], b"", 2, "no key was given"),
    "two lines": (["set", "groq"], b"a\nb\n", 2, "line break"),
    "no keys taken": (["set", "demo"], b"k", 2, "takes no key"),
    "named elsewhere": (["set", "corp2"], b"k", 2, "env:CORP"),
    "broken provider": (["set", "broken"], b"k", 78, "base_url"),
    "none stored": (["remove", "groq"], b"", 2, "dragoman keys list"),
    "no command": (["sett"], b"", 2, "sett"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_told(name: str, dragoman: Dragoman) -> None:
    arguments, stdin, code, said = WRONG[name]
    dragoman.configure(
        '[providers.corp2]\nbase_url = "https://c.example/v1"\napi_key = "env:CORP"\n'
        '[providers.broken]\napi = "openai-completions"\n'
    )
    result = dragoman("keys", *arguments, stdin=stdin)
    assert result.code == code, result.err
    assert said in result.err
    assert KEY not in result.err
    check_told(result)
    assert not store(dragoman).exists()


@pytest.mark.parametrize("arguments", [["list"], ["set", "groq"], ["remove", "groq"]], ids=str)
def test_store_that_others_may_read_is_refused(arguments: list[str], dragoman: Dragoman) -> None:
    assert dragoman("keys", "set", "groq", stdin=KEY.encode()).code == 0
    store(dragoman).chmod(0o644)
    result = dragoman("keys", *arguments, stdin=KEY.encode())
    assert result.code == 78
    assert "chmod 600" in result.err
    check_told(result)


@pytest.mark.parametrize("arguments", [["list"], ["set", "groq"], ["remove", "groq"]], ids=str)
def test_broken_store_is_told_and_kept(arguments: list[str], dragoman: Dragoman) -> None:
    store(dragoman).parent.mkdir(parents=True)
    store(dragoman).write_text("{")
    store(dragoman).chmod(0o600)
    result = dragoman("keys", *arguments, stdin=KEY.encode())
    assert result.code == 78
    check_told(result)
    assert store(dragoman).read_text() == "{"


def test_store_that_cannot_be_written_is_told(dragoman: Dragoman) -> None:
    (dragoman.home / ".local").write_text("a file where a folder should be")
    result = dragoman("keys", "set", "groq", stdin=KEY.encode())
    assert result.code == 1
    assert "nothing has changed" in result.err
    check_told(result)


def test_ctrl_c_at_the_prompt_stores_nothing(dragoman: Dragoman) -> None:
    running = dragoman.at_terminal("keys", "set", "groq")
    running.wait_for("Key for groq", err=True)
    running.interrupt_at_prompt()
    result = running.result()
    assert result.code == 130
    assert "Traceback" not in result.err
    assert not store(dragoman).exists()
