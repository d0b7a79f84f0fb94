"""Every way to end has its exit status, and says what, why and how to fix it in three lines."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from dragoman import errors
from dragoman.cli.terminal.exit_codes import MEANINGS, Exit, exit_code
from tests.cli.running import Dragoman, Result
from tests.upstream.fault import (
    FaultUpstream,
    chat,
    chat_stream,
    chunk,
    empty,
    error,
    html,
    redirect,
    sse,
    stall,
)

Upstream = Callable[..., FaultUpstream]

ANSWERS = {
    "bad-request": (error(400, message="messages[0] is wrong"), 65, "messages[0] is wrong"),
    "too-long": (error(400, code="context_length_exceeded"), 65, ""),
    "too-large": (error(413), 65, ""),
    "unprocessable": (error(422), 65, ""),
    "filtered": (error(400, code="content_filter"), 65, ""),
    "no-key": (error(401, message="Incorrect API key provided"), 77, "Incorrect API key"),
    "no-money": (error(402), 77, ""),
    "forbidden": (error(403), 77, ""),
    "not-found": (error(404, message="The model does not exist"), 69, "does not exist"),
    "rate-limited": (error(429), 75, ""),
    "server-error": (error(500), 69, ""),
    "overloaded": (error(529), 75, ""),
    "html": (html(), 69, ""),
    "html-error": (html(502), 69, ""),
    "nothing": (empty(), 69, ""),
    "error-with-200": (error(200, message="we are closed"), 65, "we are closed"),
    "redirect": (redirect("http://127.0.0.1:9/"), 69, ""),
    "stalled": (stall(), 75, "no first token within 1 s"),
    "cut": (chat_stream(["Hi"]).cut(at=40), 69, ""),
    "no-json": (sse(["{not json"]), 69, ""),
    "error-in-stream": (sse([{"error": {"message": "the GPU is gone"}}]), 69, "the GPU is gone"),
}


def check_told(result: Result) -> None:
    """Nothing but an error of at most three lines."""
    assert "Traceback" not in result.err
    lines = [line for line in result.err.splitlines() if not line.startswith("Warning:")]
    assert 1 <= len(lines) <= 3, result.err
    assert lines[0].startswith("Error: ")
    assert all(line.startswith(("  Why: ", "  Fix: ")) for line in lines[1:])


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_of_a_provider_has_its_exit_status(
    name: str, dragoman: Dragoman, upstream: Upstream
) -> None:
    script, code, said = ANSWERS[name]
    server = upstream(script)
    arguments = ["--base-url", server.base_url, "-m", "m", "--first-token", "1"]
    result = dragoman(*arguments, "-o", "retries", "0", "Hello")
    assert (result.code, result.out) == (code, "")
    check_told(result)
    assert said in result.err


@pytest.mark.parametrize("name", ["no-key", "rate-limited", "html", "cut"])
def test_whole_answers_have_the_same(name: str, dragoman: Dragoman, upstream: Upstream) -> None:
    script, code, _ = ANSWERS[name]
    server = upstream(script)
    arguments = ["--base-url", server.base_url, "-m", "m", "--no-stream", "-o", "retries", "0"]
    result = dragoman(*arguments, "Hello")
    assert (result.code, result.out) == (code, "")
    check_told(result)


def test_refused_connection_is_unavailable(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat("no"), down=True)
    result = dragoman("--base-url", server.base_url, "-m", "m", "-o", "retries", "0", "Hello")
    assert result.code == 69
    check_told(result)


def test_total_timeout_is_temporary(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]).stall(None, at=0))
    result = dragoman("--base-url", server.base_url, "-m", "m", "--timeout", "0.5", "Hello")
    assert result.code == 75
    assert "0.5 s" in result.err
    check_told(result)


def test_partial_answer_is_kept_when_the_stream_breaks(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    cut = sse([chunk({"content": "half a "}), chunk({"content": "sentence"})], done=False)
    server = upstream(cut)
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    result = dragoman(*arguments)
    assert (result.code, result.out) == (69, "half a sentence\n")
    check_told(result)
    found = dragoman("--json", *arguments)
    assert found.code == 69
    assert found.json()["text"] == "half a sentence"
    assert found.json()["error"]["code"] == "stream_truncated"
    assert found.json()["error"]["exit_code"] == 69
    check_told(found)


def test_all_failed_alike_tells_what_they_share(dragoman: Dragoman, upstream: Upstream) -> None:
    busy, closed = upstream(error(429)), upstream(error(401))
    dragoman.configure(
        "".join(
            f'[[providers]]\nname = "{name}"\nbase_url = "{server.base_url}"\nretries = 0\n'
            for name, server in (("b1", busy), ("b2", busy), ("c1", closed))
        )
    )
    assert dragoman("-m", "b1/m", "-m", "b2/m", "Hello").code == 75
    mixed = dragoman("-m", "b1/m", "-m", "c1/m", "Hello")
    assert mixed.code == 69
    check_told(mixed)


USAGE = [
    (["--no-such-option", "Hello"], 2, "--no-such-option"),
    (["-m"], 2, "-m"),
    (["--timeout", "soon", "Hello"], 2, "--timeout"),
    (["--timeout", "-1", "Hello"], 2, "--timeout"),
    (["-m", "nope/x", "Hello"], 2, "unknown model"),
    (["-m", "grok/llama", "Hello"], 2, "groq/llama"),
    (["-m", "demo/echo", "-a", "missing.png", "Hello"], 66, "missing.png"),
    (["-m", "demo/echo", "-a", ".", "Hello"], 66, "directory"),
    (["-m", "demo/echo", "-a", "-", "Hello"], 66, "standard input"),
    (["-m", "demo/echo", "--key", "env:A", "--key-env", "B", "Hello"], 2, "--key-env"),
    (["-m", "demo/echo", "--api", "openai-completions", "Hello"], 2, "--base-url"),
    (["--base-url", "http://127.0.0.1:1", "Hello"], 78, "model"),
    (["--base-url", "ftp://x", "-m", "m", "Hello"], 78, "base URL"),
    (["--config", "missing.toml", "Hello"], 78, "missing.toml"),
    (["Hello"], 78, "no provider is set up"),
    (["--json", "Hello"], 78, "no provider is set up"),
    (["providers", "show", "grok"], 2, "groq"),
    (["providers", "shwo"], 2, "shwo"),
    (["models", "info", "nope/x"], 2, "unknown model"),
    (["models", "list", "-p", "grok"], 2, "groq"),
    (["explain", "nope/x"], 2, "unknown model"),
    (["config", "import", "missing.toml"], 66, "missing.toml"),
    (["config", "import", "gptme"], 66, "gptme"),
    (["config", "trust", "missing.toml"], 66, "missing.toml"),
    (["help", "me"], 2, "exit-codes"),
    (["provders", "list"], 2, "did you mean 'providers'?"),
    (["modles"], 2, "did you mean 'models'?"),
    (["expalin", "groq"], 2, "did you mean 'explain'?"),
    (["confg", "check"], 2, "did you mean 'config'?"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), USAGE, ids=lambda v: str(v)[:40])
def test_wrong_command_line_says_what_is_wrong(
    arguments: list[str], code: int, said: str, dragoman: Dragoman
) -> None:
    result = dragoman(*arguments)
    assert result.code == code, result.err
    assert said in result.err
    check_told(result)


def test_word_that_is_no_misspelt_command_is_a_prompt(dragoman: Dragoman) -> None:
    env = {"DRAGOMAN_MODEL": "demo/echo"}
    for words in (["hello"], ["modern art"], ["model trains are fun"], ["why", "config?"]):
        result = dragoman(*words, env=env)
        assert (result.code, result.out) == (0, f"{' '.join(words)}\n")
    assert dragoman("-m", "demo/echo", "provders").out == "provders\n"


def test_broken_configuration_is_a_configuration_error(dragoman: Dragoman) -> None:
    dragoman.configure('[[providers]]\nname = "up"\nbase_ulr = "http://127.0.0.1:1"\n')
    result = dragoman("-m", "up/m", "Hello")
    assert result.code == 78
    assert "base_url" in result.err
    assert dragoman("config", "check").code == 78


def test_reader_that_leaves_is_a_broken_pipe(dragoman: Dragoman) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody:
        import subprocess

        done = subprocess.run(
            dragoman.command(["-m", "demo/story", "Hello"]),
            stdin=subprocess.DEVNULL,
            stdout=nobody,
            stderr=subprocess.PIPE,
            env=dragoman.env,
            cwd=dragoman.cwd,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_full_disk_under_stdout_is_told(dragoman: Dragoman) -> None:
    import subprocess

    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            dragoman.command(["-m", "demo/echo", "Hello"]),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            env=dragoman.env,
            cwd=dragoman.cwd,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    what, why, fix = done.stderr.decode().splitlines()
    assert what == "Error: the system says: No space left on device"
    assert why.startswith("  Why: ")
    assert fix.startswith("  Fix: make room")


def test_bug_is_told_in_two_lines_and_traced_with_debug(dragoman: Dragoman) -> None:
    # A message that no code of ours can encode stands for a bug that nobody has thought of.
    broken = dragoman.cwd / "dragoman_fault.py"
    broken.write_text("from dragoman.cli.ask import choice\nchoice.choose_refs = None\n")
    site = dragoman.cwd / "sitecustomize.py"
    site.write_text("import dragoman_fault\n")
    env = {"PYTHONPATH": str(dragoman.cwd)}
    result = dragoman("-m", "demo/echo", "Hello", env=env)
    assert result.code == 70
    assert "this is a bug in dragoman" in result.err
    check_told(result)
    traced = dragoman("--debug", "-m", "demo/echo", "Hello", env=env)
    assert traced.code == 70
    assert "Traceback (most recent call last)" in traced.err


def test_debug_traces_an_error_and_keeps_its_exit_status(dragoman: Dragoman) -> None:
    result = dragoman("--debug", "-m", "nope/x", "Hello")
    assert result.code == 2
    assert "Traceback (most recent call last)" in result.err
    assert "Error: unknown model" in result.err


GATEWAYS = ("dragoman.server.", "dragoman.control.", "dragoman.ledger.", "dragoman.organisations.")


def every_error(kind: type[errors.DragomanError]) -> list[type[errors.DragomanError]]:
    """The class and all below it, without the gateway's own: its clients are told by HTTP."""
    found = [kind]
    for child in kind.__subclasses__():
        if not child.__module__.startswith(GATEWAYS):
            found += every_error(child)
    return found


@pytest.mark.parametrize("kind", every_error(errors.DragomanError), ids=lambda kind: kind.__name__)
def test_every_class_of_error_has_a_status(kind: type[errors.DragomanError]) -> None:
    if kind in (errors.DragomanError, errors.AllAttemptsFailed):
        return
    made = kind("idle", 1.0) if issubclass(kind, errors.Timeout) else kind("it failed")  # type: ignore[call-arg,arg-type]
    assert exit_code(made) not in (Exit.OK, Exit.UNEXPECTED, Exit.INTERNAL)


def test_help_documents_every_status(dragoman: Dragoman) -> None:
    result = dragoman("help", "exit-codes")
    assert set(MEANINGS) == set(Exit)
    for code, meaning in MEANINGS.items():
        assert f"{int(code):>3}  {meaning}" in result.out
