"""The database of either kind: made, migrated, refused, copied, and the same tables in both."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, event

from dragoman.store import Ledger, Place, StoreError, UnwritableRow
from dragoman.store.copying import back_up, copy_to, restore, status_of
from dragoman.store.database import Server, WrongDatabase, is_there, open_database, read_place
from dragoman.store.migrations.upgrade import upgrade
from dragoman.store.postgres import SCHEMA, STATEMENTS, _marked
from dragoman.store.records import Records
from dragoman.store.schema import TABLES, VERSION
from dragoman.store.sqlite import open_file
from dragoman.store.tables import METADATA
from dragoman.types.message import user
from tests.store.rows import fill_every_table
from tests.store.test_records import answer, exchange
from tests.upstream.postgres import PostgresServer

CASES = Path(__file__).parent / "cases"
UNENCODED = ("%zz", "%", "%00", " ", "\t", "é", "℀", "@", "/", "#", "?", "?a=", "[", "]")
"""What divides a URL, or is nothing in one: whoever takes it for something else repeats it."""


def fill(place: Place, count: int = 3) -> None:
    with Ledger(place) as ledger:
        for number in range(count):
            ledger.record(exchange(f"{number:03}"), [user("Why?")], answer("So."), source="cli")


def contents(place: Place) -> dict[str, list[Any]]:
    with closing(open_database(place)) as connection:
        return {
            table: sorted(
                tuple(dict(row).values())
                for row in connection.rows(f"SELECT {', '.join(columns)} FROM {table}")
            )
            for table, columns in TABLES.items()
        }


def structure(path: Path) -> dict[str, Any]:
    """What columns and indexes there are: names, types, defaults, whether NULL may be."""
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, Any] = {}
        for table in TABLES:
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            found[table] = [(c[1], c[2], bool(c[3]) or bool(c[5]), c[4], c[5]) for c in columns]
            keys = connection.execute(f"PRAGMA foreign_key_list({table})").fetchall()
            found[f"{table} keys"] = sorted(key[2:7] for key in keys)
        indexes = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        for name, sql in indexes:
            columns = connection.execute(f"PRAGMA index_info({name})").fetchall()
            found[name] = ([c[2] for c in columns], "WHERE" in sql, "UNIQUE" in sql)
        listed = connection.execute("PRAGMA table_list").fetchall()
        found["strict"] = sorted((t[1], t[4], t[5]) for t in listed if t[1] in TABLES)
    return found


@pytest.mark.parametrize("version", range(1, VERSION + 1))
def test_a_file_of_every_past_version_becomes_what_a_new_one_is(
    version: int, tmp_path: Path
) -> None:
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((CASES / f"version-{version}.sql").read_text())
    open_database(old).close()
    open_database(new).close()
    assert structure(old) == structure(new)


def test_responses_of_before_are_those_of_their_keys_organisation(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript((CASES / "version-7.sql").read_text())
        connection.executescript(
            "INSERT INTO organisation (id, name, title, created_at, updated_at)"
            " VALUES ('org_1', 'acme', 'Acme', 1, 1);"
            "INSERT INTO gateway_key"
            " (id, organisation_id, name, prefix, digest, created_by, created_at, updated_at)"
            " VALUES ('key_1', 'org_1', 'one', 'dk_', 'x', 'ada', 1, 1);"
            "INSERT INTO provider (organisation_id, name, created_at, updated_at)"
            " VALUES ('org_1', 'house', 1, 1);"
            "INSERT INTO response (gateway_key, id, provider, model, expires_at, owed) VALUES"
            " ('key_1', 'a', 'house', 'm', 9, 1), ('key_1', 'b', 'openai', 'm', 9, 0),"
            " ('', 'c', 'house', 'm', 9, 1);"
        )
    with closing(open_database(old)) as found:
        rows = found.rows("SELECT id, organisation_id, own, owed, due_at FROM response ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("a", "org_1", 1, 1, 0.0),
        ("b", "org_1", 0, 0, 0.0),
        ("c", "default", 0, 1, 0.0),
    ]


def test_postgresql_and_the_declared_tables_agree(postgres_server: PostgresServer) -> None:
    server = postgres_server.new()
    open_database(server).close()
    assert differences(server.url.replace("postgresql:", "postgresql+psycopg:")) == []


def test_sqlite_and_the_declared_tables_agree(tmp_path: Path) -> None:
    open_database(tmp_path / "a.db").close()
    assert differences(f"sqlite:///{tmp_path / 'a.db'}") == []


def differences(url: str) -> list[Any]:
    """What alembic would change."""
    engine = create_engine(url)
    if url.startswith("postgresql"):

        @event.listens_for(engine, "connect")
        def look_in_our_schema(connection: Any, _: Any) -> None:
            connection.execute(f"SET search_path TO {SCHEMA}")
            connection.commit()

    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection,
                opts={"compare_type": True, "version_table_schema": None},
            )
            found = compare_metadata(context, METADATA)
    finally:
        engine.dispose()
    # Of a foreign key that came with a column SQLAlchemy reads no ON DELETE out of a SQLite file.
    return [(what, thing.name) for what, thing in found if url[0] == "p" or "fk" not in what]


@pytest.mark.parametrize("version", [0, 1, VERSION])
def test_a_database_of_another_program_is_left_alone(version: int, tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE message (body TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    for look in (open_database, status_of):
        with pytest.raises(WrongDatabase, match="another program"):
            look(path)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {path.name: before}


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE dragoman.alembic_version SET version_num = '9999'", "newer version of dragoman"),
        ("UPDATE dragoman.alembic_version SET version_num = 'cafe'", "not dragoman's, or damaged"),
        ("DELETE FROM dragoman.alembic_version", "not dragoman's, or damaged"),
        ("DROP TABLE dragoman.alembic_version", "not dragoman's, or damaged"),
    ],
)
def test_a_schema_that_is_not_known_is_refused(
    statement: str, reason: str, postgres_server: PostgresServer
) -> None:
    server = postgres_server.new()
    open_database(server).close()
    run(server, statement)
    with pytest.raises(StoreError, match=reason):
        open_database(server)


@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE dragoman.users (id int)",
        "CREATE TABLE dragoman.account (id int)",
        "CREATE VIEW dragoman.one AS SELECT 1",
        "CREATE TABLE dragoman.alembic_version AS SELECT '0003' AS version_num",
    ],
)
def test_a_schema_of_another_program_is_left_alone(
    theirs: str, postgres_server: PostgresServer
) -> None:
    server = postgres_server.new()
    run(server, f"CREATE SCHEMA dragoman; {theirs}")
    before = names_in(server, SCHEMA)
    for look in (open_database, status_of):
        with pytest.raises(WrongDatabase, match="not dragoman's, or damaged"):
            look(server)
    assert names_in(server, SCHEMA) == before


def names_in(server: Server, schema: str) -> set[str]:
    """What stands in a schema: tables, indexes and the like."""
    with psycopg.connect(server.url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)", (schema,)
        ).fetchall()
    connection.close()
    return {name for (name,) in found}


def test_other_schemas_are_not_touched(postgres_server: PostgresServer) -> None:
    server = postgres_server.new()
    run(server, "CREATE TABLE exchange (mine text); INSERT INTO exchange VALUES ('a')")
    fill(server)
    with psycopg.connect(server.url) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('public', 'dragoman')"
        ).fetchall()
        assert [name for schema, name in tables if schema == "public"] == ["exchange"]
        assert {name for schema, name in tables if schema == "dragoman"} == {
            *TABLES,
            "alembic_version",
        }
        assert connection.execute("SELECT * FROM public.exchange").fetchall() == [("a",)]
    connection.close()


def as_user(server: Server, name: str) -> Server:
    """Make a user who may do nothing yet."""
    run(server, f"CREATE ROLE {name} LOGIN")
    return Server(server.url.replace("tests@", f"{name}@"))


def test_a_user_who_owns_the_schema_and_nothing_else_migrates_it(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    server = postgres_server.new()
    owner = as_user(server, "owner")
    run(server, "CREATE SCHEMA dragoman AUTHORIZATION owner")
    assert status_of(owner).version == 0
    fill(tmp_path / "a.db", 30)
    copy_to(tmp_path / "a.db", owner)
    assert contents(owner) == contents(tmp_path / "a.db")


def test_a_user_who_may_not_make_the_schema_is_told_who_may(
    postgres_server: PostgresServer,
) -> None:
    server = postgres_server.new()
    nobody = as_user(server, "nobody_in_particular")
    for schema in ("SELECT 1", "CREATE SCHEMA dragoman"):
        run(server, schema)
        with pytest.raises(StoreError, match="permission denied") as caught:
            open_database(nobody)
        assert "own the schema dragoman" in (caught.value.hint or "")


def test_what_was_said_before_conversations_is_continued_in_postgresql_too(
    postgres_server: PostgresServer,
) -> None:
    server = postgres_server.new()
    upgrade(server, "0001")
    run(
        server,
        """
        SET search_path TO dragoman;
        INSERT INTO exchange (id, started_at, source, asked, outcome)
        VALUES ('req_1', 1, 'cli', 'a/"m"', 'ok'), ('req_2', 2, 'cli', 'a/m, b/m', 'ok');
        INSERT INTO message SELECT id, 0, 'in', 'user', '[]' FROM exchange
        """,
    )
    with closing(open_database(server)) as connection:
        rows = connection.rows("SELECT id, settings FROM conversation ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [
        ("con_1", '{"refs" : ["a/\\"m\\""]}'),
        ("con_2", "{}"),
    ]


def test_everything_is_copied_into_an_empty_database_and_into_no_other(
    place: Place, tmp_path: Path
) -> None:
    source = tmp_path / "source.db"
    fill(source, 1500)
    counts = copy_to(source, place)
    assert (counts["exchange"], counts["message"]) == (1500, 3000)
    assert contents(place) == contents(source)
    with pytest.raises(StoreError, match="not empty"):
        copy_to(source, place)
    with pytest.raises(StoreError, match="the database itself"):
        copy_to(source, source)


def test_a_backup_is_restored_as_it_was(place: Place, tmp_path: Path) -> None:
    fill(place)
    fill_every_table(place)
    file, again = tmp_path / "backup.db", tmp_path / "again.db"
    back_up(place, file)
    assert [f.name for f in tmp_path.glob("backup*")] == ["backup.db"]
    assert file.stat().st_mode & 0o777 == 0o600
    restore(file, again)
    assert contents(again) == contents(place)
    with pytest.raises(StoreError, match="there already"):
        back_up(place, file)
    with pytest.raises(StoreError, match="no such folder"):
        back_up(place, tmp_path / "not mounted" / "backup.db")
    assert not (tmp_path / "not mounted").exists()
    assert not list(tmp_path.glob("*.partial"))


BACK_UP = """
import sys
from pathlib import Path
from dragoman.store.copying import back_up
from dragoman.store.database import StoreError
try:
    back_up(Path(sys.argv[1]), Path(sys.argv[2], "backup.db"))
