"""The playground: models side by side, whose answers grow while they come."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.console.browser import Watched
from tests.console.holding import hold_after
from tests.server.process import Process
from tests.upstream.fault import Answer, FaultUpstream, Request, error, tokens

CONFIG = """
[providers.box]
base_url = "{url}"
retries = 0
models = [{{ id = "hasty", cost = {{ input = 1.0, output = 2.0 }} }}, "calm", "gone"]
"""
USAGE = tokens(1000, 500)
HALF = "Once upon"
WHOLE = "Once upon a time"
COST = "$0.0020"
"""A thousand tokens at $1 a million, and five hundred at $2."""


class Box:
    """An upstream whose answers wait in the middle until `released` is set."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, request: Request) -> Answer:
        if request.json()["model"] == "gone":
            return error(400, message="that model has been taken away")
        return hold_after(HALF, " a time", self.released, USAGE)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def served(
    box: Box, upstream: Callable[..., FaultUpstream], start: Callable[..., Process]
) -> Iterator[tuple[Process, FaultUpstream]]:
    """A gateway with a provider whose models wait to be released."""
    behind = upstream(box)
    yield start(CONFIG.format(url=behind.base_url)), behind
    box.released.set()


def open_with(watched: Watched, *models: str) -> Page:
    page = watched.open("/playground")
    for number, model in enumerate(models, 1):
        if number > 1:
            page.get_by_role("button", name="Compare with another model").click()
        page.get_by_label(f"Model {number}", exact=True).fill(model)
    return page


def answers(page: Page) -> Locator:
    return page.get_by_test_id("answer")


def test_two_models_answer_side_by_side_and_each_answer_grows(
    served: tuple[Process, FaultUpstream], box: Box, visit: Callable[[Process], Watched]
) -> None:
    page = open_with(visit(served[0]), "box/hasty", "box/calm")
    page.get_by_label("Message").fill("Tell me a story")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(answers(page)).to_have_text([HALF, HALF])
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    box.released.set()
    expect(answers(page)).to_have_text([WHOLE, WHOLE])
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(page.get_by_text("1,000 in / 500 out")).to_have_count(2)
    expect(page.get_by_text(COST)).to_have_count(1)  # of the other one nobody knows the price
    expect(page.get_by_text(re.compile(r"· box/hasty"))).to_be_visible()
    asked = [request.json() for request in served[1].requests]
    assert sorted(one["model"] for one in asked) == ["calm", "hasty"]
    assert [one["messages"] for one in asked] == [
        [{"role": "user", "content": "Tell me a story"}]
    ] * 2
    page.get_by_role("link", name="trace").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("box/hasty")


def test_stop_ends_the_answer_here_and_at_the_provider(
    served: tuple[Process, FaultUpstream], visit: Callable[[Process], Watched]
) -> None:
    page = open_with(visit(served[0]), "box/hasty")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(answers(page)).to_have_text(HALF)
    page.get_by_role("button", name="Stop").click()
    served[1].requests[0].wait_closed(10)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)
    expect(answers(page)).to_have_text(HALF)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_refusal_is_shown_where_the_answer_would_be(
    served: tuple[Process, FaultUpstream], box: Box, visit: Callable[[Process], Watched]
) -> None:
    box.released.set()
    page = open_with(visit(served[0]), "box/gone", "box/calm")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("that model has been taken away")
    expect(answers(page).nth(1)).to_have_text(WHOLE)
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_the_same_request_is_shown_as_code(
    served: tuple[Process, FaultUpstream], visit: Callable[[Process], Watched]
) -> None:
    page = open_with(visit(served[0]), "box/hasty")
    page.get_by_label("System", exact=True).fill("Be brief")
    page.get_by_label("Message").fill("It's me")
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_role("button", name="As code").click()
    code = page.get_by_role("dialog")
    expect(code).to_contain_text(f"curl {served[0].url}/v1/chat/completions")
    expect(code).to_contain_text(r"It'\''s me")
    expect(code).to_contain_text('client.chat.completions.create(model="box/hasty"')
    expect(code).to_contain_text("temperature=0.5")
    expect(code).to_contain_text('system="Be brief"')
    page.keyboard.press("Escape")
    expect(code).to_have_count(0)
