"""The console in a real browser, before a real gateway, with scripted upstreams behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.console.browser import Watched, find_browser
from tests.server.process import Process

LONG_MS = 60_000
expect.set_options(timeout=LONG_MS)
PICTURES = Path(__file__).parents[2] / "build" / "console"
"""Where pictures of the pages are left, to be looked at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium. Skips where there is none.

    Once for each file: while it runs an event loop runs in this thread, and others have none.
    """
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
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a gateway of the test's own, in an empty home: `start(config, *arguments, **env)`."""
    started: list[Process] = []

    def start(config: str = "", *arguments: str, **env: str) -> Process:
        started.append(Process(tmp_path, config, *arguments, env=env))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[[Process], Watched]]:
    """Open the console of a gateway in a browser that nobody has used before.

    What goes wrong in any of the pages fails the test at its end.
    """
    opened: list[Watched] = []

    def visit(process: Process) -> Watched:
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.set_default_timeout(LONG_MS)
        opened.append(Watched(context.new_page(), process.url))
        return opened[-1]

    yield visit
    for watched in opened:
        watched.page.context.close()
    assert [trouble for watched in opened for trouble in watched.troubles] == []


@pytest.fixture
def watched(gateway: Process, visit: Callable[[Process], Watched]) -> Watched:
    """Open the console of the gateway that all tests share."""
    return visit(gateway)


@pytest.fixture
def page(watched: Watched) -> Page:
    """The page alone."""
    return watched.page
