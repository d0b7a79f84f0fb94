"""An answer that was asked for before a change, and comes after it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import APIResponse, Route, expect

from tests.console.browser import Watched
from tests.server.process import Process


def test_a_list_that_comes_late_does_not_hide_what_was_made_meanwhile(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    page = visit(process).page
    late: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page.route("**/default/limits?*", hold_the_first)
    page.goto(f"{process.url}/console/limits")
    page.get_by_role("button", name="New limit").click()
    sheet = page.get_by_role("dialog", name="New limit")
    sheet.get_by_label("Name").fill("team")
    sheet.get_by_label("How much").fill("5")
    with page.expect_response(lambda response: response.request.method == "PUT"):
        sheet.get_by_role("button", name="Save").click()
    ((route, answer),) = late
    assert answer.json()["items"] == []
    route.fulfill(response=answer)
    expect(sheet).to_have_count(0)
    expect(page.get_by_role("heading", name="team")).to_be_visible()
