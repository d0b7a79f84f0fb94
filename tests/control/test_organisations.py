"""What is changed of an organisation is what is said, and nothing beside it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.plane import Plane

RED = "organisations/red"
SETTINGS = {"content": "off", "content_days": 7, "cache": {"enabled": True, "ttl": 60.0}}
QUOTAS = {
    "keys": 3,
    "providers": 2,
    "projects": None,
    "members": 9,
    "operator_providers": ["groq", "my-*"],
}


@pytest.fixture
def red(plane: Plane) -> Plane:
    plane.organisation("red")
    said = {"settings": SETTINGS, "quotas": QUOTAS}
    assert plane.ask("PATCH", RED, said).status == 200
    return plane


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ({"content_days": 30}, {"content_days": 30}),
        ({"content": "full"}, {"content": "full"}),
        ({"content": None}, {"content": None}),
        ({"content_days": None}, {"content_days": None}),
        ({"cache": {"ttl": 600.0}}, {"cache": {"enabled": True, "ttl": 600.0}}),
        ({"cache": {"enabled": None}}, {"cache": {"enabled": None, "ttl": 60.0}}),
        ({"cache": {}}, {}),
        ({"cache": None}, {"cache": {"enabled": None, "ttl": None}}),
        ({}, {}),
    ],
)
def test_what_is_not_said_of_settings_stays_and_null_is_the_default(
    red: Plane, said: Any, changed: Any
) -> None:
    shown = red.ask("PATCH", RED, {"settings": said}).json
    assert (shown["settings"], shown["quotas"]) == ({**SETTINGS, **changed}, QUOTAS)
    assert red.ask("GET", RED).json == shown


@pytest.mark.parametrize(
    "said",
    [{"keys": 100}, {"keys": None}, {"operator_providers": []}, {"operator_providers": None}, {}],
)
def test_what_is_not_said_of_quotas_stays_and_null_is_the_default(red: Plane, said: Any) -> None:
    shown = red.ask("PATCH", RED, {"quotas": said}).json
    assert (shown["quotas"], shown["settings"]) == ({**QUOTAS, **said}, SETTINGS)
    assert red.ask("GET", RED).json == shown


def test_what_was_different_stands_in_the_audit_log_and_nothing_else(red: Plane) -> None:
    before = red.ask("GET", RED).json["version"]
    said = {"settings": {"content": "off", "content_days": 8}, "quotas": {"keys": 3}}
    assert red.ask("PATCH", RED, said).json["version"] == before + 1
    lines = red.ask("GET", f"{RED}/audit").json["items"]
    assert {"content_days": [7, 8]} in [line["difference"] for line in lines]
    assert red.ask("PATCH", RED, said).json["version"] == before + 1  # it is so already


def test_the_audit_log_names_what_was_changed_as_people_do(plane: Plane) -> None:
    plane.organisation("red")
    bob = plane.account("bob@example.com", red="admin")
    root = plane.session(plane.account("root@example.com", operator=True))

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = plane.ask(method, f"{RED}/{path}", body, headers=root)
        assert answer.status < 300, answer
        return answer.json if answer.body else None

    key = ask("POST", "keys", {"name": "laptop"})["id"]
    ask("PATCH", f"keys/{key}", {"name": "desk"})
    ask("POST", f"keys/{key}/rotate", {})
    ask("DELETE", f"keys/{key}")
    of_ada, of_nobody = (
        ask("POST", "invitations", {"role": "viewer", "email": email})["id"]
        for email in ("ada@example.com", None)
    )
    ask("DELETE", f"invitations/{of_ada}")
    ask("PUT", f"members/{bob}", {"role": "viewer"})
    ask("DELETE", f"members/{bob}")
    lines = ask("GET", "audit")["items"]
    told = [(line["action"], line["kind"], line["object"]) for line in reversed(lines)]
    assert told[-9:] == [
        ("create", "key", "laptop"),
        ("update", "key", "laptop"),
        ("rotate", "key", "desk"),
        ("revoke", "key", "desk"),
        ("create", "invitation", "ada@example.com"),
        ("create", "invitation", of_nobody),
        ("delete", "invitation", "ada@example.com"),
        ("put", "member", "bob@example.com"),
        ("remove", "member", "bob@example.com"),
    ]


@pytest.mark.parametrize("path", [f"{RED}/audit", "audit"])
@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("when", ["nan", "inf", "-inf", "1e400", "soon", ""])
def test_what_is_no_time_is_refused_and_not_taken_for_one_without_changes(
    red: Plane, path: str, name: str, when: str
) -> None:
    answer = red.ask("GET", path, query={name: when})
    assert (answer.status, answer.code, answer.json["error"]["param"]) == (
        400,
        "invalid_request",
        name,
    )


def test_the_audit_log_is_read_from_a_time_to_another(red: Plane) -> None:
    (line, *_) = red.ask("GET", f"{RED}/audit").json["items"]

    def found(**when: Any) -> bool:
        return line in red.ask("GET", f"{RED}/audit", query=when).json["items"]

    assert found(since=line["at"])
    assert found(since="1h")
    assert not found(until=line["at"])


@pytest.mark.parametrize(
    "said",
    [
        {"settings": None},
        {"quotas": None},
        {"settings": {"content": "loud"}},
        {"settings": {"content_days": 0}},
        {"settings": {"cache": {"ttl": 0}}},
        {"settings": {"cache": {"time": 1}}},
        {"quotas": {"keys": -1}},
        {"quotas": {"operator_providers": ["Open AI"]}},
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(red: Plane, said: Any) -> None:
    before = red.ask("GET", RED).json
    assert red.ask("PATCH", RED, {"title": "New", **said}).code == "invalid_request"
    assert red.ask("GET", RED).json == before


def test_what_is_not_said_while_a_row_cannot_be_read_stays_withheld(red: Plane) -> None:
    with red.desk.read() as connection, connection.transaction():
        connection.write("UPDATE organisation SET settings = '{', quotas = '{' WHERE name = 'red'")
    said = {"settings": {"cache": {"enabled": True}}, "quotas": {"keys": 5}}
    shown = red.ask("PATCH", RED, said).json
    assert shown["problem"] is None
    assert shown["settings"]["content"] == "off"
    assert (shown["quotas"]["keys"], shown["quotas"]["providers"]) == (5, 0)
    assert shown["quotas"]["operator_providers"] == []
