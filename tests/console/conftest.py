"""The console in a real browser, before a real gateway, with scripted upstreams behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.console.browser import Watched, find_browser
from tests.server.process import Process

PICTURES = Path(__file__).parents[2] / "build" / "console"
"""Where pictures of the pages are left, to be looked at."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium. Skips where there is none."""
    program = find_browser()
    if program is None:
        pytest.skip("there is no Chromium on this machine (Debian's package: chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Run a gateway of a single user, that all tests share."""
    process = Process(tmp_path_factory.mktemp("console"), "")
    yield process
    process.kill()


@pytest.fixture
def watched(browser: Browser, gateway: Process) -> Iterator[Watched]:
    """Open the console; what goes wrong in the page fails the test at its end."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(15_000)
    found = Watched(context.new_page(), gateway.url)
    yield found
    context.close()
    assert found.troubles == []


@pytest.fixture
def page(watched: Watched) -> Page:
    """The page alone."""
    return watched.page
