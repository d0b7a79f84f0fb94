"""How the console is served: what each answer says to the browser, and what is not answered."""

from __future__ import annotations

import gzip
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import dragoman
from tests.control.plane import PASSWORD, Answer, Plane
from tests.server.process import Process
from tests.server.serving import ask

LINKED = re.compile(r'(?:src|href)="\./(assets/[^"]+)"')
HTML = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with Plane(tmp_path_factory.mktemp("console") / "dragoman.db") as served:
        yield served


def look(plane: Plane, path: str, method: str = "GET", **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return plane.ask(method, path, headers=given)


def linked(plane: Plane) -> list[str]:
    """Names of what the page loads first."""
    names = LINKED.findall(look(plane, "/console/").body.decode())
    assert {name.rpartition(".")[2] for name in names} == {"svg", "js", "css"}
    return names


def script(plane: Plane) -> str:
    return "/console/" + next(name for name in linked(plane) if name.endswith(".js"))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/console/", 200),
        ("/console/requests", 200),
        ("/console/nowhere/at/all", 200),
        ("/console", 302),
        ("/setup", 302),
        ("/invitation", 302),
        ("/console/assets/none.js", 404),
        ("/console//requests", 404),
        ("/console/assets/index.html", 404),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_says_what_a_browser_may_do_with_it(
    plane: Plane, path: str, status: int, method: str
) -> None:
    answer = look(plane, path, method, origin="https://evil.example")
    headers = answer.headers
    assert answer.status == status
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "set-cookie" not in headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert (answer.body == b"") == (method == "HEAD" or status == 302)


def test_the_page_names_its_nonce_and_each_page_has_another(plane: Plane) -> None:
    nonces = set()
    for _ in range(3):
        answer = look(plane, "/console/")
        (told,) = re.findall(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert f'content="{told}"' in answer.body.decode()
        nonces.add(told)
    assert len(nonces) == 3
    policy = look(plane, "/console/").headers["content-security-policy"]
    assert "script-src 'self';" in policy  # no nonce: a script of the page's own is none of ours
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy


def test_files_have_their_types_and_are_kept_for_ever(plane: Plane) -> None:
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    seen = set()
    for name in linked(plane):
        answer = look(plane, f"/console/{name}")
        kind = name.rpartition(".")[2]
        seen.add(kind)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(types[kind])
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        head = look(plane, f"/console/{name}", "HEAD")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == answer.headers["content-length"]
    assert seen == set(types)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("GZIP", "gzip"),
        ("gzip;q=1.0, br;q=0", "gzip"),
        ("br; q=0.000, gzip; q=0", None),
        ("*", "br"),
        ("br;q=0, *;q=0.5", "gzip"),
        ("*;q=0", None),
        ("identity", None),
        ("brotli, xgzip", None),
        ("", None),
    ],
)
def test_a_file_comes_packed_as_the_browser_takes_it(
    plane: Plane, accepted: str, coding: str | None
) -> None:
    path = script(plane)
    plain = look(plane, path, accept_encoding="identity").body
    answer = look(plane, path, accept_encoding=accepted)
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["vary"] == "accept-encoding"
    assert (len(answer.body) < len(plain)) == (coding is not None)
    if coding == "gzip":
        assert gzip.decompress(answer.body) == plain
    if coding is None:
        assert answer.body == plain


def test_who_has_a_file_is_not_sent_it_again(plane: Plane) -> None:
    path = script(plane)
    tag = look(plane, path).headers["etag"]
    answer = look(plane, path, if_none_match=f'"other", {tag}')
    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["etag"] == tag
    assert "content-length" not in answer.headers
    assert look(plane, path, if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/../index.html",
        "/console/assets/../../__init__.py",
        "/console/assets/..%2f..%2f__init__.py",
        "/console/assets/%2e%2e/index.html",
        "/console/assets//etc/passwd",
        "/console/assets/..\\..\\__init__.py",
        "/console/assets/%00",
        "/console/assets/",
        "/console/a%2fb%2fc",  # would let the page believe that it begins further up
        "/console%2fx",
        "/console/%3cscript%3e",
    ],
)
def test_what_is_no_file_and_no_page_is_not_found(plane: Plane, path: str) -> None:
    answer = plane.ask("GET", path)
    assert answer.status in (400, 404)
    assert b"<base" not in answer.body
    assert b"root:" not in answer.body


def test_a_page_says_how_far_down_it_is(plane: Plane) -> None:
    for path, up in (
        ("", "./"),
        ("requests", "./"),
        ("requests/", "../"),
        ("nowhere/at/all", "../../"),
        ("consolelike", "./"),
    ):
        assert f'<base href="{up}" />' in look(plane, f"/console/{path}").body.decode()


def test_only_browsers_are_led_to_the_console_and_by_ways_that_stay_here(plane: Plane) -> None:
    answer = plane.ask("GET", "/", headers=HTML)
    assert (answer.status, answer.headers["location"]) == (302, "console/")
    for headers in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        assert plane.ask("GET", "/", headers=headers).status == 404
    for path in ("/setup", "/invitation"):
        assert look(plane, path).headers["location"] == f"console{path}"
        assert look(plane, f"{path}?to=//evil.example").headers["location"] == f"console{path}"
    for path in ("//evil.example/setup", "/setup//evil.example", "//console/", "/consoleful"):
        assert plane.ask("GET", path, headers=HTML).status == 404
    for path in ("/", "/console/", "/setup"):
        assert plane.ask("POST", path, headers=HTML).status in (404, 405)


def test_where_nothing_is_set_up_there_is_the_page_and_nothing_behind_it(
    tmp_path: Path,
) -> None:
    with Plane(tmp_path / "dragoman.db", listening="0.0.0.0") as plane:
        see_that_it_is_shut(plane)


def see_that_it_is_shut(plane: Plane) -> None:
    assert look(plane, "/console/setup").status == 200
    assert look(plane, script(plane)).status == 200
    assert look(plane, "/setup").status == 302
    org = "organisations/default"
    for method, path in (
        ("GET", "session"),
        ("GET", "organisations"),
        ("GET", f"{org}/overview"),
        ("GET", f"{org}/requests?format=csv"),
        ("GET", f"{org}/requests/tail"),
        ("POST", f"{org}/demo-traffic"),
        ("POST", f"{org}/keys"),
        ("PUT", f"{org}/providers/mine"),
        ("GET", "oidc/settings"),
    ):
        answer = plane.ask(method, path, {} if method != "GET" else None)
        assert (answer.status, answer.code) == (401, "unauthorized"), path
    body = {"token": "su_x", "email": "a@example.com", "password": PASSWORD}
    assert plane.ask("POST", "setup", body).status == 401


def test_where_it_was_not_built_a_page_says_so(tmp_path: Path) -> None:
    package = tmp_path / "without" / "dragoman"
    (package / "console").mkdir(parents=True)
    for entry in Path(dragoman.__file__).parent.iterdir():
        if entry.name != "console":
            (package / entry.name).symlink_to(entry)
    (package / "console" / "__init__.py").touch()
    home = tmp_path / "home"
    home.mkdir()
    paths = os.pathsep.join([str(package.parent), *filter(None, sys.path)])
    process = Process(home, "", env={"PYTHONPATH": paths})
    try:
        status, headers, body = ask(f"{process.url}/console/requests", method="GET")
        assert (status, headers["cache-control"]) == (503, "no-store")
        assert "<h1>The console was not built</h1>" in body.decode()
        assert ask(f"{process.url}/console/assets/index.js", method="GET")[0] == 404
        assert ask(f"{process.url}/api/v1/session", method="GET")[0] == 200
    finally:
        process.kill()
