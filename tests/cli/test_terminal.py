"""At a terminal: colour, the spinner, the demo for newcomers, Ctrl-C; and none of it in a pipe."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

import pytest

from dragoman.cli.terminal.streams import one_line, printable, use_color
from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat_stream, delta_stream, error

Upstream = Callable[..., FaultUpstream]
# Ctrl-C may come before a new socket has an owner: the end of the process closes it.
CALM = {"PYTHONWARNINGS": "ignore::ResourceWarning"}
ESCAPE = "\x1b"


def plain(text: str) -> str:
    """Take out what only moves or colours."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNSEEN = "\u00ad\u061c\u200b\u200e\u200f\u2060\ufeff"
FAMILY = "\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize("character", [*TURNS, "\x1b", "\x9b", "\ufff9"])
def test_what_turns_text_around_is_seen_in_answers_and_in_tables(character: str) -> None:
    for clean in (printable, one_line):
        assert clean(f"gpt{character}5") == "gpt\N{REPLACEMENT CHARACTER}5"


def test_what_nobody_sees_is_seen_in_tables_and_joins_emoji_and_words_in_answers() -> None:
    assert one_line(f"a{UNSEEN}b") == "a" + "\N{REPLACEMENT CHARACTER}" * len(UNSEEN) + "b"
    for text in (FAMILY, "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"):
        assert (printable(text), one_line(text)) == (text, text)
    hebrew = "\u05e9\u05dc\u05d5\u05dd\u200f!\n"
    assert printable(hebrew) == hebrew


COLOR = [
    ({}, "auto", True, True),
    ({}, "auto", False, False),
    ({"TERM": "dumb"}, "auto", True, False),
    ({"NO_COLOR": "1"}, "auto", True, False),
    ({"NO_COLOR": ""}, "auto", True, True),
    ({"FORCE_COLOR": "1"}, "auto", False, True),
    ({"FORCE_COLOR": "0"}, "auto", True, False),
    ({"CLICOLOR_FORCE": "1"}, "auto", False, True),
    ({"CLICOLOR_FORCE": "0"}, "auto", True, False),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "auto", True, False),
    ({"FORCE_COLOR": "1", "TERM": "dumb"}, "auto", False, True),
    ({"NO_COLOR": "1"}, "always", False, True),
    ({"FORCE_COLOR": "1"}, "never", True, False),
]


@pytest.mark.parametrize(("env", "when", "tty", "colored"), COLOR)
def test_colour_follows_the_flag_then_the_variables_then_the_terminal(
    env: dict[str, str], when: str, tty: bool, colored: bool
) -> None:
    assert use_color(tty, env, when) is colored  # type: ignore[arg-type]


def test_newcomer_at_a_terminal_meets_the_demo(dragoman: Dragoman) -> None:
    result = dragoman.at_terminal("hello").result()
    assert result.code == 0
    assert result.out == "hello\n"
    told = plain(result.err).splitlines()
    assert told[0] == ("No provider is set up yet, so I used the built-in demo model (demo/echo).")
    assert any(line.startswith("demo/echo · ") and "(demo)" in line for line in told)
    assert any(line.startswith("Next:") for line in told)


@pytest.mark.parametrize("arguments", [["hello"], ["--json", "hello"]])
def test_script_never_gets_the_demo_unasked(arguments: list[str], dragoman: Dragoman) -> None:
    result = dragoman(*arguments)
    assert result.code == 78
    assert result.out == "" or list(result.json()) == ["error"]
    assert "no provider is set up" in result.err
    assert dragoman.at_terminal(*arguments, piped=True).result().code == 78
    if "--json" in arguments:
        assert dragoman.at_terminal(*arguments).result().code == 78


def test_file_of_gptme_is_offered(dragoman: Dragoman) -> None:
    folder = dragoman.home / ".config/gptme"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        '[[providers]]\nname = "up"\nbase_url = "http://127.0.0.1:1"\n'
    )
    assert "dragoman config import gptme" in dragoman("hello").err
    assert "dragoman config import gptme" in dragoman.at_terminal("hello").result().err
    assert "dragoman config import gptme" in dragoman("providers", "list").out


def test_no_colour_means_no_escape_at_all(dragoman: Dragoman) -> None:
    env = {"NO_COLOR": "1", "CI": "1"}
    result = dragoman.at_terminal("-u", "-v", "-m", "demo/flaky", "hello", env=env).result()
    assert result.code != 2
    assert ESCAPE not in result.out + result.err
    colored = dragoman.at_terminal("-u", "-m", "demo/echo", "hello").result()
    assert ESCAPE in colored.err
    piped = dragoman("-u", "-v", "-m", "demo/echo", "hello")
    assert ESCAPE not in piped.out + piped.err
    forced = dragoman("-u", "--color", "always", "-m", "demo/echo", "hello")
    assert ESCAPE in forced.err


def test_spinner_turns_for_a_person_and_not_for_ci(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]).stall(1.0, at=0))
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    watched = dragoman.at_terminal(*arguments).result()
    assert "waiting for" in watched.err
    assert plain(watched.err).split("\r")[-1] == ""
    assert watched.out == "Hi\n"
    assert dragoman.at_terminal(*arguments, env={"CI": "true"}).result().err == ""
    assert dragoman(*arguments).err == ""


