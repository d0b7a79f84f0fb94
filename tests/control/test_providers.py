"""Providers of an organisation over the API: made, looked at, tried, and kept from others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.control.plane import Answer, Plane
from tests.upstream.answers import chat_stream, error, redirect
from tests.upstream.fault import chat, models
from tests.upstream.tls import Authority

Start = Callable[..., Any]
TOKEN = "sk-canary-0123456789"
URL = "https://llm.example"


class Asker:
    """Somebody who asks about organisation `red`."""

    def __init__(self, plane: Plane, headers: Mapping[str, str]) -> None:
        self._plane = plane
        self._headers = headers

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        return self._plane.ask(
            method, f"organisations/red/{path}", body, headers=self._headers, query=query
        )

    def put(self, name: str = "acme", **said: Any) -> Answer:
        return self("PUT", f"providers/{name}", {"base_url": URL, **said})


@pytest.fixture
def asked(serve_plane: Start) -> Callable[..., Asker]:
    """Give somebody with a role in `red`, or the operator."""
    plane = serve_plane(egress_allow=["10.0.0.9"])
    plane.organisation("red")

    def give(role: str | None = None) -> Asker:
        roles = {"red": role} if role else {}
        account = plane.account(f"{role or 'op'}@example.com", operator=role is None, **roles)
        return Asker(plane, plane.token(account))

    return give


def rows(plane: Plane, statement: str) -> list[dict[str, Any]]:
    with plane.desk.read() as connection:
        return [dict(row) for row in connection.rows(statement)]


def test_a_provider_is_made_shown_changed_and_deleted(asked: Any) -> None:
    admin = asked("admin")
    made = admin.put(token=TOKEN, models=["m"], limits={"rpm": 60})
    assert made.status == 200
    shown = made.json
    assert shown["settings"] == {"base_url": URL, "models": ["m"], "limits": {"rpm": 60}}
    assert shown["urls"]["requests"] == f"{URL}/v1/chat/completions"
    assert shown["token"] == {"last_four": "6789", "origin": URL, "readable": True}
    assert (shown["egress"], shown["read_only"], shown["version"]) == ("organisation", False, 1)
    assert admin("GET", "providers/acme").json == {**shown, "warnings": []}
    assert admin("GET", "providers").json["items"] == [{**shown, "warnings": []}]
    off = admin("PATCH", "providers/acme", {"enabled": False, "version": 1}).json
    assert (off["enabled"], off["version"]) == (False, 2)
    assert admin("DELETE", "providers/acme", version=1).code == "changed_meanwhile"
    assert admin("DELETE", "providers/acme", version=2).status == 204
    assert admin("GET", "providers/acme").code == "not_found"


def test_the_same_again_changes_nothing(asked: Any) -> None:
    admin = asked("admin")
    first = admin.put(token=TOKEN).json
    assert admin.put(token=TOKEN).json == first
    assert admin.put().json == first
    assert admin.put(version=1).json == first
    assert admin.put(version=0).code == "changed_meanwhile"
    assert admin.put(token=None).json["token"] is None


def test_a_token_is_gone_when_it_would_go_elsewhere_and_that_is_told(asked: Any) -> None:
    admin = asked("admin")
    admin.put(token=TOKEN)
    path = admin.put(base_url=f"{URL}/other/v1").json
    assert (path["token"]["last_four"], path["warnings"]) == ("6789", [])
    moved = admin.put(base_url=f"{URL}:8443").json
    assert moved["token"] is None
    assert moved["warnings"] == [
        f"the token was for {URL} and is not sent to {URL}:8443: it is gone; give the new one"
    ]
    assert admin.put().json["token"] is None


def test_an_address_that_nobody_may_ask_is_told_when_it_is_given(asked: Any) -> None:
    admin = asked("admin")
    for inside in (
        "https://10.0.0.5:8443/v1",
        "https://[::ffff:10.0.0.5]",
        "https://169.254.169.254",
    ):
        (warning,) = admin.put(base_url=inside).json["warnings"]
        assert "will be refused" in warning
        assert "egress_allow" in warning
    assert admin.put(base_url="https://10.0.0.9:8443/v1").json["warnings"] == []  # it is granted
    assert admin.put(base_url="https://localhost/v1").json["warnings"] == []
    assert asked()("PUT", "providers/near", {"base_url": "http://10.0.0.5"}).json["warnings"] == []


def test_nobody_can_read_a_token_and_the_log_has_none(asked: Any) -> None:
    admin = asked("admin")
    plane = admin._plane
    told = admin.put(token=TOKEN).body + admin.put(token=TOKEN + "x").body
    told += admin("GET", "providers").body + admin("GET", "audit").body
    told += admin.put(token=f"{TOKEN}\n").body + admin.put(token=TOKEN, auth="none").body
    told += json.dumps(rows(plane, "SELECT * FROM provider"), default=str).encode()
    assert b"canary" not in told


def test_a_name_is_matched_whole_and_as_it_is(asked: Any) -> None:
    admin = asked("admin")
    names = ("Acme", "acme1", "ac-me", "ac_me", "%61cme%20", "acm%C3%A9", "acme%0A", "%20acme")
    for name in (*names, "a" * 64):
        assert admin.put(name).status in (400, 404), name
    assert admin("GET", "providers").json["items"] == []


def test_a_name_with_a_line_break_is_told_what_is_wrong_with_it(asked: Any) -> None:
    answer = asked("admin").put("acme%0A")
    assert (answer.status, answer.code) == (400, "invalid_request")
    assert "line break" in answer.json["error"]["hint"]


def test_a_token_for_a_built_in_provider_is_no_provider_of_its_own(asked: Any) -> None:
    operator = asked()
    assert operator("PATCH", "", {"quotas": {"providers": 1, "operator_providers": ["*"]}}).json
    for name in ("openai", "groq"):
        assert operator("PUT", f"credentials/{name}", {"token": TOKEN}).status == 200
    assert operator.put("acme").status == 200
    refused = operator.put("other")
    assert (refused.status, refused.code) == (409, "quota_reached")


def test_names_of_the_built_in_and_of_the_configuration_are_taken(asked: Any) -> None:
    admin = asked("admin")
    for name in ("openai", "groq", "demo"):
        answer = admin.put(name)
        assert (answer.status, answer.code) == (409, "conflict")


def test_what_is_wrong_is_told_with_its_field(asked: Any) -> None:
    admin = asked("admin")
    for said, param in (
        ({"models": [{"id": "a", "cost": {"input": "much"}}]}, "models.0.cost.input"),
        ({"base_url": "http://llm.example"}, "base_url"),
        ({"tls": {"verify": False}}, "tls"),
        ({"token": "sk-“quoted”"}, "token"),
        ({"token": " sk-1"}, "token"),
        ({"headers": {"x-a": "env:HOME"}}, "headers"),
        ({"adapter": "x"}, "adapter"),
    ):
        answer = admin.put(**said)
        assert (answer.status, answer.code) == (400, "invalid_request"), said
        assert param in json.dumps(answer.json), answer.json


def test_members_and_viewers_look_and_do_not_touch(asked: Any) -> None:
    asked("admin").put(token=TOKEN)
    for role in ("viewer", "member"):
        somebody = asked(role)
        assert somebody("GET", "providers/acme").status == 200
        for method, path in (
            ("PUT", "providers/acme"),
            ("PATCH", "providers/acme"),
            ("DELETE", "providers/acme"),
            ("POST", "providers/acme/test"),
            ("POST", "provider-drafts/test"),
            ("PUT", "credentials/groq"),
        ):
            assert somebody(method, path, {"base_url": URL}).status == 403, (role, method, path)


def test_what_an_operator_wrote_a_tenant_cannot_lead_elsewhere(asked: Any) -> None:
    operator, admin = asked(), asked("admin")
    assert operator.put(base_url="http://127.0.0.1:11434").json["egress"] == "operator"
    answer = admin.put(base_url="https://other.example")
    assert (answer.status, answer.code) == (409, "read_only")
    assert admin("PATCH", "providers/acme", {"enabled": False}).json["egress"] == "operator"
    assert admin("DELETE", "providers/acme").status == 204
    assert admin.put(base_url="http://127.0.0.1:11434").status == 400


def test_a_token_of_ones_own_for_a_built_in_provider(asked: Any) -> None:
    admin = asked("admin")
    made = admin("PUT", "credentials/groq", {"token": TOKEN}).json
    assert made["token"] == {"last_four": "6789", "origin": None, "readable": True}
    assert admin("GET", "credentials").json["items"] == [made]
    assert admin("GET", "providers").json["items"] == []
    built_in = {one["name"]: one["token"] for one in listed(admin)}
    assert built_in.pop("groq") is True
    assert "openai" in built_in
    assert not any(built_in.values())
    assert admin("PUT", "credentials/groq", {"token": "a\nb"}).status == 400
    assert admin("DELETE", "credentials/groq").status == 204
    assert admin("GET", "credentials/groq").code == "not_found"


HOUSE = {
    "providers": {
        name: {"base_url": f"https://{name}.example", "default_model": "m"}
        for name in ("ours", "theirs")
    },
    "routes": {
        "mixed": {"models": ["ours/m", "theirs/m"], "image_model": "theirs/m"},
        "away": {"models": ["theirs/m"]},
    },
}


@pytest.fixture
def closed(serve_plane: Start) -> Asker:
    """Give the admin of an organisation for which `ours` and groq are enabled, and no more."""
    plane = serve_plane(config=HOUSE)
    plane.organisation("red", ("ours", "gro*"))
    return Asker(plane, plane.token(plane.account("admin@example.com", red="admin")))


def test_what_is_not_enabled_is_listed_nowhere(closed: Asker) -> None:
    assert [one["name"] for one in closed("GET", "providers").json["items"]] == ["ours"]
    assert [one["name"] for one in listed(closed)] == ["groq"]
    assert closed("GET", "providers/theirs").json == (
        json.loads(closed("GET", "providers/nobody").body.replace(b"nobody", b"theirs"))
    )
    (route,) = closed("GET", "routes").json["items"]
    assert route["name"] == "mixed"
    assert route["definition"]["steps"] == [{"ref": "ours/m"}]
    for path in ("providers", "providers/theirs", "built-in-providers", "routes", "routes/away"):
        assert b"theirs" not in closed("GET", path).body.replace(b"'theirs'", b"")
    assert closed("POST", "routes/explain", {"model": "away"}).code == "model_not_found"
    explained = closed("POST", "routes/explain", {"model": "mixed"})
    assert [one["ref"] for one in explained.json["deployments"]] == ["ours/m"]
    assert b"theirs" not in explained.body


def test_where_a_provider_of_the_gateways_is_only_operators_are_told(serve_plane: Start) -> None:
    plane = serve_plane(config=HOUSE)
    plane.organisation("red")
    admin = Asker(plane, plane.token(plane.account("admin@example.com", red="admin")))
    operator = Asker(plane, plane.token(plane.account("op@example.com", operator=True)))
    for token in (TOKEN, f"{TOKEN}0"):
        assert b"ours.example" not in admin("PUT", "credentials/ours", {"token": token}).body
    for path in ("credentials", "credentials/ours", "providers", "providers/ours", "audit"):
        assert b"ours.example" not in admin("GET", path).body, path
    for told in (
        operator("GET", "credentials/ours").json,
        *operator("GET", "credentials").json["items"],
        operator("PUT", "credentials/ours", {"token": TOKEN}).json,
    ):
        assert told["token"]["origin"] == "https://ours.example"
    noted = [line["difference"]["token"] for line in admin("GET", "audit").json["items"][:2]]
    assert noted == [["(sealed)", "(sealed), another one"]] * 2
    assert admin("DELETE", "credentials/ours").status == 204
    assert b"ours.example" not in admin("GET", "audit").body


def test_a_token_for_what_is_not_enabled_is_refused_and_who_enables_it_is_told(
    closed: Asker,
) -> None:
    assert closed("PUT", "credentials/groq", {"token": TOKEN}).status == 200
    unknown = closed("PUT", "credentials/nobody", {"token": TOKEN})
    for name in ("openai", "theirs", "anthropic"):
        answer = closed("PUT", f"credentials/{name}", {"token": TOKEN})
        assert (answer.status, answer.code) == (404, "not_found")
        assert answer.body == unknown.body.replace(b"nobody", name.encode())
    error = unknown.json["error"]
    assert error["message"] == "there is no provider named 'nobody' for this organisation"
    assert "ask an operator of this gateway" in error["hint"]
    assert "dragoman organisations set red --operator-providers" in error["hint"]


def test_a_name_that_is_built_in_is_taken_and_a_hidden_one_is_free(closed: Asker) -> None:
    for name, code in (("openai", "conflict"), ("groq", "conflict"), ("ours", "read_only")):
        answer = closed.put(name)
        assert (answer.status, answer.code) == (409, code), name
    assert closed("PUT", "routes/mixed", {"definition": {"models": ["a/b"]}}).code == "read_only"
    for name in ("theirs", "nobody"):
        assert closed.put(name).status == 200
    assert closed("PUT", "routes/away", {"definition": {"models": ["theirs/x"]}}).status == 200
    assert closed("DELETE", "providers/theirs").status == 204


def test_an_organisation_is_made_with_what_it_may_use(serve_plane: Start) -> None:
    plane = serve_plane(config=HOUSE)
    names = {"plain": None, "some": ["ours"], "all": ["*"], "none": []}
    for name, opened in names.items():
        said = {} if opened is None else {"quotas": {"operator_providers": opened, "keys": 3}}
        assert plane.ask("POST", "organisations", {"name": name, **said}).status == 201
        shown = plane.ask("GET", f"organisations/{name}").json["quotas"]
        assert (shown["operator_providers"], shown["keys"]) == (opened, 3 if said else None)
        found = plane.ask("GET", f"organisations/{name}/providers").json["items"]
        mine = {"some": ["ours"], "all": ["ours", "theirs"]}.get(name, [])
        assert [one["name"] for one in found] == mine
    for wrong in (["Open AI"], [""], ["a/b"], ["x"] * 300, "ours"):
        said = {"name": "wrong", "quotas": {"operator_providers": wrong}}
        assert plane.ask("POST", "organisations", said).code == "invalid_request", wrong
    (found,) = plane.ask("GET", "organisations/default/providers", query={"limit": 1}).json["items"]
    assert found["name"] == "ours"


def test_every_built_in_provider_that_is_listed_takes_a_token(asked: Any) -> None:
    admin = asked("admin")
    names = [one["name"] for one in listed(admin)]
    assert names == sorted(names)
    taken = [admin("PUT", f"credentials/{name}", {"token": TOKEN}).status for name in names]
    assert set(taken) == {200}


def listed(asker: Asker) -> list[Any]:
    """List the built-in providers, page by page."""
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = asker("GET", "built-in-providers", limit="20", **cursor).json
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


def test_a_list_comes_in_pages(asked: Any) -> None:
    admin = asked("admin")
    for name in ("a", "b", "c"):
        admin.put(name)
    first = admin("GET", "providers", limit=2).json
    rest = admin("GET", "providers", limit=2, cursor=first["next"]).json
    assert [one["name"] for one in (*first["items"], *rest["items"])] == ["a", "b", "c"]
    assert rest["next"] is None


# ---------------------------------------------------------------------------------- connection


def answers(request: Any) -> Any:
    if request.method == "GET":
        return models("m", "n")
    return chat_stream(["ok"]) if request.json().get("stream") else chat("ok")


def test_a_test_says_how_far_it_came_and_nothing_is_told_that_was_said(
    asked: Any, upstream: Start
) -> None:
    operator = asked()
    server = upstream(answers)
    operator.put(base_url=server.base_url, token=TOKEN)
    result = operator("POST", "providers/acme/test").json
    assert (result["ok"], result["models"]) == (True, ["m", "n"])
    steps = {step["name"]: step["verdict"] for step in result["steps"]}
    assert steps == {
        **dict.fromkeys(("reach", "auth", "models", "chat", "stream"), "ok"),
        "tls": "skipped",
    }
    sent = {request.header("authorization") for request in server.requests}
    assert sent == {f"Bearer {TOKEN}", None}
    listed = operator("GET", "providers/acme/models").json
    assert [one["id"] for one in listed["items"]] == ["m", "n"]


def test_a_tenant_is_told_a_word_and_never_what_came(
    asked: Any, upstream: Start, authority: Authority
) -> None:
    admin = asked("admin")
    for script in (error(401, "the-secret-of-the-house"), error(500, "the-secret-of-the-house")):
        server = upstream(script, tls=authority.server())
        draft = {"name": "acme", "base_url": server.base_url, "token": TOKEN, "model": "m"}
        told = admin("POST", "provider-drafts/test", draft)
        assert told.status == 200
        assert told.json["ok"] is False
        assert b"secret-of-the-house" not in told.body
        assert b"canary" not in told.body


def test_a_token_that_a_list_of_models_repeats_is_not_shown(asked: Any, upstream: Start) -> None:
    def repeats(request: Any) -> Any:
        if request.method == "GET":
            key = (request.header("authorization") or "").removeprefix("Bearer ")
            return models("m", f"of-{key}", f"of-{key.encode().hex()}")
        return answers(request)

    operator = asked()
    server = upstream(repeats)
    operator.put(base_url=server.base_url, token=TOKEN)
    draft = {"name": "acme", "base_url": server.base_url, "token": TOKEN}
    for told in (
        operator("POST", "provider-drafts/test", draft),
        operator("POST", "providers/acme/test"),
    ):
        assert told.json["models"] == ["m", "of-…", "of-…"]
        assert TOKEN.encode() not in told.body
    shown = operator("GET", "providers/acme/models").json["items"]
    assert [one["id"] for one in shown] == ["m", "of-…"]


def test_a_tenants_draft_reaches_no_address_inside(asked: Any, upstream: Start) -> None:
    admin = asked("admin")
    server = upstream(answers)
    for host in ("127.0.0.1", "localhost", "[::1]", "169.254.169.254"):
        base_url = f"https://{host}:{server.base_url.rpartition(':')[2]}"
        draft = {"name": "acme", "base_url": base_url}
        told = admin("POST", "provider-drafts/test", draft)
        codes = {step.get("code") for step in told.json["steps"]} if told.status == 200 else set()
        assert told.status == 400 or "destination_not_allowed" in codes, told.body
    assert server.requests == []
    assert server.garbage == []


def test_a_stored_token_is_used_for_a_draft_at_the_same_address_alone(
    asked: Any, upstream: Start
) -> None:
    operator = asked()
    here, there = upstream(answers), upstream(answers)
    operator.put(base_url=here.base_url, token=TOKEN)
    for server in (here, there):
        draft = {"name": "acme", "base_url": server.base_url}
        assert operator("POST", "provider-drafts/test", draft).json["ok"] is True
    assert {request.header("authorization") for request in there.requests} == {None}
    assert f"Bearer {TOKEN}" in {request.header("authorization") for request in here.requests}


def test_a_redirect_is_not_followed_by_a_test(asked: Any, upstream: Start) -> None:
    operator = asked()
    hidden = upstream(answers)
    server = upstream(redirect(f"{hidden.base_url}/models"))
    operator.put(base_url=server.base_url, token=TOKEN)
    assert operator("POST", "providers/acme/test").json["ok"] is False
    assert operator("GET", "providers/acme/models").json["error"]
    assert hidden.requests == []


def test_the_preview_says_what_will_be_called_and_calls_nothing(
    asked: Any, upstream: Start
) -> None:
    server = upstream(answers)
    operator, viewer = asked(), asked("viewer")
    said = operator("POST", "provider-drafts/preview", {"base_url": server.base_url}).json
    assert said["requests"] == f"{server.base_url}/chat/completions"
    assert viewer("POST", "provider-drafts/preview", {"base_url": "http://x"}).status == 400
    said = viewer(
        "POST", "provider-drafts/preview", {"base_url": URL, "api": "anthropic-messages"}
    ).json
    assert said["requests"] == f"{URL}/v1/messages"
    assert server.requests == []
