"""The guard against repetition: what degenerates is seen, and nothing else is."""

from __future__ import annotations

import base64
import inspect
import random
import string
import time

import pytest

from dragoman.errors import RepeatedItself
from dragoman.types.event import Event, Failure, PartDelta, PartEnd, PartStart
from dragoman.types.message import Text
from dragoman.types.model import RepetitionGuard
from dragoman.types.usage import Usage
from dragoman.wire import json_repair, repetition
from dragoman.wire.repetition import GuardedParser, Watch

DEGENERATE = {
    "one line": "I am sorry, I cannot do that.\n" * 400,
    "a paragraph": ("It was a dark night. The wind blew; nobody was there. " * 8 + "\n\n") * 40,
    "a word": "the the the the " * 1000,
    "one character": "!" * 20_000,
    "a block without spaces": "abcabcabc" * 3000,
    "a list that goes on": "- item\n- other item\n" * 500,
    "behind a sound beginning": inspect.getsource(json_repair) + "and so on, " * 900,
    "other scripts": "そして、また同じことを繰り返します。\n" * 600,
}

_random = random.Random(5)
_words = [
    "".join(_random.choices(string.ascii_lowercase, k=_random.randint(2, 9))) for _ in "x" * 500
]
SOUND = {
    "code": inspect.getsource(json_repair) + inspect.getsource(repetition),
    "prose": " ".join(_random.choices(_words, k=20_000)),
    "a table": "| name | size | note |\n|------|-----:|------|\n"
    + "".join(f"| file-{n} | {n * 37 % 1000} | ok |\n" for n in range(2000)),
    "a rule of dashes": "Title\n" + "-" * 400 + "\n" + "=" * 400 + "\nText.\n",
    "a numbered list": "".join(f"{n}. The same words again.\n" for n in range(1500)),
    "numbers": ", ".join(str(n) for n in range(6000)),
    "zeros": "[" + "0, " * 600 + "1]",
    "base64": base64.b64encode(_random.randbytes(40_000)).decode(),
    "a black picture": "iVBORw0KGgo"
    + "A" * 6000
    + base64.b64encode(_random.randbytes(900)).decode(),
    "closing brackets": "}\n" * 300,
    "JSON": "[" + ",".join(f'{{"id": {n}, "ok": true}}' for n in range(3000)) + "]",
}


def repeated(text: str, size: int, guard: RepetitionGuard | None = None) -> tuple[str, int] | None:
    """Feed a text in pieces; give the block, and after how many characters it was seen."""
    watch = Watch(guard or RepetitionGuard())
    for at in range(0, len(text), size):
        if (block := watch.add(text[at : at + size])) is not None:
            return block, at + size
    return None


@pytest.mark.parametrize("size", [1, 7, 300])
@pytest.mark.parametrize("name", DEGENERATE)
def test_text_that_repeats_itself_is_seen(name: str, size: int) -> None:
    assert repeated(DEGENERATE[name], size) is not None


def test_it_is_seen_soon() -> None:
    found = repeated(DEGENERATE["one line"], 5)
    assert found is not None
    assert found[1] < 2000 + 2 * repetition.STEP
    assert sorted(found[0]) == sorted("I am sorry, I cannot do that.\n")


@pytest.mark.parametrize("size", [3, 300])
@pytest.mark.parametrize("name", SOUND)
def test_sound_text_raises_no_alarm(name: str, size: int) -> None:
    assert repeated(SOUND[name], size) is None


def test_the_threshold_is_the_users() -> None:
    text = "Again and again. " * 40
    assert repeated(text, 5) is None
    assert repeated(text, 5, RepetitionGuard(characters=300, repeats=3)) is not None


def test_a_piece_costs_little_whatever_it_is() -> None:
    text = ("ab" * 31 + "c") * 20_000  # nearly what is looked for, everywhere
    started = time.monotonic()
    repeated(text, 4)
    assert time.monotonic() - started < 5


class _Inner:
    """A parser that gives one delta for each chunk."""

    usage: Usage | None = None
    frames = 0

    def feed(self, chunk: bytes) -> list[Event]:
        return [PartDelta(0, "text", chunk.decode())]

    def close(self) -> list[Event]:
        return [PartEnd(0, Text(""))]


def test_nothing_comes_after_the_failure() -> None:
    parser = GuardedParser(_Inner(), RepetitionGuard())
    events: list[Event] = [PartStart(0, Text(""))]
    for _ in range(400):
        events += parser.feed(b"over and over again, ")
    events += parser.close()
    last = events[-1]
    assert isinstance(last, Failure)
    assert isinstance(last.error, RepeatedItself)
    assert "over and over again" in last.error.message
    assert sum(isinstance(event, Failure) for event in events) == 1
