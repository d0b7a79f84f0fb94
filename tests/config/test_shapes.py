"""Both shapes, in every syntax; and the examples of other tools' documents, unchanged."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from dragoman.config.show import key_source
from tests.config.loading import CASES, Home

GPTME = sorted((CASES / "gptme").glob("*.toml"))
POLPO = sorted((CASES / "polpo").glob("*.json"))


@pytest.mark.parametrize("path", [*GPTME, *POLPO], ids=lambda path: path.stem)
def test_examples_of_other_tools_load_without_a_problem(home: Home, path: Path) -> None:
    config = home.load(path)
    assert config.problems == ()
    assert all(provider.problems == () for provider in config.custom)


def test_gptmes_example_lists_what_gptme_lists(home: Home) -> None:
    config = home.load(CASES / "gptme" / "custom-providers.toml")
    assert config.notes == ()
    assert [
        (p.name, p.base_url, key_source(p), p.default_model, p.overrides) for p in config.custom
    ] == [
        (
            "vllm-local",
            "http://localhost:8000/v1",
            "$VLLM_LOCAL_API_KEY (default)",
            "meta-llama/Llama-3.1-8B",
            None,
        ),
        (
            "azure-gpt4",
            "https://my-azure-endpoint.openai.azure.com/openai/deployments",
            "$AZURE_API_KEY",
            "gpt-4",
            None,
        ),
        (
            "groq",
            "https://api.groq.com/openai/v1",
            "$GROQ_API_KEY",
            "llama-3.1-70b-versatile",
            "groq",
        ),
    ]


def test_polpos_models_keep_what_is_said_of_them(home: Home) -> None:
    config = home.load(CASES / "polpo" / "litellm.json")
    (provider,) = config.custom
    model = provider.models["gpt-4o"]
    assert provider.base_url == "http://localhost:4000"
    assert key_source(provider) == "${LITELLM_MASTER_KEY}"
    assert (model.name, model.context_window, model.max_tokens) == (
        "GPT-4o (via LiteLLM)",
        128_000,
        16_384,
    )
    assert model.input == {"text", "image"}
    assert model.price is not None
    assert (model.price.input, model.price.output) == (Decimal("2.5"), Decimal(10))
    assert not model.price.free


def test_a_declared_zero_cost_is_free(home: Home) -> None:
    (provider,) = home.load(CASES / "polpo" / "vllm.json").custom
    price = provider.models["Qwen/Qwen2.5-Coder-32B-Instruct"].price
    assert price is not None
    assert price.free
    assert price.source == "config"


def test_what_polpo_leaves_out_has_its_documented_defaults_marked_as_such(home: Home) -> None:
    provider = home.load(CASES / "polpo" / "fallback.json").providers["ollama"]
    model = provider.models["qwen2.5-coder:32b"]
    assert model.context_window == 131_072
    assert model.sources["context_window"] == "config"
    assert (model.input, model.reasoning) == ({"text"}, False)
    assert model.price is not None
    assert (model.price.input, model.price.free, model.price.source) == (0, True, "default")
    assert {model.sources[name] for name in ("input", "reasoning", "price")} == {"default"}


def test_polpos_fallback_example_becomes_the_default_route(home: Home) -> None:
    config = home.load(CASES / "polpo" / "fallback.json", ANTHROPIC_API_KEY="sk-x")
    assert config.default_model == "default"
    route = config.routes["default"]
    assert [step.ref for step in route.steps] == [
        "ollama:qwen2.5-coder:32b",
        "anthropic:claude-sonnet-4-6",
    ]
    assert route.on_overflow == "truncate"


def test_an_entry_with_only_a_key_sets_the_built_in_ones_key(home: Home) -> None:
    config = home.load(CASES / "polpo" / "fallback.json")
    assert [provider.name for provider in config.custom] == ["ollama"]
    anthropic = config.providers["anthropic"]
    assert anthropic.built_in
    assert anthropic.api == "anthropic-messages"
    assert [str(source) for source in anthropic.credentials] == ["${ANTHROPIC_API_KEY}"]


def test_polpos_agents_are_aliases(home: Home) -> None:
    config = home.load(CASES / "polpo" / "agent.json")
    route = config.routes["local-coder"]
    assert [step.ref for step in route.steps] == ["my-custom-provider:my-model"]


def test_polpos_first_token_and_image_model_are_read(home: Home) -> None:
    settings = {
        "orchestratorModel": {"primary": "a:x", "fallbacks": ["b:y"], "firstToken": 4},
        "imageModel": "b:y",
        "modelAllowlist": {"a:x": {}},
    }
    config = home.read(json.dumps({"settings": settings, "agents": [], "tasks": 3}), "polpo.json")
    assert (config.problems, config.notes) == ((), ())
    assert config.routes["default"].first_token == 4
    assert config.image_model == "b:y"


@pytest.mark.parametrize("path", POLPO, ids=lambda path: path.stem)
def test_polpos_files_truncate_on_overflow(home: Home, path: Path) -> None:
    config = home.load(path)
    assert {provider.on_overflow for provider in config.custom} <= {"truncate"}


def test_another_tools_own_settings_are_passed_over_in_silence(home: Home) -> None:
    text = (CASES / "gptme" / "groq-cloud.toml").read_text()
    text = '[prompt]\nabout_user = "x"\n[env]\nEDITOR = "vi"\n' + text
    assert home.read(text, "gptme/config.toml").notes == ()


def test_gptmes_env_table_stands_in_for_variables_that_are_not_set(home: Home) -> None:
    text = '[env]\nMY_KEY = "from-file"\nMODEL = "acme/one"\n' + _provider('api_key_env = "MY_KEY"')
    from dragoman.config import Secrets

    for env, expected in (({}, "from-file"), ({"MY_KEY": "from-env"}, "from-env")):
        config = home.read(text, **env)
        credential = Secrets(home.env | env).credential(config.providers["acme"])
        assert credential is not None
        assert credential.secret.reveal() == expected
        assert config.default_model == "acme/one"


def test_pis_compat_flags_become_the_dialect(home: Home) -> None:
    compat = {
        "maxTokensField": "max_completion_tokens",
        "supportsStore": False,
        "supportsUsageInStreaming": False,
        "thinkingFormat": "qwen",
    }
    data = {"providers": {"acme": {"baseUrl": "http://acme/v1", "compat": compat}}}
    config = home.read(json.dumps(data), "models.json")
    dialect = config.providers["acme"].dialect
    assert (config.problems, config.notes) == ((), ())
    assert dialect.max_tokens_field == "max_completion_tokens"
    assert dialect.drop == ("store",)
    assert dialect.stream_usage is False
    assert dialect.reasoning == "enable_thinking"


def test_pis_ambiguous_keys_are_refused_not_guessed(home: Home) -> None:
    acme = {"baseUrl": "http://acme/v1", "apiKey": "ACME_TOKEN", "compat": {}}
    config = home.read(json.dumps({"providers": {"acme": acme}}), "models.json")
    assert "variable's name" in str(config.problems[0])
    assert config.providers["acme"].problems


SAME = {
    "list.toml": '[[providers]]\nname = "acme"\nbase_url = "http://acme/v1"\nretries = 1\n'
    '[providers.timeouts]\nfirst_token = 4\n[[providers.models]]\nid = "m"\ncontext_window = 10\n',
    "map.toml": '[providers.acme]\nbase_url = "http://acme/v1"\nretries = "1"\n'
    "timeouts = { firstToken = 4.0 }\nmodels.m = { contextWindow = 10 }\n",
    "list.json": '{"providers": [{"name": "acme", "base_url": "http://acme/v1", "retries": 1,'
    ' "timeouts": {"first_token": "4"}, "models": [{"id": "m", "context_window": 10}]}]}',
    "map.json": '{"providers": {"acme": {"baseUrl": "http://acme/v1", "retries": 1.0,'
    ' "timeouts": {"firstToken": 4}, "models": [{"id": "m", "contextWindow": "10"}]}}}',
    "list.yaml": "providers:\n- name: acme\n  base_url: http://acme/v1\n  retries: 1\n"
    "  timeouts: {first_token: 4}\n  models:\n  - id: m\n    context_window: 10\n",
    "map.yml": "providers:\n  acme:\n    baseUrl: http://acme/v1\n    retries: '1'\n"
    "    timeouts: {firstToken: 4}\n    models: {m: {contextWindow: 10}}\n",
}


@pytest.mark.parametrize("name", SAME)
def test_all_shapes_and_syntaxes_mean_the_same(home: Home, name: str) -> None:
    config = home.read(SAME[name], name)
    assert (config.problems, config.notes) == ((), ())
    provider = config.providers["acme"]
    assert (provider.base_url, provider.retries) == ("http://acme/v1", 1)
    assert provider.timeouts.first_token == 4
    assert provider.models["m"].context_window == 10


def test_a_models_list_of_ids_invents_nothing(home: Home) -> None:
    models = home.read(_provider('models = ["one", "two"]')).providers["acme"].models
    assert list(models) == ["one", "two"]
    assert (models["one"].context_window, models["one"].price) == (None, None)


def test_every_setting_of_a_provider_arrives(home: Home) -> None:
    config = home.read((CASES / "everything.toml").read_text(), "folder/config.toml", WHO="me")
    assert (config.problems, config.notes) == ((), ())
    provider = config.providers["mycorp"]
    assert (provider.api, provider.auth) == ("openai-responses", "x-api-key")
    assert {name: str(source) for name, source in provider.headers.items()} == {
        "x-team": "(configured directly)",
        "x-who": "${WHO}",
    }
    assert provider.query["api-version"].value.reveal() == "2026-02-01"
    assert provider.timeouts.connect == 5
    assert provider.timeouts.warm_up == 30
    assert provider.limits.rpm == 600
    assert provider.dialect.drop == ("store",)
    assert provider.dialect.rename == {"seed": "random_seed"}
    assert provider.dialect.think_tags == "open"
    assert provider.tls.ca_file == str(home.path / "folder" / "corp.pem")
    assert provider.tls.client_cert == "/etc/me.pem"
    assert provider.proxy is not None
    assert provider.body == {"store": False, "metadata": {"team": "me"}}
    assert provider.adapter == "dragoman.adapters:Adapter"
    assert {name: str(source) for name, source in provider.options.items()} == {"region": "${WHO}"}
    price = provider.models["gpt-oss-120b"].price
    assert price is not None
    assert (price.cache_read, price.tiers[0].input) == (Decimal("0.05"), Decimal(1))
    assert provider.models["gpt-oss-120b"].body == {"top_k": 5}
    assert provider.models["local"].price is not None
    assert provider.models["local"].price.free


def _provider(more: str = "") -> str:
    return f'[[providers]]\nname = "acme"\nbase_url = "http://acme/v1"\n{more}\n'
