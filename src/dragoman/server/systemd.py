"""What systemd, or whoever starts us likewise, hands over and wants to be told.

Sockets that are listening already: who holds them can start another gateway with the same ones
before this one stops, or while none runs, and nobody who connects is refused.
Source: sd_listen_fds(3), sd_notify(3) (read 2026-11)
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping, Sequence

from dragoman.errors import ConfigError

FIRST = 3
"""The first descriptor that is handed over."""
LIMIT = 64


def take_sockets(env: MutableMapping[str, str]) -> Sequence[socket.socket]:
    """Take the listening sockets that were handed to this process; none is the usual.

    The variables that name them are removed: they are not for our children.
    Raises: ConfigError for what is no TCP socket that listens.
    """
    count, pid = env.pop("LISTEN_FDS", ""), env.pop("LISTEN_PID", "")
    env.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return ()
    sockets = []
    for descriptor in range(FIRST, FIRST + min(int(count), LIMIT)):
        try:
            # Known as TCP, accepted sockets get TCP_NODELAY: else streams stall 40 ms.
            given = socket.socket(fileno=descriptor)
            fitting = given.family in (socket.AF_INET, socket.AF_INET6)
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise _wrong(descriptor, error.strerror or "it is no socket") from None
        if not fitting or not listens or given.type != socket.SOCK_STREAM:
            raise _wrong(descriptor, "it is no TCP socket that listens")
        given.setblocking(False)
        given.set_inheritable(True)
        sockets.append(given)
    return sockets


def notify(env: MutableMapping[str, str], state: str) -> None:
    """Tell who started us how we are: `READY=1`, `STOPPING=1`. Nobody may want to know."""
    address = env.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        told.sendall(state.encode())


def _wrong(descriptor: int, reason: str) -> ConfigError:
    return ConfigError(
        f"LISTEN_FDS: descriptor {descriptor} cannot be served: {reason}",
        hint="ListenStream= of the .socket unit names an address and a port",
    )
