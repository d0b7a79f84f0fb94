"""Signing in with a browser, with a password and elsewhere, and what others try with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.console.browser import Watched
from tests.console.operating import OPERATOR, PASSWORD, TEAM, Operator, begin_limit, sign_in
from tests.server.process import Process
from tests.server.serving import ask
from tests.upstream.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider

CHOSEN = "dgs_chosen-by-somebody-who-waits-for-it-to-open"
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "/%5Cevil.example/\\",
    "javascript:alert(1)",
    "/\t/evil.example/",
)
PLACES = ("console/", "console/keys", "console/setup", "console/invitation", "api/v1/session")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A gateway that asks for a password."""
    process = Process(tmp_path_factory.mktemp("signing"), "", env=TEAM)
    yield process
    process.kill()


@pytest.fixture
def provider(team: Process) -> Iterator[OidcProvider]:
    """Somebody of another site who knows who one is, and whom the gateway asks."""
    with OidcProvider() as started:
        # Another site to a browser, as a company's provider is.
        started.issuer = started.issuer.replace("127.0.0.1", "localhost")
        started.claims |= {"sub": "user-7", "email": "grace@example.com", "name": "Grace"}
        settings = {
            "issuer": started.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "title": "Acme accounts",
            "organisation": "default",
            "role": "viewer",
        }
        Operator(team).ask("PUT", "oidc/settings", settings)
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that nobody has used before."""
    context = browser.new_context()
    context.set_default_timeout(15_000)
    yield context
    context.close()


def session_of(context: BrowserContext) -> Any:
    (cookie,) = (one for one in context.cookies() if one["name"] == "dragoman_session")
    return cookie


def status_with(process: Process, token: str) -> int:
    """Ask who one is with the token of a session."""
    url = f"{process.url}/api/v1/session"
    return ask(url, method="GET", cookie=f"dragoman_session={token}")[0]


def test_who_signs_in_elsewhere_comes_back_to_the_page_that_was_wanted(
    team: Process, provider: OidcProvider, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{team.url}/console/requests?range=7d&asked=second%2Fm")
    page.get_by_role("link", name="Acme accounts").click()
    expect(page).to_have_title("Sign in")
    assert page.url.startswith(f"{provider.issuer}/authorize?")
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    expect(page).to_have_url(f"{team.url}/console/requests?range=7d&asked=second%2Fm")
    expect(page.get_by_role("button", name="Sign out Grace")).to_be_visible()
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_role("link", name="Settings")).to_be_visible()
    expect(places.get_by_role("link", name="Webhooks")).to_have_count(0)  # for admins
    cookie = session_of(context)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    page.get_by_role("button", name="Sign out Grace").click()
    expect(page.get_by_role("link", name="Acme accounts")).to_be_visible()
    assert status_with(team, cookie["value"]) == 401


def test_an_answer_from_elsewhere_signs_in_once(
    team: Process, provider: OidcProvider, context: BrowserContext
) -> None:
    """Who uses the same browser later, and goes back, is not who has signed in."""
    provider.claims |= {"sub": "user-9", "email": "joan@example.com", "name": "Joan"}
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    page.get_by_role("link", name="Acme accounts").click()
    expect(page).to_have_title("Sign in")
    begun = page.url
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Sign out Joan").click()
    expect(page.get_by_role("link", name="Acme accounts")).to_be_visible()
    page.goto(begun)
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not begun in this browser")
    assert [one for one in context.cookies() if one["name"] == "dragoman_session"] == []


def test_whom_nobody_has_let_in_is_told_so_and_is_not_in(
    team: Process, provider: OidcProvider, context: BrowserContext
) -> None:
    provider.claims |= {"sub": "user-8", "email": "mal@example.com", "email_verified": False}
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    page.get_by_role("link", name="Acme accounts").click()
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody has let you in here")
    assert page.url.startswith(f"{team.url}/console/")
    assert [one for one in context.cookies() if one["name"] == "dragoman_session"] == []


def test_what_somebody_says_elsewhere_does_not_sign_another_in(
    team: Process, provider: OidcProvider, context: BrowserContext, browser: Browser
) -> None:
    """A link that ends somebody's sign-in, opened by another, would be their session."""
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    page.get_by_role("link", name="Acme accounts").click()
    link = page.get_by_role("link", name="Sign in").get_attribute("href")
    assert link is not None
    other = browser.new_context()
    victim = other.new_page()
    victim.goto(link)
    expect(victim.get_by_role("alert")).to_contain_text("not begun in this browser")
    kept = [one for one in other.cookies() if one["name"] == "dragoman_session"]
    other.close()
    assert kept == []


