"""What an organisation may say of a provider of its own, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.config import fields
from dragoman.control.provider_shapes import SETTINGS
from dragoman.errors import InvalidRequest
from dragoman.organisations.definition import (
    OPERATORS,
    SAFE,
    build_custom,
    called_urls,
    check_definition,
)
from dragoman.organisations.provider_rows import StoredProvider
from dragoman.types.credential import Secret
from dragoman.types.provider import EgressPolicy, Provider

URL = "https://llm.example"


def check(egress: EgressPolicy = "organisation", **said: Any) -> Provider:
    return check_definition("acme", {"base_url": URL, **said}, egress)


def row(definition: str | None, **said: Any) -> StoredProvider:
    values: dict[str, Any] = {
        "organisation_id": "org_a",
        "name": "acme",
        "definition": definition,
        "token": None,
        "origin": None,
        "egress": "organisation",
        "enabled": True,
        "created_at": 1.0,
        "updated_at": 1.0,
        "version": 1,
    }
    return StoredProvider(**{**values, **said})


def test_what_can_be_said_are_settings_of_a_configuration() -> None:
    assert {field.name for field in fields.PROVIDER} >= SAFE | OPERATORS
    assert set(SETTINGS) == SAFE | OPERATORS


@pytest.mark.parametrize(
    ("base_url", "requests"),
    [
        ("https://h.example", "https://h.example/v1/chat/completions"),
        ("https://h.example/", "https://h.example/v1/chat/completions"),
        ("https://h.example/v1", "https://h.example/v1/chat/completions"),
        ("https://h.example/v1/", "https://h.example/v1/chat/completions"),
        ("https://h.example/api", "https://h.example/api/v1/chat/completions"),
        ("https://h.example/api/v1?a=b", "https://h.example/api/v1/chat/completions?a=b"),
        ("https://h.example/x/chat/completions", "https://h.example/x/chat/completions"),
    ],
)
def test_the_preview_is_where_requests_go(base_url: str, requests: str) -> None:
    urls = called_urls(base_url, "openai-completions", "organisation")
    assert urls["requests"] == requests
    assert urls["embeddings"] == requests.replace("/chat/completions", "/embeddings")
    provider = check(base_url=base_url)
    assert called_urls(provider.base_url, provider.api, "organisation") == urls


@pytest.mark.parametrize(
    "name",
    ["X-Dragoman-Hops", "x-dragoman-hops", "X-Forwarded-For", "x-real-ip", "Via", "Forwarded"],
)
def test_which_way_a_request_came_is_not_for_a_provider_to_say(name: str) -> None:
    with pytest.raises(InvalidRequest, match="no header that can be set"):
        check(headers={name: "0"})
    with pytest.raises(InvalidRequest, match="no header that can be set"):
        check("operator", headers={name: "0"})


@pytest.mark.parametrize("amount", ["1e9999999", 1e308, 9_000_001, "1e-9999999", "0." + "1" * 60])
def test_a_price_is_a_number_that_can_be_reckoned_with(amount: Any) -> None:
    for said in ({"models": [{"id": "m", "cost": {"input": amount}}]}, {"cost_per_hour": amount}):
        with pytest.raises(InvalidRequest, match=r"must (be|have) at most"):
            check(**said)
    assert check(cost_per_hour="0e9999999").cost_per_hour == 0


def test_other_languages_have_their_endpoints() -> None:
    for api, path in (("openai-responses", "responses"), ("anthropic-messages", "messages")):
        assert called_urls(URL, api, "organisation")["requests"] == f"{URL}/v1/{path}"  # type: ignore[arg-type]


def test_a_provider_has_no_key_but_its_token_whatever_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "sk-of-the-operator")
    assert check().credentials == ()
    built = build_custom(row('{"base_url": "https://llm.example"}'), Secret("sk-1"))
    assert [source.value for source in built.credentials] == [Secret("sk-1")]
    assert (built.egress, built.trusted, built.problems) == ("organisation", False, ())


def test_a_model_that_nobody_priced_costs_what_nobody_knows() -> None:
    provider = check(models=[{"id": "a"}, "b", {"id": "c", "cost": {"input": 0.1, "output": 0}}])
    assert [model.price is None for model in provider.models.values()] == [True, True, False]
    assert provider.models["a"].context_window is None


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"adapter": "evil.py:Class"}, "adapter"),
        ({"options": {"a": "env:HOME"}}, "options"),
        ({"preset": "bedrock"}, "preset"),
        ({"api_key": "env:OPENAI_API_KEY"}, "api_key"),
        ({"api_key_env": "OPENAI_API_KEY"}, "api_key_env"),
        ({"proxy": "http://10.0.0.1:3128"}, "proxy"),
        ({"tls": {"verify": False}}, "tls"),
        ({"name": "other"}, "name"),
        ({"apiKey": "x"}, "apiKey"),
        ({"headers": {"x-a": "env:HOME"}}, "headers"),
        ({"headers": {"x-a": "file:/etc/passwd"}}, "headers"),
        ({"headers": {"x-a": "cmd:id"}}, "headers"),
        ({"headers": {"x-a": "keyring:a"}}, "headers"),
        ({"headers": {"x-a": "${HOME}"}}, "headers"),
        ({"headers": {"authorization": "Bearer x"}}, "headers"),
        ({"headers": {"X-Api-Key": "x"}}, "headers"),
        ({"headers": {"cookie": "a=b"}}, "headers"),
        ({"headers": {"Host": "10.0.0.1"}}, "headers"),
        ({"headers": {"transfer-encoding": "chunked"}}, "headers"),
        ({"headers": {"x-a": "b\r\nx-c: d"}}, "headers"),
        ({"headers": {"x a": "b"}}, "headers"),
        ({"headers": {"x-a": 3}}, "headers"),
        ({"query": {"key": "x"}}, "query"),
        ({"query": {"v": "env:HOME"}}, "query"),
        ({"body": {"user": "${HOME}"}}, "body"),
        ({"body": {"api_key": "Bearer x"}}, "body"),
        ({"body": {"auth": {"token": "Bearer x"}}}, "body"),
        ({"body": {"a": [{"keys": ["Bearer x"]}]}}, "body"),
        ({"models": [{"id": "a", "body": {"secret": "Bearer x"}}]}, "models"),
        ({"models": {"a": {"body": {"secret": "Bearer x"}}}}, "models"),
        ({"default_model": "$${HOME}"}, "default_model"),
        ({"api": "soap"}, "api"),
        ({"auth": "basic"}, "auth"),
        ({"models": [{"id": "a", "cost": {"input": -1}}]}, "models.0.cost.input"),
        ({"models": [{"id": "a", "windows": 3}]}, "models.0.windows"),
        ({"models": {"a": {"max_tokens": 0}}}, "models.a.max_tokens"),
        ({"timeouts": {"idle": "soon"}}, "timeouts.idle"),
        ({"limits": {"rpm": 0}}, "limits.rpm"),
        ({"dialect": {"system_role": "king"}}, "dialect.system_role"),
        ({"catalog": "nowhere"}, "catalog"),
    ],
)
def test_what_may_not_be_said_is_refused_with_its_field(said: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        check(**said)
    assert failure.value.param == param
    for secret in ("OPENAI_API_KEY", "Bearer x", "/etc/passwd"):
        assert secret not in str(failure.value)


def test_a_body_may_have_what_is_no_secret_whatever_its_name() -> None:
    body = {"max_tokens": 100, "thinking": {"budget_tokens": 50}, "include_tokens": True}
    body |= {"prompt_cache_key": "all of us", "eos_token": "</s>"}
    schema = {"properties": {"access_token": {"type": "string"}}, "required": ["token"]}
    provider = check(body={**body, "schema": schema}, models=["a", {"id": "b", "body": body}])
    assert provider.body == {**body, "schema": schema}


@pytest.mark.parametrize(
    "base_url",
    [
        None, "", 3, "h.example", "ftp://h", "file:///etc/passwd", "python:x", "demo:",
        "http://h.example", "https://user:pw@h.example", "https://h.example#x", "https://",
        "https://127.1", "https://0x7f000001", "https://2130706433", "https://h.example:99999",
        "https://h.example/\n", " https://h.example", "https://h.example?api_key=x",
        "https://h.example/${HOME}", "https://h..example", "https://[::1%25lo]", "https://①②⑦.1",
        "https://h.example/" + "x" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_https_url_is_refused(base_url: Any) -> None:
    with pytest.raises(InvalidRequest) as failure:
        check_definition("acme", {"base_url": base_url}, "organisation")
    assert failure.value.param == "base_url"


def test_operators_may_say_http_and_tls() -> None:
    provider = check("operator", base_url="http://127.0.0.1:11434", tls={"verify": False})
    assert (provider.egress, provider.tls.verify) == ("operator", False)


def test_settings_have_an_end() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest, match="deep"):
        check(body={"a": deep})
    with pytest.raises(InvalidRequest, match="bytes"):
        check(body={"a": "x" * 300_000})


@pytest.mark.parametrize("definition", ["", "[]", "null", "{", '{"base_url": 3}', "{}"])
def test_a_row_that_cannot_be_read_is_a_provider_with_problems(definition: str) -> None:
    provider = build_custom(row(definition or "x"), None)
    assert provider.problems
    assert provider.credentials == ()
    assert provider.egress == "organisation"


def test_a_row_with_the_name_of_a_later_built_in_stays_itself() -> None:
    provider = build_custom(row('{"base_url": "https://llm.example"}', name="cohere"), None)
    assert (provider.adapter, provider.problems) == (None, ())
    assert provider.base_url.startswith("https://llm.example/")
