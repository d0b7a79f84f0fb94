"""`dragoman chat`: a conversation at a terminal of any kind, or line by line from a pipe."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.running import TIMEOUT_S, Dragoman, Running
from tests.upstream.answers import chat_stream, error
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.llama import LlamaServer
from tests.upstream.script import Script

Upstream = Callable[..., FaultUpstream]
CALM = {"PYTHONWARNINGS": "ignore::ResourceWarning"}
READY = "\x1b[?2004h"
"""What the line editor sends once it listens."""


def plain(text: str) -> str:
    """Take out what only moves or colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


class Talk:
    """A conversation at a terminal: says one thing after the other, each when it is listened to."""

    def __init__(self, running: Running, prompt: str, *, err: bool) -> None:
        self.running = running
        self._prompt = prompt
        self._err = err
        self._said = 0

    def say(self, text: str, *, end: str = "\r") -> None:
        self._said += 1
        self.running.wait_for(self._prompt, err=self._err, times=self._said)
        self.running.type(text + end)

    def hears(self, text: str, *, err: bool = False) -> None:
        self.running.wait_for(text, err=err)


@contextmanager
def talk(dragoman: Dragoman, *arguments: str, columns: int = 80, **env: str) -> Iterator[Talk]:
    """Chat at a terminal; ends with Ctrl-D, if it has not ended before."""
    running = dragoman.at_terminal("chat", *arguments, columns=columns, env={**CALM, **env})
    dumb = env.get("TERM") == "dumb"
    one = Talk(running, "> " if dumb else READY, err=dumb)
    yield one
    if running.process.poll() is None:
        one.say("", end="\x04")
    assert running.result().code == 0


def requests_said(server: FaultUpstream) -> list[list[tuple[str, str]]]:
    """What each request said: roles and texts."""
    return [
        [(m["role"], m["content"]) for m in request.json()["messages"]]
        for request in server.requests
    ]


@pytest.fixture
def counting(dragoman: Dragoman, upstream: Upstream) -> FaultUpstream:
    """A server that numbers its answers, the only provider."""
    numbers = iter(range(1, 100))

    def answer(_: Request) -> Script:
        return chat_stream([f"answer {next(numbers)}"])

    server = upstream(answer)
    dragoman.configure(
        f'[providers.up]\nbase_url = "{server.base_url}"\ndefault_model = "m"\n'
        "[providers.up.models.m]\ncost = { input = 1, output = 1 }\n"
    )
    return server


# ------------------------------------------------------------------------------- at a terminal


def test_turns_go_on_from_each_other(dragoman: Dragoman, counting: FaultUpstream) -> None:
    with talk(dragoman) as one:
        one.hears("up · /help · Ctrl-D leaves", err=True)
        one.say("first")
        one.hears("answer 1")
        one.say("second")
        one.hears("answer 2")
    assert requests_said(counting)[1] == [
        ("user", "first"),
        ("assistant", "answer 1"),
        ("user", "second"),
    ]
    listed = dragoman("logs", "--json").json()
    assert [entry["source"] for entry in listed] == ["chat", "chat"]
    assert len({entry["conversation_id"] for entry in listed}) == 1


def test_commands_change_the_conversation(dragoman: Dragoman, counting: FaultUpstream) -> None:
    with talk(dragoman) as one:
        one.say("/system Be brief.")
        one.hears("Understood", err=True)
        one.say("first")
        one.hears("answer 1")
        one.say("/retry")
        one.hears("answer 2")
        one.say("/model demo/echo")
        one.hears("From now on: demo/echo", err=True)
        one.say("echoed")
        one.hears("echoed\r\n")
        one.say("/cost")
        one.hears("3 asked", err=True)
        one.say("/clear")
        one.hears("A new conversation", err=True)
        one.say("/model up/m")
        one.say("again")
        one.hears("answer 3")
        one.say("/exit")
        one.running.process.wait(TIMEOUT_S)
    said = requests_said(counting)
    assert said[0] == said[1] == [("system", "Be brief."), ("user", "first")]
    assert said[2] == [("system", "Be brief."), ("user", "again")]


def test_save_writes_what_was_said_and_no_file_twice(
    dragoman: Dragoman, counting: FaultUpstream
) -> None:
    with talk(dragoman) as one:
        one.say("/save early.md")
        one.hears("Nothing has been said yet", err=True)
        one.say("first")
        one.hears("answer 1")
        one.say("/save talk.md")
        one.hears("Saved to talk.md", err=True)
        one.say("/save talk.md")
        one.hears("is there already", err=True)
        one.say("/save talk.json")
        one.hears("Saved to talk.json", err=True)
    page = dragoman.cwd / "talk.md"
    assert "## user\n\nfirst\n\n## assistant\n\nanswer 1\n" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    roles = [m["role"] for m in json.loads((dragoman.cwd / "talk.json").read_text())["messages"]]
    assert roles == ["user", "assistant"]
    assert not (dragoman.cwd / "early.md").exists()


