"""What one run of the command shares: the terminal, the chosen file, the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.cli.terminal.streams import Terminal

if TYPE_CHECKING:
    from dragoman.client import Client
    from dragoman.config import Config
    from dragoman.registry import Discovered, Registry
    from dragoman.types.provider import OnOverflow

MAX_NOTES = 3
"""So many remarks on the configuration are printed unasked; `config check` prints all."""


class Session:
    """The run. `config_file` is what `--config` names, `debug` asks for tracebacks.

    `answered_json`: an answer has been printed as JSON, with its error if it has one.
    """

    def __init__(self) -> None:
        self.terminal = Terminal()
        self.config_file: Path | None = None
        self.debug = False
        self.answered_json = False
        self.env = os.environ
        self._config: Config | None = None

    def config(self) -> Config:
        """Read the configuration, once. Raises: ConfigError."""
        if self._config is None:
            from dragoman.config import load

            self._config = load(file=self.config_file)
        return self._config

    def registry(self) -> Registry:
        """Make the registry: the configuration, and what providers have told of their models.

        Raises: ConfigError.
        """
        from dragoman.registry import Registry

        config = self.config()
        return Registry(config, discovered=self.discovered())

    def client(self, on_overflow: OnOverflow | None = None) -> Client:
        """Make a client. `on_overflow` holds where the configuration says nothing."""
        from msgspec.structs import replace

        from dragoman.client import Client

        config = self.config()
        if config.on_overflow is None and on_overflow is not None:
            config = replace(config, on_overflow=on_overflow)
        return Client(config, discovered=self.discovered())

    def discovered(self) -> Discovered:
        """Read what providers have told of their models, when they were last asked."""
        from dragoman.cli.providers.model_cache import read_cache

        return read_cache(self.env).discovered(self.config().providers)

    def tell_notes(self) -> None:
        """Tell what is wrong or odd in the configuration, briefly."""
        config = self.config()
        remarks = [*config.problems, *config.notes]
        for remark in remarks[:MAX_NOTES]:
            hint = f" ({remark.hint})" if remark.hint else ""
            self.terminal.warn(f"{remark.message}{hint}")
        if (more := len(remarks) - MAX_NOTES) > 0:
            self.terminal.warn(f"{more} more: dragoman config check")
