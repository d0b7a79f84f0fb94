"""The list of requests, and what is told of each."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browser import Watched
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat, error

CONFIG = """
[providers.first]
base_url = "{first}"
retries = 0

[providers.second]
base_url = "{second}"
retries = 0

[routes.smart]
models = ["first/m", "second/m"]
"""
QUESTION = "is the moon made of cheese"
ANSWER = "from the second"


def serve(
    upstream: Callable[..., FaultUpstream], start: Callable[..., Process], status: int = 429
) -> Process:
    """Serve a route whose first model fails with this status."""
    first, second = upstream(error(status)), upstream(chat(ANSWER))
    return start(CONFIG.format(first=first.base_url, second=second.base_url))


def look(process: Process, path: str = "") -> Any:
    """Read the list of requests, or one of them; None where there is no such one."""
    url = f"{process.url}/api/v1/organisations/default/requests{path}"
    status, _, body = ask(url, method="GET")
    return json.loads(body) if status == 200 else None


def chat_with(process: Process, model: str) -> tuple[int, str]:
    """Ask a model; gives the status, and the id under which the request is in the list by now."""
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
    url = f"{process.url}/v1/chat/completions"
    status, headers, _ = ask(url, json.dumps(body).encode())
    found = {name.lower(): value for name, value in headers.items()}["x-request-id"]
    wait_until(lambda: look(process, f"/{found}") is not None)
    return status, found


def rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Requests").locator("tbody tr[aria-rowindex]")


@pytest.mark.parametrize("status", [429, 500])
def test_a_fallback_is_seen_with_both_its_attempts(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    status: int,
) -> None:
    process = serve(upstream, start, status)
    answered, asked = chat_with(process, "smart")
    assert answered == 200
    page = visit(process).open("/requests")
    rows(page).first.click()
    sheet = page.get_by_role("dialog", name="smart")
    expect(sheet).to_contain_text("second/m")
    attempts = sheet.locator("li[data-outcome]")
    expect(attempts).to_have_count(2)
    expect(attempts.nth(0)).to_have_attribute("data-outcome", "error")
    expect(attempts.nth(0)).to_contain_text("first/m")
    expect(attempts.nth(0)).to_contain_text(str(status))
    expect(attempts.nth(0)).to_contain_text("→ next: second/m")
    expect(attempts.nth(1)).to_have_attribute("data-outcome", "ok")
    expect(attempts.nth(1)).to_contain_text("fallback")
    expect(attempts.nth(1)).to_contain_text("200")
    expect(sheet.get_by_role("img")).to_have_count(2)
    assert asked in page.url
    page.reload()  # the sheet has an address of its own
    expect(page.get_by_role("dialog", name="smart")).to_contain_text(asked)


def test_filters_stand_in_the_address_and_are_kept_there(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    tmp_path: Path,
) -> None:
    process = serve(upstream, start)
    asked = ("smart", "second/m", "first/m")
    assert [chat_with(process, one)[0] for one in asked] == [200, 200, 429]
    page = visit(process).open("/requests")
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Filter by").select_option("asked")
    page.get_by_label("Value of the filter").fill("second/m")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"asked=second%2Fm"))
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("second/m")
    with page.expect_download() as coming:
        page.get_by_role("link", name="CSV").click()
    saved = tmp_path / "requests.csv"
    coming.value.save_as(saved)
    with saved.open(newline="") as file:
        assert [line["asked"] for line in csv.DictReader(file)] == ["second/m"]
    page.get_by_label("Take the filter Asked for away").click()
    expect(rows(page)).to_have_count(3)
    page.get_by_label("Outcome", exact=True).select_option("failed")
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("429")
    page.get_by_label("Outcome", exact=True).select_option("")
    page.get_by_label("Filter by").select_option("status")
    page.get_by_label("Value of the filter").fill("429")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(rows(page).first).to_contain_text("first/m")


def test_a_new_request_comes_by_itself_while_the_list_is_live(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
) -> None:
    process = serve(upstream, start)
    page = visit(process).open("/requests")
    expect(page.get_by_text("No request fits")).to_be_visible()
    with page.expect_response(lambda response: "/requests/tail" in response.url):
        page.get_by_role("button", name="Go live").click()
    for number in (1, 2):
        assert chat_with(process, "second/m")[0] == 200
        expect(rows(page)).to_have_count(number)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.get_by_role("button", name="Go live")).to_be_visible()


def test_what_was_said_is_shown_where_it_is_kept_and_nowhere_else(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
) -> None:
    process = serve(upstream, start)
    assert chat_with(process, "second/m")[0] == 200
    watched = visit(process)
    page = watched.open("/requests")
    rows(page).first.click()
    sheet = page.get_by_role("dialog")
    for part in ("Request", "Response"):
        sheet.get_by_role("tab", name=part).click()
        expect(sheet).to_contain_text("What was said was not kept")
    page = watched.open("/settings")
    page.get_by_label("What is kept of what is said").select_option("full")
    page.get_by_role("button", name="Save", exact=True).first.click()
    expect(page.get_by_text("The organisation is saved").first).to_be_visible()

    # Workers hear of it a moment later.
    wait_until(lambda: look(process, f"/{chat_with(process, 'smart')[1]}")["content"] is not None)
    page = watched.open("/requests?asked=smart")
    rows(page).first.click()
    sheet = page.get_by_role("dialog", name="smart")
    expect(sheet).not_to_contain_text(ANSWER)
    sheet.get_by_role("tab", name="Request").click()
    expect(sheet).to_contain_text(QUESTION)
    sheet.get_by_role("tab", name="Response").click()
    expect(sheet).to_contain_text(ANSWER)
