"""An answer that was asked for before a change, and comes after it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.console.browser import Watched
from tests.console.holding import LateAnswer
from tests.console.operating import begin_limit
from tests.server.process import Process


def test_a_list_that_comes_late_does_not_hide_what_was_made_meanwhile(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).page
    late = LateAnswer(page, "**/default/limits?*")
    page.goto(f"{process.url}/console/limits")
    sheet = begin_limit(page, "team")
    sheet.get_by_label("How much").fill("5")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        sheet.get_by_role("button", name="Save").click()
    assert late.answer.json()["items"] == []
    late.arrive()
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("heading", name="team")).to_be_visible()
