"""A row that was edited by hand, half restored or sealed by a lost key is nobody else's trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from dragoman.organisations.master_keys import new_key
from dragoman.organisations.sealing import MasterKeys, Purpose
from dragoman.store import Place
from tests.control.plane import Answer, Plane

URL = "https://llm.example"
TOKEN = "sk-canary-0123456789"
DEEP = "[" * 100_000

BROKEN: Mapping[str, tuple[str, str, str]] = {
    "no JSON": ("definition", "{half", "cannot be read"),
    "nothing at all": ("definition", "", "base_url"),
    "another kind of JSON": ("definition", "[1]", "cannot be read"),
    "nested without end": ("definition", DEEP, "cannot be read"),
    "no address": ("definition", '{"models": ["m"]}', "base_url"),
    "no text as address": ("definition", '{"base_url": 7}', "base_url"),
    "no URL as address": ("definition", '{"base_url": "ftp://x"}', "base_url"),
    "an address inside": ("definition", '{"base_url": "http://127.0.0.1:9"}', "elsewhere"),
    "an unknown language": ("definition", f'{{"base_url": "{URL}", "api": "x"}}', "api"),
    "models of no form": ("definition", f'{{"base_url": "{URL}", "models": 5}}', "models"),
    "a token that is none": ("token", "x", "damaged"),
    "a token cut short": ("token", "v1.0123456789abcdef.AAAA", "damaged"),
    "a token of a lost key": ("token", "lost", "which is not among those given"),
    "a token moved here": ("token", "moved", "damaged"),
    "another origin": ("origin", "https://elsewhere.example", "elsewhere"),
    "no origin": ("origin", "", "elsewhere"),
}
"""What is wrong: a column of the provider's row, what stands there, and what is told of it."""


@pytest.fixture
def plane(place: Place) -> Iterator[Plane]:
    """Serve organisation `red`: providers and keys `broken` and `sound`, tokens for two others."""
    with Plane(place) as plane:
        plane.organisation("red")
        for name in ("broken", "sound"):
            assert put(plane, f"providers/{name}", base_url=URL, token=TOKEN).status == 200
        for name in ("groq", "openai"):
            assert put(plane, f"credentials/{name}", token=TOKEN).status == 200
        yield plane


def put(plane: Plane, path: str, **said: Any) -> Answer:
    return plane.ask("PUT", f"organisations/red/{path}", said)


def get(plane: Plane, path: str) -> Any:
    answer = plane.ask("GET", f"organisations/red/{path}")
    assert answer.status == 200, answer.body
    return answer.json


def edit(plane: Plane, statement: str, **values: Any) -> None:
    """Change rows as a person with a database's shell does."""
    with plane.desk.read() as connection, connection.transaction():
        connection.write(statement, values)


def sealed_by_a_lost_key(organisation: str, name: str) -> str:
    from dragoman.organisations.master_keys import find_master_keys

    keys = find_master_keys({"DRAGOMAN_SECRET_KEY": new_key()})
    assert isinstance(keys, MasterKeys)
    return keys.seal(TOKEN, Purpose(organisation, "provider", name))


def put_broken(plane: Plane, name: str, column: str, value: str) -> None:
    with plane.desk.read() as connection:
        rows = connection.rows("SELECT organisation_id, token FROM provider WHERE name = 'sound'")
    organisation, token = rows[0]["organisation_id"], rows[0]["token"]
    if column == "token":
        value = {"lost": sealed_by_a_lost_key(organisation, name), "moved": token}.get(value, value)
    edit(plane, f"UPDATE provider SET {column} = :value WHERE name = :name", value=value, name=name)


def test_a_broken_provider_is_listed_with_what_is_wrong(plane: Plane) -> None:
    for what in BROKEN:  # one database for all: to make one takes longer than this
        assert put(plane, "providers/broken", base_url=URL, token=TOKEN).status == 200
        see_broken_provider(plane, *BROKEN[what])


