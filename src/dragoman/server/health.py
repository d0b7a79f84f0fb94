"""What load balancers and people ask: is it alive, does it take requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman import __version__
from dragoman.server.http import JSON_HEADERS, Reply
from dragoman.wire.json_text import encode

if TYPE_CHECKING:
    from dragoman.server.book import BookState


async def health(reply: Reply) -> None:
    """Say that the process answers. Looks at nothing else."""
    await reply.send(200, JSON_HEADERS, encode({"status": "ok", "version": __version__}))


async def readiness(reply: Reply, *, ready: bool, ledger: BookState | None = None) -> None:
    """Say whether requests should be sent here.

    A ledger that cannot be written is told, and no reason to send them elsewhere, as long as there
    is room for what has to wait: the others have the same database.
    """
    told: dict[str, object] = {"status": "ok" if ready else "stopping"}
    if ledger is not None and ledger.away:
        told |= {"ledger": "away", "waiting": ledger.waiting}
        if ready and ledger.full:
            ready, told["status"] = False, "full"
    await reply.send(200 if ready else 503, JSON_HEADERS, encode(told))
