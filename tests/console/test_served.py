"""How the console fares behind a proxy's prefix, and beside hostile pages."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.console.browser import Watched
from tests.server.process import Process
from tests.upstream.prefix_proxy import PrefixProxy

ADA = {"DRAGOMAN_ADMIN_EMAIL": "ada@example.com", "DRAGOMAN_ADMIN_PASSWORD": "correct horse bat"}
EVIL = """<!doctype html><title>evil</title><iframe src="{url}/console/keys"></iframe>
<form id=plain method=post enctype="text/plain" action="{api}/demo-traffic" target=there>
<input name='{{"count": 5, "x": "' value='"}}'></form>
<form id=coded method=post action="{api}/demo-traffic" target=there>
<input name=count value=5></form>
<iframe name=there></iframe>"""
FORGE = """async (api) => {
  const told = [];
  for (const [method, path, kind] of [["POST", "/demo-traffic", "text/plain"],
      ["POST", "/demo-traffic", "application/json"], ["PUT", "/projects/evil", "application/json"],
      ["GET", "/projects", "application/json"], ["DELETE", "/keys/x", "application/json"]])
    for (const mode of ["cors", "no-cors"])
      try {
        const options = { method, mode, credentials: "include", headers: { "content-type": kind } };
        if (method !== "GET") options.body = '{"title": "evil", "count": 5}';
        const response = await fetch(api + path, options);
        told.push(response.type === "opaque" ? "opaque" : await response.text());
      } catch { told.push("refused"); }
  return told;
}"""


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail").fill(ADA["DRAGOMAN_ADMIN_EMAIL"])
    page.get_by_label("Password").fill(ADA["DRAGOMAN_ADMIN_PASSWORD"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_below_a_prefix_of_a_proxy_all_of_it_works(
    browser: Browser, start: Callable[..., Process]
) -> None:
    process = start("", **ADA)
    context = browser.new_context()
    with PrefixProxy(process.port, "/llm") as proxy:
        watched = Watched(context.new_page(), f"{proxy.url}/llm")
        page = watched.page
        page.goto(f"{watched.base}/")
        expect(page).to_have_url(f"{watched.base}/console/")
        sign_in(page)
        (cookie,) = context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
        page.get_by_role("link", name="Requests").click()
        expect(page).to_have_url(f"{watched.base}/console/requests")
        with page.expect_response(lambda answer: "/requests/tail" in answer.url) as tail:
            page.get_by_role("button", name="Go live").click()
        assert tail.value.status == 200
        assert tail.value.headers["content-type"].startswith("text/event-stream")
        file = page.get_by_role("link", name="CSV").get_attribute("href")
        assert file is not None
        assert file.startswith("/llm/api/v1/")
        page.get_by_role("button", name="Live").click()
        watched.open("/nowhere/at/all")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
        page.goto(f"{watched.base}/setup#su_token")
        expect(page).to_have_url(f"{watched.base}/console/setup#su_token")
        page.goto(f"{watched.base}/invitation#in_token")
        expect(page).to_have_url(f"{watched.base}/console/invitation#in_token")
        context.close()
        assert proxy.missed == []
    assert watched.troubles == []


@pytest.fixture
def evil() -> Iterator[tuple[str, list[str]]]:
    """Serve a page of another origin; its text is what the list holds."""
    text: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "".join(text).encode()
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{{}}:{server.server_address[1]}/", text
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_of_another_site_frames_forges_and_reads_nothing(
    browser: Browser, start: Callable[..., Process], evil: tuple[str, list[str]]
) -> None:
    """The same machine under the same name is the same site: cookies are sent along from there."""
    process = start("", **ADA)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{process.url}/console/")
    sign_in(page)
    api = f"{process.url}/api/v1/organisations/default"
    there, text = evil
    text.append(EVIL.format(url=process.url, api=api))
    page.goto(there.format("127.0.0.1"))
    page.wait_for_load_state("networkidle")
    assert page.frames[1].url.startswith("chrome-error:")
    told = page.evaluate(FORGE, api)
    assert set(told) <= {"refused", "opaque"}
    for form in ("plain", "coded"):
        with page.expect_response(lambda answer: answer.url.startswith(api)) as answer:
            page.evaluate(f"document.getElementById('{form}').submit()")
        assert answer.value.status in (401, 403)
    opened = page.evaluate(
        "(url) => { const there = window.open(url); return there === null || there.closed }",
        f"{process.url}/console/",
    )
    page.goto(f"{process.url}/console/requests")
    expect(page.get_by_role("heading", level=1)).to_have_text("Requests")  # still signed in
    kept = page.evaluate(
        "async (api) => [await (await fetch(api + '/projects')).json(),"
        " await (await fetch(api + '/requests')).json()]",
        api,
    )
    context.close()
    assert opened in (True, False)
    assert [found["items"] for found in kept] == [[], []]
