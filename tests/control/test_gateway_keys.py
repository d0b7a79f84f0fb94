"""Gateway keys over the API: shown once, one's own or everybody's, rotated, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.control.plane import Answer, Plane


class Asker:
    """Somebody who asks about the keys of organisation `red`."""

    def __init__(self, plane: Plane, role: Any) -> None:
        self._plane = plane
        self.email = f"{role}@example.com"
        account = plane.account(self.email, red=role)
        self._headers: Mapping[str, str] = plane.token(account)

    def __call__(self, method: str, path: str = "", body: Any = None, **query: Any) -> Answer:
        return self._plane.ask(
            method, f"organisations/red/keys{path}", body, headers=self._headers, query=query
        )


@pytest.fixture
def red(plane: Plane) -> Plane:
    plane.organisation("red")
    plane.account("root@example.com", operator=True)
    return plane


def test_a_key_is_shown_when_it_is_made_and_never_again(red: Plane) -> None:
    admin = Asker(red, "admin")
    rules = {"models": ["acme/*"], "endpoints": ["/v1/embeddings"], "addresses": ["192.0.2.7"]}
    made = admin("POST", "", {"name": "ci", "rules": rules})
    assert made.status == 201
    text = made.json["key"]
    assert text.startswith("dk_")
    assert made.json["rules"] == {
        "models": ["acme/*"],
        "endpoints": ["/embeddings"],
        "addresses": ["192.0.2.7/32"],
    }
    shown = admin("GET", f"/{made.json['id']}")
    assert shown.json == {name: v for name, v in made.json.items() if name != "key"}
    assert text[7:-4].encode() not in shown.body + admin("GET").body
    assert admin("POST", "", {"name": "ci"}).code == "conflict"


def test_a_rotation_keeps_the_key_and_gives_another_text(red: Plane) -> None:
    admin = Asker(red, "admin")
    made = admin("POST", "", {"name": "ci"}).json
    again = admin("POST", f"/{made['id']}/rotate", {"overlap_s": 60, "version": 1}).json
    assert again["id"] == made["id"]
    assert again["key"] != made["key"]
    assert again["previous_prefix"] == made["prefix"]
    stale = admin("POST", f"/{made['id']}/rotate", {"version": 1})
    assert (stale.status, stale.code) == (409, "changed_meanwhile")
    assert admin("POST", f"/{made['id']}/rotate").status == 201
    assert admin("DELETE", f"/{made['id']}").status == 204
    gone = admin("GET", f"/{made['id']}").json
    assert gone["revoked_at"] is not None
    assert admin("GET", revoked="false").json["items"] == []


def test_keys_that_have_expired_are_left_out_where_that_is_wanted(red: Plane) -> None:
    admin = Asker(red, "admin")
    short = {"name": "short", "expires_at": red.desk.clock() + 60}
    kept = [admin("POST", "", body).json["id"] for body in ({"name": "long"}, short)]
    assert [key["id"] for key in admin("GET", expired="false").json["items"]] == kept
    red.clock.added_s = 61
    assert [key["id"] for key in admin("GET", expired="false").json["items"]] == kept[:1]
    assert [key["id"] for key in admin("GET").json["items"]] == kept


def test_members_have_their_own_keys_and_viewers_none(red: Plane) -> None:
    admin, member, viewer = (Asker(red, role) for role in ("admin", "member", "viewer"))
    own = member("POST", "", {"name": "mine"}).json
    assert own["member"] == member.email
    other = admin("POST", "", {"name": "theirs"}).json
    assert [key["id"] for key in member("GET").json["items"]] == [own["id"]]
    assert len(admin("GET").json["items"]) == 2
    for method, path in (("GET", ""), ("PATCH", ""), ("POST", "/rotate"), ("DELETE", "")):
        foreign = member(method, f"/{other['id']}{path}", {} if method != "GET" else None)
        missing = member(method, f"/key_none{path}", {} if method != "GET" else None)
        assert (foreign.status, missing.status) == (404, 404)
        assert foreign.code == missing.code
    assert member("POST", "", {"name": "x", "member": admin.email}).status == 403
    assert member("POST", "", {"name": "x", "rules": {"content": "off"}}).status == 403
    assert viewer("POST", "", {"name": "x"}).status == 403
    assert viewer("GET").status == 403


def test_what_is_wrong_is_told_with_its_field(red: Plane) -> None:
    admin = Asker(red, "admin")
    for body in (
        {},
        {"name": ""},
        {"name": "a", "rules": {"models": [""]}},
        {"name": "a", "rules": {"addresses": ["10.0.0.5/8"]}},
        {"name": "a", "rules": {"unknown": 1}},
        {"name": "a", "project": "none"},
        {"name": "a", "member": "nobody@example.com"},
        {"name": "a", "expires_at": 1},
        {"name": "a", "digest": "0" * 64},
        {"name": "a", "organisation_id": "default"},
    ):
        answer = admin("POST", "", body)
        assert (answer.status, answer.code) == (400, "invalid_request"), (body, answer.body)
    assert admin("GET").json["items"] == []


def test_keys_of_the_configuration_are_shown_and_changed_there(serve_plane: Any) -> None:
    plane = serve_plane(gateway_keys=[{"name": "ci", "key": "a-secret-of-the-file"}])
    plane.organisation("red")
    path = "organisations/default/keys"
    admin = plane.token(plane.account("admin@example.com", default="admin"))
    member = plane.token(plane.account("member@example.com", default="member"))
    own = plane.ask("POST", path, {"name": "own"}, headers=admin).json
    first, second = plane.ask("GET", path, headers=admin).json["items"]
    assert (first["id"], first["name"], first["read_only"]) == ("file:ci", "ci", True)
    assert (second["id"], second["read_only"]) == (own["id"], False)
    assert plane.ask("GET", f"{path}/file:ci", headers=admin).json == first
    for method, tail in (("PATCH", ""), ("POST", "/rotate"), ("DELETE", "")):
        refused = plane.ask(method, f"{path}/file:ci{tail}", {}, headers=admin)
        assert (refused.status, refused.code) == (409, "read_only")
        assert "changed there" in refused.json["error"]["hint"]
    assert plane.ask("GET", path, headers=member).json["items"] == []
    assert plane.ask("DELETE", f"{path}/file:ci", headers=member).status == 404
    assert b"a-secret-of" not in plane.ask("GET", path, headers=admin).body
