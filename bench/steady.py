"""Below saturation: latency at a steady rate, first tokens, and a thousand slow streams.

The load and the paced upstream are ours and run on core 1, what is measured on core 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.gateway import PROMPT, SUBJECTS, Subject, _cpu_s, _headers, _memory_mb, _started
from bench.upstream import completion, frames

RATE = 200
SECONDS = 8
STREAMS = 1000
CHUNKS_A_SECOND = 20
STREAM_S = 10.0


class Paced(asyncio.Protocol):
    """Answers at once; a stream gets a frame every 1/20 s."""

    WHOLE = completion()
    HEAD = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    FRAMES = tuple(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, body = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        (length,) = [
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        ]
        if len(body) < length:
            return
        self.buffer = body[length:]
        if b'"stream":true' in body:
            self.transport.write(self.HEAD + self.FRAMES[0] + self.FRAMES[1])
            asyncio.get_running_loop().call_later(1 / CHUNKS_A_SECOND, self.more, 2)
        else:
            self.transport.write(self.WHOLE)

    def more(self, number: int) -> None:
        if self.transport.is_closing():
            return
        if number == len(self.FRAMES):
            self.transport.write(b"0\r\n\r\n")
            return
        self.transport.write(self.FRAMES[number])
        asyncio.get_running_loop().call_later(1 / CHUNKS_A_SECOND, self.more, number + 1)


def _serve(sock: socket.socket) -> None:
    import uvloop

    os.sched_setaffinity(0, {1})

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Paced, sock=sock, backlog=4096)
        await server.serve_forever()

    uvloop.run(run())


@contextlib.contextmanager
def _upstream() -> Iterator[int]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(sock,), daemon=True)
    process.start()
    try:
        yield sock.getsockname()[1]
    finally:
        process.kill()
        process.join()


class Client(asyncio.Protocol):
    """One connection that asks again and again; notes when an answer begins and ends."""

    def __init__(self) -> None:
        self.began: asyncio.Future[float] | None = None
        self.ended: asyncio.Future[float] | None = None
        self.marks: tuple[bytes, bytes] = (b"", b"")
        self.tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.tail = (self.tail + data)[-4096:]
        if self.began and not self.began.done() and self.marks[0] in self.tail:
            self.began.set_result(now)
        if self.ended and not self.ended.done() and self.tail.endswith(self.marks[1]):
            self.ended.set_result(now)

    async def ask(self, data: bytes, begin: bytes, end: bytes) -> tuple[float, float]:
        """Ask; give the seconds to the beginning and to the end of the answer."""
        loop = asyncio.get_running_loop()
        self.tail, self.marks = b"", (begin, end)
        self.began, self.ended = loop.create_future(), loop.create_future()
        asked = time.perf_counter()
        self.transport.write(data)
        return await self.began - asked, await self.ended - asked


def _request(subject: Subject, upstream: int, *, stream: bool) -> bytes:
    body = {**PROMPT, "model": subject.model, **({"stream": True} if stream else {})}
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {
        "host": "127.0.0.1",
        **_headers(subject, upstream),
        "content-length": str(len(content)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {subject.path} HTTP/1.1\r\n{lines}\r\n".encode() + content


async def _connect(port: int) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    return client


async def _steady(data: bytes, port: int) -> list[float]:
    """Ask at a fixed rate; give the milliseconds that each answer took."""
    clients = [await _connect(port) for _ in range(32)]
    took: list[float] = []

    async def one(client: Client) -> None:
        _, whole = await client.ask(data, b"HTTP/1.1 200", b"}")
        took.append(whole * 1000)
        clients.append(client)

    tasks = []
    began = time.perf_counter()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(began + number / RATE - time.perf_counter(), 0))
        if clients:
            tasks.append(asyncio.create_task(one(clients.pop())))
    await asyncio.gather(*tasks)
    for client in clients:
        client.transport.close()
    return took[RATE:]


async def _streams(data: bytes, port: int) -> tuple[list[float], int]:
    """Open a thousand streams over two seconds; give the times to their first tokens."""
    firsts: list[float] = []
    whole = 0

    async def one(delay: float) -> None:
        nonlocal whole
        await asyncio.sleep(delay)
        client = await _connect(port)
        first, _ = await client.ask(data, b"word0 ", b"0\r\n\r\n")
        firsts.append(first * 1000)
        whole += b"[DONE]" in client.tail
        client.transport.close()

    await asyncio.gather(*(one(2 * number / STREAMS) for number in range(STREAMS)))
    return firsts, whole


def _run(task: Callable[[], Any]) -> Any:
    import uvloop

    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {1})
    try:
        return uvloop.run(task())
    finally:
        os.sched_setaffinity(0, before)


def steady() -> str:
    """Latency at 200 requests a second, then a thousand streams at 20 chunks a second."""
    rows = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        upstream = stack.enter_context(_upstream())
        for subject in SUBJECTS[:2]:
            with _started(subject, folder, upstream, False) as (pid, port):
                data = _request(subject, upstream, stream=False)
                took = _run(lambda data=data, port=port: _steady(data, port))  # type: ignore[misc]
                middle, late = statistics.median(took), statistics.quantiles(took, n=100)[98]
                data = _request(subject, upstream, stream=True)
                before, began = _cpu_s(pid), time.perf_counter()
                firsts, whole = _run(lambda data=data, port=port: _streams(data, port))  # type: ignore[misc]
                share = (_cpu_s(pid) - before) / (time.perf_counter() - began) * 100
                rows.append(
                    f"| {subject.name} | {middle:.2f} | {late:.2f} | {whole} "
                    f"| {statistics.median(firsts):.2f} | {share:.0f} | {_memory_mb(pid):.0f} |"
                )
    head = (
        "| | p50 ms at 200/s | p99 ms | streams held | first token, ms | % of the core | MB |\n"
        + "|---" * 7
        + "|"
    )
    return f"{head}\n" + "\n".join(rows)


if __name__ == "__main__":
    print(steady())
