"""Webhooks: made, tried, given a new secret and deleted; what became of what they were told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browser import Watched
from tests.console.conftest import PICTURES
from tests.console.test_looking import chat_with, put
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, chat, error
from tests.upstream.script import Script

REFUSED = "it was answered with 500"
SECRET = re.compile(r"^whsec_\S{40,}$")


@pytest.fixture
def receiver(upstream: Callable[..., FaultUpstream]) -> FaultUpstream:
    """Takes what is sent to `/good`, and nothing else."""

    def answer(request: Any) -> Script:
        return chat("taken") if request.path == "/good" else error(500, "no")

    return upstream(answer)


def look(watched: Watched, name: str) -> list[str]:
    """Say what axe finds in both themes, and leave a picture of each."""
    found: list[str] = []
    PICTURES.mkdir(parents=True, exist_ok=True)
    for theme in ("dark", "light"):
        watched.page.emulate_media(color_scheme=theme)
        expect(watched.page.locator("html")).to_have_attribute("data-theme", theme)
        watched.page.screenshot(path=PICTURES / f"{name}-{theme}.png")
        found += [f"{name}, {theme}: {one}" for one in watched.violations()]
    return found


def send_test(sheet: Locator) -> Locator:
    sheet.get_by_role("button", name="Send a test").click()
    return sheet.get_by_role("status").filter(has_text="delivered")


def secret_in(sheet: Locator) -> str:
    shown = sheet.get_by_text(SECRET)
    expect(shown).to_be_visible()
    return shown.inner_text()


def rows_of(page: Page, label: str) -> Locator:
    return page.get_by_role("table", name=label).locator("tbody tr[aria-rowindex]")


def test_a_webhook_is_made_and_what_it_is_sent_is_checked_as_the_page_says(
    receiver: FaultUpstream, start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    watched = visit(start())
    page = watched.open("/webhooks")
    page.get_by_role("button", name="New webhook").first.click()
    sheet = page.get_by_role("dialog", name="New webhook")
    sheet.get_by_label("Name").fill("chat")
    url = f"http://127.0.0.1:{receiver.port}/good?{'of' * 60}"
    sheet.get_by_label("URL").fill(url)
    sheet.get_by_role("switch", name=re.compile("A provider is back")).click()
    found = look(watched, "a-new-webhook")
    sheet.get_by_role("button", name="Make it").click()

    sheet = page.get_by_role("dialog", name="Webhook chat")
    secret = secret_in(sheet)
    expect(send_test(sheet)).to_have_text(re.compile("^delivered"))
    found += look(watched, "the-secret-of-a-webhook")
    check: dict[str, Any] = {}
    exec(sheet.get_by_text("def is_genuine").inner_text(), check)
    (sent,) = receiver.requests
    header = sent.header("dragoman-signature")
    assert check["is_genuine"](secret, header, sent.body)
    assert not check["is_genuine"](f"{secret}x", header, sent.body)
    assert sent.json()["event"] == "test"

    sheet.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    row = rows_of(page, "Webhooks")
    expect(row).to_contain_text("budget.exhausted, budget.warning, provider.down")
    row.get_by_role("cell").nth(1).hover()  # too long for its column
    expect(row.get_by_role("cell").nth(1)).to_have_attribute("title", url)
    assert secret not in page.content()
    assert found == []


def test_a_webhook_is_changed_gets_a_new_secret_and_is_deleted(
    receiver: FaultUpstream, start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    url = f"http://127.0.0.1:{receiver.port}/bad"
    secret = put(process, "webhooks/chat", {"url": url})["secret"]
    page = visit(process).open("/webhooks")
    row = rows_of(page, "Webhooks")
    sheet = page.get_by_role("dialog", name="Webhook chat")

    row.click()
    expect(send_test(sheet)).to_have_text(f"not delivered {REFUSED}")
    for one in sheet.locator("fieldset fieldset").get_by_role("switch").all():
        one.click()
    sheet.get_by_role("button", name="Save").click()
    expect(sheet.get_by_role("alert")).to_contain_text("it is not said of what events")
    sheet.get_by_role("switch", name=re.compile("A provider goes down")).click()
    sheet.get_by_role("switch", name="On", exact=True).click()
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    expect(row).to_contain_text(re.compile(r"provider\.down.*off"))

    row.click()
    sheet.get_by_role("button", name="New secret").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Make it").click()
    assert secret_in(sheet) != secret
    sheet.get_by_role("button", name="Done").click()
    expect(row).to_contain_text(re.compile(r"provider\.down.*off"))

    row.click()
    sheet.get_by_role("button", name="Delete").click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="No webhook yet")).to_be_visible()


def test_deliveries_tell_what_became_of_each_and_are_filtered_by_the_address(
    receiver: FaultUpstream, start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    for name in ("good", "bad"):
        url = f"http://127.0.0.1:{receiver.port}/{name}"
        put(process, f"webhooks/{name}", {"url": url, "events": ["budget.exhausted"]})
    put(process, "limits/once", {"measure": "requests", "period": "day", "amount": "1"})
    watched = visit(process)
    page = watched.open("/webhooks")
    expect(page.get_by_role("heading", name="Nothing was to be told yet")).to_be_visible()
    assert chat_with(process, "demo/echo") == 200

    rows = rows_of(page, "Deliveries")  # they turn up by themselves
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="good")).to_contain_text(
        re.compile(r"budget\.exhausted.*delivered")
    )
    expect(rows.filter(has_text="bad")).to_contain_text(re.compile(f"waiting.*{REFUSED}"))
    found = look(watched, "deliveries")
    page.get_by_label("State").select_option("delivered")
    expect(rows).to_have_count(1)
    page.get_by_label("Webhook", exact=True).select_option("bad")
    expect(page.get_by_role("heading", name="No delivery fits")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="No delivery fits")).to_be_visible()
    page.get_by_label("State").select_option("")
    expect(rows).to_have_count(1)
    rows.click()
    sheet = page.get_by_role("dialog", name="budget.exhausted")
    expect(sheet).to_contain_text(re.compile(f"Why not{REFUSED}Iddlv_"))
    found += look(watched, "a-delivery")
    assert found == []
