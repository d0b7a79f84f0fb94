"""Gives each request to a handler, and sees that it ends: by itself, or because nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from dragoman.errors import DragomanError
from dragoman.server.http.failures import InternalError, refuse
from dragoman.server.http.messages import Reply, Request

log = logging.getLogger("dragoman.server")


class ClientGone(Exception):
    """The client left before it had said all."""


class Visit(Reply, Protocol):
    """One request and its reply, as the connection has them.

    `over` is set before the handler's task is cancelled: nobody listens, or nobody may go on.
    `writing_since` is the loop's time since which the client has not read, None while it reads.
    """

    request: Request
    task: asyncio.Task[None]
    over: bool
    writing_since: float | None

    def leave(self) -> None:
        """Stop answering: nobody listens."""
        ...

    def release(self) -> None:
        """Let go of the request: it knows the visit, and the two would keep each other alive."""
        ...


class Application:
    """Answers visits.

    A client that leaves, or reads nothing for `client_write_s`, has its handler cancelled, so that
    the upstream is left as well; for the latter `sweep` has to be called now and then.
    """

    def __init__(
        self,
        handle: Callable[[Request, Reply], Awaitable[None]],
        *,
        body_limit: int,
        client_write_s: float,
    ) -> None:
        self.body_limit = body_limit
        self._handle = handle
        self._client_write_s = client_write_s
        self._live: set[Visit] = set()

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return len(self._live)

    async def serve(self, visit: Visit) -> None:
        """Answer one request."""
        self._live.add(visit)
        try:
            await self._handle(visit.request, visit)
        except ClientGone:
            return
        except asyncio.CancelledError:
            if not visit.over:
                raise
        except Exception as error:
            await _own_fault(error, visit)
        finally:
            self._live.discard(visit)
            visit.release()

    def sweep(self, now: float) -> None:
        """Leave the clients that have not read for too long. `now` is the loop's time."""
        for visit in list(self._live):
            since = visit.writing_since
            if since is not None and now - since > self._client_write_s:
                visit.leave()

    def interrupt(self) -> None:
        """End what is still being answered, with a word about it to the client."""
        for visit in list(self._live):
            visit.interrupted = visit.over = True
            visit.task.cancel()


async def _own_fault(error: Exception, visit: Visit) -> None:
    """Tell a client that we failed, and the log how."""
    request = visit.request
    log.error(
        "%s %s failed: %s", request.method, request.path, type(error).__name__, exc_info=error
    )
    if visit.status is None:
        told: DragomanError = InternalError("the gateway failed", hint="its log says why")
        await refuse(told, request.language, visit)
    else:  # the reply has begun: cutting it off is the one way to say that it isn't whole
        visit.leave()
