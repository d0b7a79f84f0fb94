"""What lies over a page: the keyboard stays in it, and nobody is shut out."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.browser import Watched
from tests.server.process import Process
from tests.server.serving import ask

PROJECT = "/api/v1/organisations/default/projects/dialogs"
FOCUSED_IN = "(node) => node.contains(document.activeElement)"


@pytest.fixture
def project(gateway: Process) -> None:
    """Something that can be deleted."""
    status, _, said = ask(gateway.url + PROJECT, json.dumps({"title": "X"}).encode(), method="PUT")
    assert status == 200, said


def open_new_key(page: Page) -> None:
    page.get_by_role("button", name="New key").first.press("Enter")


def test_the_focus_stays_in_a_sheet_and_goes_back(watched: Watched) -> None:
    page = watched.open("/keys")
    open_new_key(page)
    sheet = page.get_by_role("dialog", name="New key")
    expect(sheet.get_by_label("Name")).to_be_focused()
    for key in ["Shift+Tab"] * 3 + ["Tab"] * 16:  # once around, and on
        page.keyboard.press(key)
        assert sheet.evaluate(FOCUSED_IN)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("button", name="New key").first).to_be_focused()


def test_a_click_beside_a_sheet_closes_it_and_the_page_can_be_used_again(
    watched: Watched,
) -> None:
    page = watched.open("/keys")
    open_new_key(page)
    expect(page.get_by_role("dialog", name="New key").get_by_label("Name")).to_be_focused()
    # A sheet listens from the turn after the one in which it came.
    page.evaluate("() => new Promise((done) => setTimeout(done))")
    page.mouse.click(200, 600)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("link", name="Audit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit")


@pytest.mark.usefixtures("project")
def test_what_is_lost_is_asked_about_and_told_afterwards(
    watched: Watched, gateway: Process
) -> None:
    page = watched.open("/members")
    row = page.get_by_role("listitem").filter(has=page.get_by_text("dialogs", exact=True))
    row.get_by_role("button", name="Delete").press("Enter")
    question = page.get_by_role("alertdialog", name="Delete the project X?")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(row.get_by_role("button", name="Delete")).to_be_focused()
    assert ask(gateway.url + PROJECT, method="GET")[0] == 200
    page.keyboard.press("Enter")
    question.get_by_role("button", name="Delete it").click()
    expect(question).to_have_count(0)
    expect(row).to_have_count(0)
    assert ask(gateway.url + PROJECT, method="GET")[0] == 404


def test_letters_and_arrows_go_through_a_menu(watched: Watched) -> None:
    page = watched.open("/keys")
    page.get_by_role("button", name="Theme").press("Enter")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitemradio", name="As the system")).to_be_focused()
    page.keyboard.press("d")
    expect(menu.get_by_role("menuitemradio", name="Dark")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(menu.get_by_role("menuitemradio", name="Light")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("menuitemradio", name="Dark")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Theme")).to_be_focused()


def test_another_time_is_chosen_and_stands_in_the_address(watched: Watched) -> None:
    page = watched.open("/requests?range=7d")
    page.get_by_role("button", name="Another time").press("Enter")
    form = page.get_by_role("dialog", name="Another time")
    form.get_by_label("From").fill("2026-03-02T10:00")
    form.get_by_label("Until").fill("2026-03-01T10:00")
    expect(form.get_by_role("alert")).to_have_text("This is not after its beginning.")
    form.get_by_label("Until").fill("2026-03-03T12:30")
    page.keyboard.press("Enter")
    expect(form).to_have_count(0)
    expect(page.get_by_role("button", name="Another time")).to_be_focused()
    address = parse_qs(urlsplit(page.url).query)
    stretch = int(address["to"][0]) - int(address["from"][0])
    assert stretch == (26 * 60 + 30) * 60
    assert "range" not in address
    page.reload()
    page.get_by_role("button", name="Another time").click()
    expect(form.get_by_label("From")).to_have_value("2026-03-02T10:00")


def test_an_icon_is_told_by_its_tip_also_to_the_keyboard(watched: Watched) -> None:
    page = watched.open("/keys")
    page.get_by_role("button", name="Go to").focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("tooltip")).to_have_text("Theme")
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_have_count(0)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_what_lies_over_a_page(
    browser: Browser, gateway: Process, theme: str
) -> None:
    context = browser.new_context(
        viewport={"width": 1400, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    watched = Watched(context.new_page(), gateway.url)
    page = watched.open("/keys")
    found: dict[str, list[str]] = {}
    open_new_key(page)
    expect(page.get_by_role("dialog")).to_be_visible()
    found["a sheet"] = watched.violations()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Theme").click()
    expect(page.get_by_role("menu")).to_be_visible()
    found["a menu"] = watched.violations()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder("Where to?")).to_be_focused()
    found["the palette"] = watched.violations()
    watched.open("/members")
    page.get_by_role("listitem").get_by_role("button", name="Delete").first.click()
    expect(page.get_by_role("alertdialog")).to_be_visible()
    found["a question"] = watched.violations()
    context.close()
    assert {name: one for name, one in found.items() if one} == {}
    assert watched.troubles == []
