"""What load balancers and people ask: is it alive, does it take requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman import __version__
from dragoman.server.http.messages import JSON_HEADERS, Reply
from dragoman.wire.json_text import encode

if TYPE_CHECKING:
    from dragoman.ledger.drain import LedgerState
    from dragoman.server.supervised import Background


class Sign(Struct, frozen=True):
    """Something that is not as it should be, as `/readyz` tells it.

    `stops` is the status that keeps requests away, None where others would do no better: what all
    workers share (the database, Redis) is told, and stops nothing.
    """

    told: Mapping[str, object]
    stops: str | None = None


def sign_of_tasks(background: Background) -> Sign | None:
    """Tell the background tasks that have died and are not yet begun again."""
    ailing = background.ailing
    return Sign({"restarting": ailing}) if ailing else None


def sign_of_redis(away: bool) -> Sign | None:
    """Tell that Redis does not answer: what a strict limit is set for is refused meanwhile."""
    return Sign({"redis": "away"}) if away else None


def sign_of_directory(*, away: bool, unreadable: bool) -> Sign | None:
    """Tell why what organisations have set up is not known anew: what was known holds meanwhile.

    `unreadable`: the database answers, but its secrets do not open with the master key of this
    machine; another may have the right one.
    """
    if unreadable:
        return Sign({"secrets": "unreadable"}, stops="unreadable")
    return Sign({"database": "away"}) if away else None


def sign_of_ledger(ledger: LedgerState) -> Sign | None:
    """Tell whether the database is away, and how much waits; or that nothing can be written."""
    if ledger.full:
        return Sign({"ledger": "full", "waiting": ledger.waiting}, stops="full")
    return Sign({"ledger": "away", "waiting": ledger.waiting}) if ledger.away else None


async def health(reply: Reply) -> None:
    """Say that the process answers. Looks at nothing else."""
    await reply.send(200, JSON_HEADERS, encode({"status": "ok", "version": __version__}))


async def readiness(
    reply: Reply,
    *,
    ready: bool,
    signs: Iterable[Sign | None] = (),
) -> None:
    """Say whether requests should be sent here."""
    told: dict[str, object] = {"status": "ok" if ready else "stopping"}
    for sign in signs:
        if sign is None:
            continue
        told |= sign.told
        if ready and sign.stops is not None:
            ready, told["status"] = False, sign.stops
    await reply.send(200 if ready else 503, JSON_HEADERS, encode(told))
