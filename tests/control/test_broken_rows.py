"""A row that was edited by hand, half restored or sealed by a lost key is nobody else's trouble."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
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


UNREAD = ("{half", "7", "", DEEP)
SET_UP: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "routes": ("route", "definition", {"definition": {"fallbacks": ["groq/m"]}}),
    "guardrails": ("guardrail", "definition", {"definition": {"kind": "secrets"}}),
    "webhooks": ("webhook", "events", {"url": "https://hooks.example/x"}),
}
"""Where it stands, and what is asked to make one."""


def own(plane: Plane, noun: str) -> dict[str, Any]:
    return {one["name"]: one for one in get(plane, noun)["items"] if not one.get("read_only")}


@pytest.mark.parametrize("noun", SET_UP)
def test_what_cannot_be_read_is_listed_with_what_is_wrong(plane: Plane, noun: str) -> None:
    table, column, said = SET_UP[noun]
    for name in ("broken", "sound"):
        assert put(plane, f"{noun}/{name}", **said).json["problem"] is None
    sound = get(plane, f"{noun}/sound")
    break_it = f"UPDATE {table} SET {column} = :text WHERE name = 'broken'"
    for text in UNREAD:
        edit(plane, break_it, text=text)
        broken = get(plane, f"{noun}/broken")
        assert own(plane, noun) == {"broken": broken, "sound": sound}
        assert "cannot be read" in broken["problem"]
        mended = put(plane, f"{noun}/broken", **said, version=broken["version"])
        assert (mended.status, mended.json["problem"]) == (200, None)
        assert mended.json["version"] == broken["version"] + 1
    edit(plane, break_it, text=UNREAD[0])
    assert plane.ask("DELETE", f"organisations/red/{noun}/broken").status == 204
    assert own(plane, noun) == {"sound": sound}
    assert plane.ask("GET", "organisations/red/audit").status == 200


def test_a_text_that_is_no_utf_8_is_told_of_and_no_other_row_suffers(tmp_path: Path) -> None:
    # PostgreSQL takes no such text.
    with Plane(tmp_path / "d.db") as plane:
        plane.organisation("red")
        for noun, (table, column, said) in SET_UP.items():
            for name in ("broken", "sound"):
                assert put(plane, f"{noun}/{name}", **said).status == 200
            sound = get(plane, f"{noun}/sound")
            half = f"UPDATE {table} SET {column} = CAST(:text AS TEXT) WHERE name = 'broken'"
            edit(plane, half, text=b'{"kind": "secrets", "note": "caf\xe9"}')
            found = own(plane, noun)
            assert found["sound"] == sound
            assert "cannot be read" in found["broken"]["problem"]
            assert put(plane, f"{noun}/broken", **said).json["problem"] is None
        for name in ("broken", "sound"):
            assert plane.ask("POST", "organisations/red/keys", {"name": name}).status == 201
        renamed = "UPDATE gateway_key SET name = CAST(:text AS TEXT) WHERE name = 'broken'"
        edit(plane, renamed, text=b"caf\xe9")
        names = [one["name"] for one in get(plane, "keys")["items"]]
        assert sorted(names) == ["sound", "\ufffdcaf\ufffd"]


def test_what_is_no_route_or_guardrail_any_more_is_listed_with_what_is_wrong(plane: Plane) -> None:
    for noun, broken in (("routes", '{"fallbacks": 7}'), ("guardrails", '{"kind": "nonsense"}')):
        table, column, said = SET_UP[noun]
        put(plane, f"{noun}/broken", **said)
        edit(plane, f"UPDATE {table} SET {column} = :text", text=broken)
        found = get(plane, f"{noun}/broken")
        word = "fallbacks" if noun == "routes" else "kind"
        assert word in found["problem"]
        assert word in found["definition"]


def test_an_export_says_what_cannot_be_read(plane: Plane) -> None:
    for noun in ("routes", "guardrails"):
        table, column, said = SET_UP[noun]
        for name in ("broken", "sound"):
            put(plane, f"{noun}/{name}", **said)
        edit(plane, f"UPDATE {table} SET {column} = '{{' WHERE name = 'broken'")
    text = plane.ask("GET", "organisations/red/export").body.decode()
    assert "# The route 'broken': it leads nowhere: its table cannot be read" in text
    assert "# The guardrail 'broken': its table cannot be read" in text
    assert list(tomllib.loads(text)["routes"]) == ["sound"]
    assert [one["name"] for one in tomllib.loads(text)["guardrails"]] == ["sound"]


def test_an_organisation_that_cannot_be_read_is_allowed_nothing_until_it_is_mended(
    plane: Plane,
) -> None:
    def listed() -> dict[str, Any]:
        return {one["name"]: one for one in plane.ask("GET", "organisations").json["items"]}

    default = listed()["default"]
    for column in ("settings", "quotas"):
        for text in (*UNREAD, '{"wrong": 1}'):
            edit(plane, f"UPDATE organisation SET {column} = :text WHERE name = 'red'", text=text)
            red = listed()["red"]
            assert listed()["default"] == default
            assert f"its {column} cannot be read" in red["problem"]
            assert plane.ask("GET", "organisations/red").json == red
            if column == "quotas":
                made = plane.ask("POST", "organisations/red/keys", {"name": "k"})
                assert made.code == "quota_reached"
                assert get(plane, "built-in-providers")["items"] == []
            titled = plane.ask("PATCH", "organisations/red", {"title": f"Red {text[:9]}"})
            assert titled.json["problem"] == red["problem"]
            with plane.desk.read() as connection:
                rows = connection.rows(f"SELECT {column} FROM organisation WHERE name = 'red'")
            assert rows[0][column] == text  # what was there is not lost by that
            mended = plane.ask("PATCH", "organisations/red", {column: {}})
            assert (mended.status, mended.json["problem"]) == (200, None)


def test_lines_that_cannot_be_read_leave_the_others_alone(plane: Plane) -> None:
    edit(plane, "UPDATE audit SET difference = '{half' WHERE object = 'broken'")
    lines = get(plane, "audit")["items"]
    told = {one["object"]: one["problem"] for one in lines if one["kind"] == "provider"}
    assert told["sound"] is None
    assert "what was different cannot be read" in told["broken"]
    assert plane.ask("POST", "organisations/red/demo-traffic", {"count": 1}).status == 201
    edit(plane, "UPDATE exchange SET warnings = '{half'")
    (line,) = get(plane, "requests")["items"]
    (warning,) = get(plane, f"requests/{line['id']}")["warnings"]
    assert "cannot be read" in warning


def test_how_one_signs_in_elsewhere_is_not_there_while_it_cannot_be_read(plane: Plane) -> None:
    said = {"issuer": "https://id.example", "client_id": "us", "client_secret": TOKEN}
    assert plane.ask("PUT", "oidc/settings", said).json["has_secret"] is True
    edit(plane, "UPDATE setting SET value = '{half' WHERE name = 'oidc'")
    assert plane.ask("GET", "oidc").json["enabled"] is False
    assert plane.ask("GET", "oidc/settings").status == 404
    del said["client_secret"]  # whose it was is not known any more: it is sent to nobody
    assert plane.ask("PUT", "oidc/settings", said).json["has_secret"] is False
