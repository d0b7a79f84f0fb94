"""Errors, read in every spelling and written in one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman import errors
from dragoman.types.exchange import Attempt, Exchange
from dragoman.wire import get_format
from dragoman.wire.error_body import retry_after
from tests.wire import golden

FORMAT = get_format("openai-completions")
TABLE = json.loads((golden.CASES / f"{FORMAT.name}-errors.json").read_bytes())


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case["name"])
def test_an_error_is_what_the_table_says(case: dict[str, Any]) -> None:
    error = FORMAT.parse_error(case["status"], case["headers"], case["body"].encode())
    expected = dict(case["expected"])
    assert type(error).__name__ == expected.pop("cls")
    assert error.upstream_status == case["status"]
    assert {name: getattr(error, name) for name in expected} == expected


def test_raw_is_bounded_and_keys_are_hidden() -> None:
    body = b'{"error":{"message":"bad key Bearer abcdefgh12345678 and sk-live-1234567890abcdef"}}'
    error = FORMAT.parse_error(401, {}, body + b" " * 10_000)
    assert error.raw is not None
    assert len(error.raw) <= 4096
    for shown in (error.raw.decode(), str(error), repr(error)):
        assert "abcdefgh12345678" not in shown
        assert "1234567890abcdef" not in shown


def test_a_long_message_is_cut_and_on_one_line() -> None:
    body = json.dumps({"error": {"message": "no\x1b[31m\n" + "very " * 5000}}).encode()
    message = FORMAT.parse_error(400, {}, body).message
    assert len(message) <= 1000
    assert message.startswith("no[31m very very")
    assert message.isprintable()


def test_a_date_is_counted_from_the_given_now_when_the_answer_has_none() -> None:
    headers = {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}
    assert retry_after(headers, now=1792567700.0) == 10.0


ERRORS: list[tuple[errors.DragomanError, int, str, str | None, str | None]] = [
    (errors.InvalidRequest("x", param="n"), 400, "invalid_request_error", "invalid_request", "n"),
    (errors.Unsupported("x"), 400, "invalid_request_error", "unsupported", None),
    (errors.Unauthorized("x"), 401, "invalid_request_error", "invalid_api_key", None),
    (errors.Forbidden("x"), 403, "invalid_request_error", "forbidden", None),
    (errors.UnknownModel("x"), 404, "invalid_request_error", "model_not_found", "model"),
    (errors.LimitExceeded("x"), 429, "rate_limit_error", "rate_limit_exceeded", None),
    (errors.BudgetExceeded("x"), 429, "insufficient_quota", "insufficient_quota", None),
    (errors.RateLimited("x"), 429, "rate_limit_error", "rate_limit_exceeded", None),
    (errors.BadRequest("x"), 400, "invalid_request_error", "bad_request", None),
    (errors.ContextOverflow("x"), 400, "invalid_request_error", "context_length_exceeded", None),
    (errors.ContentFiltered("x"), 400, "invalid_request_error", "content_filter", None),
    (errors.AuthFailed("x"), 502, "server_error", "upstream_auth_failed", None),
    (errors.BillingError("x"), 502, "server_error", "upstream_billing", None),
    (errors.Overloaded("x"), 503, "server_error", "upstream_overloaded", None),
    (errors.ServerError("x"), 502, "server_error", "upstream_error", None),
    (errors.Timeout("first_token", 4), 504, "server_error", "first_token_timeout", None),
    (errors.StreamTruncated("x"), 502, "server_error", "stream_truncated", None),
    (errors.AllAttemptsFailed("x", []), 503, "server_error", "upstream_unavailable", None),
    (errors.ConfigError("x"), 500, "server_error", "config_error", None),
]


@pytest.mark.parametrize(
    ("error", "status", "kind", "code", "param"), ERRORS, ids=lambda v: type(v).__name__
)
def test_errors_are_written_as_openai_does(
    error: errors.DragomanError, status: int, kind: str, code: str, param: str | None
) -> None:
    written_status, body = FORMAT.render_error(error)
    written = json.loads(body)["error"]
    assert written_status == status
    assert written == {"message": error.message, "type": kind, "param": param, "code": code}


def test_what_the_upstream_said_of_a_bad_request_reaches_the_client_in_its_words() -> None:
    body = b'{"error":{"message":"Bad n","type":"invalid_value","param":"n","code":"too_big"}}'
    status, written = FORMAT.render_error(FORMAT.parse_error(422, {}, body))
    assert status == 422
    assert json.loads(written) == json.loads(body)


def test_attempts_and_provider_are_under_a_key_of_our_own() -> None:
    error = errors.AllAttemptsFailed("nobody answered", [], hint="Start Ollama.")
    error.provider = "ollama"
    attempts = [
        Attempt(id="a", number=1, kind="first", provider="ollama", model="m", credential="env:K",
                started_at=0.0, error="connect_failed", reason="refused")
    ]  # fmt: skip
    error.exchange = Exchange(id="x", asked="m", started_at=0.0, attempts=attempts)
    written = json.loads(FORMAT.render_error(error)[1])["error"]
    assert written["message"] == "nobody answered. Start Ollama."
    assert written["dragoman"] == {
        "provider": "ollama",
        "attempts": [
            {"provider": "ollama", "model": "m", "status": None, "error": "connect_failed",
             "reason": "refused"}
        ],
    }  # fmt: skip
