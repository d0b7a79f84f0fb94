"""Every page shows, in both themes, without a word of complaint and open to everybody."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Browser, expect

from tests.console.browser import Watched
from tests.console.conftest import PICTURES
from tests.server.process import Process
from tests.server.serving import ask

PAGES = {
    "/?range=7d": "Overview",
    "/requests?range=7d": "Requests",
    "/playground": "Playground",
    "/providers": "Providers",
    "/models": "Models",
    "/routes": "Routes",
    "/guardrails": "Guardrails",
    "/keys": "Keys",
    "/members": "Members",
    "/organisations": "Organisations",
    "/limits": "Budgets and limits",
    "/webhooks": "Webhooks",
    "/audit": "Audit",
    "/settings": "Settings",
    "/first": "The first request",
}
PHONE_PX = 390
API = "/api/v1/organisations/default"
SET_UP = {
    f"{API}/limits/month": {"measure": "spend", "period": "month", "amount": "50"},
    f"{API}/routes/smart": {"definition": {"models": ["demo/echo", "demo/story"]}},
    f"{API}/projects/web": {"title": "The web site"},
    f"{API}/webhooks/chat": {"url": "https://hooks.example.com/dragoman"},
    f"{API}/guardrails/secrets": {"definition": {"kind": "secrets"}},
    f"{API}/providers/acme": {"base_url": "http://127.0.0.1:1/v1", "token": "acme-token"},
}


@pytest.fixture(scope="module")
def filled(gateway: Process) -> Process:
    """A gateway that has something of everything."""
    for path, body in SET_UP.items():
        status, _, said = ask(gateway.url + path, json.dumps(body).encode(), method="PUT")
        assert status == 200, said
    for path in (f"{API}/demo-traffic", f"{API}/keys"):
        body = {"name": "web"} if path.endswith("keys") else {}
        status, _, said = ask(gateway.url + path, json.dumps(body).encode())
        assert status == 201, said
    return gateway


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_shows_and_axe_finds_nothing(
    browser: Browser, filled: Process, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": 1400, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
    )
    found: list[str] = []
    PICTURES.mkdir(parents=True, exist_ok=True)
    for path, title in PAGES.items():
        watched = Watched(context.new_page(), filled.url)
        page = watched.open(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        name = title.lower().replace(" ", "-")
        page.screenshot(path=PICTURES / f"{name}-{theme}.png")
        found += [f"{title}: {one}" for one in watched.violations()]
        page.set_viewport_size({"width": PHONE_PX, "height": 844})
        page.screenshot(path=PICTURES / f"{name}-{theme}-phone.png")
        if page.evaluate(f"document.documentElement.scrollWidth > {PHONE_PX}"):
            found.append(f"{title}: it is wider than a phone")
        found += [f"{title}: {one}" for one in watched.troubles]
        page.close()
    context.close()
    assert found == []


def test_an_address_that_is_none_says_so(watched: Watched) -> None:
    page = watched.open("/nowhere/at/all")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")


def test_on_a_phone_the_place_where_one_is_comes_into_sight(watched: Watched) -> None:
    watched.page.set_viewport_size({"width": PHONE_PX, "height": 844})
    page = watched.open("/settings")
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_role("link", name="Settings")).to_be_in_viewport()
    expect(places.get_by_role("link", name="Overview")).not_to_be_in_viewport()


def test_a_browser_is_led_to_the_console(watched: Watched) -> None:
    watched.page.goto(watched.base)
    assert watched.page.url == f"{watched.base}/console/"
    expect(watched.page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_the_palette_leads_anywhere_by_keyboard(watched: Watched) -> None:
    page = watched.open()
    expect(page.get_by_role("button", name="Go to")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("Where to?")).to_be_focused()
    page.keyboard.type("budg")
    expect(page.get_by_role("dialog").get_by_role("option").first).to_have_text("Budgets")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Budgets and limits")
