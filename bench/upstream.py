"""An upstream that is fast enough not to matter: fixed answers, no parsing beyond the framing.

Run as a process of its own: `python -m bench.upstream` prints its port. A body with `"stream":true`
(any spacing) is answered with 200 chunks, any other with one completion of about 600 bytes.
"""

from __future__ import annotations

import asyncio
import json
import re

CHUNKS = 200
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = re.compile(rb'"stream": ?true')


def completion() -> bytes:
    """One whole answer, head included."""
    body = json.dumps(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1760000000,
            "model": "bench",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "word " * 60},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 40, "completion_tokens": 60, "total_tokens": 100},
        }
    ).encode()
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def frames() -> list[bytes]:
    """The frames of a streamed answer: role, deltas, finish, usage, [DONE]."""

    def chunk(choices: list[object], **more: object) -> bytes:
        base = {
            "id": "chatcmpl-bench",
            "object": "chat.completion.chunk",
            "created": 1760000000,
            "model": "bench",
            "choices": choices,
        }
        return b"data: " + json.dumps({**base, **more}).encode() + b"\n\n"

    def delta(delta: object, finish: str | None = None) -> bytes:
        return chunk([{"index": 0, "delta": delta, "finish_reason": finish}])

    usage = {"prompt_tokens": 40, "completion_tokens": CHUNKS, "total_tokens": 40 + CHUNKS}
    return [
        delta({"role": "assistant", "content": ""}),
        *(delta({"content": f"word{number} "}) for number in range(CHUNKS)),
        delta({}, "stop"),
        chunk([], usage=usage),
        b"data: [DONE]\n\n",
    ]


def stream() -> bytes:
    """One streamed answer, head included, every frame an HTTP chunk."""
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    body = b"".join(b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames())
    return head + body + b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Answers each request as soon as its last byte is there."""

    WHOLE = completion()
    STREAM = stream()

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.buffer, 0, end + 2)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self.buffer) < size:
                return
            streams = _STREAM.search(self.buffer, end, size)
            self.transport.write(self.STREAM if streams else self.WHOLE)  # type: ignore[attr-defined]
            self.buffer = self.buffer[size:]


async def serve() -> None:
    """Listen on a free port of the loopback until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
