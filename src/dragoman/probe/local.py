"""Look for model servers on this machine: the usual ports, all at the same time, two seconds.

Loopback only, and never through a proxy. Two kinds share port 8080 and one of them has a second
port: what a server is, is what it says, not where it listens.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from dragoman.catalog.discovery import parse_models
from dragoman.errors import ConnectFailed, DragomanError, ProtocolError
from dragoman.probe.fetch import MAX_BYTES, Reply, fetch
from dragoman.probe.signs import Kind, list_kinds
from dragoman.transport.dial import Network
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import parse_url

PATIENCE_S = 0.5
"""For one question. A server on the same machine that needs longer is busy or is none."""
TOTAL_S = 1.5
"""For all of them: with the start of the program it stays below two seconds."""

_MODELS = "/v1/models"

State = Literal["found", "nothing", "silent", "other"]


class Server(Struct, frozen=True, kw_only=True):
    """A model server. `kind` is None when it speaks the API and does not say what it is.

    `provider` is the catalog's name for the kind; `models` are its ids, in its order. `needs_key`:
    it wants a key for its list.
    """

    base_url: str
    port: int
    provider: str | None = None
    title: str | None = None
    at_home: bool = False
    models: tuple[str, ...] = ()
    needs_key: bool = False


class Place(Struct, frozen=True, kw_only=True):
    """A port that was looked at, the kinds of servers that usually listen there, and what does.

    `silent`: something listens and does not answer. `other`: it answers, and is no model server.
    """

    port: int
    usual: tuple[str, ...]
    state: State
    server: Server | None = None


def look_around(env: Mapping[str, str], more_ports: Iterable[int] = ()) -> tuple[Place, ...]:
    """Look at the usual ports and at `more_ports`; one place for each, in the catalog's order.

    Never raises for what servers do; takes `TOTAL_S` at most.
    """
    kinds = list_kinds(env)
    ports = dict.fromkeys([*(port for kind in kinds for port in kind.ports), *more_ports])
    deadline = time.monotonic() + TOTAL_S
    found: dict[int, Place] = {}
    with SyncTransport(network=Network(env={}), max_body_bytes=MAX_BYTES) as transport:
        threads = [
            threading.Thread(
                target=lambda port: found.__setitem__(port, _Look(port, kinds, transport).look()),
                args=(port,),
                name=f"look at {port}",
                daemon=True,
            )
            for port in ports
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        seen = dict(found)
    late = {port: Place(port=port, usual=_usual(port, kinds), state="silent") for port in ports}
    return tuple({**late, **seen}.values())


def look_at(port: int, env: Mapping[str, str]) -> Place:
    """Look at one port. Takes half a second for each question, at most."""
    with SyncTransport(network=Network(env={}), max_body_bytes=MAX_BYTES) as transport:
        return _Look(port, list_kinds(env), transport).look()


def _usual(port: int, kinds: tuple[Kind, ...]) -> tuple[str, ...]:
    return tuple(kind.title for kind in kinds if port in kind.ports)


class _Look:
    """One port, looked at."""

    def __init__(self, port: int, kinds: tuple[Kind, ...], transport: SyncTransport) -> None:
        self._port = port
        self._kinds = kinds
        self._transport = transport
        self._replies: dict[str, Reply | None] = {}

    def look(self) -> Place:
        usual = _usual(self._port, self._kinds)
        try:
            server = self._server()
        except ConnectFailed:
            return Place(port=self._port, usual=usual, state="nothing")
        if server is not None:
            return Place(port=self._port, usual=usual, state="found", server=server)
        answered = any(reply is not None for reply in self._replies.values())
        state: State = "other" if answered else "silent"
        return Place(port=self._port, usual=usual, state=state)

    def _server(self) -> Server | None:
        kind = self._kind()
        listing = self._ask(_MODELS)
        needs_key = listing is not None and listing.status in (401, 403)
        models = _models(listing)
        if kind is None:
            if models is None:
                return None
            return Server(base_url=self._base_url(), port=self._port, models=models)
        if models is None and not needs_key:
            return None  # it was only alike
        at_home = parse_url(kind.base_url).port == self._port
        return Server(
            base_url=kind.base_url if at_home else self._base_url(),
            port=self._port,
            provider=kind.name,
            title=kind.title,
            at_home=at_home,
            models=models or (),
            needs_key=needs_key,
        )

    def _kind(self) -> Kind | None:
        """Find the first kind of which there is a sign, those at home here before the others.

        Away from home only a kind's first sign counts: the others are less sure.
        """
        at_home = [kind for kind in self._kinds if self._port in kind.ports]
        for kind in at_home:
            if any(self._shows(kind, number) for number in range(len(kind.signs))):
                return kind
        return next(
            (kind for kind in self._kinds if kind not in at_home and self._shows(kind, 0)), None
        )

    def _shows(self, kind: Kind, number: int) -> bool:
        sign = kind.signs[number]
        reply = self._ask(sign.path)
        return reply is not None and sign.fits(reply)

    def _ask(self, path: str) -> Reply | None:
        """Ask once for each path, and nobody twice who kept silent. Raises: ConnectFailed."""
        if path not in self._replies and None not in self._replies.values():
            self._replies[path] = self._fetch(path)
        return self._replies.get(path)

    def _fetch(self, path: str) -> Reply | None:
        url = f"http://localhost:{self._port}{path}"
        try:
            return fetch(self._transport, url, connect_s=PATIENCE_S, within_s=PATIENCE_S)
        except ConnectFailed:
            raise
        except DragomanError:  # silence, or what is not HTTP
            return None
        except RuntimeError:  # the time is over, and the transport closed
            return None

    def _base_url(self) -> str:
        return f"http://localhost:{self._port}/v1"


def _models(listing: Reply | None) -> tuple[str, ...] | None:
    if listing is None or listing.status != 200:
        return None
    try:
        return tuple(info.id for info in parse_models(listing.body))
    except ProtocolError:
        return None