def see_broken_provider(plane: Plane, column: str, value: str, said: str) -> None:
    sound = get(plane, "providers/sound")
    put_broken(plane, "broken", column, value)
    broken, other = get(plane, "providers")["items"]
    assert other == sound
    assert broken["name"] == "broken"
    assert said in " ".join(broken["problems"]), broken["problems"]
    assert get(plane, "providers/broken") == broken
    # It can be switched off, tried (which says the same), mended, and deleted.
    off = plane.ask("PATCH", "organisations/red/providers/broken", {"enabled": False})
    assert (off.status, off.json["enabled"]) == (200, False)
    assert plane.ask("POST", "organisations/red/providers/broken/test", {}).status in (200, 400)
    mended = put(plane, "providers/broken", base_url=URL, token=TOKEN, enabled=True)
    assert (mended.status, mended.json["problems"]) == (200, [])
    put_broken(plane, "broken", column, value)
    assert plane.ask("DELETE", "organisations/red/providers/broken").status == 204
    assert get(plane, "providers")["items"] == [sound]
    assert plane.ask("GET", "organisations/red/audit").status == 200


def test_an_address_that_is_not_allowed_any_more_is_told_of(plane: Plane) -> None:
    put(plane, "providers/broken", base_url="http://127.0.0.1:9", token=None)
    edit(plane, "UPDATE provider SET egress = 'organisation' WHERE name = 'broken'")
    broken, sound = get(plane, "providers")["items"]
    assert (broken["urls"], sound["problems"]) == (None, [])
    assert "base_url cannot be used" in broken["problems"][0]


def test_a_broken_credential_is_listed_and_can_be_given_anew(plane: Plane) -> None:
    for what in ("a token that is none", "a token of a lost key", "no origin"):
        assert put(plane, "credentials/groq", token=TOKEN).status == 200
        see_broken_credential(plane, *BROKEN[what][:2])


def see_broken_credential(plane: Plane, column: str, value: str) -> None:
    put_broken(plane, "groq", column, value)
    groq, openai = get(plane, "credentials")["items"]
    assert openai["token"]["readable"] is True
    assert groq["token"]["readable"] is (column == "origin")
    assert {one["name"] for one in get(plane, "built-in-providers")["items"] if one["token"]} == {
        "groq",
        "openai",
    }
    assert put(plane, "credentials/groq", token=TOKEN).json["token"]["readable"] is True
    put_broken(plane, "groq", column, value)
    assert plane.ask("DELETE", "organisations/red/credentials/groq").status == 204
    assert [one["provider"] for one in get(plane, "credentials")["items"]] == ["openai"]


def test_a_broken_key_is_listed_opens_nothing_and_can_be_mended(plane: Plane) -> None:
    for rules in ("{half", "[]", "", '{"models": 7}', '{"wrong": []}', DEEP):
        see_broken_key(plane, rules)


def see_broken_key(plane: Plane, rules: str) -> None:
    made = {
        name: plane.ask("POST", "organisations/red/keys", {"name": name}).json
        for name in ("broken", "sound")
    }
    path = f"organisations/red/keys/{made['broken']['id']}"
    break_it = "UPDATE gateway_key SET rules = :rules WHERE name = 'broken'"
    edit(plane, break_it, rules=rules)
    broken, sound = get(plane, "keys?revoked=false")["items"]
    assert (sound["name"], sound["problem"]) == ("sound", None)
    assert "its rules cannot be read, so it opens nothing" in broken["problem"]
    assert plane.ask("GET", path).json == broken
    renamed = plane.ask("PATCH", path, {"name": "renamed"}).json
    assert (renamed["name"], renamed["problem"]) == ("renamed", broken["problem"])
    # The rules that every new key has are a change as well.
    mended = plane.ask("PATCH", path, {"name": "broken", "rules": {}})
    assert (mended.status, mended.json["problem"]) == (200, None)
    assert plane.ask("GET", path).json == mended.json
    edit(plane, break_it, rules=rules)
    assert plane.ask("POST", f"{path}/rotate", {}).json["problem"] == broken["problem"]
    assert plane.ask("DELETE", path).status == 204
    path = f"organisations/red/keys/{made['sound']['id']}"
    assert [one["name"] for one in get(plane, "keys?revoked=false")["items"]] == ["sound"]
    assert plane.ask("DELETE", path).status == 204
