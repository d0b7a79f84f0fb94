"""What commands of the gateway refuse is told as what, why and how to mend it, with its status."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli import run
from tests.cli.running import Result
from tests.cli.test_exit_codes import check_told
from tests.cli.test_wrong import locked

CASES: Mapping[str, Any] = tomllib.loads(
    Path(__file__).with_name("cases").joinpath("refusals.toml").read_text()
)
MADE = (
    "organisations create acme",
    "gateway-keys create ci --organisation acme",
    "org-providers set acme https://acme.example --no-token --organisation acme",
    "limits set day 1 requests day --organisation acme",
)
CONFIG = '[[providers]]\nname = "ours"\nbase_url = "https://ours.example"\n'
FILES = {
    "good.csv": b"date,model,cost\n2026-11-01,m,1\n",
    "binary": bytes(range(256)) * 10,
    "nul": b"\0\1,\2\n\0,\0\n",
    "utf-16.csv": "date,cost\n2026-11-01,1\n".encode("utf-16"),
    "half.json": b'[{"date": "2026-11-01", "cost"',
    "half.jsonl": b'{"date": "2026-11-01", "cost": 1}\n{"date":',
    "deep.json": b"[" * 100_000,
    "deep.jsonl": b"{}\n" + b"[" * 100_000,
    "numbers.json": b"[1, 2]",
    "long.csv": b"date,cost\n2026-11-01," + b"1" * 200_000 + b"\n",
    "day.csv": b"date,cost\n2026-11-01,1\nsoon,1\n",
    "short.csv": b"date,cost\n2026-11-01,1\n,\n",
    "cost.csv": b"date,cost\n2026-11-01,much\n",
    "columns.csv": b"date,model\n2026-11-01,m\n",
    "corrupt.db": b"no database at all " * 500,
}
UNTOLD = ("DRAGOMAN_", "XDG_", "OPENAI_", "ANTHROPIC_")


class Piped(contextlib.AbstractContextManager[None]):
    """Standard input, as a pipe that holds this."""

    def __init__(self, text: str) -> None:
        self._pipe = io.TextIOWrapper(io.BytesIO(text.encode()))

    def __enter__(self) -> None:
        self._kept, sys.stdin = sys.stdin, self._pipe

    def __exit__(self, *_: object) -> None:
        sys.stdin = self._kept
        self._pipe.close()


class Here:
    """Runs the command in this process: to start one takes longer than any of these."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __call__(self, line: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Result:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {"HOME": str(self.home), **(env or {})}.items():
                patch.setenv(name, value)
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), Piped(stdin):
                code = run(shlex.split(line))
        return Result(int(code), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """A home in which an organisation has one of each."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(UNTOLD)]:
            patch.delenv(name)
        patch.chdir(home)
        there = home / ".config/dragoman/config.toml"
        there.parent.mkdir(parents=True)
        there.write_text(CONFIG)
        for name, content in FILES.items():
            (home / name).write_bytes(content)
        with contextlib.closing(sqlite3.connect(home / "future.db")) as future:
            future.execute("PRAGMA user_version = 999")
        command = Here(home)
        for line in MADE:
            assert command(line).code == 0, line
        yield command


def refused(here: Here, line: str, code: int, said: Mapping[str, Any]) -> None:
    """Run a command that is refused, and look at what is told, to people and to programs."""
    result = here(line, said.get("stdin", ""), said.get("env"))
    assert result.code == code, (line, result)
    assert result.out == "" or ("--jsonl" in line and json.loads(result.out)["error"])
    check_told(result)
    told = dict(one.strip().split(": ", 1) for one in result.err.splitlines())
    assert said["what"] in told["Error"], (line, result.err)
    for word in ("Why", "Fix"):
        assert said.get(word.lower(), "") in told.get(word, ""), (line, result.err)
    assert "Fix" in told, line
    assert "see dragoman --help" not in told["Fix"], (line, told)  # which would say nothing
    for arguments in (re.sub(" --(csv|jsonl)", "", line) + " --json",):
        told_twice = here(arguments, said.get("stdin", ""), said.get("env"))
        if "no such option" in told_twice.err:
            continue  # it prints nothing that a program would read
        error = json.loads(told_twice.out)["error"]
        assert (told_twice.code, error["exit_code"]) == (code, code)
        assert said["what"] in error["message"]
        assert error["hint"]


@pytest.mark.parametrize("group", ["database", "missing", "unmakeable", "record", "spoilt"])
def test_a_database_that_cannot_be_used_is_told_by_every_command(here: Here, group: str) -> None:
    cases = CASES[group]
    for place in cases["places"]:
        env = {"DRAGOMAN_DATABASE_URL": place["url"]}
        for line in cases["commands"]:
            refused(here, line, cases["code"], {"what": cases["what"], **place, "env": env})


@pytest.mark.parametrize("command", ["usage", "logs"])
@pytest.mark.parametrize("forms", [*itertools.permutations(["--json", "--csv", "--jsonl"], 2)])
def test_rows_are_printed_in_one_form(here: Here, command: str, forms: tuple[str, str]) -> None:
    result = here(f"{command} {' '.join(forms)}")
    assert result.code == 2
    assert "do not go together" in result.err
    assert "Fix: give one of them" in result.err


def test_what_only_reads_makes_no_database(here: Here) -> None:
    for line in CASES["missing"]["commands"]:
        here(line, env={"DRAGOMAN_DATABASE_URL": "sqlite:///none/of/it.db"})
    assert not (here.home / "none").exists()
    assert not (here.home / "copy.db").exists()


def test_what_only_reads_is_not_held_up_by_whoever_writes(here: Here) -> None:
    with locked(here.home / ".local/share/dragoman/dragoman.db"):
        for line in CASES["spoilt"]["commands"]:
            result = here(line)
            assert result.code == (1 if "reconcile" in line else 0), (line, result)


@pytest.mark.parametrize("line", CASES["output"]["commands"])
def test_a_full_disk_under_the_output_is_told(here: Here, line: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dragoman", *shlex.split(line)],
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={"HOME": str(here.home), "PATH": os.environ["PATH"]},
            timeout=120,
            check=False,
        )
    assert done.returncode == CASES["output"]["code"]
    check_told(Result(done.returncode, "", done.stderr))
    assert CASES["output"]["what"] in done.stderr


@pytest.mark.parametrize("group", ["organisation", "foreign"])
def test_what_is_not_there_is_told_and_where_to_look(here: Here, group: str) -> None:
    cases = CASES[group]
    for line in cases["commands"]:
        refused(here, line, cases["code"], cases)


@pytest.mark.parametrize("group", ["key", "value", "file", "usage"])
def test_what_is_wrong_is_told_and_how_to_mend_it(here: Here, group: str) -> None:
    for case in CASES[group]["commands"]:
        refused(here, case["run"], CASES[group]["code"], case)


def test_what_is_refused_has_changed_nothing(here: Here) -> None:
    for group in ("value", "usage"):
        for case in CASES[group]["commands"]:
            here(case["run"], case.get("stdin", ""))
    found = {
        noun: json.loads(here(f"{noun} --organisation acme --json").out)
        for noun in ("gateway-keys", "org-providers")
    }
    assert [one["name"] for one in found["gateway-keys"]] == ["ci"]
    assert found["gateway-keys"][0]["version"] == 1
    assert [(one["name"], one["enabled"]) for one in found["org-providers"]] == [("acme", True)]
    for noun in ("gateway-keys", "org-providers"):
        assert json.loads(here(f"{noun} --json").out) == []
    names = [one["name"] for one in json.loads(here("organisations --json").out)]
    assert names == ["acme", "default"]