def test_history_is_kept_for_its_owner_and_not_with_no_log(
    dragoman: Dragoman, counting: FaultUpstream
) -> None:
    history = dragoman.home / ".local/state/dragoman/chat-history"
    with talk(dragoman, "--no-log") as one:
        one.say("secret plan")
        one.hears("answer 1")
    assert not history.exists()
    assert not dragoman.database.exists()
    with talk(dragoman) as one:
        one.say("first")
        one.hears("answer 2")
    assert "first" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    with talk(dragoman) as one:
        one.say("\x1b[A")  # the key for the line before
        one.hears("answer 3")
    assert requests_said(counting)[2] == [("user", "first")]


def test_several_lines_are_one_message(dragoman: Dragoman, counting: FaultUpstream) -> None:
    with talk(dragoman) as one:
        one.say("one\x1b\rtwo")  # Alt-Enter
        one.hears("answer 1")
        one.say("!multi")
        one.say("/three")
        one.say("four")
        one.say("!end")
        one.hears("answer 2")
        one.say("//five")
        one.hears("answer 3")
    texts = [said[-1][1] for said in requests_said(counting)]
    assert texts == ["one\ntwo", "/three\nfour", "/five"]


def test_ctrl_c_stops_one_answer_and_keeps_what_came(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    whole = chat_stream(["The sky is "], finish=None, usage=None, done=False)
    server = upstream([whole.stall(None, at=None), chat_stream(["blue."])])
    with talk(dragoman, "--base-url", server.base_url, "-m", "m", "--no-markdown") as one:
        one.say("why")
        one.hears("The sky is")
        one.running.interrupt()
        one.hears("Interrupted.", err=True)
        server.requests[0].wait_closed()
        one.say("go on")
        one.hears("blue.")
    assert requests_said(server)[1][:2] == [("user", "why"), ("assistant", "The sky is ")]


def test_ctrl_c_at_the_prompt_leaves_nothing_but_the_line(
    dragoman: Dragoman, counting: FaultUpstream
) -> None:
    with talk(dragoman) as one:
        one.say("never sent", end="\x03")
        one.hears("Ctrl-D leaves.\x1b", err=True)
        one.say("sent")
        one.hears("answer 1")
    assert requests_said(counting) == [[("user", "sent")]]


def test_failed_answer_is_told_and_the_conversation_goes_on(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream([error(401, message="Wrong key"), chat_stream(["fine"])])
    with talk(dragoman, "--base-url", server.base_url, "-m", "m", "-o", "retries", "0") as one:
        one.say("first")
        one.hears("Wrong key", err=True)
        one.say("/model nobody/nothing")
        one.say("/nope")
        one.hears("There is no command /nope", err=True)
        one.say("/retry")
        one.hears("fine")
    assert requests_said(server) == [[("user", "first")], [("user", "first")]]


def test_tab_completes_commands_and_models(dragoman: Dragoman, counting: FaultUpstream) -> None:
    with talk(dragoman) as one:
        one.say("/mod\t", end="")
        one.hears("el")
        one.running.type(" demo/ec\t")
        one.hears("ho")
        one.running.type("\r")
        one.hears("From now on: demo/echo", err=True)


def test_markdown_is_laid_out_at_a_terminal_and_only_there(dragoman: Dragoman) -> None:
    with talk(dragoman, "-m", "demo/echo") as one:
        one.say("hello **bold** `code`")
        one.hears("\x1b[1mbold\x1b[0m")
    with talk(dragoman, "-m", "demo/echo", "--no-markdown") as one:
        one.say("hello **bold**")
        one.hears(f"hello **bold**\r\n{READY}")
    with talk(dragoman, "-m", "demo/echo", NO_COLOR="1") as one:
        one.say("hello **bold**")
        one.hears(f"hello **bold**\r\n{READY}")
    piped = dragoman("chat", "-m", "demo/echo", stdin=b"hello **bold**\n")
    assert piped.out == "hello **bold**\n"


LONG = "The interpreter of the sultan " * 8


@pytest.mark.parametrize("columns", [40, 200])
def test_lines_fit_the_window(columns: int, dragoman: Dragoman, upstream: Upstream) -> None:
    words = [f"{word} " for word in LONG.split()]
    server = upstream(chat_stream(["# Title\n\n", *words, "\n\n- an item ", *words, "\n"]))
    with talk(dragoman, "--base-url", server.base_url, "-m", "m", columns=columns) as one:
        one.say("go")
        one.hears("Title")
        one.say("/cost")
    text = plain(one.running.out.decode())
    answer = text[text.index("Title") : text.rindex("> /cost")]
    widths = [len(line.rstrip("\r")) for line in answer.split("\n")]
    assert max(widths) <= min(columns, 100)
    assert max(widths) > min(columns, 100) - 20


def test_dumb_terminal_gets_no_escape_at_all(dragoman: Dragoman) -> None:
    with talk(dragoman, "-m", "demo/echo", TERM="dumb") as one:
        one.say("hello **there**")
        one.hears("hello **there**")
        one.say("/cost")
        one.hears("1 asked", err=True)
    assert b"\x1b" not in one.running.out + one.running.err


def test_without_utf_8_nothing_breaks(dragoman: Dragoman) -> None:
    dragoman.env |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    dragoman.env.pop("LANG", None)
    with talk(dragoman, "-m", "demo/echo") as one:
        one.say("- caf\u00e9\x1b\r- two")
        one.hears("* ")
        one.say("/help")
        one.hears("Leave.", err=True)
    assert "Traceback" not in one.running.err.decode(errors="replace")


def test_conversation_is_continued(dragoman: Dragoman, counting: FaultUpstream) -> None:
    assert dragoman("first").out == "answer 1\n"
    with talk(dragoman, "-c") as one:
        one.hears("1 turns so far", err=True)
        one.say("second")
        one.hears("answer 2")
    assert dragoman("-c", "third").out == "answer 3\n"
    assert [role for role, _ in requests_said(counting)[2]] == ["user", "assistant"] * 2 + ["user"]


def test_real_server_is_talked_to(dragoman: Dragoman, llama_server: LlamaServer) -> None:
    arguments = ["--base-url", llama_server.base_url, "-m", llama_server.model]
    with talk(dragoman, *arguments, "-o", "max_tokens", "4", "--no-markdown") as one:
        one.say("Good day")
        one.hears(" out", err=True)
        one.say("And again")
        one.running.wait_for(" out", err=True, times=2)
    listed = dragoman("logs", "--json").json()
    assert [entry["turn"] for entry in listed] == [2, 1]
    assert all(entry["completion_tokens"] for entry in listed)
    assert listed[0]["prompt_tokens"] > listed[1]["prompt_tokens"]


def test_newcomer_chats_with_the_demo(dragoman: Dragoman) -> None:
    with talk(dragoman) as one:
        one.hears("No provider is set up yet", err=True)
        one.say("hello")
        one.hears("hello\r\n")


# ------------------------------------------------------------------------------- from a pipe


def test_lines_of_a_pipe_are_asked_one_by_one(dragoman: Dragoman, counting: FaultUpstream) -> None:
    result = dragoman("chat", stdin=b"first\n\nsecond\\\nline\n/cost\n")
    assert (result.code, result.out) == (0, "answer 1\nanswer 2\n")
    assert "2 asked" in result.err
    assert requests_said(counting)[1][-1] == ("user", "second\nline")


@pytest.mark.parametrize("stdin", [b"", b"\n\n", None])
def test_nothing_said_is_nothing_asked(
    stdin: bytes | None, dragoman: Dragoman, counting: FaultUpstream
) -> None:
    result = dragoman("chat", stdin=b"" if stdin is None else stdin)
    assert (result.code, result.out) == (0, "")
    assert counting.requests == []


def test_closed_stdin_is_nothing_said(dragoman: Dragoman, counting: FaultUpstream) -> None:
    script = dragoman.home / "closed.sh"
    program = " ".join(f"'{word}'" for word in dragoman.command(["chat"]))
    script.write_text(f"exec 0<&-\nexec {program}\n")
    import subprocess

    done = subprocess.run(
        ["sh", str(script)], env=dragoman.env, cwd=dragoman.cwd, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_failure_of_a_piped_question_ends_it_with_its_status(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(error(401))
    arguments = ["chat", "--base-url", server.base_url, "-m", "m", "-o", "retries", "0"]
    result = dragoman(*arguments, stdin=b"first\nsecond\n")
    assert result.code == 77
    assert result.err.startswith("Error: ")
    assert len(server.requests) == 1


def test_history_that_cannot_be_kept_is_told_once(dragoman: Dragoman, tmp_path: Path) -> None:
    (dragoman.home / ".local").mkdir()
    (dragoman.home / ".local/state").write_text("no folder")
    with talk(dragoman, "-m", "demo/echo") as one:
        one.hears("what you type is not kept", err=True)
        one.say("hello")
        one.hears("hello\r\n")
