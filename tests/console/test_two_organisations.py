"""Members of two organisations, each in a browser: neither sees anything of the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.console.browser import Watched
from tests.console.operating import PASSWORD, TEAM, Operator
from tests.server.process import Process
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat

ORGANISATIONS = ("globex", "initech")


def email_of(organisation: str) -> str:
    return f"owner@{organisation}.example"


@pytest.fixture(scope="module")
def requests() -> dict[str, str]:
    """By organisation, the id of a request that was made in it."""
    return {}


@pytest.fixture(scope="module")
def process(
    tmp_path_factory: pytest.TempPathFactory, requests: dict[str, str]
) -> Iterator[Process]:
    """A gateway of two organisations, each with an owner, a provider, a key and a request."""
    with FaultUpstream(chat("hello")) as behind:
        process = Process(tmp_path_factory.mktemp("team"), "", "--host", "0.0.0.0", env=TEAM)
        try:
            fill(process, behind, requests)
            yield process
        finally:
            process.kill()


def fill(process: Process, behind: FaultUpstream, requests: dict[str, str]) -> None:
    operator = Operator(process)
    for name in ORGANISATIONS:
        operator.ask("POST", "organisations", {"name": name, "title": name.title()})
        account = {"email": email_of(name), "password": PASSWORD}
        made = operator.ask("POST", "accounts", account)["id"]
        below = f"organisations/{name}"
        operator.ask("PUT", f"{below}/members/{made}", {"role": "owner"})
        provider = {"base_url": behind.base_url}
        operator.ask("PUT", f"{below}/providers/of{name}", provider)
        key = operator.ask("POST", f"{below}/keys", {"name": f"key-of-{name}"})["key"]
        body = f'{{"model": "of{name}/m", "messages": [{{"role": "user", "content": "hi"}}]}}'
        status, headers, _ = ask(
            f"{process.url}/v1/chat/completions", body.encode(), authorization=f"Bearer {key}"
        )
        assert status == 200
        requests[name] = {one.lower(): said for one, said in headers.items()}["x-request-id"]


def sign_in(watched: Watched, organisation: str) -> Page:
    page = watched.open("/")
    page.get_by_label("E-mail").fill(email_of(organisation))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    return page


def test_members_of_two_organisations_see_nothing_of_each_other(
    process: Process, visit: Callable[[Process], Watched], requests: dict[str, str]
) -> None:
    for mine, foreign in (ORGANISATIONS, ORGANISATIONS[::-1]):
        watched = visit(process)
        page = sign_in(watched, mine)
        other = re.compile(foreign, re.IGNORECASE)
        for path, own in (
            ("/", mine.title()),
            ("/providers", f"of{mine}"),
            ("/keys", f"key-of-{mine}"),
            ("/requests", f"of{mine}/m"),
            ("/members", email_of(mine)),
            ("/audit", f"of{mine}"),
        ):
            watched.open(path)
            expect(page.locator("body")).to_contain_text(own)
            expect(page.locator("body")).not_to_contain_text(other)


def test_a_link_into_another_organisation_leads_nowhere(
    process: Process, visit: Callable[[Process], Watched]
) -> None:
    watched = visit(process)
    page = sign_in(watched, "globex")
    for path in ("/providers", "/keys", "/requests", "/members", "/limits"):
        watched.open(f"{path}?org=initech")
        expect(page.get_by_role("alert").first).to_contain_text("no such organisation")
        for hidden in ("ofinitech", "key-of-initech", email_of("initech")):
            expect(page.locator("body")).not_to_contain_text(hidden)


def test_links_to_things_of_another_organisation_say_that_there_is_no_such_thing(
    process: Process, visit: Callable[[Process], Watched], requests: dict[str, str]
) -> None:
    watched = visit(process)
    page = sign_in(watched, "globex")
    watched.open(f"/requests?request={requests['initech']}")
    expect(page.get_by_role("alert")).to_contain_text("there is no such request")
    watched.open("/providers?provider=ofinitech")
    expect(page.get_by_role("alert")).to_contain_text("There is no provider ofinitech here")
    watched.open(f"/requests?request={requests['globex']}")
    expect(page.get_by_role("dialog")).to_contain_text("ofglobex/m")
