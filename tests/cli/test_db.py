"""`dragoman db`, and the record in a PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from dragoman.store.database import open_database
from dragoman.store.schema import VERSION
from tests.cli.running import Dragoman, Running
from tests.server.process import Process, wait_until
from tests.upstream.ports import free_port
from tests.upstream.postgres import PostgresServer

OLD = Path(__file__).parent.parent / "store" / "cases" / "version-3.sql"


def test_the_record_can_be_in_postgresql(
    dragoman: Dragoman, postgres_server: PostgresServer
) -> None:
    env = {"DRAGOMAN_DATABASE_URL": postgres_server.new().url}
    assert dragoman("-m", "demo/echo", "One", env=env).out == "One\n"
    dragoman("-c", "Two", env=env)
    (latest, first) = json.loads(dragoman("logs", "--json", env=env).out)
    assert (first["prompt"], latest["prompt"], latest["turn"]) == ("One", "Two", 2)
    assert latest["conversation_id"] == first["conversation_id"]
    assert "Two" in dragoman("logs", "show", latest["id"], env=env).out
    for by in ("model", "provider", "key", "client", "day"):
        found = json.loads(dragoman("usage", "--by", by, "--json", env=env).out)
        assert found["total"]["attempts"] == 2, by
    assert [e["id"] for e in json.loads(dragoman("logs", "-q", "ONE", "--json", env=env).out)] == [
        first["id"]
    ]
    assert dragoman("logs", "path", env=env).out.startswith("postgresql://tests@127.0.0.1")
    assert "postgresql://" in dragoman("doctor", env=env).out
    assert not list(dragoman.home.rglob("dragoman.db"))


def test_the_record_moves_to_postgresql_and_back_into_a_file(
    dragoman: Dragoman, postgres_server: PostgresServer
) -> None:
    url = postgres_server.new().url
    dragoman("-m", "demo/echo", "One")
    moved = dragoman("db", "migrate-to", url)
    assert (moved.code, "1 of exchange" in moved.err) == (0, True)
    env = {"DRAGOMAN_DATABASE_URL": url}
    file = dragoman.home / "backup.db"
    assert dragoman("db", "backup", str(file), env=env).code == 0
    assert json.loads(dragoman("db", "status", "--json", env=env).out)["rows"]["message"] == 2
    again = {"DRAGOMAN_DATABASE_URL": f"sqlite:///{dragoman.home}/again.db"}
    dragoman("db", "restore", str(file), env=again)
    assert json.loads(dragoman("logs", "--json", env=again).out) == json.loads(
        dragoman("logs", "--json").out
    )
    refused = dragoman("db", "restore", str(file), env=env)
    assert (refused.code, "it is not empty" in refused.err) == (66, True)


def test_what_a_killed_gateway_left_in_its_journal_is_not_left_behind(
    dragoman: Dragoman,
) -> None:
    move = ("db", "migrate-to", f"sqlite:///{dragoman.home}/other.db")
    gateway = Process(dragoman.home, "")
    for _ in range(5):
        assert gateway.chat("demo/echo")[0] == 200
    wait_until((dragoman.home / ".local/share/dragoman/dragoman.db").exists)
    running = dragoman(*move)
    gateway.kill()
    killed = dragoman(*move)
    for refused in (running, killed):
        assert (refused.code, "start it once more" in refused.err) == (66, True)
    backup = dragoman("db", "backup", f"{dragoman.home}/backup.db")
    assert (backup.code, "is not in it" in backup.err) == (0, True)
    Process(dragoman.home, "").stop()
    moved = dragoman(*move)
    assert (moved.code, "5 of exchange" in moved.err) == (0, True)
    backup = dragoman("db", "backup", f"{dragoman.home}/whole.db")
    assert (backup.code, "is not in it" in backup.err) == (0, False)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://me:secret@h/d", "begins with none that is known"),
        ("postgresql://me:secret@127.0.0.1:1/d", "Connection refused"),
    ],
)
@pytest.mark.parametrize("command", [["logs"], ["usage"], ["db", "status"], ["-c", "Hello"]])
def test_a_database_that_is_not_there_is_told_without_its_password(
    dragoman: Dragoman, url: str, said: str, command: list[str]
) -> None:
    result = dragoman(*command, env={"DRAGOMAN_DATABASE_URL": url})
    assert (result.code, said in result.err) == (66, True), result.err
    assert "secret" not in result.err + result.out
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_backup_that_is_told_to_end_leaves_nothing(
    dragoman: Dragoman, postgres_server: PostgresServer, number: signal.Signals, code: int
) -> None:
    database, folder = postgres_server.new(), dragoman.home / "backups"
    open_database(database).close()
    folder.mkdir()
    with psycopg.connect(database.url) as connection:
        connection.execute("LOCK TABLE dragoman.exchange")
        arguments = ("db", "backup", str(folder / "monday.db"))
        running = dragoman.start(*arguments, env={"DRAGOMAN_DATABASE_URL": database.url})
        wait_until(lambda: any(folder.rglob("monday.db-wal")))
        assert not (folder / "monday.db").exists()
        running.process.send_signal(number)
        assert running.result().code == code
    assert list(folder.iterdir()) == []


def test_what_a_killed_backup_left_is_taken_away_by_the_next_and_a_living_one_s_is_not(
    dragoman: Dragoman, postgres_server: PostgresServer
) -> None:
    database, folder = postgres_server.new(), dragoman.home / "backups"
    open_database(database).close()
    foreign = folder / "monday.db.mine.partial"
    foreign.mkdir(parents=True)
    arguments = ("db", "backup", str(folder / "monday.db"))
    env = {"DRAGOMAN_DATABASE_URL": database.url}

    def begun(*known: Path) -> tuple[Running, Path]:
        running = dragoman.start(*arguments, env=env)

        def new() -> list[Path]:
            return [f.parent for f in folder.glob("*/monday.db-wal") if f.parent not in known]

        wait_until(lambda: len(new()) > 0)
        (made,) = new()
        return running, made

    with psycopg.connect(database.url) as connection:
        connection.execute("LOCK TABLE dragoman.exchange")
        killed, left = begun()
        killed.process.kill()
        killed.result()
        assert left.exists()
        first, one = begun(left)
        assert not left.exists()
        second, two = begun(one)
        assert one.exists()
    for running in (first, second):
        assert running.result().code == 0
    assert not two.exists()
    assert sorted(folder.iterdir()) == [folder / "monday.db", foreign]


def test_a_database_that_is_made_where_a_variable_names_none_is_told(dragoman: Dragoman) -> None:
    for command in (
        ("-m", "demo/echo", "One"),
        ("gateway-keys", "create", "ci"),
        ("limits", "set", "cap", "1", "spend", "month"),
        ("db", "migrate"),
    ):
        path = dragoman.home / f"{command[0].strip('-')}.db"
        env = {"DRAGOMAN_DATABASE_URL": f"sqlite:///{path}"}
        told = f"Warning: there is no database at {path} yet: a new one is made"
        first, second = dragoman(*command, env=env), dragoman(*command, env=env)
        assert first.code == 0, first.err
        assert first.err.splitlines().count(told) == 1
        assert path.exists()
        assert told not in second.err
    assert dragoman("-m", "demo/echo", "One").err == ""


def test_a_gateway_says_that_there_is_no_database_where_a_variable_names_one(
    dragoman: Dragoman,
) -> None:
    key = {"DRAGOMAN_SECRET_KEY": dragoman("secrets", "new-key").out.strip()}
    for name, more, count in (("typo", [], 1), ("quiet", ["--quiet"], 0), (None, [], 0)):
        path, port = dragoman.home / f"{name}.db", str(free_port())
        env = key | ({} if name is None else {"DRAGOMAN_DATABASE_URL": f"sqlite:///{path}"})
        running = dragoman.start("serve", "--port", port, *more, env=env)
        wait_until(lambda port=port: dragoman("serve", "--check", "--port", port).code == 0)
        running.process.send_signal(signal.SIGTERM)
        told = f"Warning: there is no database at {path} yet: a new one is made"
        assert running.result().err.count(told) == count, name


def test_status_tells_a_database_that_is_not_there(dragoman: Dragoman) -> None:
    place = dragoman.database
    assert dragoman("db", "status").out.splitlines()[0] == f"{place}  (nothing is there yet)"
    assert not place.exists()
    assert dragoman("db", "migrate").code == 0
    assert dragoman("db", "status").out.splitlines()[0] == str(place)


@pytest.mark.parametrize(
    ("command", "fix"),
    [
        ("backup notes.txt", "name a file that is not there yet"),
        ("backup nowhere/a.db", "make it, or mount what should be there"),
        ("restore nowhere.db", "name a file that `dragoman db backup` wrote"),
        ("restore notes.txt", "name a file that `dragoman db backup` wrote"),
        ("restore full.db", "name a database that has no rows of dragoman's"),
        ("migrate-to mysql://h/d", "write it as postgresql://user:password@host/name"),
        ("migrate-to postgresql://x@127.0.0.1:1/d", "see that the server runs there"),
    ],
)
def test_what_a_database_cannot_is_told_with_what_to_do(
    dragoman: Dragoman, command: str, fix: str
) -> None:
    (dragoman.home / "notes.txt").write_text("no database at all " * 500)
    assert dragoman("-m", "demo/echo", "One").code == 0
    assert dragoman("db", "backup", str(dragoman.home / "full.db")).code == 0
    verb, what = command.split()
    named = what if "://" in what else str(dragoman.home / what)
    result = dragoman("db", verb, named)
    assert (result.code, f"Fix: {fix}" in result.err) == (66, True), result.err


def test_the_two_variables_of_a_database_are_told_apart_from_a_wrong_one(
    dragoman: Dragoman,
) -> None:
    both = {"DRAGOMAN_DATABASE_URL": "sqlite:///a.db", "DRAGOMAN_DATABASE_URL_FILE": "/nowhere"}
    alone = {**both, "DRAGOMAN_DATABASE_URL": ""}
    for env, said, fix in (
        (both, "DRAGOMAN_DATABASE_URL and DRAGOMAN_DATABASE_URL_FILE are both set", "leave one"),
        (alone, "DRAGOMAN_DATABASE_URL_FILE: /nowhere cannot be read", "who runs dragoman"),
    ):
        for command, code in ((["logs"], 66), (["serve", "--port", "0"], 78)):
            result = dragoman(*command, env=env)
            assert (result.code, f"Fix: {fix}" in result.err) == (code, True), result.err
            assert re.search(f"(Error|Why): {said}", result.err), result.err


def written(path: Path, statement: str) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    return f"sqlite:///{path}"


@pytest.fixture
def unusable(tmp_path: Path, postgres_server: PostgresServer) -> dict[str, str]:
    """Databases that will never do, by what is said of them."""
    server = postgres_server.new()
    open_database(server).close()
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("UPDATE dragoman.alembic_version SET version_num = '0099'")
    connection.close()
    text = tmp_path / "text.db"
    text.write_text("no database at all " * 500)
    return {
        "newer.db: it was made by a newer version": written(
            tmp_path / "newer.db", "PRAGMA user_version = 99"
        ),
        "theirs.db: it is a database of another program": written(
            tmp_path / "theirs.db", "CREATE TABLE foo (x)"
        ),
        "text.db: file is not a database": f"sqlite:///{text}",
        f"{server}: it was made by a newer version": server.url,
    }


def test_a_gateway_does_not_start_with_a_database_that_will_never_do(
    dragoman: Dragoman, unusable: dict[str, str]
) -> None:
    for said, url in unusable.items():
        result = dragoman("serve", "--port", "0", env={"DRAGOMAN_DATABASE_URL": url})
        assert (result.code, said in result.err) == (78, True), result.err
        assert "Fix: " in result.err
        status = dragoman("db", "status", env={"DRAGOMAN_DATABASE_URL": url})
        assert (status.code, said in status.err) == (66, True), status.err
        assert "migrate" not in status.err + status.out


def test_a_gateway_starts_while_its_database_is_away(dragoman: Dragoman) -> None:
    url = "postgresql://me:secret@127.0.0.1:1/d"
    gateway = Process(dragoman.home, "", env={"DRAGOMAN_DATABASE_URL": url})
    assert gateway.chat("demo/echo")[0] == 200
    assert gateway.stop()[0] == 0


def test_an_answer_comes_without_a_database_too(dragoman: Dragoman) -> None:
    env = {"DRAGOMAN_DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/d"}
    result = dragoman("-m", "demo/echo", "One", env=env)
    assert (result.code, result.out) == (0, "One\n")
    assert "not recorded" in result.err
    assert "secret" not in result.err


@pytest.mark.parametrize("arguments", [["-m", "demo/echo", "Hi"], ["logs"], ["usage"]])
def test_a_file_is_migrated_without_loading_what_wrote_the_migration(
    dragoman: Dragoman, arguments: list[str]
) -> None:
    path = dragoman.home / ".local/share/dragoman/dragoman.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text())
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "dragoman", *arguments],
        env={"HOME": str(dragoman.home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "dragoman.store.sqlite" in done.stderr
    for heavy in ("sqlalchemy", "alembic", "psycopg"):
        assert heavy not in done.stderr
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
