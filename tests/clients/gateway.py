"""The gateway as users start it: `dragoman serve`, a process of its own, on a free port."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import Self

from tests.cli.running import Dragoman, Running

LAST_LINE = "  Keys "
"""From the line that begins so on, requests are answered."""


class Gateway:
    """Serve a configuration, as a context: `url`, and `base_url` with `/v1`.

    It must end well when it is told to, and not have cried out before.
    """

    def __init__(self, home: Path, config: str = "", **env: str) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.dragoman = Dragoman(home)
        self.dragoman.env |= env
        if config:
            self.dragoman.configure(config)

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def __enter__(self) -> Self:
        self._running: Running = self.dragoman.start("serve", "--port", "0")
        self._running.wait_for(LAST_LINE)
        found = re.search(rb"API +(\S+)/v1", self._running.out)
        assert found is not None
        self.url = found[1].decode()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.process.send_signal(signal.SIGTERM)
        result = self._running.result()
        assert result.code == 0, result.err
        assert "Traceback" not in result.err, result.err


def provider(name: str, base_url: str, **settings: str) -> str:
    """Write a provider as a table of the configuration."""
    rows = {"name": name, "base_url": base_url, **settings}
    return "[[providers]]\n" + "".join(f'{key} = "{value}"\n' for key, value in rows.items())
