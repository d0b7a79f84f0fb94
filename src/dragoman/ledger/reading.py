"""Reads the segments of journals: record by record, past what is damaged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dragoman.ledger.folder import Position, WorkerFolder, set_aside
from dragoman.ledger.frames import Damage, Record, scan
from dragoman.ledger.journal import INTENT, OUTCOME
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

_decode = msgspec.msgpack.Decoder(Exchange).decode


class Reader:
    """Reads what lies in `journals`. `dropped` counts what was no record, and was set aside."""

    def __init__(self, journals: Path) -> None:
        self._journals = journals
        self._damaged: set[tuple[Path, int]] = set()
        self.dropped = 0

    def read(
        self,
        folder: WorkerFolder,
        number: int,
        data: bytes,
        start: int = 0,
        *,
        kinds: Sequence[bytes] = (INTENT, OUTCOME),
    ) -> Iterator[tuple[bytes, Exchange, Position]]:
        """Find the records of a segment; tell what is none, and set it aside."""
        path = folder.segment(number)
        before = 0
        for found in scan(data):
            if isinstance(found, Record):
                if found.kind not in kinds:
                    before = found.end
                    continue
                try:
                    exchange = _decode(found.said)
                except msgspec.MsgspecError:  # another version's
                    damage = Damage(before, found.end, torn=False)
                else:
                    yield found.kind, exchange, Position(number, start + found.end)
                    before = found.end
                    continue
            else:
                damage = found
            before = damage.end
            if (path, start + damage.start) not in self._damaged:
                self._damaged.add((path, start + damage.start))
                self._tell(path, damage, data[damage.start : damage.end])

    def _tell(self, path: Path, damage: Damage, data: bytes) -> None:
        if damage.torn:
            log.warning("%s: the last record is incomplete, and is skipped", path)
            return
        self.dropped += 1
        log.error(
            "%s: %d bytes at %d are no record, and are set aside in %s; the others are read",
            *(path, len(data), damage.start),
            set_aside(self._journals, path.parent.name, data),
        )
