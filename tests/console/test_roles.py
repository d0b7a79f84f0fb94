"""What each role finds in the console: nothing to which it is led is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Response, expect

from tests.console.browser import Watched
from tests.console.operating import TEAM, Operator, join, sign_in
from tests.server.process import Process


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
def test_who_was_invited_is_led_to_nothing_that_is_refused(
    role: str, start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", **TEAM)
    operator = Operator(process)
    operator.ask("POST", "organisations", {"name": "acme", "quotas": {"operator_providers": ["*"]}})
    operator.ask("POST", "organisations/acme/demo-traffic", {"count": 5})
    link = operator.ask("POST", "organisations/acme/invitations", {"role": role})["link"]
    page = visit(process).page
    join(page, link, f"{role}@example.com")
    page.wait_for_load_state("networkidle")

    refused: list[str] = []

    def hear(response: Response) -> None:
        if response.status >= 400:
            refused.append(f"{response.status} {response.request.method} {response.url}")

    page.on("response", hear)
    page.reload()  # nothing is known yet of whom it is
    places = page.get_by_role("navigation", name="Places").get_by_role("link")
    expect(places.first).to_be_visible()
    names = places.all_inner_texts()[1:]  # the first is the house's own name
    assert ("Playground" in names, "Audit" in names) == (role != "viewer", role == "admin")
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        page.wait_for_load_state("networkidle")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert refused == []


def test_what_the_playground_needs_of_an_organisations_keys_it_gives_back(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", **TEAM)
    operator = Operator(process)
    quotas = {"operator_providers": ["demo"], "keys": 1}
    operator.ask("POST", "organisations", {"name": "acme", "quotas": quotas})
    watched = visit(process)
    page = watched.open("/")
    sign_in(page)
    for _ in range(2):
        watched.open("/models?org=acme")
        expect(page.get_by_role("link", name="demo/echo")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    keys = operator.ask("GET", "organisations/acme/keys")["items"]
    assert len(keys) == 2
    assert all(key["revoked_at"] for key in keys)


def test_keys_that_have_ended_are_shown_where_they_are_wanted(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", **TEAM)
    operator = Operator(process)
    keys = "organisations/default/keys"
    operator.ask("POST", keys, {"name": "laptop"})
    gone = operator.ask("POST", keys, {"name": "playground"})["id"]
    operator.ask("DELETE", f"{keys}/{gone}")
    watched = visit(process)
    page = watched.open("/keys")
    sign_in(page)
    names = page.get_by_role("table", name="Keys").locator("tbody tr[aria-rowindex] td:first-child")
    expect(names).to_have_text(["laptop"])
    page.get_by_role("switch", name="Ended ones too").click()
    expect(names).to_have_text(["laptop", "playground"])


def test_a_key_is_made_for_a_project_and_for_a_member(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", **TEAM)
    operator = Operator(process)
    operator.ask("PUT", "organisations/default/projects/web", {"title": "Web shop"})
    link = operator.ask("POST", "organisations/default/invitations", {"role": "admin"})["link"]
    watched = visit(process)
    page = watched.page
    join(page, link, "grace@example.com")

    watched.open("/keys")
    page.get_by_role("button", name="New key").first.click()
    sheet = page.get_by_role("dialog", name="New key")
    sheet.get_by_label("Name").fill("ci")
    sheet.get_by_label("Project").select_option("Web shop")
    sheet.get_by_label("Member").fill("nobody@example.com")
    sheet.get_by_role("button", name="Make it").click()
    expect(sheet.get_by_text("the organisation has no such member")).to_be_visible()
    sheet.get_by_label("Member").fill("grace@example.com")
    sheet.get_by_role("button", name="Make it").click()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row", name="ci")).to_contain_text("web, grace@example.com")


def test_a_viewer_who_opens_the_keys_by_address_is_offered_none(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", **TEAM)
    link = Operator(process).ask("POST", "organisations/default/invitations", {"role": "viewer"})
    watched = visit(process)
    page = watched.page
    join(page, link["link"], "grace@example.com")
    watched.open("/keys")
    expect(page.get_by_text("that takes the role member")).to_be_visible()
    expect(page.get_by_role("button", name="New key")).to_have_count(0)
