"""Who is let into the control plane, and by what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.control.plane import PASSWORD, Plane

ServePlane = Callable[..., Plane]
KEYS = [{"name": "team", "key": "team-secret-key"}]


def test_who_sits_at_the_machine_is_the_operator_until_there_is_one(plane: Plane) -> None:
    me = plane.ask("GET", "session").json
    assert (me["name"], me["operator"]) == ("operator", True)
    assert plane.ask("POST", "organisations", {"name": "acme"}).status == 201
    operator = plane.account("ada@example.com", operator=True)
    answer = plane.ask("GET", "organisations")
    assert (answer.status, answer.code) == (401, "unauthorized")
    assert plane.ask("GET", "session", headers=plane.session(operator)).json["operator"]


def test_an_account_that_runs_nothing_takes_nothing_from_who_sits_there(plane: Plane) -> None:
    plane.account("bob@example.com")
    assert plane.ask("GET", "accounts").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "organisations/default/demo-traffic"),
        ("DELETE", "organisations/default/requests?tag=demo"),
    ],
)
def test_pages_that_may_ask_models_change_nothing(
    serve_plane: ServePlane, method: str, path: str
) -> None:
    plane = serve_plane(
        allowed_origins=["http://localhost:3000"], public_url="https://gateway.example"
    )
    theirs = {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}
    assert plane.ask("GET", "/v1/models", headers=theirs).status == 200
    answer = plane.ask(method, path, headers=theirs)
    assert (answer.status, answer.code) == (403, "forbidden")
    for own in (plane.url, "https://gateway.example"):
        assert plane.ask(method, path, headers={"origin": own}).status in (200, 201)


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_who_comes_through_a_proxy_does_not_sit_at_the_machine(plane: Plane, name: str) -> None:
    answer = plane.ask("GET", "organisations", headers={name: "127.0.0.1"})
    assert (answer.status, answer.code) == (403, "forbidden")


def test_with_gateway_keys_alone_the_machine_itself_may_ask_and_the_keys_open_nothing(
    serve_plane: ServePlane,
) -> None:
    plane = serve_plane(listening="0.0.0.0", gateway_keys=KEYS)
    assert plane.ask("GET", "session").json["operator"]
    key = {"authorization": "Bearer team-secret-key"}
    assert plane.ask("GET", "/v1/models", headers=key).status == 200
    assert plane.ask("GET", "organisations", headers=key).status == 401
    elsewhere = {"host": "gateway.example"}
    assert plane.ask("GET", "organisations", headers=elsewhere).status == 403


def test_what_nothing_guards_is_shut_but_for_setting_it_up(serve_plane: ServePlane) -> None:
    plane = serve_plane(listening="0.0.0.0")
    for path in ("/v1/models", "/metrics", "/nothing", "organisations", "session", "audit"):
        assert plane.ask("GET", path).status == 401, path
    answer = plane.ask("POST", "session", {"email": "a@example.com", "password": PASSWORD})
    assert answer.status == 401
    assert plane.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]
)
def test_a_name_that_was_made_up_for_this_machine_opens_nothing(plane: Plane, host: str) -> None:
    assert plane.ask("GET", "organisations", headers={"host": host}).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_pages_change_and_read_nothing(
    plane: Plane, headers: Mapping[str, str]
) -> None:
    session = plane.session(plane.account("ada@example.com", operator=True))
    answer = plane.ask("POST", "organisations", {"name": "theirs"}, headers={**session, **headers})
    assert answer.status == 403
    assert plane.ask("GET", "organisations", headers={**session, **headers}).status == 403
    signing_in = {"email": "ada@example.com", "password": PASSWORD}
    assert plane.ask("POST", "session", signing_in, headers=headers).status == 403


def test_a_page_of_the_gateway_itself_may(plane: Plane) -> None:
    headers = {"origin": plane.url, "sec-fetch-site": "same-origin", "host": plane.url[7:]}
    assert plane.ask("POST", "organisations", {"name": "ours"}, headers=headers).status == 201


def test_a_page_of_the_public_url_may_whatever_a_proxy_makes_of_the_host(
    serve_plane: ServePlane,
) -> None:
    plane = serve_plane(public_url="https://gateway.example/")
    headers = {"sec-fetch-site": "same-origin"}
    body = {"name": "ours"}
    own = {**headers, "origin": "https://gateway.example"}
    assert plane.ask("POST", "organisations", body, headers=own).status == 201
    other = {**headers, "origin": "https://gateway.example.evil.example"}
    assert plane.ask("POST", "organisations", body, headers=other).status == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "text/x"]
)
def test_what_a_form_can_send_is_no_body(plane: Plane, kind: str) -> None:
    raw = b'{"name": "forged"}'
    answer = plane.ask("POST", "organisations", raw=raw, headers={"content-type": kind})
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_two_different_credentials_are_none(plane: Plane) -> None:
    ada = plane.account("ada@example.com", operator=True)
    session, token = plane.session(ada), plane.token(ada)
    assert plane.ask("GET", "session", headers=token).json["operator"]
    answer = plane.ask("GET", "session", headers={**session, **token})
    assert (answer.status, answer.code) == (401, "unauthorized")
    same = token["authorization"].removeprefix("Bearer ")
    assert plane.ask("GET", "session", headers={**token, "x-api-key": same}).status == 200


def test_a_token_is_not_enough_for_what_outlives_it(plane: Plane) -> None:
    ada = plane.account("ada@example.com", operator=True)
    token = plane.token(ada)
    for method, path, body in (
        ("POST", "tokens", {"name": "more"}),
        ("PUT", "password", {"old": PASSWORD, "new": "another long one"}),
        ("POST", "accounts", {"email": "eve@example.com", "operator": True}),
        ("PUT", f"accounts/{ada}/password", {"password": "another long one"}),
    ):
        answer = plane.ask(method, path, body, headers=token)
        assert (answer.status, answer.code) == (403, "forbidden"), path


def test_a_token_ends_when_it_says_and_when_it_is_deleted(plane: Plane) -> None:
    session = plane.session(plane.account("ada@example.com", operator=True))
    made = plane.ask("POST", "tokens", {"name": "ci", "expires_in": 3600}, headers=session).json
    headers = {"authorization": f"Bearer {made['token']}"}
    assert plane.ask("GET", "session", headers=headers).status == 200
    assert made["token"] not in plane.ask("GET", "tokens", headers=session).body.decode()
    plane.clock.added_s = 3601
    assert plane.ask("GET", "session", headers=headers).status == 401
    plane.clock.added_s = 0
    assert plane.ask("DELETE", "tokens/ci", headers=session).status == 204
    assert plane.ask("GET", "session", headers=headers).status == 401


def test_roles_hold_from_one_request_to_the_next(plane: Plane) -> None:
    plane.organisation("acme")
    plane.account("root@example.com", operator=True)
    ada = plane.account("ada@example.com", acme="viewer")
    session = plane.session(ada)
    body = {"title": "Web"}
    path = "organisations/acme/projects/web"
    assert plane.ask("PUT", path, body, headers=session).status == 403
    from dragoman.organisations.actor import SYSTEM
    from dragoman.organisations.members import put_member
    from dragoman.organisations.organisations import resolve_organisation

    with plane.desk.read() as connection:
        acme = resolve_organisation(connection, "acme").id
    put_member(plane.desk, SYSTEM, acme, ada, "admin")
    assert plane.ask("PUT", path, body, headers=session).status == 200


@pytest.mark.parametrize("path", ["organisations", "session", "oidc", "nothing", "setup"])
def test_every_answer_is_kept_nowhere_and_framed_by_nobody(plane: Plane, path: str) -> None:
    headers = plane.ask("GET", path).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "nothing", {}, 404, "not_found"),
        ("GET", "schema", {}, 404, "not_found"),
        ("PUT", "organisations", {"body": {}}, 405, "method_not_allowed"),
        ("OPTIONS", "organisations", {}, 405, "method_not_allowed"),
        ("TRACE", "organisations", {}, 405, "method_not_allowed"),
        ("GET", "organisations", {"query": {"limit": "0"}}, 400, "invalid_request"),
        ("GET", "organisations", {"query": {"limit": "many"}}, 400, "invalid_request"),
        ("GET", "organisations", {"query": {"cursor": "?"}}, 400, "invalid_request"),
        ("GET", "organisations", {"query": {"cursor": "\0"}}, 400, "invalid_request"),
        ("GET", "organisations/%00", {}, 404, "not_found"),
        ("GET", "organisations/nowhere", {}, 404, "not_found"),
        ("POST", "organisations", {"body": {"name": "a", "id": "x"}}, 400, "invalid_request"),
        ("POST", "organisations", {"body": {"name": "A b"}}, 400, "invalid_request"),
        ("POST", "organisations", {"body": {"name": "a\n"}}, 400, "invalid_request"),
        ("POST", "organisations", {"body": {"name": "a", "title": "\0"}}, 400, "invalid_request"),
        ("POST", "organisations", {"body": {"name": "default"}}, 409, "conflict"),
        ("POST", "organisations", {"body": []}, 400, "invalid_request"),
        ("DELETE", "organisations/default", {"query": {"confirm": "default"}}, 409, "conflict"),
    ],
)
def test_what_is_wrong_is_told_in_one_shape(
    plane: Plane, method: str, path: str, options: Mapping[str, Any], status: int, code: str
) -> None:
    answer = plane.ask(method, path, **options)
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"].startswith("application/json")
    assert set(answer.json) == {"error"}
    assert set(answer.json["error"]) <= {"code", "message", "hint", "param"}


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("organisations", {"name": "a", "id": "x"}, "id"),
        ("organisations", {}, "name"),
        ("organisations", {"name": 7}, "name"),
        ("organisations", [], None),
        ("organisations/default/keys", {"name": "a", "rules": {"modles": []}}, "rules.modles"),
        ("organisations/default/keys", {"name": "a", "rules": {"models": 7}}, "rules.models"),
    ],
)
def test_a_body_that_is_not_understood_is_told_with_its_field(
    plane: Plane, path: str, body: Any, param: str | None
) -> None:
    answer = plane.ask("POST", path, body)
    assert answer.status == 400
    assert answer.json["error"].get("param") == param, answer.body


def test_a_body_that_is_too_large_is_refused(plane: Plane) -> None:
    raw = b'{"name": "' + b"a" * (4 * 1024 * 1024) + b'"}'
    headers = {"content-type": "application/json"}
    answer = plane.ask("POST", "organisations", raw=raw, headers=headers)
    assert (answer.status, answer.code) == (413, "request_too_large")


def test_head_is_answered_as_get_without_a_body(plane: Plane) -> None:
    answer = plane.ask("HEAD", "organisations")
    assert (answer.status, answer.body) == (200, b"")
