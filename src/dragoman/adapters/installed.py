"""Adapters of installed packages: their entry points in the group `dragoman.adapters`.

Reading every package's metadata takes tens of milliseconds where many are installed, so only the
files that list entry points are looked at, and only for the group's name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

GROUP = "dragoman.adapters"
_HEADING = f"[{GROUP}]".encode()


@cache
def find_installed() -> Mapping[str, str]:
    """List name → `module:Class`; of two packages with the same name, the first on the path."""
    found: dict[str, str] = {}
    for file in _lists():
        import configparser

        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment, method-assign]
        try:
            parser.read_string(file.read_text("utf-8"))
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # another package's fault, and its installer's to report
        for name, target in parser[GROUP].items():
            found.setdefault(name, target.partition("[")[0].strip())
    return found


def _lists() -> Iterator[Path]:
    """Yield the files of installed packages that list entry points of our group."""
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                names = [e.name for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in sorted(names):
            file = Path(folder, name, "entry_points.txt")
            try:
                if _HEADING in file.read_bytes():
                    yield file
            except OSError:
                continue
