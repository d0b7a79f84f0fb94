"""What was asked is found again: `-c`, `--cid` go on from it, `logs` lists it, `usage` adds up."""

from __future__ import annotations

import re
import shlex
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from msgspec.structs import replace

from dragoman.cli.terminal.width import cell_width
from dragoman.ledger.content import ContentLog, Heard
from dragoman.ledger.queries.sums import Filters, whole_hours
from dragoman.ledger.queries.usage import read_total
from dragoman.ledger.retention import delete_due
from dragoman.store.database import open_database
from dragoman.types.calendar import DAY_S
from dragoman.types.content import ContentMode, LedgerSettings
from tests.cli.running import Dragoman
from tests.ledger.test_rollups import write_all
from tests.ledger.traffic import BEGAN, traffic
from tests.upstream.answers import chat_stream, error
from tests.upstream.answers import tokens as used
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]
PLAIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def busy(dragoman: Dragoman, upstream: Upstream) -> Dragoman:
    """Somebody who has asked three times: an answer with a cost, a failure, the demo."""
    good = upstream(chat_stream(["Good day"], usage=used(1000, 500)))
    bad = upstream(error(401, message="Wrong key"))
    dragoman.configure(
        f'default_model = "good"\n'
        f'[providers.good]\nbase_url = "{good.base_url}"\ndefault_model = "m"\n'
        f"[providers.good.models.m]\ncost = {{ input = 1, output = 2 }}\n"
        f'[providers.bad]\nbase_url = "{bad.base_url}"\ndefault_model = "m"\n'
    )
    assert dragoman("first question").code == 0
    assert dragoman("-m", "bad", "second question").code == 77
    assert dragoman("-m", "demo/echo", "third question with \u00e9 and \u732b").code == 0
    return dragoman


# --------------------------------------------------------------------------------- going on


def test_last_conversation_goes_on_with_its_model_and_instructions(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat_stream(["Hm."]))
    dragoman("-m", "m", "--base-url", server.base_url, "-s", "Be brief.", "first")
    assert dragoman("-c", "second").code == 0
    assert dragoman("-c", "-s", "Be long.", "third").code == 0
    said = [[m["content"] for m in r.json()["messages"]] for r in server.requests]
    assert said[1] == ["Be brief.", "first", "Hm.", "second"]
    assert said[2] == ["Be long.", "first", "Hm.", "second", "Hm.", "third"]


def test_conversation_is_named_by_the_end_of_its_id(busy: Dragoman) -> None:
    listed = busy("logs", "--json").json()
    first = listed[-1]["conversation_id"]
    assert busy("--cid", first[-8:], "more").code == 0
    shown = busy("logs", "show", "--json").json()
    assert (shown["conversation_id"], shown["turn"]) == (first, 2)
    only = busy("logs", "list", "--cid", first[-8:], "--json").json()
    assert [entry["turn"] for entry in only] == [2, 1]


def test_there_must_be_something_to_go_on_from(dragoman: Dragoman) -> None:
    nothing = dragoman("-m", "demo/echo", "-c", "Hi")
    assert nothing.code == 2
    assert "no conversation to continue" in nothing.err
    dragoman("-m", "demo/echo", "Hi")
    unknown = dragoman("-m", "demo/echo", "--cid", "nope", "Hi")
    assert unknown.code == 2
    assert "'nope'" in unknown.err
    assert "Fix: dragoman logs lists" in unknown.err


def test_what_is_not_recorded_is_not_gone_on_from(dragoman: Dragoman) -> None:
    dragoman("-m", "demo/echo", "kept")
    dragoman("-m", "demo/echo", "--no-log", "not kept")
    assert len(dragoman("logs", "--json").json()) == 1
    dragoman("-c", "more")
    (message,) = dragoman("logs", "show", "--json").json()["messages"]
    assert message["parts"][0]["text"] == "more"
    assert "not kept" not in dragoman("logs").out


# ------------------------------------------------------------------------------------- logs


def test_list_is_the_latest_first(busy: Dragoman) -> None:
    lines = busy("logs").out.splitlines()
    assert re.split(r"\s{2,}", lines[0]) == [
        "WHEN", "ID", "MODEL", "OUTCOME", "IN", "OUT", "TIME", "COST", "PROMPT",
    ]  # fmt: skip
    assert [line.split("question")[0].split()[-1] for line in lines[1:]] == [
        "third", "second", "first",
    ]  # fmt: skip
    assert "auth failed" in lines[2]
    assert "$0.002 " in lines[3]


