"""What a browser has to fetch and hold: little, however much there is to be looked at."""

from __future__ import annotations

import json
import time

from playwright.sync_api import expect

from tests.console.browser import Watched
from tests.server.process import Process
from tests.server.serving import ask

MOST = 350 * 1024
FETCHED = """() => performance.getEntriesByType("resource").concat(
  performance.getEntriesByType("navigation")).map((one) => [one.name, one.encodedBodySize])"""


def test_the_overview_is_shown_after_350_kilobytes(watched: Watched) -> None:
    page = watched.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    fetched = {name: size for name, size in page.evaluate(FETCHED) if "/console/" in name}
    assert any(name.endswith(".js") for name in fetched)
    assert sum(fetched.values()) < MOST, fetched


def test_the_first_stop_of_the_tab_key_leads_to_the_page(watched: Watched) -> None:
    page = watched.open("/keys")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")  # there is nothing before it
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#page")).to_be_focused()


def test_a_long_list_is_fetched_by_pages_and_is_never_whole_in_the_page(
    watched: Watched, gateway: Process
) -> None:
    made = json.dumps({"count": 1500, "seed": 7}).encode()
    status, _, said = ask(f"{gateway.url}/api/v1/organisations/default/demo-traffic", made)
    assert status == 201, said
    page = watched.open("/requests?range=30d")
    table = page.get_by_role("table", name="Requests")
    expect(table).to_have_attribute("aria-rowcount", "200")
    seen = 200
    now = time.time()
    while seen < 1000:
        page.clock.set_fixed_time(now + seen)  # minutes pass while somebody reads
        table.evaluate("(table) => { table.parentElement.scrollTop = table.scrollHeight }")
        page.wait_for_function(
            "([table, seen]) => Number(table.getAttribute('aria-rowcount')) > seen",
            arg=[table.element_handle(), seen],
        )
        seen = int(table.get_attribute("aria-rowcount") or 0)
        assert page.locator("tbody tr").count() < 100
