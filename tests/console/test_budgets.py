"""A budget set in the console is kept at the next request."""

from __future__ import annotations

from collections.abc import Callable

import openai
import pytest
from openai import OpenAI
from playwright.sync_api import expect

from tests.console.browser import Watched
from tests.console.operating import begin_limit
from tests.server.process import Process, wait_until
from tests.upstream.fault import FaultUpstream, chat, tokens

CONFIG = """
[providers.box]
base_url = "{url}"
models = [{{ id = "m", cost = {{ input = 1.0, output = 100.0 }} }}]
"""
USAGE = tokens(10, 10)
SPENT = "$0.0010"
"""Ten tokens at $1 a million, ten at $100: a second time there is no room for them."""


def test_a_strict_budget_refuses_the_next_request(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
) -> None:
    behind = upstream(chat("hello", usage=USAGE))
    process = start(CONFIG.format(url=behind.base_url))
    watched = visit(process)
    page = watched.open("/limits")
    sheet = begin_limit(page, "small")
    sheet.get_by_label("What is limited").select_option("spend")
    sheet.get_by_label("How much").fill("0.0015")
    sheet.get_by_label("In each").select_option("month")
    expect(sheet.get_by_label("When it is reached")).to_have_value("strict")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    meter = page.get_by_role("meter", name="small, default")
    expect(meter).to_have_attribute("aria-valuenow", "0")

    with OpenAI(base_url=f"{process.url}/v1", api_key="any") as client:

        def ask() -> str | None:
            answer = client.chat.completions.create(
                model="box/m", messages=[{"role": "user", "content": "hi"}], max_tokens=10
            )
            return answer.choices[0].message.content

        assert ask() == "hello"
        with pytest.raises(openai.RateLimitError) as refused:
            ask()
    assert refused.value.code == "budget_exceeded"
    assert behind.received == 1  # the SDK was told not to try again, and nobody was asked
    wait_until(lambda: len(process.rows("SELECT id FROM exchange")) == 2)  # the page looks once

    page = watched.open("/limits")
    expect(page.get_by_text(f"{SPENT} of $0.0015")).to_be_visible()
    expect(meter).to_have_attribute("aria-valuenow", "0.00101")
    page = watched.open("/requests?failed=true")
    row = page.get_by_role("table", name="Requests").locator("tbody tr[aria-rowindex]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("429")
    row.click()
    expect(page.get_by_role("dialog")).to_contain_text("nobody was asked")
