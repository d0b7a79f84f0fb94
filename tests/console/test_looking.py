"""What one looks at: one project of many, who answers, long texts, what the gateway keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import expect

from tests.console.browser import Watched
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat, error, models

CHECKED = """
[server.ledger]
requests_days = 90
content_days = 7

[providers.away]
base_url = "{away}"
check = {{ interval = 1 }}

[providers.there]
base_url = "{there}"
check = {{ interval = 1 }}
"""
KEPT = """
[server.ledger]
content = "full"
content_limit = 4000000

[providers.box]
base_url = "{url}"
"""
LONG = 3_000_000


def put(process: Process, path: str, body: object) -> dict[str, str]:
    url = f"{process.url}/api/v1/organisations/default/{path}"
    method = "POST" if path == "keys" else "PUT"
    status, _, said = ask(url, json.dumps(body).encode(), method=method)
    assert status in (200, 201), said
    made: dict[str, str] = json.loads(said)
    return made


def chat_with(process: Process, model: str, key: str | None = None, text: str = "hi") -> int:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    url = f"{process.url}/v1/chat/completions"
    return ask(url, json.dumps(body).encode(), **headers)[0]


def answers(process: Process, model: str, key: str) -> bool:
    return chat_with(process, model, key) == 200


def test_a_project_is_chosen_at_the_top_and_stands_in_the_address(
    start: Callable[..., Process], visit: Callable[[Process], Watched]
) -> None:
    process = start()
    for name in ("web", "app"):
        put(process, f"projects/{name}", {"title": name.title()})
    keys = {
        name: put(process, "keys", {"name": name, "project": name})["key"]
        for name in ("web", "app")
    }
    for name, model in (("web", "demo/echo"), ("web", "demo/echo"), ("app", "demo/story")):
        wait_until(partial(answers, process, model, keys[name]))
    url = f"{process.url}/api/v1/organisations/default/usage?since=1h"
    wait_until(lambda: json.loads(ask(url, method="GET")[2])["total"]["requests"] >= 3)

    page = visit(process).open("/")
    told = page.locator("section, div").filter(has_text=re.compile(r"^Top models")).last
    expect(told).to_contain_text("demo/story")
    page.get_by_label("Project", exact=True).select_option("web")
    expect(page).to_have_url(re.compile(r"project=web"))
    expect(told).not_to_contain_text("demo/story")
    expect(told).to_contain_text("demo/echo")
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Requests").click()
    table = page.get_by_role("table", name="Requests")
    expect(table.locator("tbody tr[aria-rowindex]")).to_have_count(2)
    page.reload()
    expect(page.get_by_label("Project", exact=True)).to_have_value("web")
    expect(table.locator("tbody tr[aria-rowindex]")).to_have_count(2)
    page.get_by_label("Project", exact=True).select_option("")
    expect(table.locator("tbody tr[aria-rowindex]")).to_have_count(3)
    expect(page).not_to_have_url(re.compile(r"project="))


def test_a_provider_tells_what_came_of_its_last_check_and_settings_how_long_things_are_kept(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
) -> None:
    away, there = upstream(error(503)), upstream(models("m"))
    process = start(CHECKED.format(away=away.base_url, there=there.base_url))
    url = f"{process.url}/api/v1/organisations/default/providers/away"
    wait_until(lambda: json.loads(ask(url, method="GET")[2])["check"] is not None)
    watched = visit(process)
    page = watched.open("/providers")
    card = page.get_by_role("button", name=re.compile("^away"))
    expect(card).to_contain_text(re.compile(r"checked .*: it answered with an error"))
    card = page.get_by_role("button", name=re.compile("^there"))
    expect(card).to_contain_text(re.compile(r"checked .*: it answers"))
    page = watched.open("/settings")
    expect(page.get_by_text("are kept 90 days")).to_be_visible()
    days = page.get_by_label("For how many days texts are kept")
    expect(days).to_have_attribute("placeholder", "as the gateway has it: 7 days")


def test_a_long_text_is_shown_in_part_and_whole_where_it_is_wanted(
    upstream: Callable[..., FaultUpstream],
    start: Callable[..., Process],
    visit: Callable[[Process], Watched],
    tmp_path: Path,
) -> None:
    box = upstream(chat("read"))
    process = start(KEPT.format(url=box.base_url))
    text = "".join(f"line {number}\n" for number in range(LONG // 12))
    assert chat_with(process, "box/m", text=f"{text}the end") == 200
    url = f"{process.url}/api/v1/organisations/default/requests"
    wait_until(lambda: json.loads(ask(url, method="GET")[2])["items"] != [])
    page = visit(process).open("/requests")
    page.get_by_role("table", name="Requests").locator("tbody tr[aria-rowindex]").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text(re.compile(r"-d @req_\w+-request\.json"))
    sheet.get_by_role("tab", name="Request").click()
    shown = sheet.get_by_label("The request", exact=True)
    expect(shown).to_contain_text("line 1")
    assert len(shown.text_content() or "") < 30_000
    with page.expect_download() as coming:
        sheet.get_by_role("button", name="Download").click()
    saved = tmp_path / "request.json"
    coming.value.save_as(saved)
    assert json.loads(saved.read_text())["messages"][0]["content"].endswith("the end")
    sheet.get_by_role("button", name="Show all").click()
    expect(shown).to_contain_text("the end")
    sheet.get_by_role("tab", name="Response").click()
    expect(sheet).to_contain_text("read")
    expect(sheet.get_by_role("button", name="Download")).to_have_count(0)
