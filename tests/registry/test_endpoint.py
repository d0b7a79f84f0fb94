"""The rules from a base URL to an endpoint."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from dragoman import endpoint
from dragoman.errors import ConfigError, InvalidRequest
from dragoman.types import parse_url

CASES: dict[str, list[dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "cases" / "endpoint.toml").read_text("utf-8")
)
API = "openai-completions"


def _id(case: dict[str, Any]) -> str:
    return str(case.get("says") or case["base"])


@pytest.mark.parametrize("case", CASES["case"], ids=_id)
def test_a_base_url_leads_to_its_endpoint(case: dict[str, Any]) -> None:
    api = case.get("api", API)
    url = endpoint.endpoint_url(
        case["base"],
        api,
        case.get("model", "m"),
        query=case.get("query", {}),
        env=case.get("env", {}),
    )
    assert url == case["url"]
    parse_url(url)  # the transport can take it
    if "models" in case:
        assert endpoint.models_url(case["base"], api) == case["models"]
    if "auth" in case:
        assert endpoint.default_auth(case["base"], api, None) == case["auth"]


@pytest.mark.parametrize("case", CASES["organisation"], ids=_id)
def test_an_organisations_url_always_gets_v1(case: dict[str, Any]) -> None:
    api = case.get("api", API)
    assert endpoint.organisation_endpoint_url(case["base"], api) == case["url"]


@pytest.mark.parametrize("case", CASES["spelling"], ids=_id)
def test_the_other_spellings_are_those_that_people_mean(case: dict[str, Any]) -> None:
    assert list(endpoint.other_spellings(case["base"], case.get("api", API))) == case["others"]


@pytest.mark.parametrize("model", ["", ".", ".."])
def test_a_model_that_would_change_the_path_is_refused(model: str) -> None:
    with pytest.raises(InvalidRequest):
        endpoint.endpoint_url("https://h.example/openai/deployments", API, model)


def test_a_model_outside_the_path_may_be_anything() -> None:
    assert endpoint.endpoint_url("https://h.example/v1", API, "..").endswith("/chat/completions")


@pytest.mark.parametrize(
    "base",
    [
        "",
        "localhost:8000",
        "ftp://h.example",
        "https://",
        "https://h.example/#x",
        "https://user:hunter2-secret@h.example",
        "https://h.example:99999/v1",
        "https://h.example/a b",
    ],
)
def test_what_is_no_base_url_is_a_config_error_without_the_url(base: str) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint.endpoint_url(base, API, "m")
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint


@pytest.mark.parametrize("api", ["openai-responses", "anthropic-messages"])
def test_azures_deployments_serve_chat_completions_alone(api: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        endpoint.endpoint_url("https://h.example/openai/deployments?k=secret", api, "m")
    assert caught.value.hint == "use https://h.example/openai/v1 as the base URL"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "api", "configured", "auth"),
    [
        ("https://h.example/v1", "openai-completions", None, "bearer"),
        ("https://h.example/v1", "openai-responses", None, "bearer"),
        ("https://h.example/v1", "anthropic-messages", None, "x-api-key"),
        ("https://h.example/v1", "anthropic-messages", "bearer", "bearer"),
        ("https://h.example/openai/deployments", "openai-completions", None, "api-key"),
        ("https://h.example/openai/deployments", "openai-completions", "bearer", "bearer"),
        ("https://h.example/openai/deployments", "openai-completions", "none", "none"),
        ("demo:", "openai-completions", None, "bearer"),
    ],
)
def test_a_key_is_sent_as_configured_else_as_url_and_format_want(
    base: str, api: Any, configured: Any, auth: str
) -> None:
    assert endpoint.default_auth(base, api, configured) == auth