def test_answer_comes_piece_by_piece_at_a_terminal(dragoman: Dragoman, upstream: Upstream) -> None:
    whole = chat_stream(["first", " second"])
    server = upstream(whole.stall(None, at=whole.body.index(b" second") - 150))
    running = dragoman.at_terminal("--base-url", server.base_url, "-m", "m", "Hello")
    running.wait_for("first")
    running.interrupt()
    assert running.result().code == 130


def test_pipe_gets_whole_lines_at_once(dragoman: Dragoman, upstream: Upstream) -> None:
    whole = chat_stream(["one\ntw", "o\nthree"], finish=None, usage=None, done=False)
    server = upstream(whole.stall(None, at=None))
    running = dragoman.start("--base-url", server.base_url, "-m", "m", "Hello")
    running.wait_for("one\ntwo\n")
    running.interrupt()
    result = running.result()
    assert result.out == "one\ntwo\nthree\n"


def test_ctrl_c_keeps_what_came_and_stops_the_provider(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    whole = chat_stream(["The sky is\nblue beca"], finish=None, usage=None, done=False)
    server = upstream(whole.stall(None, at=None))
    running = dragoman.start("--base-url", server.base_url, "-m", "m", "Hello", env=CALM)
    running.wait_for("The sky is")
    running.interrupt()
    result = running.result()
    assert (result.code, result.out) == (130, "The sky is\nblue beca\n")
    assert "Traceback" not in result.err
    server.requests[0].wait_closed()
    with sqlite3.connect(dragoman.database) as connection:
        found = connection.execute("SELECT outcome FROM exchange").fetchall()
        parts = connection.execute("SELECT parts FROM message WHERE direction = 'out'").fetchall()
    connection.close()
    assert found == [("client_closed",)]
    assert "blue beca" in parts[0][0]


def test_ctrl_c_while_waiting_ends_at_once(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["never"]).stall(None, at=0))
    for extra in ([], ["--no-stream"]):
        running = dragoman.start(
            "--base-url", server.base_url, "-m", "m", *extra, "Hello", env=CALM
        )
        server.wait_requests(1 + bool(extra), 20.0)
        running.interrupt()
        result = running.result()
        assert (result.code, result.out) == (130, "")
        assert "Traceback" not in result.err
        server.requests[-1].wait_closed()


def test_ctrl_c_with_json_prints_what_came(dragoman: Dragoman, upstream: Upstream) -> None:
    thought = delta_stream([{"reasoning_content": "Hm."}, {"content": "half"}], done=False)
    server = upstream(thought.stall(None, at=thought.body.index(b"half") + 80))
    running = dragoman.start("--json", "--base-url", server.base_url, "-m", "m", "Hello", env=CALM)
    server.wait_requests(1, 20.0)
    running.interrupt()
    result = running.result()
    assert result.code == 130
    assert result.json()["error"]["code"] == "interrupted"


def test_what_a_model_writes_does_not_drive_the_terminal(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    evil = "\x1b]52;c;ZXZpbA==\x07 \x9b31m \r\nend\u202e"
    deltas = delta_stream([{"reasoning_content": evil}, {"content": evil}])
    server = upstream(deltas)
    arguments = ["--base-url", server.base_url, "-m", "m", "-v"]
    env = {"NO_COLOR": "1", "CI": "1"}
    result = dragoman.at_terminal(*arguments, "Hello", env=env).result()
    assert ESCAPE not in result.out + result.err
    assert "\x9b" not in result.out + result.err
    assert "end" in result.out
    piped = dragoman(*arguments, "Hello")
    assert "\x1b]52" in piped.out


def test_what_a_provider_says_in_an_error_does_not_drive_the_terminal(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(error(400, message="bad\x1b]0;title\x07\nand\tmore\x1b[2J"))
    arguments = ["--base-url", server.base_url, "-m", "m", "-v", "Hello"]
    env = {"NO_COLOR": "1", "CI": "1"}
    result = dragoman.at_terminal(*arguments, env=env).result()
    assert ESCAPE not in result.err
    assert "\x07" not in result.err


def test_characters_that_the_encoding_lacks_do_not_cost_the_answer(dragoman: Dragoman) -> None:
    env = {"PYTHONIOENCODING": "latin-1"}
    result = dragoman("-m", "demo/echo", "caf\u00e9 \u2192 \U0001f600", env=env)
    assert result.code == 0
    assert result.out == "caf\N{REPLACEMENT CHARACTER} ? ?\n"


def test_ctrl_c_while_a_head_is_parsed_is_not_taken_for_a_broken_answer() -> None:
    from dragoman.transport.http1 import Incoming

    class Interrupted(Incoming):
        def on_header(self, name: bytes, value: bytes) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted("POST").feed(b"HTTP/1.1 200 OK\r\nserver: x\r\n\r\n")


def test_bare_command_at_a_terminal_shows_the_help(dragoman: Dragoman) -> None:
    result = dragoman.at_terminal().result()
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Usage: dragoman")
    wrong = dragoman.at_terminal("-u").result()
    assert wrong.code == 2
    assert "there is no prompt" in wrong.err
    assert "demo" not in wrong.err