@pytest.mark.parametrize("onward", ELSEWHERE)
def test_signing_in_leads_to_no_other_site(
    team: Process, provider: OidcProvider, context: BrowserContext, onward: str
) -> None:
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    url = page.evaluate(
        "(onward) => `/api/v1/oidc/start?onward=${encodeURIComponent(onward)}`", onward
    )
    page.goto(f"{team.url}{url}")
    expect(page.get_by_role("alert")).to_contain_text("did not work")
    assert page.url == f"{team.url}/console/?refused=invalid_request"
    assert provider.asked == []


def test_signing_in_with_a_password_leads_to_no_other_site(
    team: Process, visit: Callable[[Process], Watched]
) -> None:
    """Whatever stands in the address: the page that one is on is the one that one stays on."""
    page = visit(team).open("/keys?onward=//evil.example/&next=https://evil.example/#//evil")
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")
    assert page.url.startswith(f"{team.url}/console/keys")


def test_a_session_that_somebody_has_planted_opens_nothing_for_them(
    team: Process, context: BrowserContext
) -> None:
    planted = Operator(team).cookie.partition("=")[2]
    for token in (CHOSEN, planted):
        context.clear_cookies()
        context.add_cookies([{"name": "dragoman_session", "value": token, "url": team.url}])
        page = context.new_page()
        page.goto(f"{team.url}/console/")
        if token == planted:  # it is somebody's session: whoever sees that signs out
            page.get_by_role("button", name="Sign out").click()
        sign_in(page)
        mine = session_of(context)["value"]
        assert mine != token
        assert status_with(team, mine) == 200
        assert status_with(team, token) == 401
        page.close()


@pytest.mark.parametrize("place", PLACES)
def test_nothing_is_shown_in_a_frame_of_another_page(
    team: Process, context: BrowserContext, place: str
) -> None:
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    sign_in(page)
    frame = f'<iframe src="{team.url}/{place}"></iframe><a id=over>Click here</a>'
    page.goto(f"data:text/html,{frame}")
    page.wait_for_function("() => window.length === 1")
    expect(page.locator("#over")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert page.frames[1].url.startswith("chrome-error:")


def test_who_has_an_account_accepts_an_invitation_by_signing_in(
    team: Process, context: BrowserContext
) -> None:
    operator = Operator(team)
    operator.ask("POST", "organisations", {"name": "guests", "title": "Guests"})
    page = context.new_page()
    page.goto(operator.ask("POST", "organisations/guests/invitations", {"role": "viewer"})["link"])
    page.get_by_role("button", name="I have an account: sign in").click()
    page.get_by_label("E-mail").fill(OPERATOR)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name=f"Join as {OPERATOR}").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    (member,) = operator.ask("GET", "organisations/guests/members")["items"]
    assert (member["email"], member["role"]) == (OPERATOR, "viewer")


def test_who_signs_in_elsewhere_for_an_invitation_comes_back_to_it(
    team: Process, provider: OidcProvider, context: BrowserContext
) -> None:
    provider.claims |= {"sub": "user-8", "email": "hedy@example.com"}
    operator = Operator(team)
    operator.ask("POST", "organisations", {"name": "others", "title": "Others"})
    page = context.new_page()
    page.goto(operator.ask("POST", "organisations/others/invitations", {"role": "viewer"})["link"])
    page.get_by_role("button", name="I have an account: sign in").click()
    page.get_by_role("link", name="Acme accounts").click()
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="Join as hedy@example.com").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_a_session_that_ends_in_the_middle_of_something_loses_nothing_that_was_typed(
    team: Process, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{team.url}/console/limits")
    sign_in(page)
    sheet = begin_limit(page, "kept")
    sheet.get_by_label("How much").fill("42")
    context.clear_cookies()
    sheet.get_by_role("button", name="Save").click()

    again = page.get_by_role("dialog", name="Your session has ended")
    again.get_by_label("E-mail").fill(OPERATOR)
    again.get_by_label("Password").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    expect(page.get_by_text("$42.00 a month")).to_be_visible()


def test_a_page_that_finds_its_session_ended_asks_to_sign_in(
    team: Process, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{team.url}/console/")
    sign_in(page)
    context.clear_cookies()
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
