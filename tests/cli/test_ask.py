"""`dragoman "prompt"`: what is sent, from words, pipes and options."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.greeter import content
from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]


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
    result = dragoman.shell(command)
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
    result = dragoman.shell(command)
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
    assert dragoman.shell(command).code == 0
    assert content(up) == "caf\N{REPLACEMENT CHARACTER}"


def test_system_prompt_is_text_or_a_file(dragoman: Dragoman, up: FaultUpstream) -> None:
    (dragoman.cwd / "role.txt").write_text("Speak Latin.")
    assert dragoman("-s", "@role.txt", "Hello").code == 0
    assert up.requests[-1].json()["messages"][0] == {"role": "system", "content": "Speak Latin."}
    result = dragoman("-s", "@missing.txt", "Hello")
    assert result.code == 66
    assert "missing.txt" in result.err


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


def test_working_folder_is_left_alone(dragoman: Dragoman, up: FaultUpstream) -> None:
    dragoman("Hello")
    assert list(Path(dragoman.cwd).iterdir()) == []
    assert len(up.requests) == 1
