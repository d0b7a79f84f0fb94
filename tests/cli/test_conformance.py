"""`dragoman conformance`: the table, JSON, the badge, and the dialect that is written."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.probe.conformance import find_cases
from tests.cli.running import Dragoman
from tests.probe.conformance.examined import DEFECTS, KEY, conforming
from tests.upstream.answers import chat
from tests.upstream.fault import FaultUpstream
from tests.upstream.script import Close, Stall

Upstream = Callable[..., FaultUpstream]

NAMES = [case.name for case in find_cases()]


def configure(dragoman: Dragoman, server: FaultUpstream, rest: str = "") -> None:
    dragoman.env["UP_KEY"] = KEY
    dragoman.configure(
        f'# Mine.\n[providers.up]\nbase_url = "{server.base_url}" # here\n'
        f'api_key = "env:UP_KEY"\ndefault_model = "m1"\n{rest}'
    )


def test_table_has_a_line_for_each_case_and_says_what_it_cost(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(conforming())
    configure(dragoman, server)
    result = dragoman("conformance", "UP")
    assert (result.code, result.err) == (0, "")
    head, *lines = result.out.splitlines()
    assert head == f"up/m1  {server.base_url}"
    assert [line.split()[1] for line in lines if line.startswith(" ✓")] == NAMES
    assert lines[-2] == "25 of 25 passed."
    assert lines[-1].startswith(f"It took {len(server.requests)} requests, ")
    assert KEY not in result.out


def test_json_describes_each_case(dragoman: Dragoman, upstream: Upstream) -> None:
    configure(dragoman, upstream(conforming(DEFECTS["stop ignored"][0])))
    result = dragoman("conformance", "up", "--json")
    assert (result.code, result.err) == (1, "")
    found = result.json()
    assert (found["provider"], found["model"], found["ok"]) == ("up", "m1", False)
    assert (found["passed"], found["total"], found["complete"]) == (24, 25, True)
    assert [case["name"] for case in found["cases"]] == NAMES
    (failed,) = [case for case in found["cases"] if case["verdict"] == "failed"]
    assert (failed["name"], failed["detail"]) == ("stop", "the answer goes on past '7'")


def test_badge_is_a_picture_that_loads_nothing(dragoman: Dragoman, upstream: Upstream) -> None:
    configure(dragoman, upstream(conforming(DEFECTS["no usage"][0])))
    result = dragoman("conformance", "up", "--badge", "badge.svg")
    assert result.code == 0
    assert "![up: 24 of 25 conformance cases passed](badge.svg)" in result.out.splitlines()
    text = (dragoman.cwd / "badge.svg").read_text()
    svg = "{http://www.w3.org/2000/svg}"
    picture = ET.fromstring(text)
    assert picture.tag == f"{svg}svg"
    assert "24/25 passed" in [element.text for element in picture.iter(f"{svg}text")]
    assert text.count("http") == 1


def test_badge_that_cannot_be_written_is_said(dragoman: Dragoman) -> None:
    result = dragoman("conformance", "demo", "-m", "echo", "--badge", "no/such/badge.svg")
    assert result.code == 1
    assert "No such file or directory" in result.err
    assert "Traceback" not in result.err


def test_write_shows_the_change_and_keeps_the_rest_of_the_file(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    configure(dragoman, upstream(conforming(DEFECTS["max_tokens refused"][0])), "# The end.\n")
    before = dragoman.config_file.read_text()
    seen = dragoman("conformance", "up")
    assert '{ max_tokens_field = "max_completion_tokens" }' in seen.out
    assert dragoman.config_file.read_text() == before
    result = dragoman("conformance", "up", "--write")
    line = 'dialect = { max_tokens_field = "max_completion_tokens" }'
    assert result.code == 0
    assert f"  +{line}" in result.err.splitlines()
    assert dragoman.config_file.read_text() == before.replace("# here\n", f"# here\n{line}\n")
    again = dragoman("conformance", "up", "--write")
    assert again.err == "Its dialect is as it should be: nothing to write.\n"
    assert "25 of 25 passed." in again.out


def test_write_asks_at_a_terminal(dragoman: Dragoman, upstream: Upstream) -> None:
    configure(dragoman, upstream(conforming(DEFECTS["max_tokens refused"][0])))
    before = dragoman.config_file.read_text()
    running = dragoman.at_terminal("conformance", "up", "--case", "chat", "--write")
    running.wait_for("Write it?", err=True)
    running.type("n\n")
    assert "Nothing is written." in running.result().err
    assert dragoman.config_file.read_text() == before


def test_provider_of_a_project_is_not_written_into_the_users_file(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(conforming(DEFECTS["max_tokens refused"][0]))
    (dragoman.cwd / "dragoman.toml").write_text(
        f'[providers.up]\nbase_url = "{server.base_url}"\nauth = "none"\n'
    )
    result = dragoman("conformance", "up", "-m", "m1", "--case", "chat", "--write")
    assert result.code != 0
    assert not dragoman.config_file.exists()


def test_ctrl_c_leaves_what_was_found_until_then(dragoman: Dragoman, upstream: Upstream) -> None:
    hung = (Stall(None), Close())
    server = upstream(conforming(lambda body: hung if "stop" in body else None))
    configure(dragoman, server)
    running = dragoman.start("conformance", "up")
    running.wait_for("turns")
    server.wait_requests(7)
    running.interrupt()
    result = running.result()
    assert result.code == 130
    assert "9 of 9 passed; 16 not tried." in result.out
    assert "Traceback" not in result.err


def test_ctrl_c_leaves_json_that_says_so(dragoman: Dragoman, upstream: Upstream) -> None:
    hung = (Stall(None), Close())
    server = upstream(conforming(lambda body: hung if "stop" in body else None))
    configure(dragoman, server)
    running = dragoman.start("conformance", "up", "--json")
    server.wait_requests(7)
    running.interrupt()
    result = running.result()
    found = result.json()
    assert (result.code, found["complete"], found["passed"]) == (130, False, 9)


WRONG = {
    "no such provider": (("nobody",), 2, "there is no provider 'nobody'"),
    "no such case": (("demo", "--case", "colour"), 2, "there is no case 'colour'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_words_are_told(name: str, dragoman: Dragoman) -> None:
    arguments, code, words = WRONG[name]
    result = dragoman("conformance", *arguments)
    assert result.code == code
    assert words in result.err
    assert "Fix:" in result.err


def test_exit_status_is_that_of_the_error_of_what_is_needed(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    configure(dragoman, upstream(conforming(), down=True))
    assert dragoman("conformance", "up", "--case", "chat").code == 69
    configure(dragoman, upstream(conforming()))
    assert dragoman("conformance", "up", "--case", "chat", env={"UP_KEY": "sk-other"}).code == 77


def test_model_may_be_named_as_a_ref(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(conforming())
    configure(dragoman, server)
    assert dragoman("conformance", "up", "-m", "up/m1", "--case", "chat").code == 0
    assert [r.json()["model"] for r in server.requests if r.body] == ["m1"]


def test_narrow_window_gets_short_lines(dragoman: Dragoman) -> None:
    running = dragoman.at_terminal("conformance", "demo", "-m", "tools", columns=60)
    result = running.result()
    assert result.code == 0
    lines = [line for line in result.out.splitlines() if "unknown_model" in line]
    assert len(lines) == 1
    assert "…" in lines[0]


def test_folder_is_not_touched(dragoman: Dragoman) -> None:
    assert dragoman("conformance", "demo", "-m", "tools").code == 0
    assert list(Path(dragoman.cwd).iterdir()) == []


def test_answers_of_a_server_do_not_drive_the_terminal(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    configure(dragoman, upstream(conforming(lambda b: chat("\x1b[2JOK\r\n"))))
    assert "\x1b" not in dragoman("conformance", "up", "--case", "chat").out
