"""`dragoman "prompt"`: what is sent, what is printed, and where."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat, chat_stream, delta_stream, error, tokens

Upstream = Callable[..., FaultUpstream]
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


@pytest.fixture
def up(upstream: Upstream, dragoman: Dragoman) -> FaultUpstream:
    """A server called `up` that answers everything with a greeting."""
    server = upstream(lambda request: _greeting(request.json().get("stream", False)))
    dragoman.configure(
        f'[[providers]]\nname = "up"\nbase_url = "{server.base_url}"\ndefault_model = "m1"\n'
        "[[providers.models]]\n"
        'id = "m1"\ncost = { input = 10, output = 100 }\ninput = ["text", "image"]\n'
    )
    return server


def _greeting(stream: bool) -> object:
    usage = tokens(18, 13)
    return chat_stream(["Good", " day"], usage=usage) if stream else chat("Good day", usage=usage)


def content(server: FaultUpstream, index: int = -1) -> object:
    return server.requests[index].json()["messages"][-1]["content"]


# ------------------------------------------------------------------------------------ the prompt


def test_prompt_goes_to_the_only_provider_and_the_answer_to_stdout(
    dragoman: Dragoman, up: FaultUpstream
) -> None:
    result = dragoman("Hello")
    assert (result.code, result.out, result.err) == (0, "Good day\n", "")
    assert content(up) == "Hello"


def test_words_without_quotes_are_joined(dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman("why", "is", "the", "sky", "blue").code == 0
    assert content(up) == "why is the sky blue"


def test_piped_text_is_appended_to_the_prompt(dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman("Summarise", stdin=b"some\nnotes\n").code == 0
    assert content(up) == "Summarise\n\nsome\nnotes"


def test_piped_text_alone_is_the_prompt(dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman(stdin=b"Hello from a pipe\n").code == 0
    assert content(up) == "Hello from a pipe"
    assert dragoman("-", stdin=b"and by its name").code == 0
    assert content(up) == "and by its name"


@pytest.mark.parametrize("stdin", [b"", b"\n"])
def test_empty_stdin_adds_nothing(stdin: bytes, dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman("Hello", stdin=stdin).code == 0
    assert content(up) == "Hello"


def test_closed_stdin_is_no_stdin(dragoman: Dragoman, up: FaultUpstream) -> None:
    command = "exec " + " ".join(dragoman.command(["Hello"])) + " <&-"
    result = _shell(dragoman, command)
    assert (result.code, result.out, result.err) == (0, "Good day\n", "")
    assert content(up) == "Hello"


def test_stdin_that_nobody_ever_fills_does_not_hang(dragoman: Dragoman, up: FaultUpstream) -> None:
    read, write = os.pipe()
    running = dragoman.start("Hello", stdin=read)
    try:
        result = running.result()
    finally:
        os.close(read)
        os.close(write)
    assert (result.code, result.out) == (0, "Good day\n")
    assert "going on without it" in result.err
    assert content(up) == "Hello"


def test_slow_neighbour_in_a_pipeline_is_waited_for(dragoman: Dragoman, up: FaultUpstream) -> None:
    command = "(sleep 4; echo late) | " + " ".join(dragoman.command(["Hello"]))
    result = _shell(dragoman, command)
    assert (result.code, result.out) == (0, "Good day\n")
    assert content(up) == "Hello\n\nlate"


def test_without_a_prompt_the_help_is_offered(dragoman: Dragoman, up: FaultUpstream) -> None:
    for stdin in (b"", b"\n"):
        result = dragoman(stdin=stdin)
        assert result.code == 2
        assert "there is no prompt" in result.err
        assert "Traceback" not in result.err
    assert up.requests == []


def test_bytes_that_are_no_text_are_replaced_or_refused(
    dragoman: Dragoman, up: FaultUpstream
) -> None:
    command = " ".join(dragoman.command(["$(printf 'caf\\351')"]))
    assert _shell(dragoman, command).code == 0
    assert content(up) == "caf\N{REPLACEMENT CHARACTER}"


def test_system_prompt_is_text_or_a_file(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "role.txt").write_text("Speak Latin.")
    assert dragoman("-s", "@role.txt", "Hello").code == 0
    assert up.requests[-1].json()["messages"][0] == {"role": "system", "content": "Speak Latin."}
    result = dragoman("-s", "@missing.txt", "Hello")
    assert result.code == 66
    assert "missing.txt" in result.err


# ----------------------------------------------------------------------------------- attachments


def test_image_is_told_by_its_first_bytes(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "picture.dat").write_bytes(PNG)
    assert dragoman("-a", "picture.dat", "What is this?").code == 0
    text, image = content(up)  # type: ignore[misc]
    assert text == {"type": "text", "text": "What is this?"}
    assert image["image_url"]["url"].startswith("data:image/png;base64,iVBORw0KGgo")


def test_piped_image_is_an_attachment(dragoman: Dragoman, up: FaultUpstream) -> None:
    for arguments in (["What?"], ["-a", "-", "What?"]):
        assert dragoman(*arguments, stdin=PNG).code == 0
        assert content(up)[1]["type"] == "image_url"  # type: ignore[index]


def test_image_url_is_handed_on(dragoman: Dragoman, up: FaultUpstream) -> None:
    assert dragoman("-a", "https://example.org/cat.jpg", "What?").code == 0
    assert content(up)[1]["image_url"]["url"] == "https://example.org/cat.jpg"  # type: ignore[index]


def test_text_file_becomes_text_under_its_name(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "notes.md").write_text("# Plan\n\n```py\n1\n```\n")
    assert dragoman("-a", "notes.md", "Summarise").code == 0
    sent = content(up)
    joined = sent if isinstance(sent, str) else "\n".join(part["text"] for part in sent)  # type: ignore[attr-defined]
    assert "Summarise" in joined
    assert "notes.md:\n````\n# Plan\n\n```py\n1\n```\n````" in joined


def test_image_for_a_text_model_is_refused_before_sending(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(chat_stream(["no"]))
    dragoman.configure(
        f'[[providers]]\nname = "up"\nbase_url = "{server.base_url}"\n'
        '[[providers.models]]\nid = "m1"\ninput = ["text"]\n'
    )
    (dragoman.cwd / "a.png").write_bytes(PNG)
    result = dragoman("-m", "up/m1", "-a", "a.png", "What?")
    assert result.code == 65
    assert "image" in result.err
    assert server.requests == []


# --------------------------------------------------------------------------------------- options


def test_options_are_typed_and_sent(dragoman: Dragoman, up: FaultUpstream) -> None:
    options = [
        "-o", "temperature", "0.25", "-o", "max-tokens", "64", "-o", "stop", "END",
        "-o", "stop", "FIN", "-o", "seed", "7", "-o", "body.min_p", "0.1",
        "-o", "body.extra", '{"a": [1, true]}', "-o", "body.word", "plain",
    ]  # fmt: skip
    assert dragoman(*options, "Hello").code == 0
    body = up.requests[-1].json()
    expected = {
        "temperature": 0.25, "max_tokens": 64, "stop": ["END", "FIN"], "seed": 7, "min_p": 0.1,
        "extra": {"a": [1, True]}, "word": "plain",
    }  # fmt: skip
    assert {name: body.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("temprature", "1", "did you mean -o temperature?"),
        ("max_token", "1", "did you mean -o max_tokens?"),
        ("zzz", "1", "-o body.zzz sends a field as it is"),
        ("temperature", "hot", "temperature takes a number, not 'hot'"),
        ("temperature", "nan", "temperature takes a number"),
        ("max_tokens", "1.5", "max_tokens takes a whole number"),
        ("logprobs", "yes", "true or false"),
        ("metadata", "[1]", "a JSON object"),
    ],
)
def test_wrong_options_are_explained(
    name: str, value: str, said: str, dragoman: Dragoman, up: FaultUpstream
) -> None:
    result = dragoman("-o", name, value, "Hello")
    assert result.code == 2
    assert said in result.err
    assert up.requests == []


def test_whole_answer_is_asked_for_with_no_stream(dragoman: Dragoman, up: FaultUpstream) -> None:
    result = dragoman("--no-stream", "Hello")
    assert (result.code, result.out) == (0, "Good day\n")
    assert up.requests[-1].json().get("stream", False) is False


# ---------------------------------------------------------------------------- what is told beside


def test_usage_line_is_on_stderr(dragoman: Dragoman, up: FaultUpstream) -> None:
    result = dragoman("-u", "Hello")
    assert result.out == "Good day\n"
    name, prompt, answer, first, _, cost = result.err.strip().split(" · ")
    assert (name, prompt, answer) == ("up/m1", "18 in", "13 out")
    assert first.startswith("first token ")
    assert cost == "$0.0015"


def test_json_is_one_object_with_all_that_is_known(dragoman: Dragoman, up: FaultUpstream) -> None:
    result = dragoman("--json", "Hello")
    assert result.err == ""
    found = result.json()
    expected = {
        "text": "Good day", "finish_reason": "stop", "model": "m1", "provider": "up",
        "cost": 0.00148, "cost_source": "config", "tool_calls": [], "warnings": [],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["usage"]["prompt_tokens"] == 18
    assert found["usage"]["completion_tokens"] == 13
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["ok"]
    assert found["attempts"][0]["status"] == 200
    assert found["request_id"].startswith("req_")
    assert "error" not in found
    whole = dragoman("--json", "--no-stream", "Hello").json()
    assert {name: whole[name] for name in expected} == expected


def test_reasoning_goes_to_stderr_unless_hidden(dragoman: Dragoman, upstream: Upstream) -> None:
    thinking = delta_stream([{"reasoning_content": "Let me see."}, {"content": "42"}])
    server = upstream(thinking)
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    result = dragoman(*arguments)
    assert (result.out, result.err) == ("42\n", "Let me see.\n")
    assert (dragoman("-R", *arguments).out, dragoman("-R", *arguments).err) == ("42\n", "")


def test_trace_tells_every_attempt(dragoman: Dragoman, upstream: Upstream) -> None:
    busy = upstream([error(429, retry_after_ms=20, message="slow down"), error(500)])
    good = upstream(chat_stream(["Hi"]))
    dragoman.configure(
        f'[[providers]]\nname = "busy"\nbase_url = "{busy.base_url}"\nretries = 1\n'
        f'[[providers]]\nname = "good"\nbase_url = "{good.base_url}"\n'
    )
    result = dragoman("-m", "busy/x", "-m", "good/y", "-v", "Hello")
    assert (result.code, result.out) == (0, "Hi\n")
    lines = [line for line in result.err.splitlines() if not line.startswith("   ")]
    assert [line.split()[:2] for line in lines] == [
        ["1", "busy/x"],
        ["2", "busy/x"],
        ["3", "good/y"],
    ]
    assert "429 rate limited" in lines[0]
    assert lines[0].endswith("→ again after 20 ms")
    assert "(retry)" in lines[1]
    assert "500 server error" in lines[1]
    assert lines[1].endswith("→ next")
    assert lines[2].endswith("← answered")
    assert "slow down" in result.err


def test_trace_of_a_failure_ends_with_the_last_attempt(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    dead = upstream(chat_stream(["never"]), down=True)
    result = dragoman("--base-url", dead.base_url, "-m", "x", "-v", "-o", "retries", "0", "Hello")
    assert result.code == 69
    assert "→ gave up" in result.err.splitlines()[0]


# ------------------------------------------------------------------------------------------ curl


def test_curl_shows_the_request_and_sends_nothing(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["no"]))
    dragoman.configure(
        f'[[providers]]\nname = "corp"\nbase_url = "{server.base_url}?version=2"\n'
        'api_key = "env:CORP_KEY"\n'
        'headers = { x-team = "search", x-token = "env:CORP_TOKEN" }\n'
        'dialect = { max_tokens_field = "max_completion_tokens", drop = ["seed"] }\n'
    )
    env = {"CORP_KEY": "sk-very-secret-0123", "CORP_TOKEN": "token-very-secret-0123"}
    result = dragoman(
        "-m", "corp/m1", "--curl", "-o", "max_tokens", "9", "-o", "seed", "1", "It's", env=env
    )
    assert result.code == 0
    assert server.requests == []
    assert "very-secret" not in result.out + result.err
    assert f"curl -N '{server.base_url}/chat/completions?version=2' \\" in result.out
    assert '-H "authorization: Bearer $CORP_KEY"' in result.out
    assert '-H "x-token: $CORP_TOKEN"' in result.out
    assert "-H 'x-team: search'" in result.out
    assert "max_tokens is sent as max_completion_tokens" in result.err
    assert "seed" in result.err
    assert not dragoman.database.exists()


def test_curl_command_does_what_it_says(dragoman: Dragoman, up: FaultUpstream) -> None:
    arguments = ["-o", "temperature", "0.5", 'It\'s "so" $HOME `x`']
    command = dragoman("--curl", *arguments).out
    assert "very" not in command
    ran = _shell(dragoman, command.replace("curl", "curl -s", 1))
    assert ran.code == 0, ran.err
    dragoman(*arguments)
    by_curl, by_us = up.requests
    assert by_curl.body == by_us.body
    assert by_curl.target == by_us.target


# ----------------------------------------------------------------------------------------- ad hoc


def test_any_url_can_be_asked_without_setting_it_up(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    env = {"MY_KEY": "sk-0123456789abcdef"}
    result = dragoman(
        "--base-url", server.url, "-m", "org/model:7b", "--key-env", "MY_KEY", "Hello", env=env
    )
    assert (result.code, result.out, result.err) == (0, "Hi\n", "")
    (request,) = server.requests
    assert request.target == "/v1/chat/completions"
    assert request.json()["model"] == "org/model:7b"
    assert request.header("authorization") == "Bearer sk-0123456789abcdef"


def test_ad_hoc_server_gets_nobodys_key(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    env = {"OPENAI_API_KEY": "sk-0123456789abcdef", "LOCALHOST_API_KEY": "x" * 20}
    assert dragoman("--base-url", server.base_url, "-m", "gpt-4o", "Hello", env=env).code == 0
    assert server.requests[0].header("authorization") is None


def test_key_on_the_command_line_is_a_reference(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    (dragoman.cwd / "key").write_text("sk-from-a-file\n")
    key = f"file:{dragoman.cwd / 'key'}"
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    assert dragoman("--key", key, *arguments).code == 0
    assert server.requests[0].header("authorization") == "Bearer sk-from-a-file"
    result = dragoman("--key", "sk-a-literal-key", *arguments)
    assert result.code == 2
    assert "sk-a-literal-key" not in result.err
    result = dragoman("--key-env", "NOT_SET", *arguments)
    assert result.code == 78
    assert "NOT_SET" in result.err


# ------------------------------------------------------------------------------------- the record


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
    result = _shell(dragoman, "ulimit -f 0; exec " + " ".join(dragoman.command(["Hello"])))
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


def _shell(dragoman: Dragoman, command: str) -> object:
    import subprocess

    from tests.cli.running import TIMEOUT_S, Result

    done = subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        cwd=dragoman.cwd,
        env=dragoman.env,
        timeout=TIMEOUT_S,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_working_folder_is_left_alone(dragoman: Dragoman, up: FaultUpstream) -> None:
    dragoman("Hello")
    assert list(Path(dragoman.cwd).iterdir()) == []
    assert len(up.requests) == 1
