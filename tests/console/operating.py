"""Who runs a gateway that is reachable from elsewhere, asking its API as the console does."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.server.process import Process
from tests.server.serving import ask

SECRET_KEY = "A" * 43 + "="
PASSWORD = "correct horse battery"  # a passphrase of these tests
OPERATOR = "ada@example.com"
TEAM = {
    "DRAGOMAN_SECRET_KEY": SECRET_KEY,
    "DRAGOMAN_ADMIN_EMAIL": OPERATOR,
    "DRAGOMAN_ADMIN_PASSWORD": PASSWORD,
}


def sign_in(page: Page, email: str = OPERATOR) -> None:
    """Sign in on a page that asks to."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def join(page: Page, link: str, email: str) -> None:
    """Accept an invitation, with an account that is made for it."""
    page.goto(link)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def begin_limit(page: Page, name: str) -> Locator:
    """Open the form of a new limit, with its name in it."""
    page.get_by_role("button", name="New limit").first.click()
    sheet = page.get_by_role("dialog", name="New limit")
    sheet.get_by_label("Name").fill(name)
    return sheet


class Operator:
    """The operator, signed in."""

    def __init__(self, process: Process) -> None:
        self._url = f"{process.url}/api/v1"
        self._headers: dict[str, str] = {}
        headers = self._ask("POST", "session", {"email": OPERATOR, "password": PASSWORD})[1]
        named = {name.lower(): value for name, value in headers.items()}
        self._headers["cookie"] = named["set-cookie"].partition(";")[0]

    @property
    def cookie(self) -> str:
        """The cookie of the session, as a browser sends it."""
        return self._headers["cookie"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API; what it refuses fails the test."""
        return self._ask(method, path, body)[0]

    def _ask(self, method: str, path: str, body: Any) -> tuple[Any, Any]:
        sent = None if body is None else json.dumps(body).encode()
        status, headers, said = ask(f"{self._url}/{path}", sent, method=method, **self._headers)
        assert status < 300, said
        return (json.loads(said) if said else None), headers
