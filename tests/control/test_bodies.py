"""A body that is missing, or no JSON, is told so: in words about the body, and how to send one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.plane import Plane

JSON = {"content-type": "application/json"}
WANT_A_BODY = [
    ("PATCH", "organisations/default"),
    ("POST", "organisations/default/invitations"),
    ("POST", "organisations/default/keys"),
    ("POST", "session"),
    ("PUT", "organisations/default/limits/day"),
    ("PUT", "organisations/default/projects/web"),
    ("PUT", "organisations/default/routes/best"),
]


@pytest.mark.parametrize("headers", [{}, JSON], ids=["of no kind", "of JSON"])
@pytest.mark.parametrize("raw", [None, b""], ids=["none", "an empty one"])
def test_a_missing_body_is_called_missing(plane: Plane, headers: Any, raw: bytes | None) -> None:
    for method, path in WANT_A_BODY:
        answer = plane.ask(method, path, headers=headers, raw=raw)
        assert (answer.status, answer.json["error"]) == (
            400,
            {
                "code": "invalid_request",
                "message": "the request has no body, and a JSON object is expected",
                "hint": "send one, with `content-type: application/json`",
            },
        ), path


@pytest.mark.parametrize("raw", [b" ", b"{", b"title=Web", b'{"title": "Web"} x', b"\xff"])
def test_a_body_that_is_no_json_is_called_so(plane: Plane, raw: bytes) -> None:
    answer = plane.ask("PUT", "organisations/default/projects/web", headers=JSON, raw=raw)
    told = answer.json["error"]
    assert (answer.status, told["code"]) == (400, "invalid_request")
    assert told["message"].startswith("the body is no JSON: ")
    assert told["hint"] == "send a JSON object, with `content-type: application/json`"


def test_a_body_that_may_be_left_out_may(plane: Plane) -> None:
    made = plane.ask("POST", "organisations/default/keys", {"name": "ci"}).json
    path = f"organisations/default/keys/{made['id']}/rotate"
    assert plane.ask("POST", path).status == 201


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "organisations/default/limits/day", {"measure": "sheep"}),
        ("PUT", "organisations/default/limits/day", {"of": "key:ci"}),
        ("GET", "organisations/default/requests?outcome=nonsense", None),
        ("GET", "organisations/default/requests?min_cost=much", None),
        ("DELETE", "organisations/default", None),
        ("PUT", "organisations/default", {"title": "Web"}),
        ("GET", "organisation", None),
    ],
)
def test_what_is_not_known_is_told_with_where_to_look_it_up(
    plane: Plane, method: str, path: str, body: Any
) -> None:
    told = plane.ask(method, path, body).json["error"]
    assert told["hint"].startswith("GET /openapi.json "), told
