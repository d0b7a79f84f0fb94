"""A provider whose list of models is an attack: it fails alone, soon, and in words."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from dragoman.catalog.loose_json import MAX_MODELS
from tests.cli.running import Dragoman
from tests.upstream.fault import Answer, FaultUpstream, models

Upstream = Callable[..., FaultUpstream]
JSON = (("content-type", "application/json"),)

MILLION = b'{"data":[' + b",".join(b'{"id":"%d"}' % n for n in range(1_000_000)) + b"]}"
MANY = b'{"data":[' + b",".join(b'{"id":"%d"}' % n for n in range(400_000)) + b"]}"
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
# Of a process between: what is forked from here begins with our own memory.

ODD_IDS = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "x" * 1_000_000,
    "line\nbreak",
    "\u202egnp.exe",
    "\x00",
    {"id": 1},
    7,
    None,
    ["x"],
]

REFUSED: dict[str, tuple[Answer, str]] = {
    "a million entries": (Answer(200, JSON, MILLION), "larger than 8 MiB"),
    "endless": (Answer(200, JSON, b'{"data":[').until_close().then_forever(b'{"id":"x"},' * 5_000),
        "larger than 8 MiB"),
    "ids that are none": (
        Answer(200, JSON, json.dumps({"data": [{"id": one} for one in ODD_IDS]}).encode()),
        "none has an id that can be used",
    ),
    "deep JSON": (Answer(200, JSON, b'{"data":' + b"[" * 1_000_000), "not JSON"),
    "deep JSON in an entry": (
        Answer(200, JSON, b'{"data":[{"id":"x","y":' + b"[" * 9_000 + b"]" * 9_000 + b"}]}"),
        "",
    ),
    "another type": (Answer(200, JSON, b'{"data":{"id":"x"}}'), "no list of models"),
    "a number": (Answer(200, JSON, b"7"), "no list of models"),
    "a web page": (Answer(200, (("content-type", "text/html"),), b"<html>"), "not JSON"),
    "a bomb": (
        Answer(200, (*JSON, ("content-encoding", "gzip")), gzip.compress(b" " * 200 * 2**20)),
        "unpacks to more than",
    ),
    "escapes in an error": (
        Answer(500, JSON, b'{"error":{"message":"\\u001b]0;owned\\u0007 \\u001b[31mno"}}'),
        "no",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_list_fails_alone_and_in_words(
    dragoman: Dragoman, upstream: Upstream, name: str
) -> None:
    answer, said = REFUSED[name]
    bad, good = upstream(answer), upstream(models("m1", "m2"))
    dragoman.configure(
        f'[providers.bad]\nbase_url = "{bad.base_url}"\n'
        f'[providers.good]\nbase_url = "{good.base_url}"\n'
    )
    result = dragoman("models", "list", "--refresh")
    assert result.code == 0
    assert "good/m1" in result.out
    assert "good  2 models" in result.err
    (line,) = (line for line in result.err.splitlines() if line.startswith("bad "))
    assert said in line
    assert len(line) < 1200
    for text in (result.out, result.err):
        assert all(c.isprintable() or c == "\n" for c in text)


def test_a_long_list_is_cut_and_that_is_told(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(Answer(200, JSON, MANY))
    dragoman.configure(f'[providers.bad]\nbase_url = "{server.base_url}"\n')
    command = dragoman.command(("models", "list", "--refresh", "-p", "bad"))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *command],
        capture_output=True,
        cwd=dragoman.cwd,
        env=dragoman.env,
        text=True,
        check=True,
    )
    *err, most_kib = done.stderr.splitlines()
    assert any(f"{MAX_MODELS} models, the first of its list" in line for line in err)
    assert len(done.stdout.splitlines()) <= MAX_MODELS + 1
    assert int(most_kib) < 400 * 1024


def test_names_that_look_like_paths_and_markup_are_names(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    ids = ("../../etc/passwd", "<script>alert(1)</script>", "[red]x[/red]", "a b", "%2e%2e")
    server = upstream(models(*ids))
    dragoman.configure(f'[providers.odd]\nbase_url = "{server.base_url}"\n')
    result = dragoman("models", "list", "--refresh", "-p", "odd", "--json")
    assert [row["id"] for row in json.loads(result.out)] == list(ids)
    written = sorted(path.name for path in dragoman.home.rglob("*.json"))
    assert written == ["models.json"]
