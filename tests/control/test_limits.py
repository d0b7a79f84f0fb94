"""Limits and webhooks over the API: set by those who may, shown with what is used."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import pytest

from tests.control.plane import Answer, Plane
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream, chat

BUDGET: Mapping[str, Any] = {"measure": "spend", "period": "month", "amount": "25.5"}


class Red:
    """Somebody with a role in `red`, or the operator."""

    def __init__(self, plane: Plane, role: Any = None) -> None:
        self._plane = plane
        roles = {"red": role} if role else {}
        account = plane.account(f"{role or 'op'}@example.com", operator=role is None, **roles)
        self._headers = plane.token(account)

    def __call__(self, method: str, path: str, body: Any = None) -> Answer:
        return self._plane.ask(method, f"organisations/red/{path}", body, headers=self._headers)


@pytest.fixture
def red(plane: Plane) -> Plane:
    plane.organisation("red")
    return plane


def test_a_budget_is_made_shown_changed_and_deleted(red: Plane) -> None:
    admin = Red(red, "admin")
    made = admin("PUT", "limits/team", BUDGET)
    assert made.status == 200, made.body
    assert (made.json["amount"], made.json["kind"], made.json["version"]) == (
        "25.5",
        "organisation",
        1,
    )
    (used,) = made.json["used"]
    assert (used["subject"], used["used"], used["left"]) == ("red", "0", "25.5")
    assert admin("PUT", "limits/team", BUDGET).json["version"] == 1
    changed = admin("PUT", "limits/team", {**BUDGET, "amount": 30, "version": 1})
    assert (changed.json["version"], changed.json["id"]) == (2, made.json["id"])
    assert admin("PUT", "limits/team", {**BUDGET, "version": 1}).code == "changed_meanwhile"
    listed = admin("GET", "limits").json["items"]
    assert [one["name"] for one in listed] == ["team"]
    assert admin("DELETE", "limits/team").status == 204
    assert admin("GET", "limits/team").status == 404
    assert admin("PUT", "limits/team", {**BUDGET, "version": 2}).code == "deleted_meanwhile"
    assert admin("PUT", "limits/team", {**BUDGET, "version": 0}).json["version"] == 1


OPEN = {"base_url": "http://127.0.0.1:1", "models": ["large"]}
CLOSED = {**OPEN, "models_only": True}
NOWHERE = "it limits nothing: there is no provider 'nowhere' here"
OF = {
    "provider:mine": None,
    "provider:*": None,
    "provider:nowhere": NOWHERE,
    "model:mine/large": None,
    "model:mine/small": "it limits nothing: the provider 'mine' has no model 'small'",
    "model:open/any/that/there/may/be": None,
    "model:nowhere/large": NOWHERE,
    "model:*": None,
}


def test_a_limit_of_what_is_not_there_is_taken_and_says_so(serve_plane: Any) -> None:
    plane = serve_plane(config={"providers": {"mine": CLOSED, "open": OPEN}})
    plane.organisation("red")
    admin = Red(plane, "admin")
    for number, (of, problem) in enumerate(OF.items()):
        kind, _, subject = of.partition(":")
        said = {**BUDGET, "kind": kind, "subject": subject}
        made = admin("PUT", f"limits/l{number}", said)
        assert (made.status, made.json["problem"]) == (200, problem), of
        assert admin("GET", f"limits/l{number}").json["problem"] == problem, of
    listed = admin("GET", "limits").json["items"]
    assert [one["problem"] for one in listed] == [*OF.values()]


def test_a_limit_of_whom_there_is_no_more_says_so(red: Plane) -> None:
    admin = Red(red, "admin")
    bob = red.account("bob@example.com", red="member")
    admin("PUT", "projects/web", {})
    key = admin("POST", "keys", {"name": "ci"}).json["id"]
    gone = {"key:ci": f"keys/{key}", "project:web": "projects/web"}
    gone["member:bob@example.com"] = f"members/{bob}"
    for of, path in gone.items():
        kind, _, subject = of.partition(":")
        limit = f"limits/{kind}"
        for whose in ("*", subject):
            made = admin("PUT", limit, {**BUDGET, "kind": kind, "subject": whose})
            assert (made.status, made.json["problem"]) == (200, None), made.body
        assert admin("DELETE", path).status == 204
        problem = f"it limits nothing: there is no such {kind} any more"
        assert admin("GET", limit).json["problem"] == problem
        everyone = admin("PUT", limit, {**BUDGET, "kind": kind, "subject": "*"})
        assert everyone.json["problem"] is None


def test_the_audit_log_says_of_a_limit_what_was_asked_for(red: Plane) -> None:
    admin = Red(red, "admin")

    def last() -> Any:
        line = admin("GET", "audit?kind=limit").json["items"][0]
        return line["action"], line["object"], line["difference"]

    key = admin("POST", "keys", {"name": "ci"}).json["id"]
    of = {"kind": "key", "subject": "ci"}
    made = admin("PUT", "limits/team", {**BUDGET, **of, "unknown": "assume", "assumed_usd": "0.2"})
    assert last() == (
        "put",
        "team",
        {
            "kind": [None, "key"],
            "subject": [None, "ci"],
            "measure": [None, "spend"],
            "period": [None, "month"],
            "amount": [None, "25.5"],
            "mode": [None, "strict"],
            "unknown": [None, "assume"],
            "assumed_usd": [None, "0.2"],
            "operator": [None, False],
        },
    )
    admin("PUT", f"limits/{made.json['id']}", {**BUDGET, "amount": "0.00000001"})
    assert last() == (
        "put",
        "team",
        {
            "kind": ["key", "organisation"],
            "subject": ["ci", None],
            "amount": ["25.5", "0.00000001"],
            "unknown": ["assume", "allow"],
            "assumed_usd": ["0.2", None],
        },
    )
    admin("PUT", "limits/team", {**BUDGET, **of})
    admin("DELETE", f"keys/{key}")
    admin("POST", "keys", {"name": "ci"})
    assert admin("PUT", "limits/team", {**BUDGET, **of}).json["version"] == 4
    assert last() == ("put", "team", {"subject": ["ci", "ci (another)"]})
    admin("DELETE", f"limits/{admin('GET', 'limits/team').json['id']}")
    action, name, difference = last()
    assert (action, name, difference["amount"]) == ("delete", "team", ["25.5", None])


def test_what_an_operator_has_set_members_cannot_raise(red: Plane) -> None:
    operator, admin = Red(red), Red(red, "owner")
    assert admin("PUT", "limits/cap", {**BUDGET, "operator": True}).status == 403
    assert operator("PUT", "limits/cap", {**BUDGET, "operator": True}).status == 200
    assert admin("PUT", "limits/cap", {**BUDGET, "amount": "1000"}).status == 403
    assert admin("DELETE", "limits/cap").status == 403
    assert admin("GET", "limits/cap").json["amount"] == "25.5"
    assert Red(red, "member")("PUT", "limits/mine", BUDGET).status == 403


def test_limits_of_the_configuration_are_shown_and_changed_there(serve_plane: Any) -> None:
    key = {"name": "ci", "key": "a-secret-of-the-file", "rpm": 60, "budget": 5}
    plane = serve_plane(gateway_keys=[key])
    plane.organisation("red")
    path = "organisations/default/limits"
    admin = plane.token(plane.account("admin@example.com", default="admin"))
    viewer = plane.token(plane.account("viewer@example.com", default="viewer"))
    plane.ask("PUT", f"{path}/team", BUDGET, headers=admin)
    shown = plane.ask("GET", path, headers=admin).json["items"]
    assert [(one["name"], one["subject"], one["amount"], one["read_only"]) for one in shown] == [
        ("key:ci:rpm", "ci", "60", True),
        ("key:ci:budget", "ci", "5", True),
        ("team", None, "25.5", False),
    ]
    (used,) = shown[1]["used"]
    assert (used["subject"], used["used"], used["left"]) == ("ci", "0", "5")
    assert plane.ask("GET", f"{path}/key:ci:rpm", headers=admin).json == shown[0]
    for method in ("PUT", "DELETE"):
        refused = plane.ask(method, f"{path}/key:ci:rpm", BUDGET, headers=admin)
        assert (refused.status, refused.code) == (409, "read_only"), refused.body
    assert [one["name"] for one in plane.ask("GET", path, headers=viewer).json["items"]] == ["team"]
    operator = plane.token(plane.account("op@example.com", operator=True))
    assert plane.ask("GET", "organisations/red/limits", headers=operator).json["items"] == []


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount": "-1"}, "amount"),
    ({"amount": "NaN"}, "amount"),
    ({"amount": "1e30"}, "amount"),
    ({"amount": "1e9999999"}, "amount"),
    ({"measure": "requests", "amount": "1e9999999"}, "amount"),
    ({"measure": "requests", "amount": "sNaN"}, "amount"),
    ({"measure": "requests", "amount": "Infinity"}, "amount"),
    ({"unknown": "assume", "assumed_usd": "1e9999999"}, "assumed_usd"),
    ({"measure": "requests", "amount": "1.5"}, "amount"),
    ({"measure": "concurrency"}, "period"),
    ({"period": "minute"}, "period"),
    ({"unknown": "assume"}, "assumed_usd"),
    ({"kind": "key", "subject": "nobody"}, "subject"),
    ({"kind": "project"}, "subject"),
    ({"kind": "provider", "subject": "Mine"}, "subject"),
    ({"kind": "model", "subject": "large"}, "subject"),
    ({"kind": "model", "subject": "Mine/large"}, "subject"),
    ({"kind": "model", "subject": "mine:large"}, "subject"),
    ({"subject": "red"}, "subject"),
    ({"id": "lim_1"}, "id"),
]


def test_a_limit_that_makes_no_sense_is_refused(red: Plane) -> None:
    admin = Red(red, "admin")
    for wrong, param in WRONG:
        answer = admin("PUT", "limits/team", {**BUDGET, **wrong})
        assert answer.status == 400, (wrong, answer.body)
        assert param in answer.body.decode(), wrong


def test_several_workers_need_redis_before_there_are_limits(serve_plane: Any) -> None:
    plane = serve_plane(workers=2)
    plane.organisation("red")
    refused = Red(plane, "admin")("PUT", "limits/team", BUDGET)
    assert refused.status == 409
    assert "DRAGOMAN_REDIS_URL" in refused.json["error"]["hint"]


def test_a_budget_needs_the_ledger_and_a_rate_does_not(serve_plane: Any) -> None:
    plane = serve_plane(log=False)
    plane.organisation("red")
    admin = Red(plane, "admin")
    refused = admin("PUT", "limits/team", BUDGET)
    assert (refused.status, refused.code) == (409, "conflict")
    assert "log = true" in refused.json["error"]["hint"]
    rate = {"measure": "requests", "period": "minute", "amount": "2"}
    assert admin("PUT", "limits/bursts", rate).status == 200


def test_a_webhook_is_made_tried_and_signed(plane: Plane) -> None:
    with FaultUpstream([chat("taken"), error(500, "no")]) as other:
        url = f"http://127.0.0.1:{other.port}/hook"
        path = "organisations/default/webhooks/ours"
        made = plane.ask("PUT", path, {"url": url, "events": ["budget.warning"]})
        assert made.status == 200, made.body
        secret = made.json["secret"]
        shown = plane.ask("GET", path).json
        assert shown["events"] == ["budget.warning"]
        assert secret not in str(shown)
        again = plane.ask("PUT", path, {"url": url, "events": ["budget.exhausted"]})
        assert (again.json["secret"], again.json["version"]) == (None, 2)
        assert plane.ask("POST", f"{path}/test").json == {"delivered": True, "reason": None}
        assert plane.ask("POST", f"{path}/test").json["reason"] == "it was answered with 500"
    request = other.requests[0]
    assert request.json()["event"] == "test"
    at, _, signature = request.header("dragoman-signature").partition(",v1=")
    said = at.removeprefix("t=").encode() + b"." + request.body
    assert signature == hmac.digest(secret.encode(), said, hashlib.sha256).hex()


def test_where_a_webhook_may_lead_inside_operators_alone_set_it(plane: Plane) -> None:
    path = "organisations/default/webhooks/ours"
    body = {"url": "http://10.0.0.5/hook"}
    admin = plane.token(plane.account("admin@example.com", default="owner"))
    operator = plane.token(plane.account("op@example.com", operator=True))
    refused = plane.ask("PUT", path, body, headers=admin)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert plane.ask("PUT", path, body, headers=operator).status == 200
    assert plane.ask("PUT", path, {**body, "enabled": False}, headers=admin).status == 403
    assert plane.ask("DELETE", path, headers=admin).status == 204


INSIDE = [
    "http://hooks.example.com/",
    "https://127.0.0.1/hook",
    "https://169.254.169.254/",
    "ftp://hooks.example.com",
    "https://user:pw@hooks.example.com/",
    "demo:",
    "",
]


def test_a_webhook_of_an_organisation_goes_nowhere_inside(red: Plane) -> None:
    admin = Red(red, "admin")
    for url in INSIDE:
        answer = admin("PUT", "webhooks/hook", {"url": url})
        if answer.status == 200:  # what it leads to is looked at when it is dialled
            tried = admin("POST", "webhooks/hook/test").json
            assert not tried["delivered"], url
            assert "allowed" in tried["reason"], tried
        else:
            assert (answer.status, answer.json["error"]["param"]) == (400, "url"), url
