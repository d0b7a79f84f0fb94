"""Two change the same: the second is told, and loses nothing that was typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.console.browser import Watched
from tests.console.test_looking import put
from tests.console.test_webhooks import rows_of, secret_in
from tests.console.test_wrong_input import is_refused
from tests.server.process import Process
from tests.server.serving import ask

ORGANISATION = "/api/v1/organisations/default"
PROVIDER = "/api/v1/organisations/default/providers/acme"
FIRST, MINE, THEIRS = (f"http://127.0.0.1:1/{part}/v1" for part in ("first", "mine", "theirs"))


def read_whole(process: Process) -> Any:
    status, _, body = ask(process.url + PROVIDER, method="GET")
    assert status == 200
    return json.loads(body)


def read(process: Process) -> Any:
    return read_whole(process)["settings"]


def open_disabled(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> tuple[Process, Page, Locator]:
    """Open a disabled provider's form, and type another address."""
    process = start()
    put(process, "providers/acme", {"base_url": FIRST, "enabled": False})
    page = visit(process).open("/providers?provider=acme")
    type_into(page, MINE)
    return process, page, page.get_by_role("dialog", name="acme")


def type_into(page: Page, url: str) -> None:
    page.get_by_role("dialog", name="acme").get_by_label("Base URL").fill(url)


def save(page: Page) -> None:
    page.get_by_role("dialog", name="acme").get_by_role("button", name="Save", exact=True).click()