@pytest.mark.parametrize(
    ("arguments", "prompts"),
    [
        (["-n", "1"], ["third"]),
        (["-q", "SECOND"], ["second"]),
        (["-q", "question", "-q", "first"], ["first"]),
        (["--failed"], ["second"]),
        (["--since", "1h"], ["third", "second", "first"]),
        (["--since", "2020-01-01", "-n", "0"], ["third", "second", "first"]),
        (["--since", "2999-01-01"], []),
        (["-q", "100%"], []),
        (["-q", "'; DROP TABLE exchange; --"], []),
    ],
)
def test_list_is_narrowed(arguments: list[str], prompts: list[str], busy: Dragoman) -> None:
    found = busy("logs", *arguments, "--json").json()
    assert [entry["prompt"].split()[0] for entry in found] == prompts
    if not prompts:
        assert "Nothing is recorded that fits" in busy("logs", *arguments).err


def test_one_exchange_is_shown_with_its_attempts(dragoman: Dragoman, upstream: Upstream) -> None:
    bad, good = upstream(error(401, message="Wrong key")), upstream(chat_stream(["Good day"]))
    dragoman.configure(
        "".join(
            f'[providers.{name}]\nbase_url = "{server.base_url}"\ndefault_model = "m"\n'
            for name, server in (("bad", bad), ("good", good))
        )
    )
    dragoman("-m", "bad", "-m", "good", "Hello")
    shown = dragoman("logs", "show")
    assert shown.code == 0
    assert re.search(r"^ 1 bad/m +401 ", shown.out, re.MULTILINE)
    assert re.search(r"^ 2 good/m +200 .*answered", shown.out, re.MULTILINE)
    assert "user\nHello\n\nassistant\nGood day\n" in shown.out
    (entry,) = dragoman("logs", "--json").json()
    assert dragoman("logs", "show", entry["id"][-8:]).out == shown.out
    found = dragoman("logs", "show", entry["id"], "--json").json()
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["error", "ok"]
    assert found["text"] == "Good day"


def test_why_a_request_was_refused_is_shown(dragoman: Dragoman) -> None:
    one = next(traffic(1, span_s=60))
    refused = replace(one, attempts=[], outcome="error", status=429, refused="budget_exceeded")
    write_all(dragoman.database, [refused])
    (entry,) = dragoman("logs", "--query", "budget", "--json").json()
    assert entry["error"] == "budget_exceeded"
    head = dragoman("logs", "show").out.partition("\n")[0]
    assert head.endswith(", error: budget_exceeded")


@pytest.mark.parametrize(("mode", "how"), [("full", ""), ("redacted", ", redacted")])
def test_what_the_gateway_keeps_of_what_was_said_is_shown(
    dragoman: Dragoman, mode: ContentMode, how: str
) -> None:
    write_all(dragoman.database, [one := next(traffic(1, span_s=60))])
    assert dragoman("logs", "show").out.endswith("What was said is not recorded.\n")
    log = ContentLog(dragoman.database)
    log.keep(Heard(one.id, "default", BEGAN, mode, 10, lambda: ('{"a": "\x1b[2J"}', "so")))
    log.close()
    shown = dragoman("logs", "show").out
    assert shown.endswith(f'\nrequest{how}\n{{"a": "\ufffd[2J"}}\n\nresponse{how}\nso\n')
    assert "not recorded" not in shown
    found = dragoman("logs", "show", "--json").json()
    assert found["content"] == {"mode": mode, "request": '{"a": "\x1b[2J"}', "response": "so"}


def test_unknown_id_is_told(busy: Dragoman) -> None:
    for wrong in ("nope", "", "%", "_"):
        result = busy("logs", "show", wrong)
        assert result.code == 2, wrong
        assert result.err.startswith("Error: no record, or more than one")


def test_a_name_of_a_model_turns_no_table_around(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hm."]))
    name = "m\u202egnp.exe"
    assert dragoman("-m", name, "--base-url", server.base_url, "first").code == 0
    for command in (["logs"], ["logs", "show"], ["usage"]):
        shown = dragoman(*command).out
        assert "\u202e" not in shown
        assert "gnp.exe" in shown


@pytest.mark.parametrize("command", [["logs"], ["logs", "show"], ["usage"]], ids=" ".join)
def test_record_that_is_not_there_is_told(command: list[str], dragoman: Dragoman) -> None:
    result = dragoman(*command)
    assert result.code == 66
    assert "nothing is recorded yet" in result.err
    assert not dragoman.database.exists()


def test_path_of_the_record_is_told(dragoman: Dragoman) -> None:
    assert dragoman("logs", "path").out == f"{dragoman.database}\n"


# ------------------------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", {"good/m", "bad/m", "demo/echo"}),
        ("provider", {"good", "bad", "demo"}),
        ("key", {"(none)"}),
        ("day", {time.strftime("%Y-%m-%d")}),
    ],
)
def test_sums_are_made_for(by: str, names: set[str], busy: Dragoman) -> None:
    found = busy("usage", "--by", by, "--json").json()
    assert {group["name"] for group in found["groups"]} == names
    total = found["total"]
    assert (total["attempts"], total["failed"]) == (3, 1)
    assert total["cost"] == 0.002
    assert total["demo_cost"] > 0
    table = busy("usage", "--by", by).out
    assert table.splitlines()[0].startswith(by.upper())
    assert all(name in table for name in names)


