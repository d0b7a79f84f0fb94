"""Streams cut into chunks in every way, and streams of nonsense."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from dragoman.types.event import Failure, Finish
from tests.chaos.streams import LANGUAGES, read, recorded


def chunkings(*, full: bool) -> Mapping[str, float]:
    """Read recorded streams cut up at random: always the same events (500 000 ways)."""
    chance = random.Random(2026)
    streams = list(recorded())
    ways = (500_000 if full else 3_000) // len(streams) + 1
    variants = 0
    for stream in streams:
        whole = read(stream.language, [stream.body])
        for _ in range(ways):
            chunks = list(_cut(stream.body, chance))
            assert read(stream.language, chunks) == whole, (stream.name, list(map(len, chunks)))
            variants += 1
    fuzzed = 0
    for _ in range(10_000 if full else 300):
        stream = chance.choice(streams)
        broken = _break(stream.body, chance)
        for language in LANGUAGES:
            events = read(language, _cut(broken, chance))
            ends = [event for event in events if isinstance(event, Finish | Failure)]
            assert len(ends) == 1, (stream.name, language)
            assert events[-1] is ends[0]
            fuzzed += 1
    return {"variants": variants, "fuzzed": fuzzed}


def _cut(body: bytes, chance: random.Random) -> Iterator[bytes]:
    longest = chance.choice((1, 3, 17, 200, 4000))
    at = 0
    while at < len(body):
        end = at + chance.randint(1, longest)
        yield body[at:end]
        at = end


def _break(body: bytes, chance: random.Random) -> bytes:
    """Change, drop, double or add some bytes."""
    broken = bytearray(body)
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(broken))
        length = chance.randint(1, 40)
        kind = chance.randrange(4)
        if kind == 0:
            broken[at] = chance.randrange(256)
        elif kind == 1 and len(broken) > length + 1:
            del broken[at : at + length]
        elif kind == 2:
            broken[at:at] = broken[at : at + length]
        else:
            broken[at:at] = chance.choice((b"\r", b"\n\n", b"data:", b"\xff", b"{", b"null", b"\0"))
        broken = broken or bytearray(b" ")
    return bytes(broken)
