"""Golden cases: what upstreams send, and beside it what it means.

`NAME.sse` is a streamed answer and `NAME.events.json` its events; `NAME.json` is a whole answer and
`NAME.completion.json` what it comes to. A case with both is one answer said in two ways. The
expectation also names the dialect, where it is not the default one.

A new case: write the input, run `python -m tests.wire.golden NAME`, and read what it wrote.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from dragoman.errors import DragomanError, UpstreamError
from dragoman.types import Dialect
from dragoman.types.event import Event, Failure
from dragoman.wire import get_format
from dragoman.wire.base import StreamParser

CASES = Path(__file__).parent / "cases"


def names(api: str, suffix: str) -> list[str]:
    """List the cases of a wire format that have an input with this suffix."""
    outputs = (".events.json", ".completion.json")
    found = (CASES / api).glob(f"*{suffix}")
    return sorted(
        path.name.removesuffix(suffix) for path in found if not path.name.endswith(outputs)
    )


def read(api: str, name: str) -> bytes:
    """Read a file of a case."""
    return (CASES / api / name).read_bytes()


def expected(api: str, name: str) -> dict[str, Any]:
    """Read an expectation."""
    return json.loads(read(api, name))  # type: ignore[no-any-return]


def dialect(expectation: dict[str, Any]) -> Dialect:
    """Make the dialect that a case is in."""
    return msgspec.convert(expectation.get("dialect", {}), Dialect)


def run(parser: StreamParser, body: bytes, size: int) -> list[Event]:
    """Feed a body in chunks of so many bytes."""
    events: list[Event] = []
    for at in range(0, len(body), size):
        events += parser.feed(body[at : at + size])
    return events + parser.close()


def shown(event: Event) -> dict[str, Any]:
    """Say an event as JSON."""
    if isinstance(event, Failure):
        error = shown_error(event.error)
        return {"type": "failure", "error": error, "usage": plain(event.usage)}
    return plain(event)  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """Say a struct as JSON."""
    return json.loads(msgspec.json.encode(value))


def shown_error(error: DragomanError) -> dict[str, Any]:
    """Say an error as JSON: what there is of these."""
    said: dict[str, Any] = {"class": type(error).__name__, "message": error.message}
    for name in ("code", "retry_after", "request_id", "status"):
        value = getattr(error, name)
        if value is not None and value != getattr(type(error), name, None):
            said[name] = value
    if isinstance(error, UpstreamError):
        for name in ("upstream_status", "upstream_type", "upstream_code", "param"):
            if (value := getattr(error, name)) is not None:
                said[name] = value
    return said


def parse_whole(api: str, body: bytes, spoken: Dialect) -> dict[str, Any]:
    """Parse a whole answer and say what came of it, be it an error."""
    try:
        completion = get_format(api).parse_response(body, spoken)
    except DragomanError as error:
        return {"error": shown_error(error)}
    return plain(completion)  # type: ignore[no-any-return]


def accept(api: str, name: str) -> None:
    """Write the expectations of a case as the code has it now."""
    for suffix, output in ((".sse", ".events.json"), (".json", ".completion.json")):
        if name not in names(api, suffix):
            continue
        path = CASES / api / f"{name}{output}"
        spoken = json.loads(path.read_text()).get("dialect") if path.exists() else None
        body = read(api, f"{name}{suffix}")
        said: dict[str, Any] = {"dialect": spoken} if spoken else {}
        if suffix == ".sse":
            parser = get_format(api).stream_parser(dialect(said))
            said["events"] = [shown(event) for event in run(parser, body, max(1, len(body)))]
        else:
            said["completion"] = parse_whole(api, body, dialect(said))
        lines = json.dumps(said, ensure_ascii=False, indent=1)
        path.write_text(lines + "\n")


if __name__ == "__main__":
    for case in sys.argv[2:]:
        accept(sys.argv[1], case)
