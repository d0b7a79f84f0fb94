"""Our configuration as another tool's file: what both can say survives, secrets stay at home."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dragoman.config import Config
from dragoman.config.dialects.writers import TOOLS
from dragoman.config.exporting import export_config
from dragoman.config.importing import import_file
from dragoman.errors import ConfigError
from dragoman.registry import Registry
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider
from tests.config.loading import CASES, Home

ENV = {"CORP_KEY": "canary-env", "TEAM_KEY": "canary-team"}
EVERYTHING = (CASES / "export.toml").read_text()


def exported(home: Home, tool: str, text: str = EVERYTHING) -> tuple[Path, str, tuple[str, ...]]:
    """Write a configuration for a tool, into the tool's own folder."""
    config = home.read(text, "ours.toml", **ENV)
    assert config.problems == ()
    found = export_config(config, tool, home.env | ENV)
    folder = {"pi": ".pi/agent", "gptme": "gptme"}.get(tool, tool)
    return home.write(f"{folder}/{found.file_name}", found.text), found.text, found.lost


def again(home: Home, path: Path, tool: str) -> Config:
    """Import a tool's file, and load what comes of it."""
    imported = import_file(path)
    assert imported.kind == tool
    config = home.read(imported.toml_text, "again.toml", **ENV)
    assert config.problems == ()
    return config


def keys(provider: Provider) -> str | None:
    """Where its key is first looked for, where the file says so."""
    first = provider.credentials[0] if provider.credentials else None
    if first is None or first.optional or first.place is None:
        return None
    return re.sub(r"^\$\{(\w+)\}$", r"env:\1", str(first))


def facts(info: ModelInfo) -> dict[str, Any]:
    """What is said of a model by the user."""
    names = ("name", "context_window", "max_tokens", "input", "reasoning", "tools", "json_schema")
    found = {n: getattr(info, n) for n in names if info.sources.get(n) == "config"}
    if info.sources.get("price") == "config" and info.price is not None:
        parts = ("input", "output", "cache_read", "cache_write")
        found["price"] = tuple(getattr(info.price, part) for part in parts)
    return found


