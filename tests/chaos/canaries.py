"""Secrets that nobody else has, sent through everything that may fail; then searched for."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from urllib.parse import quote

from tests.chaos.canary_house import CanaryHouse

ERRORS = 60


def canaries(*, full: bool) -> Mapping[str, float]:
    """Search every sink for 25 secrets after 60 kinds of errors: none is there (G7)."""
    with ExitStack() as stack:
        house = stack.enter_context(CanaryHouse())
        for _ in range(5 if full else 1):
            house.provoke()
        sinks = house.sinks(every=full)
        hits = sorted(search(sinks, house.canaries))
        assert hits == [], hits
    assert len(house.canaries) >= 25
    assert house.failed >= ERRORS
    # A search that finds nothing proves nothing, unless it finds what is there.
    for name, text in house.canaries.items():
        for spelling in spellings(text):
            assert [*search({"told": b"x" + spelling + b"y"}, {name: text})], name
    return {
        "canaries": len(house.canaries),
        "errors": house.failed,
        "sinks": len(sinks),
        "bytes": sum(map(len, sinks.values())),
    }


def search(
    sinks: Mapping[str, bytes], canaries: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Find which sink holds which canary, in any spelling; with what stands around it."""
    for name, text in canaries.items():
        for spelling in spellings(text):
            for sink, held in sinks.items():
                at = held.lower().find(spelling.lower())
                if at >= 0:
                    yield name, sink, repr(held[max(0, at - 60) : at + 60])


def spellings(text: str) -> set[bytes]:
    """Write a text as it is, for URLs and JSON, hexadecimal, and in base64 at all three places."""
    raw = text.encode()
    found = {
        raw,
        quote(text, safe="").encode(),
        raw.hex().encode(),
        json.dumps(text)[1:-1].encode(),
    }
    for skipped in range(3):
        whole = base64.b64encode(b"\0" * skipped + raw)
        # The first and last characters depend on what is beside it.
        core = whole[(skipped * 8 + 5) // 6 : (skipped + len(raw)) * 8 // 6]
        found |= {core, core.replace(b"+", b"-").replace(b"/", b"_")}
    return found