except StoreError as error:
    print(error, error.hint)
print(*[file.name for file in Path(sys.argv[2]).iterdir()])
"""


@pytest.mark.parametrize("share", [0.5, 1.5], ids=["no room", "room for the log alone"])
def test_a_backup_for_which_there_is_no_room_is_none(share: float, tmp_path: Path) -> None:
    """The log is as long as the file, and both of them are there before the one is in the other."""
    source, disk = tmp_path / "source.db", tmp_path / "disk"
    disk.mkdir()
    fill(source, 1500)
    size = int(source.stat().st_size * share)
    program = f'mount -t tmpfs -o size={size} none {disk} && exec "$@"'
    roomless = ("unshare", "--map-root-user", "--mount", "sh", "-c", program, "sh")
    if subprocess.run([*roomless, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a disk of one's own cannot be had here")
    done = subprocess.run(
        [*roomless, sys.executable, "-c", BACK_UP, str(source), str(disk)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told, left = done.stdout.splitlines()
    assert told.endswith("database or disk is full free space on its disk")
    assert left == ""


def test_an_older_backup_is_restored_and_stays_as_it_is(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((CASES / "version-1.sql").read_text())
        connection.execute(
            "INSERT INTO exchange (id, started_at, source, asked, outcome)"
            " VALUES ('req_1', 1, 'cli', 'm', 'ok')"
        )
        connection.commit()
    before = file.read_bytes()
    assert restore(file, place)["exchange"] == 1
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("VACUUM", "it is empty, there is no backup in it"),
        ("PRAGMA user_version = 99", "it was made by a newer version of dragoman"),
        ("CREATE TABLE foo (x)", "it is a database of another program"),
    ],
)
def test_what_is_no_backup_is_refused_by_its_own_name(
    statement: str, reason: str, tmp_path: Path
) -> None:
    file, target = tmp_path / "backup.db", tmp_path / "target.db"
    file.touch()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(statement)
    with pytest.raises(StoreError) as caught:
        restore(file, target)
    assert str(caught.value) == f"{file}: {reason}"
    assert not target.exists()


def test_a_backup_is_of_one_moment_while_others_write(place: Place, tmp_path: Path) -> None:
    fill(place, 50)
    with Ledger(place) as ledger:  # open, as the gateway's is
        with closing(open_database(place)) as reading, reading.transaction(snapshot=True):
            reading.rows("SELECT count(*) AS count FROM exchange")
            ledger.record(exchange("late"), source="cli")
            (seen,) = reading.rows("SELECT count(*) AS count FROM exchange")
        assert seen["count"] == 50
        assert back_up(place, tmp_path / "backup.db")["exchange"] == 51


def test_status_changes_nothing(place: Place) -> None:
    assert status_of(place).version == 0
    assert isinstance(place, Server) or not is_there(place)
    fill(place, 2)
    found = status_of(place)
    assert (found.version, found.rows and found.rows["attempt"]) == (VERSION, 2)


def test_text_that_postgresql_has_no_room_for_is_kept_all_the_same(
    postgres_server: PostgresServer,
) -> None:
    server = postgres_server.new()
    odd = exchange("odd")
    odd.asked, odd.attempts[0].model = "a\0b", "m" * 100_000
    with Ledger(server) as ledger:
        ledger.record_all([odd, *(exchange(f"{n}") for n in range(2, 40))], source="gateway")
    with Records(server) as records:
        found = records.find("req_odd")
    assert found is not None
    assert (found.exchange.asked, len(found.exchange.attempts[0].model)) == ("a\ufffdb", 100_000)


def test_what_was_kept_of_such_a_text_is_found_by_it(place: Place) -> None:
    columns = ("id", "name", "title", "created_at", "updated_at")
    with closing(open_database(place)) as connection:
        connection.insert("organisation", columns, [("a", "a\0b", "A", 1.0, 1.0)])
        look = "SELECT id FROM organisation WHERE name = :name"
        assert len(connection.rows(look, {"name": "a\0b"})) == 1
        assert connection.rows(look, {"name": "\0"}) == []


def test_a_value_that_no_database_takes_is_told_of_reading_and_writing_alike(place: Place) -> None:
    with closing(open_database(place)) as connection:
        for method in (connection.rows, connection.write):
            with pytest.raises(UnwritableRow):
                method("SELECT id FROM organisation WHERE name = :name", {"name": "\ud800"})


def test_a_bug_inside_a_transaction_is_no_fault_of_the_database(place: Place) -> None:
    with closing(open_database(place)) as connection:

        def fail(bug: Exception) -> None:
            with connection.transaction():
                connection.write("DELETE FROM organisation")
                raise bug

        for kind in (ValueError, TypeError, OverflowError):
            with pytest.raises(kind, match="a bug"):
                fail(kind("a bug"))
        assert len(connection.rows("SELECT id FROM organisation")) == 1


def test_statements_that_are_never_the_same_do_not_pile_up() -> None:
    for number in range(2 * STATEMENTS):
        _marked(f"SELECT {number}")
    assert _marked.cache_info().currsize == STATEMENTS


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "postgres://me:secret@db.example:5433/a?sslmode=require",
            "postgresql://me@db.example:5433/a",
        ),
        ("postgresql:///a", "postgresql:///a"),
        ("sqlite:///b.db", "b.db"),
        ("sqlite:////var/lib/b%20c.db", "/var/lib/b c.db"),
    ],
)
def test_a_place_is_shown_without_its_password(url: str, shown: str) -> None:
    place = read_place(url)
    assert str(place) == shown
    assert "secret" not in repr(place)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@a/b",
        "secret",
        "sqlite://secret",
        "postgresql://a:secret@h:port/b",
        *(f"postgresql://a:{begun}{each}secret@h:1/b" for each in UNENCODED for begun in "s1"),
        "postgresql://a:secret@h:1/b?secret",
        "postgresql://a:secret@h:70000/b",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(StoreError, match="URL of the database") as caught:
        read_place(url)
    assert "secret" not in str(caught.value)


def test_a_password_is_percent_encoded_where_it_has_to_be() -> None:
    with pytest.raises(StoreError) as caught:
        read_place("postgresql://a:se%zz@h/b")
    assert caught.value.hint is not None
    assert "% is %25, @ is %40, / is %2F" in caught.value.hint
    place = read_place("postgresql://a:se%25zz%40%2F:!$&'()*+,;=-._~@h:5433/b?sslmode=prefer")
    assert str(place) == "postgresql://a@h:5433/b"
    assert is_there(read_place("postgresql://a:secret@[::1]:5433/b"))


def test_what_a_server_s_client_repeats_of_a_password_is_hidden() -> None:
    place = read_place("postgresql://me:se%2Fcret@127.0.0.1:1/b?sslmode=se%2Fcret")
    with pytest.raises(StoreError, match='sslmode value: "…"'):
        open_database(place)
    place = read_place("postgresql://me@127.0.0.1:1/b?password=hush&sslmode=hush")
    with pytest.raises(StoreError, match='sslmode value: "…"'):
        open_database(place)


def run(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())
    connection.close()


def test_many_who_make_the_same_file_at_once_all_have_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(100):
            path = tmp_path / f"{number}.db"
            for _ in pool.map(lambda path: open_database(path).close(), [path] * 4):
                pass


@pytest.mark.parametrize(
    ("pragma", "why", "hint"),
    [
        ("query_only = ON", "readonly database", "the right to write to it"),
        ("max_page_count = 1", "disk is full", "free space"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_with_what_to_do(
    tmp_path: Path, pragma: str, why: str, hint: str
) -> None:
    with closing(open_file(tmp_path / "a.db")) as file:
        file.raw.execute(f"PRAGMA {pragma}")
        with pytest.raises(StoreError, match=why) as caught:
            file.insert(
                "setting",
                ("name", "value", "created_at", "updated_at"),
                [("x", "y" * 100_000, 0.0, 0.0)],
            )
    assert hint in (caught.value.hint or "")
