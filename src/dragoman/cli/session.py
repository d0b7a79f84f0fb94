"""What one run of the command shares: the terminal, the chosen file, the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.cli.terminal import Terminal

if TYPE_CHECKING:
    from dragoman.config import Config

MAX_NOTES = 3
"""So many remarks on the configuration are printed unasked; `config check` prints all."""


class Session:
    """The run. `config_file` is what `--config` names, `debug` asks for tracebacks."""

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.config_file: Path | None = None
        self.debug = False
        self.env = os.environ
        self._config: Config | None = None

    def config(self) -> Config:
        """Read the configuration, once. Raises: ConfigError."""
        if self._config is None:
            from dragoman.config import load

            self._config = load(file=self.config_file)
        return self._config

    def tell_notes(self) -> None:
        """Tell what is wrong or odd in the configuration, briefly."""
        config = self.config()
        remarks = [*config.problems, *config.notes]
        for remark in remarks[:MAX_NOTES]:
            hint = f" ({remark.hint})" if remark.hint else ""
            self.terminal.warn(f"{remark.message}{hint}")
        if (more := len(remarks) - MAX_NOTES) > 0:
            self.terminal.warn(f"{more} more: dragoman config check")
