"""CPU of carrying one streamed answer from any language to any, and of sealing a request anew.

No network: what a bridge does between the upstream's bytes and the client's, metering included.
The best of several runs, because everything else on the machine only adds to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial

from dragoman.types import Dialect
from dragoman.types.event import Event, Finish, PartDelta, PartEnd, PartStart, Start
from dragoman.types.message import Text
from dragoman.types.usage import Usage
from dragoman.wire import get_format
from dragoman.wire.bridge import Bridge, Relay, Translate
from dragoman.wire.envelope import open_envelope

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
CHUNKS = 200
RUNS = 25
MIB = 1 << 20
WORD = " interpreter"
DIALECT = Dialect()


def stream(api: str) -> list[bytes]:
    """Write an answer of 200 deltas, each as the chunk in which it comes."""
    renderer = get_format(api).stream_renderer("bench")
    events: list[Event] = [Start("answer_1", "bench", 1760000000), PartStart(0, Text(""))]
    events += [PartDelta(0, "text", WORD)] * CHUNKS
    events += [PartEnd(0, Text(WORD * CHUNKS)), Finish("stop", "stop", Usage(30, CHUNKS))]
    return [chunk for event in events if (chunk := renderer.render(event))]


def bridge(upstream: str, client: str) -> Bridge:
    """Make what stands between them."""
    if upstream == client:
        return Relay(get_format(upstream), DIALECT, "bench")
    renderer = get_format(client).stream_renderer("bench")
    return Translate(get_format(upstream), DIALECT, renderer, id="made_up", created=1)


def carry(chunks: list[bytes], upstream: str, client: str) -> None:
    """Carry one answer to its end."""
    between = bridge(upstream, client)
    for chunk in chunks:
        between.feed(chunk)
    between.close()
    assert between.finish is not None
    assert between.usage is not None


def request_body() -> bytes:
    """Write a request of one MiB: a picture, and a history in words."""
    url = "data:image/png;base64," + "A" * (MIB // 2)
    picture = {"type": "image_url", "image_url": {"url": url}}
    words = {"type": "text", "text": "word " * (MIB // 10)}
    messages = [{"role": "user", "content": [words, picture]}]
    return json.dumps({"model": "bench/bench", "messages": messages, "stream": True}).encode()


def reseal(body: bytes) -> None:
    """Open a request and write it for an upstream."""
    assert open_envelope(body).relayed("bench", DIALECT, ask_usage=True)


def best_ms(work: Callable[[], None]) -> float:
    """Measure the CPU milliseconds of the best of several runs."""
    best = float("inf")
    for _ in range(RUNS):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return best * 1000


def main() -> None:
    """Print CPU milliseconds as JSON: by `upstream>client`, and for the request."""
    found: dict[str, float] = {}
    for upstream in APIS:
        chunks = stream(upstream)
        for client in APIS:
            found[f"{upstream}>{client}"] = best_ms(partial(carry, chunks, upstream, client))
    body = request_body()
    found["request"] = best_ms(partial(reseal, body))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
