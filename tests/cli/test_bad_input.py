"""Whatever is wrong with a configuration is told with its place, and never by a traceback."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli import run
from dragoman.cli.terminal.exit_codes import Exit
from tests.cli.running import Dragoman

CASES = Path(__file__).parent / "cases"
BROKEN = tomllib.loads((CASES / "broken.toml").read_text())["case"]
WHOLE = {path: path.read_bytes() for path in sorted((CASES / "examples").iterdir())}


@pytest.mark.parametrize("case", BROKEN, ids=[case["name"] for case in BROKEN])
def test_broken_configuration_is_told_with_its_place(
    case: dict[str, Any], dragoman: Dragoman
) -> None:
    path = dragoman.config_file
    path.parent.mkdir(parents=True)
    path.write_bytes(bytes.fromhex(case["bytes"]) if "bytes" in case else case["text"].encode())
    checked = dragoman("config", "check")
    assert checked.code == 78
    assert case["says"] in checked.out
    assert str(path) in checked.out
    for arguments in (["providers", "list"], ["models"], ["-m", "a/m", "-o", "retries", "0", "Hi"]):
        result = dragoman(*arguments)
        assert result.code in (0, 2, 69, 78)
        assert "Traceback" not in result.err
        assert "bug in dragoman" not in result.err
        assert case.get("hides", "\x00") not in result.out + result.err + checked.out
    assert dragoman("-m", "demo/echo", "Hi").out == "Hi\n"


def truncations() -> Iterator[tuple[str, bytes]]:
    """Every example, cut off after each of its bytes."""
    for path, content in WHOLE.items():
        if path.stem in ("gptme-providers", "polpo-litellm", "polpo-fallback"):
            for length in range(len(content)):
                yield path.suffix, content[:length]


def test_file_cut_off_anywhere_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-0123456789")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-0123456789")
    count = 0
    for suffix, content in truncations():
        path = tmp_path / f"cut{suffix}"
        path.write_bytes(content)
        code = run(["--config", str(path), "config", "check"])
        told = capsys.readouterr()
        text = told.out + told.err
        assert code in (Exit.OK, Exit.CONFIG), content
        assert "Traceback" not in text
        assert "bug in dragoman" not in text
        if code is Exit.CONFIG:
            assert f"{path}:" in text, content
        count += 1
    assert count > 1000


@pytest.mark.parametrize("change", ["bom", "crlf", "cr-at-end"])
@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
def test_marks_and_line_ends_of_other_systems_change_nothing(
    change: str,
    path: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    content = WHOLE[path]
    changed = {
        "bom": b"\xef\xbb\xbf" + content,
        "crlf": content.replace(b"\n", b"\r\n"),
        "cr-at-end": content + b"\r\n",
    }[change]
    listed = []
    for text in (content, changed):
        same = tmp_path / f"config{path.suffix}"
        same.write_bytes(text)
        run(["--config", str(same), "providers", "list", "--json"])
        listed.append(capsys.readouterr().out)
    assert listed[0] == listed[1]


ODD = [
    [""],
    ["   "],
    ["-m", "", "Hi"],
    ["-m", "/", "Hi"],
    ["-m", ":", "Hi"],
    ["-m", "demo/", "Hi"],
    ["-m", "/echo", "Hi"],
    ["-m", "demo/nope", "Hi"],
    ["-m", "a" * 10_000, "Hi"],
    ["-m", "demo/\x1b[31m", "Hi"],
    ["-m", "*", "Hi"],
    ["-m", "demo/echo", "-o", "", "", "Hi"],
    ["-m", "demo/echo", "-o", "body.", "1", "Hi"],
    ["-m", "demo/echo", "-o", "body.messages", "[]", "Hi"],
    ["-m", "demo/echo", "-o", "body.model", "x", "Hi"],
    ["-m", "demo/echo", "-o", "max_tokens", "-1", "Hi"],
    ["-m", "demo/echo", "-o", "seed", "9" * 40, "Hi"],
    ["-m", "demo/echo", "-o", "seed", "9" * 5000, "Hi"],
    ["-m", "demo/echo", "-o", "metadata", "[" * 100_000, "Hi"],
    ["-m", "demo/echo", "-o", "reasoning", "extreme", "Hi"],
    ["-m", "demo/echo", "-o", "output", "yaml", "Hi"],
    ["-m", "demo/echo", "-o", "retries", "-3", "Hi"],
    ["-m", "demo/echo", "--timeout", "nan", "Hi"],
    ["-m", "demo/echo", "--timeout", "inf", "Hi"],
    ["-m", "demo/echo", "-a", "", "Hi"],
    ["-m", "demo/echo", "-a", "http://", "Hi"],
    ["-m", "demo/echo", "-a", "/dev/null", "Hi"],
    ["-m", "demo/echo", "--at", "/dev/null", "not a type", "Hi"],
    ["-m", "demo/echo", "-s", "@", "Hi"],
    ["-m", "demo/echo", "-s", "@/", "Hi"],
    ["-m", "x", "--base-url", "", "Hi"],
    ["-m", "x", "--base-url", "http://", "Hi"],
    ["-m", "x", "--base-url", "http://[::1", "Hi"],
    ["-m", "x", "--base-url", "http://h:99999", "Hi"],
    ["-m", "x", "--base-url", "http://\u2460", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key", "env:", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key", "file:/", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key", "cmd:", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key", "cmd:no-such-program", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key", "cmd:'", "Hi"],
    ["-m", "x", "--base-url", "http://127.0.0.1:1", "--key-env", "A=B", "Hi"],
    ["--config", "", "Hi"],
    ["--config", "/", "Hi"],
    ["--config", "/dev/null", "Hi"],
    ["--color", "sometimes", "Hi"],
    ["providers", "show", ""],
    ["models", "info", ""],
    ["models", "list", "-p", ""],
    ["explain", ""],
    ["config"],
    ["config", "import", ""],
    ["config", "import", "/"],
    ["config", "import", "/dev/null"],
    ["config", "import", "/dev/null", "--from", "nobody"],
    ["config", "trust", "/"],
    ["help", "\x1b[31m"],
]


@pytest.mark.parametrize("arguments", ODD, ids=lambda arguments: repr(" ".join(arguments))[:60])
def test_odd_command_lines_end_in_an_answer_or_an_error(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        code = run(arguments)
    told = capsys.readouterr()
    assert code in set(Exit) - {Exit.INTERNAL, Exit.UNEXPECTED}, told.err
    assert "Traceback" not in told.err
    assert "\x1b" not in told.err
    if code is not Exit.OK:
        assert told.err.startswith("Error: ")
        assert len(told.err.splitlines()) <= 3
        assert len(told.err) < 2500