def come_back_later(page: Page) -> None:
    """The tab comes to the front again, and reads the list."""
    page.clock.fast_forward("10:00")
    with page.expect_response(lambda response: "/default/providers?" in response.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange', {bubbles: true}))")
    page.wait_for_load_state("networkidle")


def test_the_second_of_two_tabs_is_told_and_keeps_what_was_typed(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    body = {"base_url": FIRST, "timeouts": {"connect": 3}}
    assert ask(process.url + PROVIDER, json.dumps(body).encode(), method="PUT")[0] == 200
    watched = visit(process)
    watched.page.clock.install()
    mine = watched.open("/providers?provider=acme")
    theirs = visit(process).open("/providers?provider=acme")
    sheet = mine.get_by_role("dialog", name="acme")
    type_into(mine, MINE)
    sheet.get_by_label("Privacy classes").fill("eu, local")
    type_into(theirs, THEIRS)
    save(theirs)
    expect(theirs.get_by_role("dialog")).to_have_count(0)
    come_back_later(mine)  # that must not pass for seen
    save(mine)
    expect(sheet.get_by_role("alert")).to_contain_text("acme has been changed meanwhile")
    expect(sheet.get_by_label("Base URL")).to_have_value(MINE)
    expect(sheet.get_by_label("Privacy classes")).to_have_value("eu, local")
    assert read(process)["base_url"] == THEIRS
    sheet.get_by_role("button", name="Save mine over it").click()
    expect(sheet).to_have_count(0)
    assert read(process) == {
        "base_url": MINE,
        "api": "openai-completions",
        "privacy": ["eu", "local"],
        "timeouts": {"connect": 3},
    }


def test_a_new_provider_does_not_take_the_place_of_one_that_is_there(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).open("/providers")
    page.get_by_role("button", name="Add a provider").first.click()
    there = json.dumps({"base_url": FIRST}).encode()
    assert ask(process.url + PROVIDER, there, method="PUT")[0] == 200
    sheet = page.get_by_role("dialog", name="Add a provider")
    sheet.get_by_label("Name").fill("acme")
    sheet.get_by_label("Base URL").fill(MINE)
    sheet.get_by_role("button", name="Add it").click()
    expect(sheet.get_by_role("alert")).to_have_text("There is one of this name already.")
    expect(sheet.get_by_label("Base URL")).to_have_value(MINE)
    assert read(process)["base_url"] == FIRST


def test_what_is_saved_over_it_is_checked_like_what_is_saved(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    model = {"id": "m", "cost": {"input": 1, "output": 2}}
    put(process, "providers/acme", {"base_url": FIRST, "models": [model]})
    page = visit(process).open("/providers?provider=acme")
    put(process, "providers/acme", {"base_url": THEIRS, "models": [model]})
    sheet = page.get_by_role("dialog", name="acme")
    save(page)
    expect(sheet.get_by_role("alert")).to_contain_text("acme has been changed meanwhile")
    price = sheet.get_by_label("$ / M in of model 1")
    price.fill("0,59")
    sheet.get_by_role("button", name="Save mine over it").click()
    is_refused(price)
    assert read(process) == {"base_url": THEIRS, "models": [model]}
    price.fill("0.59")
    # Who sends the form by the keyboard saves it as before, and is told again.
    with page.expect_response(lambda response: response.request.method == "PUT") as answered:
        price.press("Enter")
    assert answered.value.status == 409
    sheet.get_by_role("button", name="Save mine over it").click()
    expect(sheet).to_have_count(0)
    assert read(process)["models"] == [{"id": "m", "cost": {"input": 0.59, "output": 2}}]


def test_what_was_deleted_meanwhile_is_told_so_and_made_anew(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    secret = put(process, "webhooks/chat", {"url": "http://127.0.0.1:1/first"})["secret"]
    page = visit(process).open("/webhooks")
    rows_of(page, "Webhooks").click()
    sheet = page.get_by_role("dialog", name="Webhook chat")
    sheet.get_by_label("URL").fill("http://127.0.0.1:1/mine")
    assert ask(f"{process.url}{ORGANISATION}/webhooks/chat", method="DELETE")[0] == 204
    sheet.get_by_role("button", name="Save", exact=True).click()
    expect(sheet.get_by_role("alert")).to_contain_text("Webhook chat has been deleted meanwhile")
    expect(sheet.get_by_role("alert")).to_contain_text("a token or secret that it had is gone")
    expect(sheet.get_by_label("URL")).to_have_value("http://127.0.0.1:1/mine")
    sheet.get_by_role("button", name="Make it anew").click()
    assert secret_in(sheet) != secret
    made = json.loads(ask(f"{process.url}{ORGANISATION}/webhooks/chat", method="GET")[2])
    assert (made["url"], made["version"]) == ("http://127.0.0.1:1/mine", 1)


def test_what_is_being_changed_stays_where_it_is_deleted_meanwhile(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    put(process, "providers/acme", {"base_url": FIRST})
    watched = visit(process)
    watched.page.clock.install()
    page = watched.open("/providers?provider=acme")
    type_into(page, MINE)
    assert ask(process.url + PROVIDER, method="DELETE")[0] == 204
    come_back_later(page)
    sheet = page.get_by_role("dialog", name="acme")
    expect(sheet.get_by_label("Base URL")).to_have_value(MINE)
    save(page)
    expect(sheet.get_by_role("alert")).to_contain_text("acme has been deleted meanwhile")
    sheet.get_by_role("button", name="Make it anew").click()
    expect(sheet).to_have_count(0)
    assert read(process)["base_url"] == MINE


def test_a_disabled_provider_that_is_made_anew_stays_disabled(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process, page, sheet = open_disabled(start, visit)
    assert ask(process.url + PROVIDER, method="DELETE")[0] == 204
    save(page)
    expect(sheet.get_by_role("alert")).to_contain_text("a token or secret that it had is gone")
    sheet.get_by_role("button", name="Make it anew").click()
    expect(sheet).to_have_count(0)
    made = read_whole(process)
    assert (made["settings"]["base_url"], made["enabled"]) == (MINE, False)


def test_what_is_saved_over_a_provider_leaves_it_disabled_or_enabled(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process, page, sheet = open_disabled(start, visit)
    put(process, "providers/acme", {"base_url": FIRST, "enabled": True})
    save(page)
    sheet.get_by_role("button", name="Save mine over it").click()
    expect(sheet).to_have_count(0)
    made = read_whole(process)
    assert (made["settings"]["base_url"], made["enabled"]) == (MINE, True)


def test_a_limit_that_is_made_anew_has_lost_no_secret(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    put(process, "limits/cap", {"measure": "requests", "period": "day", "amount": "9"})
    page = visit(process).open("/limits")
    page.get_by_role("button", name="Change").click()
    sheet = page.get_by_role("dialog", name="Limit cap")
    sheet.get_by_label("How much").fill("7")
    assert ask(f"{process.url}{ORGANISATION}/limits/cap", method="DELETE")[0] == 204
    sheet.get_by_role("button", name="Save", exact=True).click()
    told = sheet.get_by_role("alert")
    expect(told).to_contain_text("Limit cap has been deleted meanwhile")
    expect(told).to_contain_text("Close this, or make it anew.")
    sheet.get_by_role("button", name="Make it anew").click()
    expect(sheet).to_have_count(0)
    made = json.loads(ask(f"{process.url}{ORGANISATION}/limits/cap", method="GET")[2])
    assert (made["amount"], made["version"]) == ("7", 1)


def test_two_who_set_up_signing_in_elsewhere_do_not_undo_each_other(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).open("/settings")
    url = f"{process.url}/api/v1/oidc/settings"
    theirs = {"issuer": "https://theirs.example.com", "client_id": "them"}
    assert ask(url, json.dumps(theirs).encode(), method="PUT")[0] == 200
    page.get_by_label("Issuer").fill("https://mine.example.com")
    page.get_by_label("Client id").fill("me")
    form = page.locator("form").filter(has=page.get_by_label("Issuer"))
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form.get_by_role("alert")).to_contain_text("has been changed meanwhile")
    assert json.loads(ask(url, method="GET")[2])["issuer"] == "https://theirs.example.com"
    form.get_by_role("button", name="Save mine over it").click()
    expect(page.get_by_text("Signing in elsewhere is set up").first).to_be_visible()
    assert json.loads(ask(url, method="GET")[2])["issuer"] == "https://mine.example.com"
