"""The settings of an organisation: two forms on one page, and another tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.console.browser import Watched
from tests.server.process import Process
from tests.server.serving import ask

ORGANISATION = "/api/v1/organisations/default"


def read(process: Process) -> Any:
    return json.loads(ask(process.url + ORGANISATION, method="GET")[2])


def save(page: Page, at: int) -> None:
    page.get_by_role("button", name="Save", exact=True).nth(at).click()


def test_each_form_saves_its_own_and_neither_takes_the_other_for_a_stranger(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).open("/settings")
    page.get_by_label("Keys at most").fill("7")
    page.get_by_label("Title").fill("Acme")
    save(page, 0)
    expect(page.get_by_text("The organisation is saved", exact=True).first).to_be_visible()
    save(page, 1)
    expect(page.get_by_text("The quotas are saved", exact=True).first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    kept = read(process)
    assert (kept["title"], kept["quotas"]["keys"]) == ("Acme", 7)
    somebody = json.dumps({"title": "Theirs", "version": kept["version"]}).encode()
    assert ask(process.url + ORGANISATION, somebody, method="PATCH")[0] == 200
    page.get_by_label("Title").fill("Mine")
    save(page, 0)
    expect(page.get_by_role("alert")).to_contain_text("has been changed meanwhile")
    assert read(process)["title"] == "Theirs"
    with page.expect_response(lambda answer: answer.request.method == "PATCH") as saved:
        page.get_by_role("button", name="Save mine over it").click()
    assert saved.value.ok
    expect(page.get_by_role("alert")).to_have_count(0)
    assert read(process)["title"] == "Mine"
    assert read(process)["quotas"]["keys"] == 7
