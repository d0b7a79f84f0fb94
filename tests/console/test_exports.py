"""What is taken away from the console as a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from playwright.sync_api import expect

from tests.console.browser import Watched
from tests.server.process import Process, wait_until
from tests.server.serving import ask

FORMULAS = ('=HYPERLINK("https://evil.example")', "+1+1", "-2-2", "@SUM(A1)", "=cmd|'/C calc'!A0")
QUESTION = json.dumps(
    {"model": "demo/echo", "messages": [{"role": "user", "content": "hi"}]}
).encode()
TAKEN_FOR_ONE = ("=", "+", "-", "@", "\t", "\r")
ORGANISATION = "/api/v1/organisations/default"


def answers(process: Process, key: str) -> bool:
    """Ask with a key; a new one is known to the data plane a moment later."""
    url = f"{process.url}/v1/chat/completions"
    return ask(url, QUESTION, authorization=f"Bearer {key}")[0] == 200


def test_no_cell_of_a_saved_file_is_a_formula(
    start: Callable[..., Process], visit: Callable[[Process], Watched], tmp_path: Path
) -> None:
    """Members say what their keys are called; whoever opens the file has a spreadsheet."""
    process = start()
    for formula in FORMULAS:
        made = json.dumps({"name": formula}).encode()
        status, _, said = ask(f"{process.url}{ORGANISATION}/keys", made)
        assert status == 201, said
        key = json.loads(said)["key"]
        wait_until(partial(answers, process, key))

    def kept() -> int:
        body = ask(f"{process.url}{ORGANISATION}/requests", method="GET")[2]
        return len(json.loads(body)["items"])

    wait_until(lambda: kept() == len(FORMULAS))
    page = visit(process).open("/requests")
    table = page.get_by_role("table", name="Requests")
    expect(table.locator("tbody tr[aria-rowindex]")).to_have_count(len(FORMULAS))
    with page.expect_download() as coming:
        page.get_by_role("link", name="CSV").click()
    saved = tmp_path / "requests.csv"
    coming.value.save_as(saved)
    with saved.open(newline="") as file:
        rows = list(csv.DictReader(file))
    cells = [cell for row in rows for cell in row.values()]
    assert sorted(row["gateway_key"] for row in rows) == sorted(f"'{one}" for one in FORMULAS)
    assert [cell for cell in cells if cell.lstrip(" ").startswith(TAKEN_FOR_ONE)] == []
