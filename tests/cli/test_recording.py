"""What was asked and answered is kept, unless it is asked not to; it never costs the answer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat_stream

Upstream = Callable[..., FaultUpstream]


def test_exchange_is_recorded_unless_asked_not_to(dragoman: Dragoman, up: FaultUpstream) -> None:
    dragoman("--no-log", "Secret question")
    assert not dragoman.database.exists()
    dragoman("-s", "Be brief.", "Hello")
    with sqlite3.connect(dragoman.database) as connection:
        exchange = connection.execute(
            "SELECT source, asked, provider, model, outcome, cost_nanousd FROM exchange"
        ).fetchall()
        said = connection.execute("SELECT role, parts FROM message ORDER BY position").fetchall()
    connection.close()
    assert exchange == [("cli", "up", "up", "m1", "ok", 1_480_000)]
    assert [(role, json.loads(parts)[0]["text"]) for role, parts in said] == [
        ("system", "Be brief."),
        ("user", "Hello"),
        ("assistant", "Good day"),
    ]
    assert len(up.requests) == 2


def test_configuration_can_say_that_nothing_is_kept(dragoman: Dragoman, up: FaultUpstream) -> None:
    sound = dragoman.config_file.read_text()
    dragoman.configure(f"log = false\n{sound}")
    assert dragoman("Hello").code == 0
    assert not dragoman.database.exists()
    (dragoman.cwd / "dragoman.toml").write_text("log = true\n")
    result = dragoman("Hello")
    assert "not trusted" in result.err
    assert not dragoman.database.exists()
    assert dragoman("Hello", env={"DRAGOMAN_LOG": "true"}).code == 0
    assert dragoman.database.exists()
    assert len(up.requests) == 3


def test_full_disk_costs_the_record_and_never_the_answer(
    dragoman: Dragoman, up: FaultUpstream
) -> None:
    # No file may grow beyond nothing: what a full disk looks like to a program.
    result = dragoman.shell("ulimit -f 0; exec " + " ".join(dragoman.command(["Hello"])))
    assert (result.code, result.out) == (0, "Good day\n")
    assert result.err.startswith("Warning: not recorded: ")
    assert len(result.err.splitlines()) == 1
    assert len(up.requests) == 1


def test_unusable_database_costs_the_record_and_never_the_answer(
    dragoman: Dragoman, up: FaultUpstream
) -> None:
    dragoman.database.mkdir(parents=True)
    result = dragoman("Hello")
    assert (result.code, result.out) == (0, "Good day\n")
    assert result.err.startswith("Warning: not recorded: ")
    assert len(result.err.splitlines()) == 1
    assert len(up.requests) == 1


def test_failure_is_recorded_with_what_had_come(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["half", " an answer"], finish=None, done=False))
    result = dragoman("--base-url", server.base_url, "-m", "m", "Hello")
    assert result.out == "half an answer\n"
    assert result.code == 69
    with sqlite3.connect(dragoman.database) as connection:
        found = connection.execute("SELECT outcome, error FROM exchange").fetchall()
        said = connection.execute("SELECT parts FROM message WHERE direction = 'out'").fetchall()
    connection.close()
    assert found == [("truncated", "stream_truncated")]
    assert json.loads(said[0][0])[0]["text"] == "half an answer"
