"""A forward proxy that records what passed, for CONNECT tunnels and absolute-form requests.

    with FaultUpstream(chat("Hello")) as up, Proxy(hosts={"api.test": up.port}) as proxy:
        ...                                        # ask http://api.test/v1 through proxy.url
    assert proxy.passed[0].target == "http://api.test/v1/chat/completions"

Only loopback is reached: a target's host is looked up in `hosts` (a port each), else it must be
loopback itself; anything else gets a 502.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

from tests.upstream.listener import IP, Connection, Listener

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Passed:
    """One request to the proxy: a tunnel (`CONNECT host:port`), or a request passed on."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    connection: int
    status: int | None  # of the proxy's own answer; None when it passed the request on

    def header(self, name: str) -> str | None:
        """The first value of this header, whatever the case of its name."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), None)


class Proxy(Listener):
    """Pass requests on, as a context manager. `passed` lists them, the proxy's refusals included.

    `hosts` maps names, or `name:port`, to loopback ports. `credentials` (`user:password`) are then
    required, else 407. `refuse` is a status that answers everything. `tls` makes it an HTTPS proxy.
    """

    def __init__(
        self,
        *,
        hosts: Mapping[str, int] | None = None,
        credentials: str | None = None,
        refuse: int | None = None,
        tls: ssl.SSLContext | None = None,
        ip: IP = "v4",
    ) -> None:
        super().__init__(tls=tls, ip=ip)
        self.passed: list[Passed] = []
        self._hosts = hosts or {}
        self._expected = credentials and f"Basic {base64.b64encode(credentials.encode()).decode()}"
        self._refuse = refuse

    async def serve(self, connection: Connection) -> None:
        """Serve one request's connection; a plain one is passed on with `Connection: close`."""
        try:
            head = await connection.reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = [(n, v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        entry = Passed(method, target, headers, connection.number, None)
        host, port = _host_and_port(entry)
        place = self._hosts.get(f"{host}:{port}", self._hosts.get(host))
        if (status := self._refusal(entry, host, place)) is not None:
            await self._answer(connection, entry, status)
            return
        address = host if place is None and host != "localhost" else "127.0.0.1"
        try:
            reader, writer = await asyncio.open_connection(address, place or port)
        except OSError:
            await self._answer(connection, entry, 502)
            return
        with contextlib.closing(writer):
            if method == "CONNECT":
                self.passed.append(Passed(method, target, headers, connection.number, 200))
                await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                self.passed.append(entry)
                writer.write(_onward(entry))
            await _pipe(connection, reader, writer)

    def _refusal(self, entry: Passed, host: str, place: int | None) -> int | None:
        if self._refuse is not None:
            return self._refuse
        if self._expected and entry.header("proxy-authorization") != self._expected:
            return 407
        return None if place is not None or host in LOOPBACK else 502

    async def _answer(self, connection: Connection, entry: Passed, status: int) -> None:
        self.passed.append(
            Passed(entry.method, entry.target, entry.headers, entry.connection, status)
        )
        challenge = b'proxy-authenticate: Basic realm="test"\r\n' if status == 407 else b""
        head = b"HTTP/1.1 %d Refused\r\ncontent-length: 0\r\nconnection: close\r\n" % status
        await connection.send(head + challenge + b"\r\n")
        connection.close()


def _host_and_port(entry: Passed) -> tuple[str, int]:
    url = f"//{entry.target}" if entry.method == "CONNECT" else entry.target
    parts = urllib.parse.urlsplit(url)
    return parts.hostname or "", parts.port or 80


def _onward(entry: Passed) -> bytes:
    """Render the request for the origin: origin-form, without what is the proxy's own."""
    parts = urllib.parse.urlsplit(entry.target)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    mine = {"connection", "proxy-connection", "proxy-authorization"}
    kept = [(n, v) for n, v in entry.headers if n.lower() not in mine]
    lines = [f"{entry.method} {target} HTTP/1.1"]
    lines += [f"{n}: {v}" for n, v in (*kept, ("connection", "close"))]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


async def _pipe(
    connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Copy bytes both ways until either side ends."""

    async def upwards() -> None:
        while data := await connection.reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def downwards() -> None:
        while data := await reader.read(65536):
            await connection.send(data)
        connection.close()

    tasks = [asyncio.create_task(upwards()), asyncio.create_task(downwards())]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if any(isinstance(task.exception(), OSError) for task in done):
        connection.reset()  # the origin reset: so does the proxy
