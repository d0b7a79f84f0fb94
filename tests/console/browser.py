"""A page that is watched: whatever it complains of, asks of strangers or is refused, is noted."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Error, Page, Request

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_EXPECTED = "Failed to load resource"
"""A refusal of the API that a page shows is no trouble of the page."""


class Watched:
    """A page of the console, at `base`; `troubles` is what went wrong in it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.troubles: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", self._fail)
        page.on("request", self._look)

    def open(self, path: str = "/") -> Page:
        """Go to a page of the console, and wait until it has what it asks for."""
        self.page.goto(f"{self.base}/console{path}")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def violations(self) -> list[str]:
        """Say what axe finds against WCAG's A and AA."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"
        )
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:200]}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and _EXPECTED not in message.text:
            self.troubles.append(f"{message.type}: {message.text}")

    def _fail(self, error: Error) -> None:
        self.troubles.append(f"uncaught: {error}")

    def _look(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.troubles.append(f"asked a stranger: {request.url}")


def find_browser() -> str | None:
    """Find a Chromium."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)