LIMITS = ("name", "context_window", "max_tokens", "input", "reasoning", "price")
KEPT = {
    # tool: providers, what of a model, names, the default, headers
    "gptme": (("vllm-local", "mycorp"), (), False, True, False),
    "polpo": (("vllm-local", "mycorp", "claude-proxy"), LIMITS, True, True, False),
    "pi": (("vllm-local", "mycorp", "claude-proxy"), LIMITS, False, False, True),
    "litellm": (("vllm-local", "mycorp"), (*LIMITS[1:], "tools"), True, False, True),
    "llm": (("vllm", "corp"), ("input", "tools", "reasoning"), False, False, True),
    "llmgateway": (("vllm-local", "mycorp"), (*LIMITS, "tools"), False, False, False),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_both_can_say_survives_the_way_there_and_back(home: Home, tool: str) -> None:
    ours = home.read(EVERYTHING, "ours.toml", **ENV)
    path, _, _ = exported(home, tool)
    back = again(home, path, tool)
    providers, of_a_model, names, default, headers = KEPT[tool]
    mycorp, theirs = ours.providers["mycorp"], back.providers
    assert set(providers) - set(theirs) - {"vllm", "corp"} == set()
    if tool == "llm":
        place = back.routes["quick"].steps[0].ref.partition("/")[0]
        assert theirs[place].base_url == "https://llm.corp.example/v1"
    else:
        place = "mycorp"
        assert keys(theirs[place]) == keys(mycorp) == "env:CORP_KEY"
        assert keys(theirs["vllm-local"]) is None
        assert theirs["vllm-local"].base_url == "http://localhost:8000/v1"
    info = facts(theirs[place].models.get("gpt-oss:120b", ModelInfo(id="none")))
    expected = {n: v for n, v in facts(mycorp.models["gpt-oss:120b"]).items() if n in of_a_model}
    assert {name: info.get(name) for name in expected} == expected
    if headers:
        assert str(theirs[place].headers["x-team"].value.reveal()) == "search"
    if names:
        leads = Registry(back).deployments("quick")
        assert [deployment.ref for deployment in leads] == ["mycorp/gpt-oss:120b"]
    if default:
        assert back.default_model is not None


@pytest.mark.parametrize("tool", TOOLS)
def test_no_secret_is_written_and_nothing_gets_lost_in_silence(home: Home, tool: str) -> None:
    _, text, lost = exported(home, tool)
    assert "canary" not in text + "\n".join(lost)
    told = "\n".join(lost)
    for setting in ("proxy of 'mycorp'", "LITERAL_API_KEY", "gateway", "server"):
        assert setting in told or (tool == "litellm" and setting == "gateway"), told
    wants = "'literal'" if tool == "llm" else "LITERAL_API_KEY"
    assert wants in told


def test_prices_are_per_token_there_exactly(home: Home) -> None:
    _, text, _ = exported(home, "litellm")
    entries = yaml.safe_load(text)["model_list"]
    info = next(e["model_info"] for e in entries if e["model_name"] == "mycorp/gpt-oss:120b")
    assert Decimal(str(info["input_cost_per_token"])) * 1_000_000 == Decimal("0.15")
    assert info["output_cost_per_token"] == 2.5e-06
    _, text, _ = exported(home, "llmgateway")
    (model,) = json.loads(text)["customModels"]
    assert (model["inputPrice"], model["outputPrice"]) == ("0.15e-6", "2.5e-6")


def test_routes_become_groups_and_fallbacks(home: Home) -> None:
    path, text, _ = exported(home, "litellm")
    data = yaml.safe_load(text)
    weights = {
        entry["litellm_params"]["model"]: entry["litellm_params"].get("weight")
        for entry in data["model_list"]
        if entry["model_name"] == "shared"
    }
    assert weights == {"openai/gpt-oss:120b": 2, "openai/a": 1}
    assert {"coder": ["mycorp/gpt-oss:120b", "anthropic/claude-sonnet-4-6"]} in data[
        "router_settings"
    ]["fallbacks"]
    back = again(home, path, "litellm")
    assert [(step.ref, step.weight) for step in back.routes["shared"].steps] == [
        ("mycorp/gpt-oss:120b", 2.0),
        ("literal/a", 1.0),
        ("vllm-local/meta-llama/Llama-3.1-8B", None),
    ]
    assert [step.ref for step in back.routes["coder"].steps] == [
        "vllm-local/meta-llama/Llama-3.1-8B",
        "mycorp/gpt-oss:120b",
        "anthropic/claude-sonnet-4-6",
    ]


def test_gptme_is_told_only_what_it_knows(home: Home) -> None:
    _, text, _ = exported(home, "gptme")
    known = {"name", "base_url", "api_key", "api_key_env", "default_model"}
    assert all(table.keys() <= known for table in tomllib.loads(text)["providers"])


def test_azure_goes_to_litellm_as_azure(home: Home) -> None:
    text = (
        '[[providers]]\nname = "azure-gpt4"\napi_key_env = "AZURE_API_KEY"\n'
        'base_url = "https://me.openai.azure.com/openai/deployments"\ndefault_model = "gpt-4"\n'
        '[providers.query]\napi-version = "2024-10-21"\n'
    )
    path, written, _ = exported(home, "litellm", text)
    (entry,) = yaml.safe_load(written)["model_list"]
    assert entry["litellm_params"] == {
        "model": "azure/gpt-4",
        "api_base": "https://me.openai.azure.com",
        "api_version": "2024-10-21",
        "api_key": "os.environ/AZURE_API_KEY",
    }
    back = again(home, path, "litellm")
    provider = back.providers[back.routes["azure-gpt4/gpt-4"].steps[0].ref.partition("/")[0]]
    assert provider.base_url == "https://me.openai.azure.com/openai/deployments"


def test_nothing_set_up_is_an_error(home: Home) -> None:
    with pytest.raises(ConfigError, match="nothing to export"):
        export_config(home.load(), "gptme", home.env)
    with pytest.raises(ConfigError, match="nothing is known"):
        export_config(home.load(), "aider", home.env)
