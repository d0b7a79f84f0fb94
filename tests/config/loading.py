"""A home folder of one's own, and a configuration read from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dragoman.config import Config, load
from dragoman.config.files import config_folder

CASES = Path(__file__).with_name("cases")


class Home:
    """A user with a home folder, variables, and a folder to stand in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {"HOME": str(path), "PATH": "/usr/bin:/bin"}
        self.cwd = path / "work" / "deep"
        self.cwd.mkdir(parents=True)

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file below the home folder."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def user(self, text: str, name: str = "config.toml") -> Path:
        """Write the user's configuration file."""
        folder = config_folder(self.env).relative_to(self.path)
        return self.write(str(folder / name), text)

    def project(self, text: str) -> Path:
        """Write a project's file, above the folder that we stand in."""
        return self.write("work/dragoman.toml", text)

    def load(
        self,
        file: Path | None = None,
        overrides: Mapping[str, Any] | None = None,
        **env: str,
    ) -> Config:
        """Load the configuration as this user."""
        return load(file=file, env=self.env | env, cwd=self.cwd, overrides=overrides)

    def read(self, text: str | bytes, name: str = "some.toml", **env: str) -> Config:
        """Load one file with this text, and no other."""
        return self.load(self.write(name, text), **env)


def said(config: Config) -> list[str]:
    """Everything that a configuration has to say, as people see it."""
    found = []
    for error in (*config.problems, *config.notes):
        found += [str(error), error.hint or ""]
    for name in config.settings["providers"]:
        for error in config.providers[name].problems:
            found += [str(error), error.hint or ""]
    return found
