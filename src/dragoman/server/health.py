"""What load balancers and people ask: is it alive, does it take requests."""

from __future__ import annotations

from dragoman import __version__
from dragoman.server.http import JSON_HEADERS, Reply
from dragoman.wire.json_text import encode


async def health(reply: Reply) -> None:
    """Say that the process answers. Looks at nothing else."""
    await reply.send(200, JSON_HEADERS, encode({"status": "ok", "version": __version__}))


async def readiness(reply: Reply, *, ready: bool) -> None:
    """Say whether requests should be sent here."""
    status = "ok" if ready else "stopping"
    await reply.send(200 if ready else 503, JSON_HEADERS, encode({"status": status}))
