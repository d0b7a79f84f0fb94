"""Reads the segments of journals: record by record, past what is damaged."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dragoman.ledger.folder import Position, WorkerFolder, set_aside
from dragoman.ledger.frames import Damage, scan
from dragoman.ledger.journal import INTENT, OUTCOME
from dragoman.types.exchange import Exchange

log = logging.getLogger("dragoman.server")

decode = msgspec.msgpack.Decoder(Exchange).decode


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
        """Find the records in `data`, which begins at `start` in a segment.

        What is no record is told and set aside, once, however often it is read.
        """
        path = folder.segment(number)
        for found in scan(data):
            if isinstance(found, Damage):
                self._tell(path, start, found, data)
            elif found.kind in kinds:
                try:
                    exchange = decode(found.said)
                except msgspec.MsgspecError:  # another version's
                    self._tell(path, start, Damage(found.start, found.end, torn=False), data)
                else:
                    yield found.kind, exchange, Position(number, start + found.end)

    def _tell(self, path: Path, start: int, damage: Damage, data: bytes) -> None:
        at = start + damage.start
        if (path, at) in self._damaged:
            return
        self._damaged.add((path, at))
        if damage.torn:
            log.warning("%s: the last record is incomplete, and is skipped", path)
            return
        self.dropped += 1
        rest = data[damage.start : damage.end]
        log.error(
            "%s: %d bytes at %d are no record, and are set aside in %s; the others are read",
            *(path, len(rest), at),
            set_aside(self._journals, path.parent.name, rest),
        )
