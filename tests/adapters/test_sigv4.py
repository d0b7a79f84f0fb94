"""Signatures of requests to AWS, against what AWS has published and what its SDK sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dragoman.adapters.sigv4 import (
    Credentials,
    Scope,
    authorization,
    canonical_request,
    sign,
    string_to_sign,
)
from dragoman.types import Secret
from dragoman.types.http import HttpRequest, parse_url

SUITE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "cases" / "sigv4.json").read_text("utf-8")
)
CREDENTIALS = Credentials(SUITE["access_key_id"], Secret(SUITE["secret_access_key"]))
SCOPE = Scope(1440938160.0, SUITE["region"], SUITE["service"])


@pytest.mark.parametrize("case", SUITE["cases"], ids=lambda case: case["name"])
def test_the_published_suite_is_signed_as_published(case: dict[str, Any]) -> None:
    headers = [(name, value) for name, value in case["headers"]]
    canonical = canonical_request(case["method"], case["target"], headers, case["body"].encode())
    assert canonical == case["canonical"]
    assert string_to_sign(canonical, SCOPE) == case["to_sign"]
    assert authorization(canonical, CREDENTIALS, SCOPE) == case["authorization"]


def test_signing_again_replaces_the_signature() -> None:
    request = HttpRequest(
        url=parse_url("https://h.example/model/a%3A1/converse"),
        headers={"content-type": "application/json", "user-agent": "any"},
        body=b"{}",
    )
    first = sign(request, CREDENTIALS, SCOPE)
    assert sign(first, CREDENTIALS, SCOPE) == first
    assert "SignedHeaders=content-type;host;x-amz-date," in first.headers["authorization"]
    assert first.headers["user-agent"] == "any"


def test_no_repr_shows_a_secret() -> None:
    shown = repr(Credentials("AKID", Secret("wJalrXUtnFEMI"), Secret("token-of-mine")))
    assert "wJalr" not in shown
    assert "token-of-mine" not in shown
