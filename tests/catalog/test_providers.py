"""The built-in rows: each can be called, and none claims what is not so."""

from __future__ import annotations

import re
import tomllib
from typing import Any, get_args

import msgspec
import pytest

from dragoman import catalog, endpoint
from dragoman.types import Api, Auth, Dialect

TEXT = catalog.PROVIDERS_FILE.read_text("utf-8")
ROWS: dict[str, dict[str, Any]] = tomllib.loads(TEXT)["providers"]
APIS = get_args(Api)
REQUIRED = """openai anthropic azure openrouter gemini groq mistral deepseek xai together fireworks
cerebras perplexity cohere nvidia huggingface moonshot zai minimax sambanova requesty aimlapi chutes
github-models vercel ollama vllm lmstudio llamacpp tgi localai sglang litellm llmgateway local demo
"""
DEMO = {"echo", "story", "json", "tools", "vision", "flaky", "slow"}
SHARED = ({"openai", "local"}, {"gemini", "gemini-native"}, {"cohere", "cohere-native"})
LOCAL = ("ollama", "ollama-native", "vllm", "lmstudio", "llamacpp", "tgi", "localai", "sglang")


def test_the_providers_that_people_expect_are_there() -> None:
    assert set(REQUIRED.split()) <= set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_leads_to_an_endpoint(name: str) -> None:
    row = ROWS[name]
    assert re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name)
    api = row.get("api", "openai-completions")
    assert api in APIS
    assert row.get("auth", "bearer") in get_args(Auth)
    base_url = re.sub(r"\$\{[A-Z_]+\}", "https://v.example", row.get("base_url", ""), count=1)
    if row.get("base_url", "").find("${") > 0:
        base_url = re.sub(r"\$\{[A-Z_]+\}", "value", row["base_url"])
    if base_url:
        url = endpoint.endpoint_url(base_url, api, "m")
        assert url.endswith(endpoint.PATHS[api])
        assert url.startswith(("https://", "http://localhost:", "demo:"))
    else:
        assert row["base_url_env"]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_where_it_was_read_and_when(name: str) -> None:
    assert ROWS[name]["docs"].startswith("https://")
    assert re.fullmatch(r"20\d\d-[01]\d", ROWS[name]["checked"])


@pytest.mark.parametrize("name", ROWS)
def test_a_dialect_says_only_what_deviates(name: str) -> None:
    dialect = ROWS[name].get("dialect", {})
    known = {field.name for field in msgspec.structs.fields(Dialect)}
    assert set(dialect) <= known
    built = msgspec.convert(dialect, Dialect)
    for key in dialect:
        assert getattr(built, key) != getattr(Dialect(), key), key


@pytest.mark.parametrize("name", ROWS)
def test_a_default_model_is_one_that_the_catalog_knows(name: str) -> None:
    model = ROWS[name].get("default_model")
    declared = {entry["id"] for entry in ROWS[name].get("models", ())}
    if model and declared:
        assert model in declared
    elif model and catalog.has_catalog(name):
        assert catalog.find_model(name, model) is not None


def test_what_runs_on_ones_own_machine_is_free_and_needs_no_key() -> None:
    for name in LOCAL:
        assert ROWS[name]["free"] is True
        assert "api_key_env" not in ROWS[name]
    assert [name for name, row in ROWS.items() if row.get("free")] == list(LOCAL)


def test_no_two_rows_read_the_same_key() -> None:
    """One provider's key never goes to another."""
    owners: dict[str, str] = {}
    for name, row in ROWS.items():
        names = row.get("api_key_env", [])
        variables = {names} if isinstance(names, str) else set(names)
        variables.add(re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_API_KEY")
        for variable in variables:
            both = {owners.setdefault(variable, name), name}
            assert len(both) == 1 or both in SHARED, variable


def test_only_local_reads_openais_base_url() -> None:
    assert [n for n, row in ROWS.items() if "OPENAI_BASE_URL" in str(row)] == ["local"]


def test_the_demo_is_priced_so_that_cost_shows() -> None:
    models = ROWS["demo"]["models"]
    assert {m["id"] for m in models} == DEMO
    assert all(m["cost"]["input"] > 0 and m["cost"]["output"] > 0 for m in models)