def test_share_is_drawn_and_the_total_given(busy: Dragoman) -> None:
    lines = busy("usage").out.splitlines()
    good = next(line for line in lines if line.startswith("good/m"))
    assert good.endswith("\u2588" * 20)
    assert lines[-1].startswith("total")
    assert "$0.002" in lines[-1]


def test_time_that_holds_nothing_is_told(busy: Dragoman) -> None:
    result = busy("usage", "--since", "2999-01-01")
    assert (result.code, result.out) == (0, "")
    assert "--since all" in result.err
    wrong = busy("usage", "--since", "yesteryear")
    assert wrong.code == 2
    assert "write 30m, 24h, 7d" in wrong.err


def test_deleted_requests_are_told_as_the_api_tells_them(dragoman: Dragoman) -> None:
    dragoman("-m", "demo/echo", "Hi")
    write_all(dragoman.database, list(traffic(60)))
    end = BEGAN + 3 * DAY_S
    with closing(open_database(dragoman.database)) as connection:
        assert delete_due(connection, LedgerSettings(requests_days=1), end)["exchange"] == 60
        told = read_total(connection, whole_hours(0, time.time()), Filters())
    for by in ("model", "provider", "key", "client", "day"):
        result = dragoman("usage", "--since", "all", "--by", by, "--json")
        total = result.json()["total"]
        assert total["attempts"] == told.attempts
        assert total["completion_tokens"] == told.completion_tokens
        assert total["unknown_costs"] == told.unknown
        assert "is deleted, and told by whole hours" in result.err
        assert ("with which key is not kept: (deleted)" in result.err) == (by == "key")
    assert dragoman("usage", "--since", "1h").err == ""


# ----------------------------------------------------------------------- windows and encodings

COMMANDS = [
    ["logs"],
    ["logs", "show"],
    ["usage"],
    ["usage", "--by", "day"],
    ["models", "list"],
    ["doctor"],
    ["keys", "list"],
    ["providers", "list"],
]
TABLES = [["logs"], ["usage"], ["usage", "--by", "day"], ["models", "list"], ["keys", "list"]]


@pytest.mark.parametrize("columns", [40, 200])
@pytest.mark.parametrize("command", TABLES, ids=" ".join)
def test_table_fits_the_window(command: list[str], columns: int, busy: Dragoman) -> None:
    env = {"NO_COLOR": "1", "GROQ_API_KEY": "gsk_0123456789abcdef"}
    if command[0] == "models":
        command = [*command, "-p", "demo"]  # names are never cut: they are there to be copied
    result = busy.at_terminal(*command, columns=columns, env=env).result()
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert all(cell_width(line) <= columns for line in lines), result.out
    assert len(lines) > 1
    count = len(re.split(r"\s{2,}", lines[0]))
    assert command[0] == "keys" or (count > 5 if columns == 200 else count < 6)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_dumb_terminal_gets_no_escape(command: list[str], busy: Dragoman) -> None:
    result = busy.at_terminal(*command, env={"TERM": "dumb"}).result()
    assert result.code in (0, 69)
    assert "\x1b" not in result.out + result.err


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_utf_8_everything_is_plain(command: list[str], busy: Dragoman) -> None:
    busy.env.pop("LANG", None)
    result = busy(*command, env=PLAIN)
    assert result.code in (0, 69)
    assert result.out.isascii()
    assert "Traceback" not in result.err
    assert "??" not in result.out  # a symbol is replaced by a word, not by question marks


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_closed_streams_are_no_reason_to_fail(command: list[str], busy: Dragoman) -> None:
    whole = shlex.join(busy.command(command))
    for closed in ("<&-", "<&- 2>&-", ">&-"):
        result = busy.shell(f"{whole} {closed}")
        assert result.code in (0, 69), closed
        assert "Traceback" not in result.out + result.err
    assert busy.shell(f"{whole} </dev/null | head -c 1").code == 0


def test_row_that_was_tampered_with_costs_no_traceback(busy: Dragoman) -> None:
    with sqlite3.connect(busy.database) as connection:
        connection.execute("UPDATE message SET parts = 'no json'")
        connection.execute("UPDATE exchange SET provider = char(27) || '[31m'")
    connection.close()
    for command in (["logs"], ["logs", "show"], ["usage"], ["-c", "Hi"]):
        result = busy(*command)
        assert "Traceback" not in result.err
        assert "bug in dragoman" not in result.err, command
        assert "\x1b" not in result.out + result.err
