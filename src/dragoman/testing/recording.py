"""Answers of real providers, recorded once and replayed ever after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dragoman.transport.cassette import Cassette
from dragoman.transport.stand_in import RECORD, Tape, standing_in
from dragoman.types.credential import Secret


@contextlib.contextmanager
def cassette(
    path: str | os.PathLike[str], *, record: bool | None = None, secrets: Iterable[str] = ()
) -> Iterator[Cassette]:
    """Play a cassette to every client of the process, or record one: the block's exchanges, anew.

    `record` None: as the variable DRAGOMAN_CASSETTE_RECORD says, else only where there is no such
    file yet and the program does not run in CI (the variable `CI`). Keys in headers, parameters
    and tokens never enter the file; other `secrets` are named.

    Raises: ConfigError when there is nothing to replay; NotRecorded, in the block, for a request
    that is not on it.

    Example:
        with cassette("tests/cassettes/greeting.jsonl"):
            assert dragoman.chat("openai/gpt-5", "Say hi.").text
    """
    file = Path(path)
    if record is None:
        record = bool(os.environ.get(RECORD)) or not (file.exists() or os.environ.get("CI"))
    if record:
        file.unlink(missing_ok=True)
    tape = Cassette(file, record=record, secrets=[Secret(secret) for secret in secrets])
    with standing_in(Tape(tape)):
        yield tape
