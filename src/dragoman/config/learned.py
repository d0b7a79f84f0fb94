"""What was learned of servers from their refusals, kept: `$XDG_CACHE_HOME/dragoman/dialects/`.

One small file for each provider, origin and model, written at one blow: so any number of processes
share the folder without waiting for each other. Two that learn of the same model at the same moment
keep what the later one learned, and the next refusal brings the rest. What is older than `KEPT_S`
no longer counts, for servers learn as well. The folder may be deleted at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from dragoman.config.files import cache_folder
from dragoman.config.replace import replace_file
from dragoman.wire.repair import MOST_REPAIRS, Repair

KEPT_S = 30 * 86_400.0
MOST_FILES = 256
MOST_BYTES = 16 * 1024

_ANOTHER_LETTER = re.compile(r"[^A-Za-z0-9.-]+")


class Learned(Struct, frozen=True, kw_only=True):
    """What a model at a place does not take. `at` is Unix time, `said` the server's last words."""

    provider: str
    origin: str
    model: str
    at: float
    repairs: tuple[Repair, ...]
    said: str = ""

    @property
    def ref(self) -> str:
        """The model ref that it is about."""
        return f"{self.provider}/{self.model}"

    def counts(self, now: float) -> bool:
        """Whether it is young enough to be trusted. `now` is Unix time."""
        return -86_400.0 < now - self.at < KEPT_S


_read = msgspec.json.Decoder(Learned).decode


class DialectFolder:
    """The folder. It is made when there is something to keep."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.path = cache_folder(env) / "dialects"

    def load(self, provider: str, origin: str, model: str) -> Learned | None:
        """Read what is kept of a model; a file that is missing, broken or another's is nothing."""
        found = _load(self._file(provider, origin, model))
        same = found and (found.provider, found.origin, found.model) == (provider, origin, model)
        return found if same else None

    def save(self, learned: Learned) -> None:
        """Keep it; of too many files the oldest goes. Raises: OSError."""
        path = self._file(learned.provider, learned.origin, learned.model)
        replace_file(path, msgspec.json.encode(learned), durable=False)
        files = self._files()
        for _, old in files[: max(0, len(files) - MOST_FILES)]:
            old.unlink(missing_ok=True)

    def all(self) -> tuple[Learned, ...]:
        """List what is kept, by ref."""
        found = [learned for _, path in self._files() if (learned := _load(path)) is not None]
        return tuple(sorted(found, key=lambda learned: (learned.ref, learned.origin)))

    def forget(self, learned: Learned) -> None:
        """Delete what is kept of a model. Raises: OSError."""
        self._file(learned.provider, learned.origin, learned.model).unlink(missing_ok=True)

    def _file(self, provider: str, origin: str, model: str) -> Path:
        """A name that people can read, and that no two models share."""
        from hashlib import sha256

        digest = sha256("\0".join((provider, origin, model)).encode()).hexdigest()[:16]
        readable = _ANOTHER_LETTER.sub("-", f"{provider}-{model}")[:60].strip(".-")
        return self.path / f"{readable}-{digest}.json"

    def _files(self) -> list[tuple[float, Path]]:
        """List the files with their age, oldest first."""
        found = []
        for path in self.path.glob("*.json"):
            try:
                found.append((path.stat().st_mtime, path))
            except FileNotFoundError:  # another process was faster
                continue
        return sorted(found)


def _load(path: Path) -> Learned | None:
    try:
        with path.open("rb") as file:
            learned = _read(file.read(MOST_BYTES + 1)[:MOST_BYTES])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    repairs = tuple(repair for repair in learned.repairs if repair.allowed)[:MOST_REPAIRS]
    return msgspec.structs.replace(learned, repairs=repairs) if repairs else None
