"""What was asked is asked again in the playground, whatever language it was asked in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser import Watched
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat, chat_stream

CONFIG = """
{kept}
[providers.box]
base_url = "{url}"
"""
KEPT = '[server.ledger]\ncontent = "full"\n'
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
PICTURE = f"data:image/png;base64,{PIXEL}"
SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
TOOL = {"name": "look", "description": "Look."}

CHAT = {
    "model": "box/m",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "a fox"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": PICTURE}},
            ],
        },
    ],
    "temperature": 0.5,
    "max_tokens": 77,
    "tools": [{"type": "function", "function": {**TOOL, "parameters": SCHEMA}}],
}
MESSAGES = {
    "model": "box/m",
    "system": [{"type": "text", "text": "Be brief."}],
    "messages": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "text", "text": "A fox."}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is it?"},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                },
            ],
        },
    ],
    "temperature": 0.5,
    "max_tokens": 77,
    "tools": [{**TOOL, "input_schema": SCHEMA}],
}
RESPONSES = {
    "model": "box/m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": "A fox."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is it?"},
                {"type": "input_image", "image_url": PICTURE},
            ],
        },
    ],
    "temperature": 0.5,
    "max_output_tokens": 77,
    "tools": [{"type": "function", **TOOL, "parameters": SCHEMA}],
}
TALK = [{"role": "user", "content": "Look."}, {"role": "assistant", "content": "A fox."}]
SAID: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "chat/completions": (CHAT, CHAT["messages"][1:4]),  # type: ignore[index]
    "messages": (MESSAGES, TALK),
    "responses": (RESPONSES, TALK),
}


def ask_and_open(process: Process, watched: Watched, path: str, body: dict[str, Any]) -> Page:
    """Ask the gateway, then open what it keeps of that in the console."""
    status, _, said = ask(f"{process.url}/v1/{path}", json.dumps(body).encode())
    assert status == 200, said
    kept = f"{process.url}/api/v1/organisations/default/requests"
    wait_until(lambda: json.loads(ask(kept, method="GET")[2])["items"] != [])
    page = watched.open("/requests")
    page.get_by_role("table", name="Requests").locator("tbody tr[aria-rowindex]").click()
    return page


@pytest.fixture
def behind(upstream: Callable[..., FaultUpstream]) -> FaultUpstream:
    return upstream(
        lambda request: chat_stream(["again"]) if request.json().get("stream") else chat("hi")
    )


@pytest.mark.parametrize("path", SAID)
def test_a_request_is_replayed_as_it_was_asked(
    path: str,
    behind: FaultUpstream,
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
) -> None:
    process = start(CONFIG.format(url=behind.base_url, kept=KEPT))
    body, earlier = SAID[path]
    page = ask_and_open(process, visit(process), path, body)
    page.get_by_role("link", name="Replay in the playground").click()
    expect(page.get_by_label("Model 1", exact=True)).to_have_value("box/m")
    expect(page.get_by_label("Message")).to_have_value("What is it?")
    expect(page.get_by_text(f"{len(earlier)} earlier messages are sent along")).to_be_visible()
    expect(page.get_by_role("img", name="Attached 1")).to_have_attribute("src", PICTURE)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_test_id("answer")).to_have_text("again")
    again = behind.requests[-1].json()
    assert again["messages"] == [
        {"role": "system", "content": "Be brief."},
        *earlier,
        CHAT["messages"][-1],  # type: ignore[index]
    ]
    assert (again["temperature"], again["max_tokens"]) == (0.5, 77)
    assert again["tools"] == CHAT["tools"]


def test_of_a_request_that_was_not_kept_the_model_is_taken_over(
    behind: FaultUpstream, start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start(CONFIG.format(url=behind.base_url, kept=""))
    page = ask_and_open(process, visit(process), "chat/completions", CHAT)
    page.get_by_role("link", name="Replay in the playground").click()
    told = page.get_by_role("status").filter(has_text="its model alone is taken over")
    expect(told).to_be_visible()
    expect(page.get_by_label("Model 1", exact=True)).to_have_value("box/m")
