"""Setting up, signing in, sessions and passwords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from dragoman.errors import InvalidRequest
from dragoman.organisations.passwords import check_password
from dragoman.organisations.sessions import ABSOLUTE_S, IDLE_S
from dragoman.organisations.setup import LIFE_S, begin_setup, ensure_operator
from dragoman.organisations.sign_in import ADDRESS_LIMIT, PAIR_LIMIT
from dragoman.organisations.tries import WINDOW_S
from tests.control.plane import PASSWORD, Answer, Plane

ServePlane = Callable[..., Plane]
ADA = {"email": "ada@example.com", "password": PASSWORD}


def cookie(answer: Answer) -> Mapping[str, str]:
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_the_link_makes_the_operator_once(serve_plane: ServePlane) -> None:
    plane = serve_plane(listening="0.0.0.0")
    void = begin_setup(plane.desk)
    token = begin_setup(plane.desk)
    assert void is not None
    assert token is not None
    for wrong in ("", "su_x", void.reveal()):
        assert plane.ask("POST", "setup", {"token": wrong, **ADA}).status == 401
    weak = {**ADA, "password": "short"}
    assert plane.ask("POST", "setup", {"token": token.reveal(), **weak}).status == 400
    answer = plane.ask("POST", "setup", {"token": token.reveal(), **ADA})
    assert answer.status == 201
    assert answer.json["operator"]
    assert plane.ask("GET", "accounts", headers=cookie(answer)).status == 200
    assert plane.ask("POST", "setup", {"token": token.reveal(), **ADA}).status == 401
    assert begin_setup(plane.desk) is None


def test_the_link_is_valid_for_a_day_and_kept_as_a_digest(serve_plane: ServePlane) -> None:
    plane = serve_plane(listening="0.0.0.0")
    token = begin_setup(plane.desk)
    assert token is not None
    with plane.desk.read() as connection:
        kept = [tuple(row) for row in connection.rows("SELECT * FROM setting")]
        said = [tuple(row) for row in connection.rows("SELECT * FROM audit")]
    assert token.reveal() not in f"{kept}{said}"
    plane.clock.added_s = LIFE_S + 1
    assert plane.ask("POST", "setup", {"token": token.reveal(), **ADA}).status == 401


def test_a_variable_makes_the_operator_and_changes_no_password_later(plane: Plane) -> None:
    assert ensure_operator(plane.desk, "ada@example.com", PASSWORD)
    assert not ensure_operator(plane.desk, "ada@example.com", "another long one")
    assert plane.ask("POST", "session", ADA).json["operator"]
    with pytest.raises(InvalidRequest):
        check_password("aaaaaaaaaaaaaaaa")


def test_signing_in_gives_a_cookie_that_no_script_and_no_other_site_gets(plane: Plane) -> None:
    plane.account("ada@example.com")
    answer = plane.ask("POST", "session", ADA)
    flags = answer.headers["set-cookie"].lower()
    for flag in ("httponly", "samesite=strict", "path=/", "max-age="):
        assert flag in flags
    assert "domain" not in flags
    assert plane.ask("GET", "session", headers=cookie(answer)).json["name"] == "ada@example.com"


def test_over_https_the_cookie_is_kept_to_https_and_no_other_is_taken(
    serve_plane: ServePlane,
) -> None:
    plane = serve_plane(public_url="https://gateway.example")
    ada = plane.account("ada@example.com", operator=True)
    origin = {"origin": "https://gateway.example", "host": "gateway.example"}
    answer = plane.ask("POST", "session", ADA, headers=origin)
    flags = answer.headers["set-cookie"]
    assert flags.startswith("__Host-dragoman=")
    assert "secure" in flags.lower()
    assert plane.ask("GET", "session", headers={**cookie(answer), **origin}).status == 200
    assert plane.ask("GET", "session", headers=plane.session(ada)).status == 401


@pytest.mark.parametrize(
    "given",
    [
        {"email": "ada@example.com", "password": "a wrong password"},
        {"email": "nobody@example.com", "password": PASSWORD},
        {"email": "off@example.com", "password": PASSWORD},
        {"email": "oidc@example.com", "password": PASSWORD},
        {"email": "no address", "password": PASSWORD},
        {"email": "ada@example.com", "password": "x" * 5000},
    ],
)
def test_who_cannot_sign_in_learns_nothing_by_it(plane: Plane, given: Any) -> None:
    from dragoman.organisations.accounts import create_account, update_account
    from dragoman.organisations.actor import SYSTEM

    plane.account("ada@example.com")
    off = plane.account("off@example.com")
    update_account(plane.desk, SYSTEM, off, enabled=False)
    create_account(plane.desk, SYSTEM, "oidc@example.com")
    answer = plane.ask("POST", "session", given)
    wrong = plane.ask("POST", "session", {"email": "who@example.com", "password": "whatever it is"})
    assert answer.status == 401
    assert answer.body == wrong.body
    assert "set-cookie" not in answer.headers


def test_who_guesses_has_to_wait_and_who_is_elsewhere_has_not(plane: Plane) -> None:
    plane.account("ada@example.com")
    plane.account("bob@example.com")
    wrong = {**ADA, "password": "a wrong password"}
    for _ in range(PAIR_LIMIT):
        assert plane.ask("POST", "session", wrong).status == 401
    answer = plane.ask("POST", "session", ADA)
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert 0 < int(answer.headers["retry-after"]) <= WINDOW_S
    assert plane.ask("POST", "session", {**ADA, "email": "bob@example.com"}).status == 200
    plane.clock.added_s = WINDOW_S + 1
    assert plane.ask("POST", "session", ADA).status == 200


def test_behind_a_proxy_it_is_the_client_who_guesses_and_whose_address_is_written_down(
    serve_plane: ServePlane,
) -> None:
    plane = serve_plane(trusted_proxies=["127.0.0.1"])
    ada = plane.account("ada@example.com", operator=True)
    guessing = {"x-forwarded-for": "198.51.100.7"}
    wrong = {**ADA, "password": "a wrong password"}
    for _ in range(PAIR_LIMIT):
        assert plane.ask("POST", "session", wrong, headers=guessing).status == 401
    assert plane.ask("POST", "session", ADA, headers=guessing).status == 429
    # What stands before the last hop is the client's own invention.
    guessing = {"x-forwarded-for": "192.0.2.1, 198.51.100.7"}
    assert plane.ask("POST", "session", ADA, headers=guessing).status == 429
    elsewhere = {"x-forwarded-for": "203.0.113.9"}
    assert plane.ask("POST", "session", ADA, headers=elsewhere).status == 200
    session = {**plane.session(ada), **elsewhere}
    assert plane.ask("POST", "organisations", {"name": "red"}, headers=session).status == 201
    lines = plane.ask("GET", "audit", headers=session, query={"action": "create"}).json["items"]
    found = {line["address"] for line in lines if line["object"] == "red"}
    assert found == {"203.0.113.9"}
    here = {"x-forwarded-for": "127.0.0.1"}
    assert plane.ask("GET", "organisations", headers=here).status == 401


def test_who_is_no_proxy_is_not_believed_about_an_address(plane: Plane) -> None:
    plane.account("ada@example.com")
    wrong = {**ADA, "password": "a wrong password"}
    for number in range(PAIR_LIMIT):
        headers = {"x-forwarded-for": f"192.0.2.{number}"}
        assert plane.ask("POST", "session", wrong, headers=headers).status == 401
    assert plane.ask("POST", "session", ADA).status == 429


def test_who_guesses_the_old_password_has_to_wait_as_well(plane: Plane) -> None:
    session = plane.session(plane.account("ada@example.com"))
    wrong = {"old": "a wrong password", "new": "another long one"}
    for _ in range(PAIR_LIMIT):
        assert plane.ask("PUT", "password", wrong, headers=session).status == 401
    right = {**wrong, "old": PASSWORD}
    answer = plane.ask("PUT", "password", right, headers=session)
    assert (answer.status, answer.code) == (429, "rate_limit_exceeded")
    assert plane.ask("POST", "session", ADA).status == 429
    plane.clock.added_s = WINDOW_S + 1
    assert plane.ask("PUT", "password", right, headers=session).status == 204


def test_who_tries_addresses_with_an_invitation_has_to_wait(plane: Plane) -> None:
    root = plane.session(plane.account("root@example.com", operator=True))
    plane.organisation("acme")
    plane.account("ada@example.com")

    def invite() -> str:
        path = "organisations/acme/invitations"
        return str(plane.ask("POST", path, {"role": "viewer"}, headers=root).json["token"])

    def register(token: str, email: str, password: str = PASSWORD) -> Answer:
        body = {"token": token, "email": email, "password": password}
        return plane.ask("POST", "invitations/register", body)

    token = invite()
    assert register(token, "ada@example.com", "short").status == 400
    for _ in range(PAIR_LIMIT):
        assert register(token, "ada@example.com").status == 409
    refused = register(token, "ada@example.com")
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert refused.body == register(token, "nobody@example.com").body
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
    # Another invitation has tries of its own, and what went well is no try.
    for number in range(PAIR_LIMIT + 1):
        assert register(invite(), f"new{number}@example.com").status == 201
    # At one address there is a limit, too, however many links somebody has.
    for _ in range(ADDRESS_LIMIT - PAIR_LIMIT - 2):
        assert register(invite(), "ada@example.com").status == 409
    assert register(invite(), "ada@example.com").status == 429
    plane.clock.added_s = WINDOW_S + 1
    assert register(token, "nobody@example.com").status == 201


def test_a_session_that_somebody_brings_along_is_not_taken_over(plane: Plane) -> None:
    plane.account("ada@example.com")
    planted = {"cookie": "dragoman_session=ds_plantedplantedplanted"}
    first = plane.ask("POST", "session", ADA, headers=planted)
    assert "planted" not in first.headers["set-cookie"]
    assert plane.ask("GET", "session", headers=planted).status == 401
    second = plane.ask("POST", "session", ADA, headers=cookie(first))
    assert cookie(second) != cookie(first)
    assert plane.ask("GET", "session", headers=cookie(first)).status == 401
    assert plane.ask("GET", "session", headers=cookie(second)).status == 200


def test_a_session_ends_when_nobody_uses_it_and_in_any_case_in_a_week(plane: Plane) -> None:
    session = plane.session(plane.account("ada@example.com"))
    plane.clock.added_s = IDLE_S - 60
    assert plane.ask("GET", "session", headers=session).status == 200
    plane.clock.added_s += IDLE_S - 60
    assert plane.ask("GET", "session", headers=session).status == 200
    plane.clock.added_s += IDLE_S + 60
    assert plane.ask("GET", "session", headers=session).status == 401
    plane.clock.added_s = 0
    while plane.clock.added_s < ABSOLUTE_S - IDLE_S:
        plane.clock.added_s += IDLE_S / 2
        assert plane.ask("GET", "session", headers=session).status == 200
    plane.clock.added_s = ABSOLUTE_S + 1
    assert plane.ask("GET", "session", headers=session).status == 401


def test_sessions_are_listed_and_ended_by_whose_they_are(plane: Plane) -> None:
    ada, bob = plane.account("ada@example.com"), plane.account("bob@example.com")
    one, two, other = plane.session(ada), plane.session(ada), plane.session(bob)
    listed = plane.ask("GET", "sessions", headers=one).json["items"]
    assert [item["current"] for item in listed] == [False, True]
    newer, older = (item["id"] for item in listed)
    assert plane.ask("DELETE", f"sessions/{newer}", headers=other).status == 404
    assert plane.ask("DELETE", f"sessions/{newer}", headers=one).status == 204
    assert plane.ask("GET", "session", headers=two).status == 401
    out = plane.ask("DELETE", "session", headers=one)
    assert out.status == 200
    assert "max-age=0" in out.headers["set-cookie"].lower()
    assert plane.ask("GET", "session", headers=one).status == 401
    assert older != newer


def test_a_new_password_ends_the_other_sessions_and_all_tokens(plane: Plane) -> None:
    ada = plane.account("ada@example.com")
    one, two, token = plane.session(ada), plane.session(ada), plane.token(ada)
    wrong = {"old": "a wrong password", "new": "another long one"}
    assert plane.ask("PUT", "password", wrong, headers=one).status == 401
    right = {"old": PASSWORD, "new": "another long one"}
    assert plane.ask("PUT", "password", right, headers=one).status == 204
    assert [plane.ask("GET", "session", headers=h).status for h in (one, two, token)] == [
        200,
        401,
        401,
    ]
    assert plane.ask("POST", "session", ADA).status == 401
    assert plane.ask("POST", "session", {**ADA, "password": "another long one"}).status == 200


def test_an_operator_resets_a_password_and_disables_an_account(plane: Plane) -> None:
    root = plane.session(plane.account("root@example.com", operator=True))
    ada = plane.account("ada@example.com")
    session = plane.session(ada)
    body = {"password": "another long one"}
    assert plane.ask("PUT", f"accounts/{ada}/password", body, headers=root).status == 204
    assert plane.ask("GET", "session", headers=session).status == 401
    session = plane.session(ada)
    off = plane.ask("PATCH", f"accounts/{ada}", {"enabled": False}, headers=root)
    assert off.json["enabled"] is False
    assert plane.ask("GET", "session", headers=session).status == 401
    me = plane.ask("GET", "session", headers=root).json["account"]
    for change in ({"operator": False}, {"enabled": False}):
        answer = plane.ask("PATCH", f"accounts/{me}", change, headers=root)
        assert (answer.status, answer.code) == (409, "conflict")
    assert plane.ask("DELETE", f"accounts/{me}", headers=root).status == 409


def test_no_secret_is_kept_readable_or_written_into_the_audit_log(plane: Plane) -> None:
    plane.account("ada@example.com", operator=True)
    answer = plane.ask("POST", "session", ADA)
    session = cookie(answer)
    token = plane.ask("POST", "tokens", {"name": "ci"}, headers=session).json["token"]
    plane.organisation("acme")
    path = "organisations/acme/invitations"
    invited = plane.ask("POST", path, {"role": "member"}, headers=session).json["token"]
    with plane.desk.read() as connection:
        tables = ("session", "api_token", "invitation", "account", "audit", "setting")
        rows = [
            str(tuple(row)) for name in tables for row in connection.rows(f"SELECT * FROM {name}")
        ]
    kept = "\n".join(rows)
    for secret in (token, invited, PASSWORD, session["cookie"].partition("=")[2]):
        assert secret not in kept
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in kept
