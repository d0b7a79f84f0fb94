"""Where other tools keep their files, to offer them for import.

Source: https://github.com/gptme/gptme, gptme/config/; https://github.com/lumea-labs/polpo,
packages/core/src/config.ts (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dragoman.config.files import gptme_files


class Place(NamedTuple):
    """A file of another tool. `own`: it is the user's, and did not come with a project."""

    tool: str
    title: str
    path: Path
    own: bool


def find_places(env: Mapping[str, str], cwd: Path) -> Iterator[Place]:
    """Yield the files that are there."""
    for path in gptme_files(env):
        yield Place("gptme", "gptme", path, own=True)
    project = cwd / ".polpo" / "polpo.json"
    if project.is_file():
        yield Place("polpo", "Polpo", project, own=False)
