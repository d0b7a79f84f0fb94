"""What is typed into a form and cannot be: it is told at its field, once, and nothing is saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.console.browser import Watched
from tests.console.operating import begin_limit
from tests.console.test_looking import put
from tests.server.process import Process
from tests.server.serving import ask

ORGANISATION = "/api/v1/organisations/default"


def read(process: Process, path: str) -> Any:
    return json.loads(ask(f"{process.url}{ORGANISATION}/{path}", method="GET")[2])


def is_refused(field: Locator) -> None:
    """See that the form is not sent for this field's sake, and that the browser says why."""
    expect(field).to_be_focused()
    assert field.evaluate("(node) => !node.checkValidity()")


def save(page: Page) -> None:
    page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()


def test_a_price_that_is_no_number_is_not_saved_as_an_unknown_one(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    model = {"id": "m", "context_window": 8000, "cost": {"input": 1, "output": 2}}
    put(process, "providers/acme", {"base_url": "http://127.0.0.1:1", "models": [model]})
    page = visit(process).open("/providers?provider=acme")
    sheet = page.get_by_role("dialog", name="acme")
    for label, wrong, right in (
        ("Context (tokens) of model 1", "128k", "128000"),
        ("$ / M in of model 1", "0,59", "0.59"),
        ("$ / M out of model 1", "cheap", ".79"),
    ):
        field = sheet.get_by_label(label)
        field.fill(wrong)
        save(page)
        is_refused(field)
        field.fill(right)
    assert read(process, "providers/acme")["settings"]["models"] == [model]
    save(page)
    expect(sheet).to_have_count(0)
    (kept,) = read(process, "providers/acme")["settings"]["models"]
    assert (kept["context_window"], kept["cost"]) == (128000, {"input": 0.59, "output": 0.79})


def test_what_is_no_json_is_not_passed_over_in_a_route_that_is_saved(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    put(process, "routes/smart", {"definition": {"models": ["demo/echo"], "first_token": 3}})
    page = visit(process).open("/routes")
    page.get_by_role("button", name="Change").click()
    sheet = page.get_by_role("dialog", name="Route smart")
    rest, weight = sheet.get_by_label("Everything else"), sheet.get_by_label("Weight of model 1")
    rest.fill('{"first_token": 5')
    save(page)
    is_refused(rest)
    rest.fill('{"first_token": 5}')
    weight.fill("70%")
    save(page)
    is_refused(weight)
    weight.fill("70")
    save(page)
    expect(sheet).to_have_count(0)
    kept = read(process, "routes/smart")["definition"]
    assert kept == {"models": [{"model": "demo/echo", "weight": 70}], "first_token": 5}


def test_a_name_that_cannot_be_is_told_by_its_rule(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    watched = visit(start())
    for path, new, wrong, rule in (
        ("/providers", "Add a provider", "my box", "1 to 63 of the letters a to z"),
        ("/routes", "New route", "a/b", "1 to 100 letters, digits"),
        ("/guardrails", "New guardrail", "..", "1 to 63 letters a-z, digits and hyphens"),
        ("/limits", "New limit", "a/b", "1 to 63 letters a-z, digits and hyphens"),
        ("/webhooks", "New webhook", "a/b", "1 to 63 letters a-z, digits and hyphens"),
    ):
        page = watched.open(path)
        page.get_by_role("button", name=new).first.click()
        sheet = page.get_by_role("dialog", name=new)
        name = sheet.get_by_label("Name")
        name.fill(wrong)
        sheet.locator("button[type=submit]").click()
        is_refused(name)
        expect(sheet.get_by_text(rule)).to_be_visible()


def test_a_base_url_that_is_refused_is_told_once(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    page = visit(start()).open("/providers")
    page.get_by_role("button", name="Add a provider").first.click()
    sheet = page.get_by_role("dialog", name="Add a provider")
    sheet.get_by_label("Name").fill("acme")
    sheet.get_by_label("Base URL").fill("ftp://example.com")
    told = sheet.get_by_text("base_url must begin with")
    expect(told).to_have_count(1)
    expect(sheet.get_by_role("button", name="Test")).to_be_disabled()
    sheet.get_by_role("button", name="Add it").click()
    expect(sheet.get_by_label("Base URL")).to_have_attribute("aria-invalid", "true")
    expect(told).to_have_count(1)
    sheet.get_by_label("Base URL").fill("https://example.com")
    expect(sheet.get_by_text("Will call:")).to_be_visible()
    expect(sheet.get_by_role("button", name="Test")).to_be_enabled()


def test_what_a_limit_does_not_show_any_more_does_not_hold_it_up(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).open("/limits")
    sheet = begin_limit(page, "team")
    amount, unpriced = sheet.get_by_label("How much"), sheet.get_by_label("Models whose price")
    amount.fill("1.000,50")
    save(page)
    is_refused(amount)
    amount.fill("5")
    unpriced.select_option("assume")
    save(page)
    expect(
        sheet.get_by_text("what is to be assumed of an unknown price is not said")
    ).to_be_visible()
    each = sheet.get_by_label("USD a request")
    expect(each).to_have_attribute("aria-invalid", "true")
    each.fill("cheap")
    unpriced.select_option("block")
    sheet.get_by_label("Of", exact=True).select_option("model")
    sheet.get_by_label("Which").fill("demo/echo")
    sheet.get_by_label("Of", exact=True).select_option("organisation")
    save(page)
    expect(sheet).to_have_count(0)
    kept = read(process, "limits")["items"][0]
    assert (kept["subject"], kept["unknown"], kept["assumed_usd"]) == (None, "block", None)


def test_a_guardrail_is_not_tried_with_what_was_written_before(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    page = visit(start()).open("/guardrails")
    tried: list[Any] = []
    page.on("request", lambda one: one.url.endswith("/try") and tried.append(one.post_data_json))
    page.get_by_role("button", name="New guardrail").first.click()
    sheet = page.get_by_role("dialog", name="New guardrail")
    definition = sheet.get_by_label("Definition")
    attempt = sheet.get_by_role("button", name="Try it")
    attempt.click()
    expect(sheet.get_by_role("status")).to_contain_text("found something")
    definition.fill('{"kind": "words", "words": ["falcon"]')
    attempt.click()
    is_refused(definition)
    expect(sheet.get_by_role("status")).to_have_count(0)  # that was of another
    definition.fill('{"kind": "words", "words": ["falcon"]}')
    attempt.click()
    expect(sheet.get_by_role("status")).to_contain_text("nothing found")
    assert [one["definition"]["kind"] for one in tried] == ["secrets", "words"]


def test_what_is_said_of_an_address_goes_with_the_address(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    page = visit(start()).open("/providers")
    page.get_by_role("button", name="Add a provider").first.click()
    page.get_by_label("Name").fill("acme")
    page.get_by_label("Base URL").fill("http://169.254.169.254/v1")
    page.get_by_role("button", name="Add it").click()
    sheet = page.get_by_role("dialog", name="acme")
    told = sheet.get_by_text("requests to it will be refused")
    expect(told).to_be_visible()
    sheet.get_by_label("Base URL").fill("http://127.0.0.1:1/v1")
    expect(told).to_have_count(0)
    sheet.get_by_label("Base URL").fill("http://169.254.169.254/v1")
    expect(told).to_be_visible()


def test_a_limit_of_a_provider_that_is_not_there_says_so_until_it_is(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).open("/limits")
    sheet = begin_limit(page, "team")
    sheet.get_by_label("How much").fill("5")
    sheet.get_by_label("Of", exact=True).select_option("model")
    sheet.get_by_label("Which").fill("acme/large")
    save(page)
    expect(sheet).to_have_count(0)
    expect(page.get_by_text("limits nothing", exact=True)).to_be_visible()
    page.get_by_role("button", name="Change").click()
    sheet = page.get_by_role("dialog", name="Limit team")
    expect(sheet.get_by_role("alert")).to_contain_text("there is no provider 'acme' here")
    put(process, "providers/acme", {"base_url": "http://127.0.0.1:1"})
    save(page)
    expect(sheet).to_have_count(0)
    expect(page.get_by_text("limits nothing", exact=True)).to_have_count(0)
