"""From nothing to a streamed answer and a key, in the browser alone."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser import Watched
from tests.console.holding import LateAnswer
from tests.console.operating import OPERATOR, PASSWORD, SECRET_KEY
from tests.server.process import Process
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, models
from tests.upstream.postgres import PostgresServer

HALF = "Hello, I am"
WHOLE = "Hello, I am the house's own model"


class House:
    """A provider: it lists a model, and holds a streamed answer until `released` is set."""

    def __init__(self) -> None:
        self.released = threading.Event()

    def __call__(self, request: Request) -> Answer:
        if request.method == "GET":
            return models("own")
        body = request.json()
        if "Say hello" not in body["messages"][-1]["content"] or not body.get("stream"):
            return chat_stream(["OK"]) if body.get("stream") else chat("OK")
        answer = chat_stream([HALF, " the house's own model"])
        return answer.hold(
            self.released, at=answer.body.index(b"data:", answer.body.index(b"I am"))
        )


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.released.set()


@pytest.fixture
def behind(house: House, upstream: Callable[..., FaultUpstream]) -> FaultUpstream:
    return upstream(house)


def read_link(process: Process) -> str:
    """Read the one-time link that a gateway prints which others can reach."""
    assert process.process.stdout is not None
    for line in process.process.stdout:
        if found := re.search(r"http://\S+(/setup#su_\w+)", line):
            return process.url + found[1]
    raise AssertionError("no link was printed")


def fill_in_with_the_mouse(page: Page, behind: FaultUpstream) -> None:
    """Add a provider and test it, by clicks; text is typed where it was clicked."""
    page.get_by_role("button", name="Add a provider").click()
    sheet = page.get_by_role("dialog", name="Add a provider")
    sheet.get_by_label("Name").click()
    page.keyboard.type("house")
    sheet.get_by_label("Base URL").click()
    page.keyboard.type(behind.url)
    expect(sheet.get_by_text("Will call:")).to_have_text(
        f"Will call: POST {behind.url}/v1/chat/completions"
    )
    page.keyboard.type("/v1/chat")  # the preview goes on with what is typed
    expect(sheet.get_by_text("Will call:")).to_contain_text(f"{behind.url}/v1/chat")
    for _ in "/chat":
        page.keyboard.press("Backspace")
    expect(sheet.get_by_text("Will call:")).to_have_text(
        f"Will call: POST {behind.url}/v1/chat/completions"
    )
    sheet.get_by_role("button", name="Test").click()
    steps = sheet.get_by_role("status", name="Test")
    expect(steps).to_contain_text("It works: own has answered")
    for step in ("reach", "models", "chat", "stream"):
        row = steps.get_by_role("listitem").filter(has_text=step).first
        expect(row.get_by_label("ok")).to_be_visible()
    sheet.get_by_role("button", name="Take the 1 that it lists").click()
    expect(sheet.get_by_label("Model of model 1")).to_have_value("own")
    sheet.get_by_role("button", name="Add it").click()
    expect(sheet).to_have_count(0)


def go_on_with_the_mouse(page: Page, house: House, behind: FaultUpstream, url: str) -> None:
    """Ask the model, see the answer come, and make a key."""
    expect(page.get_by_text("There is house.")).to_be_visible()
    expect(page.get_by_label("Model", exact=True)).to_have_value("house/own")
    page.get_by_role("button", name="Ask it").click()
    answer = page.get_by_test_id("answer")
    expect(answer).to_have_text(HALF)
    house.released.set()
    expect(answer).to_have_text(WHOLE)
    page.get_by_role("button", name="Make a key").click()
    expect_key(page, url)


def expect_key(page: Page, url: str) -> None:
    """See the key, and how each program is told of it."""
    for name, part in (
        ("curl", f"curl {url}/v1/chat/completions"),
        ("OpenAI SDK (Python)", f'OpenAI(base_url="{url}/v1", api_key="'),
        ("Anthropic SDK (Python)", f'Anthropic(base_url="{url}", api_key="'),
        ("Claude Code", f"export ANTHROPIC_BASE_URL={url} ANTHROPIC_AUTH_TOKEN="),
        ("Codex", f'base_url="{url}/v1",env_key="DRAGOMAN_GATEWAY_KEY"'),
    ):
        snippet = page.locator("section section").filter(has_text=name).first
        expect(snippet).to_contain_text(part)
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def set_up(page: Page, link: str) -> None:
    """Become the operator, and be led on."""
    page.goto(link)
    page.get_by_label("E-mail").click()
    page.keyboard.type(OPERATOR)
    page.get_by_label("Password").click()
    page.keyboard.type(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The first request")


def set_up_and_ask(process: Process, watched: Watched, house: House, behind: FaultUpstream) -> None:
    """Go the whole way from the link on."""
    link = read_link(process)
    page = watched.page
    set_up(page, link)
    assert "su_" not in page.url
    fill_in_with_the_mouse(page, behind)
    go_on_with_the_mouse(page, house, behind, process.url)
    watched.open("/requests")
    expect(page.get_by_role("table", name="Requests")).to_contain_text("house/own")
    again = page.context.new_page()
    again.goto(link)
    again.get_by_label("E-mail").fill(OPERATOR)
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Go on").click()
    expect(again.get_by_role("alert")).to_be_visible()  # the link works once


def test_the_link_leads_to_a_provider_an_answer_and_a_key(
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    house: House,
    behind: FaultUpstream,
) -> None:
    process = start("", "--host", "0.0.0.0", DRAGOMAN_SECRET_KEY=SECRET_KEY)
    watched = visit(process)
    expect(watched.open().get_by_role("heading")).to_have_text("This gateway waits to be set up")
    set_up_and_ask(process, watched, house, behind)


def test_the_same_way_is_open_with_postgresql(
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    house: House,
    behind: FaultUpstream,
    postgres_server: PostgresServer,
) -> None:
    process = start(
        "",
        *("--host", "0.0.0.0"),
        DRAGOMAN_SECRET_KEY=SECRET_KEY,
        DRAGOMAN_DATABASE_URL=postgres_server.new().url,
    )
    set_up_and_ask(process, visit(process), house, behind)


def test_what_was_asked_as_nobody_and_is_answered_late_is_not_believed(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start("", "--host", "0.0.0.0", DRAGOMAN_SECRET_KEY=SECRET_KEY)
    page = visit(process).page
    late = LateAnswer(page, "**/api/v1/session")
    set_up(page, read_link(process))
    assert late.answer.status == 401
    late.arrive()
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(150):
        page.keyboard.press("Tab")
        called = page.evaluate(
            "(() => { const at = document.activeElement; return at.ariaLabel"
            " ?? at.labels?.[0]?.innerText ?? at.innerText ?? ''; })()"
        )
        if called.strip() == name:
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def test_one_user_alone_needs_no_mouse_and_no_password(
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    house: House,
    behind: FaultUpstream,
) -> None:
    process = start()
    page = visit(process).open("/first")
    house.released.set()
    keyboard = page.keyboard
    expect(page.get_by_role("button", name="Add a provider")).to_be_visible()
    tab_to(page, "Add a provider by its URL")
    keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Add a provider")
    expect(sheet).to_be_visible()
    for field, text in (("Name", "house"), ("Base URL", behind.base_url)):
        tab_to(page, field)
        keyboard.type(text)
    expect(sheet.get_by_text("Will call:")).to_contain_text(f"{behind.base_url}/chat/completions")
    tab_to(page, "Test")
    keyboard.press("Enter")
    expect(sheet.get_by_role("status", name="Test")).to_contain_text("It works")
    tab_to(page, "Take the 1 that it lists")
    keyboard.press("Enter")
    tab_to(page, "Add it")
    keyboard.press("Enter")
    expect(sheet).to_have_count(0)
    expect(page.get_by_label("Model", exact=True)).to_have_value("house/own")
    tab_to(page, "Ask it")
    keyboard.press("Enter")
    expect(page.get_by_test_id("answer")).to_have_text(WHOLE)
    tab_to(page, "Make a key")
    keyboard.press("Enter")
    expect_key(page, process.url)
