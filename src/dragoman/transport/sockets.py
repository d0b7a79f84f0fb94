"""Sockets, as both transports use them: made, waited for, and judged before they are used again."""

from __future__ import annotations

import select
import socket
import sys
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dragoman.transport.egress import IPAddress

IN, OUT = 1, 4  # POLLIN, POLLOUT
AGAIN_S = 1.0
"""A Ctrl-C in the moment before we wait is heard only after it: so no wait is longer, and callers
ask again."""


def open_socket(address: IPAddress) -> socket.socket:
    """Make the socket for a connection: non-blocking, without Nagle's delay, kept alive."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # A model may think in silence for minutes, and there are NATs that forget after one.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 45)
    except OSError:
        sock.close()
        raise
    return sock


if sys.platform != "win32":

    def wait_any(wanted: Iterable[tuple[int, int]], timeout_s: float) -> list[int]:
        """Wait until a file descriptor, given with IN and OUT, is ready or broken.

        Returns those that are; none when the time, or `AGAIN_S`, is over.
        """
        poller = select.poll()
        for fd, events in wanted:
            poller.register(fd, events)
        return [fd for fd, _ in poller.poll(_in_ms(timeout_s))]

    class Watch:
        """Waits for one file descriptor to have something to read, or to break."""

        __slots__ = ("_poll",)

        def __init__(self, fd: int) -> None:
            poller = select.poll()
            poller.register(fd, IN)
            self._poll = poller.poll

        def wait(self, timeout_s: float) -> bool:
            """Wait; False when the time, or `AGAIN_S`, is over."""
            return bool(self._poll(_in_ms(timeout_s)))

    def _in_ms(timeout_s: float) -> int:
        """Spell seconds for poll(2)."""
        return ceil(min(timeout_s, AGAIN_S) * 1000) if timeout_s > 0.0 else 0

else:

    def wait_any(wanted: Iterable[tuple[int, int]], timeout_s: float) -> list[int]:
        """See above. Windows has no poll(2), and tells of failed connections in the third set."""
        pairs = list(wanted)
        readable = [fd for fd, events in pairs if events & IN]
        writable = [fd for fd, events in pairs if events & OUT]
        timeout = min(max(timeout_s, 0.0), AGAIN_S)
        ready = select.select(readable, writable, writable, timeout)
        return list({fd for group in ready for fd in group})

    class Watch:
        """See above."""

        __slots__ = ("_fd",)

        def __init__(self, fd: int) -> None:
            self._fd = fd

        def wait(self, timeout_s: float) -> bool:
            """See above."""
            return bool(wait_any(((self._fd, IN),), timeout_s))


if sys.platform == "linux":
    import struct
    from fcntl import ioctl
    from termios import TIOCOUTQ

    def is_unacknowledged(fd: int, sent_bytes: int) -> bool:
        """Whether the peer's kernel has taken none of what was sent last: nobody can have read it.

        SIOCOUTQ counts what was written and not acknowledged, also after a reset: tcp(7).
        """
        (unacknowledged,) = struct.unpack("i", ioctl(fd, TIOCOUTQ, b"\0\0\0\0"))
        return bool(unacknowledged >= sent_bytes)

else:

    def is_unacknowledged(fd: int, sent_bytes: int) -> bool:  # noqa: ARG001
        """See above; here the system does not say, so that we must take it for seen."""
        return False
