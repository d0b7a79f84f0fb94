"""Routes and guardrails of an organisation, by API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.plane import Plane

ROUTE = {"models": [{"model": "demo/echo", "weight": "90%"}, {"model": "demo/story", "weight": 10}]}
GENERAL = {
    "routes": {"house": {"models": ["demo/echo"]}},
    "guardrails": [{"name": "house", "kind": "secrets"}],
}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Plane]:
    with Plane(tmp_path / "dragoman.db", config=GENERAL) as plane:
        plane.organisation("acme")
        yield plane


def put(plane: Plane, path: str, definition: Any, **more: Any) -> Any:
    return plane.ask("PUT", f"organisations/acme/{path}", {"definition": definition, **more})


@pytest.mark.parametrize(
    ("noun", "one", "other"),
    [
        ("routes", ROUTE, {"models": ["demo/json"]}),
        ("guardrails", {"kind": "secrets"}, {"kind": "words", "words": ["falcon"]}),
    ],
)
def test_it_is_made_shown_changed_and_deleted(acme: Plane, noun: str, one: Any, other: Any) -> None:
    path = f"{noun}/smart"
    made = put(acme, path, one)
    assert (made.status, made.json["definition"], made.json["version"]) == (200, one, 1)
    assert put(acme, path, one).json["version"] == 1
    assert put(acme, path, other, version=1).json["version"] == 2
    assert put(acme, path, one, version=1).code == "changed_meanwhile"
    shown = acme.ask("GET", f"organisations/acme/{path}").json
    assert (shown["definition"], shown["read_only"]) == (other, False)
    listed = acme.ask("GET", f"organisations/acme/{noun}").json["items"]
    assert [(item["name"], item["read_only"]) for item in listed] == [
        ("house", True),
        ("smart", False),
    ]
    assert acme.ask("DELETE", f"organisations/acme/{path}").status == 204
    assert acme.ask("GET", f"organisations/acme/{path}").status == 404
    assert put(acme, path, one, version=2).code == "deleted_meanwhile"


@pytest.mark.parametrize(("noun", "definition"), [("routes", ROUTE), ("guardrails", {})])
def test_what_the_configuration_says_is_read_only(acme: Plane, noun: str, definition: Any) -> None:
    for answer in (
        put(acme, f"{noun}/house", definition),
        acme.ask("DELETE", f"organisations/acme/{noun}/house"),
    ):
        assert (answer.status, answer.code) == (409, "read_only")
    shown = acme.ask("GET", f"organisations/acme/{noun}/house").json
    assert shown["read_only"] is True


WRONG = [
    ("routes/smart", {}, "names no model"),
    ("routes/smart", {"models": ["demo/echo"], "wight": 1}, "unknown key 'wight'"),
    ("routes/smart", {"models": [{"model": "demo/echo", "weight": "130%"}]}, "at most 100%"),
    ("routes/smart", {"models": [{"model": "demo/echo", "when": {"hours": "noon"}}]}, "08:00"),
    *(
        ("routes/smart", {"models": [{"model": "demo/echo", "when": when}]}, said)
        for when, said in (
            ({"tokens_from": 9, "tokens_below": 9}, "models[0].when holds of no request"),
            ({"hours": "08:00-08:00"}, "ends when it begins"),
            ({"headers": {"x:tier": "gold"}}, "no HTTP header"),
        )
    ),
    ("routes/smart", {**ROUTE, "shadow": {"model": "demo/x", "percent": 101}}, "at most 100"),
    ("routes/smart", {**ROUTE, "body": {"api_base": "http://x"}}, "api_base chooses where"),
    ("routes/smart", {**ROUTE, "body": {"n": 1, "base_url": "http://x"}}, "base_url chooses"),
    ("routes/a b", ROUTE, "no name for a route"),
    ("guardrails/g", {"kind": "nonsense"}, "kind"),
    ("guardrails/g", {"kind": "secrets", "action": "explode"}, "action"),
    ("guardrails/g", {"kind": "pattern", "patterns": ["(?=x)"]}, "cannot be used"),
    ("guardrails/g", {"kind": "pattern", "patterns": ["x+"]}, "no bound"),
    ("guardrails/g", {"kind": "secrets", "knd": 1}, "unknown key"),
    ("guardrails/No", {"kind": "secrets"}, "no name"),
]


@pytest.mark.parametrize(("path", "definition", "said"), WRONG)
def test_what_is_wrong_is_said(acme: Plane, path: str, definition: Any, said: str) -> None:
    answer = put(acme, path.replace(" ", "%20"), definition)
    assert answer.status == 400
    assert said in answer.json["error"]["message"]


def test_a_setting_that_is_refused_is_not_said_to_be_ignored(acme: Plane) -> None:
    told = put(acme, "routes/hh", {**ROUTE, "zzz": 1}).json["error"]
    assert told["message"] == "organisation: route 'hh': unknown key 'zzz'"
    assert told["hint"].startswith("It may be primary, fallbacks, models, ")


def explain(plane: Plane, **asked: Any) -> Any:
    return plane.ask("POST", "organisations/acme/routes/explain", asked)


def test_a_route_is_explained_for_a_request_that_might_come(acme: Plane) -> None:
    long = {"model": "demo/story", "when": {"tokens_from": 1000}}
    night = {"model": "demo/json", "when": {"hours": "22:00-06:00"}}
    put(acme, "routes/smart", {"models": [long, night, "demo/echo"], "shadow": {"model": "demo/x"}})

    def refs(**asked: Any) -> list[str]:
        found = explain(acme, model="smart", **asked).json["deployments"]
        return [place["ref"] for place in found]

    assert refs(at=12 * 3600) == ["demo/echo"]
    assert refs(tokens=1000, at=12 * 3600) == ["demo/story", "demo/echo"]
    assert refs(at=23 * 3600) == ["demo/json", "demo/echo"]
    shown = explain(acme, model="smart").json
    assert shown["shadow"] == "demo/x"
    assert any("smart" in step for step in shown["steps"])
    assert explain(acme, model="nowhere/x").status == 404


def test_an_entry_that_leads_nowhere_is_a_problem_of_its_route(acme: Plane) -> None:
    made = put(acme, "routes/half", {"models": ["gone/x", "demo/echo"]})
    assert "unknown model 'gone/x'" in made.json["problem"]
    put(acme, "routes/lost", {"models": ["gone/x"]})
    listed = acme.ask("GET", "organisations/acme/routes").json["items"]
    told = {one["name"]: one["problem"] for one in listed}
    assert "passed over: unknown model 'gone/x'" in told["half"]
    assert "'lost' leads nowhere: unknown model 'gone/x'" in told["lost"]
    assert told["house"] is None
    assert acme.ask("GET", "organisations/acme/routes/half").json["problem"] == told["half"]
    steps = explain(acme, model="half").json["steps"]
    assert any(step.startswith("gone/x: passed over: unknown model") for step in steps)
    beside = {"models": ["demo/echo"], "image_model": "away/x", "shadow": {"model": "left/x"}}
    told["beside"] = put(acme, "routes/half", beside).json["problem"]
    assert re.findall("unknown model '(.*?)'", told["beside"]) == ["away/x", "left/x"]
    mended = put(acme, "routes/half", {"models": ["demo/story", "demo/echo"]})
    assert mended.json["problem"] is None


def test_entries_that_lead_nowhere_multiply_no_more_than_others(acme: Plane) -> None:
    nowhere = [f"gone/x{number}" for number in range(30)]
    assert "leads nowhere" in put(acme, "routes/lost", {"models": nowhere}).json["problem"]
    many = put(acme, "routes/many", {"models": ["lost", "lost", "lost", "demo/echo"]})
    assert "more than 64" in many.json["problem"]


def test_a_guardrail_is_tried_without_being_kept(acme: Plane) -> None:
    tried = acme.ask(
        "POST",
        "organisations/acme/guardrails/try",
        {"definition": {"kind": "personal"}, "text": "write to bob@example.com"},
    )
    assert tried.json["text"] == "write to [email removed]"
    assert tried.json["findings"][0]["what"] == "email"
    assert len(acme.ask("GET", "organisations/acme/guardrails").json["items"]) == 1


def test_only_admins_change_what_viewers_see(acme: Plane) -> None:
    acme.account("root@example.com", operator=True)
    viewer = acme.token(acme.account("eve@example.com", acme="viewer"))
    for path, definition in (("routes/smart", ROUTE), ("guardrails/g", {"kind": "secrets"})):
        body = {"definition": definition}
        answer = acme.ask("PUT", f"organisations/acme/{path}", body, headers=viewer)
        assert answer.status == 403
        noun = path.partition("/")[0]
        assert acme.ask("GET", f"organisations/acme/{noun}", headers=viewer).status == 200
