"""Whatever goes wrong is told as what, why and how to fix it, with its documented status."""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.terminal.exit_codes import MEANINGS, Exit
from tests.cli.running import Dragoman, Result
from tests.upstream.answers import chat, chat_stream, chunk, error, html, sse, stall
from tests.upstream.fault import FaultUpstream
from tests.upstream.script import Answer
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]
CASES = tomllib.loads((Path(__file__).parent / "cases" / "wrong.toml").read_text("utf-8"))["case"]
HALF = sse([chunk({"content": "half an "}), chunk({"content": "answer"})], done=False)

SERVERS: dict[str, Any] = {
    "not found": error(404, message="The model does not exist"),
    "wrong key": error(401, message="Incorrect API key provided"),
    "no money": error(402, message="There is no credit left"),
    "busy": error(429, message="slow down"),
    "broken": error(500, message="oh no"),
    "silent": stall(),
    "page": html(),
    "killed": HALF.reset(),
    "cut": HALF,
    "error in stream": sse(
        [chunk({"content": "half an answer"}), {"error": {"message": "the GPU is gone"}}]
    ),
    "refused": error(400, message="messages[0] is wrong"),
    "no data": chat("a dog"),
}


@pytest.fixture
def world(
    dragoman: Dragoman, upstream: Upstream, authority: Authority
) -> Callable[[str], dict[str, str]]:
    """Arrange what a case needs; returns what its texts refer to."""

    def arrange(name: str) -> dict[str, str]:
        if name in SERVERS:
            return {"url": upstream(SERVERS[name]).base_url}
        if name == "down":
            return {"url": upstream(chat("no"), down=True).base_url}
        if name in ("expired", "unknown authority"):
            tls = authority.server(expired=name == "expired")
            return {"url": upstream(chat("no"), tls=tls).base_url, "ca": str(authority.ca_file)}
        if name == "bad schema":
            (dragoman.cwd / "bad.json").write_text("{")
        elif name == "key in the environment":
            dragoman.env["GROQ_API_KEY"] = "gsk_0123456789abcdef"
        elif name == "read-only home":
            dragoman.env["HOME"] = "/sys"  # where not even root may make a file
        elif name:
            _spoil_record(dragoman, name)
        return {}

    return arrange


def _spoil_record(dragoman: Dragoman, name: str) -> None:
    assert dragoman("-m", "demo/echo", "Hello").code == 0
    if name == "corrupt record":
        for side in dragoman.database.parent.glob("dragoman.db-*"):
            side.unlink()
        dragoman.database.write_bytes(b"no database at all " * 500)
    elif name == "future record":
        with contextlib.closing(sqlite3.connect(dragoman.database)) as connection:
            connection.execute("PRAGMA user_version = 999")
    else:
        assert name == "asked"


