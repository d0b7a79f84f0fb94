"""What the console gives to copy works as it stands, whatever a model is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.clients.installed import PYTHON, Machine
from tests.console.browser import Watched
from tests.console.test_looking import put
from tests.server.process import Process
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream

SAID = "I am the house's own model"
NASTY = "it's; touch stolen #"
"""A name that a shell must not take for more than a name."""

REST = {"Claude Code": " -p hi", "Codex": " exec --skip-git-repo-check hi"}
QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path / "machine") as machine:
        settings = machine.home / ".codex/config.toml"
        settings.parent.mkdir()
        settings.write_text("[analytics]\nenabled = false\n[features]\nplugins = false\n")
        yield machine


def house(request: Request) -> Answer:
    return chat_stream([SAID]) if request.json().get("stream") else chat(SAID)


def make_key(page: Page, model: str) -> None:
    page.get_by_label("Model", exact=True).fill(model)
    page.get_by_role("button", name="Make a key").click()


def copied(page: Page, name: str) -> str:
    """Read what the button beside a snippet would copy."""
    return page.locator("section section").filter(has_text=name).locator("pre").inner_text()


def test_each_program_gets_its_answer_by_what_was_copied(
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    upstream: Callable[..., FaultUpstream],
    machine: Machine,
) -> None:
    process = start(f'[providers.house]\nbase_url = "{upstream(house).base_url}"\n')
    page = visit(process).open("/first")
    make_key(page, f"house/{NASTY}")
    for name in ("curl", "Claude Code", "Codex"):
        lines = copied(page, name) + REST.get(name, "")
        assert SAID in machine.run(["bash", "-c", lines], **QUIET), name
    for name in ("OpenAI SDK (Python)", "Anthropic SDK (Python)"):
        assert SAID in machine.run([PYTHON, "-c", copied(page, name)]), name
    assert list(machine.work.iterdir()) == []


def test_the_way_to_a_provider_is_shown_until_there_is_one(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    assert process.chat("demo/echo")[0] == 200
    watched = visit(process)
    page = watched.open()
    page.get_by_role("link", name="The first request").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The first request")
    put(process, "providers/house", {"base_url": "https://llm.example.com/v1"})
    watched.open()
    expect(page.get_by_role("figure", name="Outcomes")).to_be_visible()
    expect(page.get_by_role("link", name="The first request")).to_have_count(0)
