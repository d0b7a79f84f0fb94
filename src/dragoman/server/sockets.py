"""The sockets that a server listens with: made once, shared by its workers."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from dragoman.errors import ConfigError
from dragoman.server.admission.access import is_loopback

BACKLOG = 4096


def listen(host: str, port: int) -> Sequence[socket.socket]:
    """Listen at every address of a host; port 0 takes a free one, the same for all.

    Raises: ConfigError.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, _, _, address in dict.fromkeys(found):
            if sockets and not port:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            # With the protocol named, accepted sockets get TCP_NODELAY: else streams stall 40 ms.
            sock = socket.socket(family, kind, socket.IPPROTO_TCP)
            sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(address)
            sock.listen(BACKLOG)
            sock.setblocking(False)
            sock.set_inheritable(True)
    except (OSError, UnicodeError) as error:
        for sock in sockets:
            sock.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"cannot listen at {host}:{port}: {reason}",
            hint="is something else listening there? Choose another with --port",
        ) from None
    return sockets


def widest_host(sockets: Sequence[socket.socket]) -> str:
    """Find the host that most can reach: the first that is not loopback, if there is one."""
    hosts = [str(sock.getsockname()[0]) for sock in sockets]
    return next((host for host in hosts if not is_loopback(host)), hosts[0])


def bound_to(sockets: Sequence[socket.socket]) -> Sequence[tuple[str, int]]:
    """Say at which hosts and ports sockets listen; asked while they do, it holds afterwards."""
    named = [sock for sock in sockets if sock.family in (socket.AF_INET, socket.AF_INET6)]
    return [sock.getsockname()[:2] for sock in named]


def url_of(sock: socket.socket) -> str:
    """Write the address of a socket as people use it."""
    host, port = sock.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