def prepare(case: dict[str, Any], dragoman: Dragoman, known: dict[str, str]) -> dict[str, Any]:
    """Write the configuration of a case. Returns: what is given to the command."""

    def filled(text: str) -> str:
        for name, value in known.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    if "config" in case:
        dragoman.configure(filled(case["config"]))
    given: dict[str, Any] = {}
    if "stdin_bytes" in case:
        given["stdin"] = bytes.fromhex(case["stdin_bytes"])
    elif "stdin_size" in case:
        given["stdin"] = b"word " * (case["stdin_size"] // 5)
    elif "stdin" in case:
        given["stdin"] = case["stdin"].encode()
    return {"arguments": shlex.split(filled(case["arguments"])), **given}


def told(result: Result) -> list[str]:
    """The lines of the error: at most three, in their order."""
    lines = [line for line in result.err.splitlines() if not line.startswith("Warning:")]
    start = next(i for i, line in enumerate(lines) if line.startswith("Error: "))
    kinds = [line[:7] for line in lines[start:]]
    assert kinds in (
        ["Error: ", "  Why: ", "  Fix: "],
        ["Error: ", "  Fix: "],
        ["Error: "],
    ), result.err
    return lines[start:]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_it_is_told(
    case: dict[str, Any], dragoman: Dragoman, world: Callable[[str], dict[str, str]]
) -> None:
    given = prepare(case, dragoman, world(case.get("world", "")))
    arguments = given.pop("arguments")
    result = dragoman(*arguments, **given)
    assert "Traceback" not in result.out + result.err
    assert "bug in dragoman" not in result.err
    assert result.code == case["code"], result.err
    assert Exit(result.code) in MEANINGS
    lines = told(result)
    assert case["says"] in lines[0], result.err
    assert lines[-1].startswith("  Fix: "), result.err
    assert case["fix"] in lines[-1], result.err
    assert all(len(line) < 700 for line in lines)
    if "out" in case:
        assert result.out == case["out"]


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 30
    assert len({case["name"] for case in CASES}) == len(CASES)


NO_JSON = ("setup", "keys set", "providers add", "help")
BARE = ("-m", "config")
"""Command lines behind which nothing can stand, and commands without `--json`."""
TAKE_JSON = [
    case
    for case in CASES
    if not case["arguments"].startswith(NO_JSON) and case["arguments"] not in BARE
]


@pytest.mark.parametrize("case", TAKE_JSON, ids=lambda case: case["name"])
def test_programs_are_told_as_well(
    case: dict[str, Any], dragoman: Dragoman, world: Callable[[str], dict[str, str]]
) -> None:
    given = prepare(case, dragoman, world(case.get("world", "")))
    result = dragoman(*given.pop("arguments"), "--json", **given)
    assert result.code == case["code"]
    found = result.json()["error"]
    assert found["exit_code"] == case["code"]
    assert found["code"]
    assert found["hint"]
    assert case["says"] in found["message"]
    if "out" in case:
        assert result.json()["text"] == case["out"].rstrip()
    assert told(result)


def test_lines_of_json_end_with_the_error(dragoman: Dragoman) -> None:
    for arguments in (["--jsonl", "Hi"], ["--jsonl", "--nope", "Hi"], ["--jsonl", "-m", "x", "Hi"]):
        (line,) = dragoman(*arguments).out.splitlines()
        assert line.startswith('{"type":"answer",')
        assert '"error":{"code":' in line


def test_json_that_is_part_of_the_prompt_is_not_asked_for(dragoman: Dragoman) -> None:
    assert dragoman("-m", "nope", "--", "--json").out == ""


# -------------------------------------------------------------- what costs the record alone


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.close()


def test_record_that_is_locked_costs_a_line(dragoman: Dragoman) -> None:
    dragoman("-m", "demo/echo", "Hello")
    with locked(dragoman.database):
        result = dragoman("-m", "demo/echo", "Hello")
    assert (result.code, result.out) == (0, "Hello\n")
    assert result.err == f"Warning: not recorded: {dragoman.database}: database is locked\n"


@pytest.mark.parametrize("name", ["corrupt record", "future record"])
def test_record_that_is_of_no_use_costs_a_line(
    name: str, dragoman: Dragoman, world: Callable[[str], dict[str, str]]
) -> None:
    world(name)
    result = dragoman("-m", "demo/echo", "Hello")
    assert (result.code, result.out) == (0, "Hello\n")
    assert result.err.startswith("Warning: not recorded: ")
    assert len(result.err.splitlines()) == 1


def test_home_that_cannot_be_written_costs_a_line(dragoman: Dragoman) -> None:
    result = dragoman("-m", "demo/echo", "Hello", env={"HOME": "/sys"})
    assert (result.code, result.out) == (0, "Hello\n")
    assert result.err.startswith("Warning: not recorded: /sys/.local")


def test_huge_stdin_goes_through_where_it_fits(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["read"]))
    arguments = ["--base-url", server.base_url, "-m", "m", "Summarise"]
    result = dragoman(*arguments, stdin=b"x" * 20_000_000)
    assert (result.code, result.out) == (0, "read\n")
    assert len(server.requests[0].body) > 20_000_000


def test_half_is_half_of_an_answer() -> None:
    assert isinstance(HALF, Answer)
