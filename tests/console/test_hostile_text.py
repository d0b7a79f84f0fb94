"""What others wrote is shown as text, wherever it is shown: nothing of it runs or breaks a page.

All of it at once: HOSTILE_TEXTS=all .venv/bin/pytest tests/console/test_hostile_text.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.console.browser import Watched
from tests.console.hostile import WHOLE, fill, naughty, payloads
from tests.console.test_pages import PAGES
from tests.server.process import Process

EVERY = 1 if os.environ.get("HOSTILE_TEXTS") == "all" else 9
STEPS = 60 if EVERY == 1 else 6
WATCH = """
addEventListener("securitypolicyviolation",
  (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
Object.defineProperty(window, "ran", { set: () => console.error("a script ran") });
for (const name of ["alert", "confirm", "prompt"])
  window[name] = () => console.error(`${name} was called`);
"""
SCROLL = """async (steps) => {
  for (const one of document.querySelectorAll("*"))
    for (let step = 0; step < steps && one.clientHeight + 1 < one.scrollHeight; step++) {
      const before = one.scrollTop;
      one.scrollTop += one.clientHeight * 0.9;
      await new Promise(requestAnimationFrame);
      if (one.scrollTop === before) break;
    }
}"""


@pytest.fixture(scope="module")
def texts() -> list[str]:
    every = [*payloads()], [*naughty()]
    assert (len(every[0]), len(every[1])) >= (200, 500)
    return [*every[0][::EVERY], *every[1][:-6:EVERY], *every[1][-6:]]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> Iterator[Process]:
    process = Process(tmp_path_factory.mktemp("hostile"), "")
    fill(process, texts)
    yield process
    process.kill()


@pytest.fixture
def guest(browser: Browser, hostile: Process) -> Iterator[Watched]:
    """A browser in which anything that runs is noted."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(30_000)
    context.add_init_script(WATCH)
    watched = Watched(context.new_page(), hostile.url)
    yield watched
    context.close()
    assert watched.troubles == []


def test_a_script_that_runs_would_be_noticed(browser: Browser, hostile: Process) -> None:
    context = browser.new_context()
    context.add_init_script(WATCH)
    watched = Watched(context.new_page(), hostile.url)
    page = watched.open("/settings")
    page.evaluate("window.ran = 1; alert(1); new Image().src = 'http://evil.example/x.png'")
    page.wait_for_load_state("networkidle")
    context.close()
    told = "\n".join(watched.troubles)
    for expected in ("a script ran", "alert was called", "policy: img-src"):
        assert expected in told


@pytest.mark.parametrize("path", PAGES)
def test_every_page_shows_it_as_text(guest: Watched, path: str) -> None:
    page = guest.open(path)
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    page.evaluate(SCROLL, STEPS)
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_request_shows_it_as_text(guest: Watched, texts: list[str]) -> None:
    page = guest.open(f"/requests?request={WHOLE}")
    for tab in ("Summary", "Request", "Response"):
        page.get_by_role("tab", name=tab).click()
        if (every := page.get_by_role("button", name="Show all")).count():
            every.click()
        page.evaluate(SCROLL, STEPS)
    shown = page.get_by_role("tabpanel").inner_text()
    payload = texts[0]
    assert payload in shown
    page.get_by_role("tab", name="Summary").click()
    expect(page.get_by_role("tabpanel")).to_contain_text(payload)


@pytest.mark.parametrize("place", ["org", "range", "request", "model", "models", "tag", "key"])
def test_an_address_shows_it_as_text(guest: Watched, texts: list[str], place: str) -> None:
    from urllib.parse import urlencode

    for text in [*texts[:: len(texts) // 8], "__proto__", '["<img src=x onerror=alert(1)>"]']:
        for path in ("/requests", "/playground"):
            page = guest.open(f"{path}?{urlencode({place: text[:2000]})}")
            expect(page.locator("h1")).to_be_visible()  # maybe behind a dialog
