"""Errors of Anthropic's API, read and written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.server.http.failures import NoSuchPath
from dragoman.types.exchange import Attempt, Exchange
from tests.wire import golden
from tests.wire.anthropic_messages.judge import FORMAT

TABLE = json.loads((golden.CASES / f"{FORMAT.name}-errors.json").read_bytes())


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])
def test_an_error_is_what_the_table_says(case: dict[str, Any]) -> None:
    error = FORMAT.parse_error(case["status"], case["headers"], case["body"].encode())
    expected = dict(case["expected"])
    assert type(error).__name__ == expected.pop("cls")
    assert error.upstream_status == case["status"]
    assert {name: getattr(error, name) for name in expected} == expected


def written(error: errors.DragomanError) -> tuple[int, dict[str, Any]]:
    status, body = FORMAT.render_error(error)
    value = json.loads(body)
    assert value["type"] == "error"
    assert set(value) == {"type", "error", "request_id"}
    return status, value["error"]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (errors.InvalidRequest("x", param="n"), 400, "invalid_request_error", "invalid_request"),
        (errors.Unsupported("x"), 400, "invalid_request_error", "unsupported"),
        (errors.Unauthorized("x"), 401, "authentication_error", "invalid_api_key"),
        (errors.Forbidden("x"), 403, "permission_error", "forbidden"),
        (errors.UnknownModel("x"), 404, "not_found_error", "model_not_found"),
        (NoSuchPath("x"), 404, "not_found_error", "not_found"),
        (errors.LimitExceeded("x"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (errors.BudgetExceeded("x"), 402, "billing_error", "insufficient_quota"),
        (errors.ConfigError("x"), 500, "api_error", "config_error"),
        (errors.BadRequest("x"), 400, "invalid_request_error", None),
        (errors.BadRequest("x", status=413), 413, "request_too_large", None),
        (errors.ContextOverflow("x"), 400, "invalid_request_error", None),
        (errors.ContentFiltered("x"), 400, "invalid_request_error", None),
        (errors.AuthFailed("x"), 502, "api_error", None),
        (errors.BillingError("x"), 502, "api_error", None),
        (errors.RateLimited("x"), 429, "rate_limit_error", None),
        (errors.Overloaded("x"), 529, "overloaded_error", None),
        (errors.ServerError("x"), 502, "api_error", None),
        (errors.ProtocolError("x"), 502, "api_error", "upstream_protocol_error"),
        (errors.ConnectFailed("x"), 502, "api_error", "connect_failed"),
        (errors.Timeout("total", 3), 504, "timeout_error", "total_timeout"),
        (errors.DragomanError("x"), 500, "api_error", "internal_error"),
        (errors.AllAttemptsFailed("x", [errors.ServerError("y")]), 503, "overloaded_error", None),
        (errors.AllAttemptsFailed("x", [errors.Overloaded("y")]), 529, "overloaded_error", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_error_has_the_type_that_its_kind_has_here(
    error: errors.DragomanError, status: int, kind: str, code: str | None
) -> None:
    found, value = written(error)
    assert (found, value["type"]) == (status, kind)
    if code is not None:
        assert value["details"] == {"error_code": code}


def test_the_hint_is_said_and_what_the_provider_said_is_kept() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"Lost.","details":{"error_code":"thread_not_found"}},"request_id":"req_1"}'  # noqa: E501
    error = FORMAT.parse_error(404, {}, body)
    error.hint = "Begin anew."
    status, rendered = FORMAT.render_error(error)
    value = json.loads(rendered)
    assert status == 502
    assert value["request_id"] == "req_1"
    assert value["error"]["message"] == "Lost. Begin anew."
    assert value["error"]["details"] == {"error_code": "thread_not_found"}


def test_attempts_are_told_beside_the_error() -> None:
    error = errors.ServerError("x")
    attempt = Attempt(
        id="att_1", number=1, kind="first", provider="a", model="m", started_at=0.0,
        status=529, error="upstream_overloaded", reason="Overloaded",
    )  # fmt: skip
    error.exchange = Exchange(id="exc_1", asked="m", started_at=0.0, attempts=[attempt])
    _, value = written(error)
    assert value["dragoman"]["attempts"] == [
        {
            "provider": "a",
            "model": "m",
            "status": 529,
            "error": "upstream_overloaded",
            "reason": "Overloaded",
        }
    ]
