"""How long it takes to read 10 000 stream chunks: our parser, and JSON alone for comparison."""

from __future__ import annotations

import json
import time

from bench.upstream import frames
from dragoman.types import Dialect
from dragoman.wire import get_format

CHUNKS = 10_000


def main() -> None:
    """Print CPU milliseconds as JSON."""
    delta = frames()[1]
    head, tail = frames()[0], b"".join(frames()[-3:])
    chunks = [head, *([delta] * CHUNKS), tail]
    parser = get_format("openai-completions").stream_parser(Dialect())
    before = time.process_time()
    events = 0
    for chunk in chunks:
        events += len(parser.feed(chunk))
    ours = time.process_time() - before
    assert events > CHUNKS
    before = time.process_time()
    for _ in range(CHUNKS):
        json.loads(delta[6:])
    bare = time.process_time() - before
    print(json.dumps({"our parser": ours * 1000, "json.loads alone": bare * 1000}))


if __name__ == "__main__":
    main()
