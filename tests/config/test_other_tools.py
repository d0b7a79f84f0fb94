"""Files that say everything in another shape: LiteLLM's, llm's, LLMGateway's, pi's."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config
from dragoman.config.dialects.litellm_providers import read_litellm_providers
from dragoman.config.importing import import_file
from dragoman.config.layers import load
from dragoman.config.walk import Report
from dragoman.document.parse import parse_document
from dragoman.errors import ConfigError
from dragoman.registry import Registry
from dragoman.types.credential import CredentialSource
from tests.config.loading import CASES, Home, said
from tests.config.test_importing import substance

ROUTER = CASES / "litellm/router.yaml"
PROVIDERS = CASES / "litellm-providers/providers.json"
LLM = CASES / "llm/extra-openai-models.yaml"
GATEWAY = CASES / "llmgateway/custom.json"
PI = CASES / "pi/models.json"


def imported(home: Home, path: Path, **env: str) -> tuple[Config, str, str]:
    """Import a file. Returns: our configuration of it, its text, and what was left behind."""
    found = import_file(path)
    config = home.read(found.toml_text, "ours.toml", **env)
    return config, found.toml_text, "\n".join(found.unmapped)


def key(provider: str, config: Config) -> str:
    return str(config.providers[provider].credentials[0])


def cost(config: Config, provider: str, model: str) -> dict[str, str]:
    price = config.providers[provider].models[model].price
    assert price is not None
    parts = ("input", "output", "cache_read", "request")
    return {p: str(getattr(price, p)) for p in parts if getattr(price, p) is not None}


# ---------------------------------------------------------------------------------------- all


@pytest.mark.parametrize("path", [ROUTER, LLM, GATEWAY], ids=lambda path: path.name)
def test_a_file_read_as_it_is_means_what_it_means_imported(home: Home, path: Path) -> None:
    there = home.load(path)
    here, _, _ = imported(home, path)
    assert here.problems == there.problems == ()
    assert [substance(p) for p in here.custom] == [substance(p) for p in there.custom]
    assert {name: route.steps for name, route in here.routes.items()} == {
        name: route.steps for name, route in there.routes.items()
    }


@pytest.mark.parametrize("path", [ROUTER, PROVIDERS, LLM, GATEWAY, PI], ids=lambda p: p.name)
def test_what_is_left_behind_is_named_and_never_quoted(home: Home, path: Path) -> None:
    _, _, left = imported(home, path)
    assert "canary" not in left
    assert "canary" not in "\n".join(said(home.load(path)))


# ------------------------------------------------------------------------------------ LiteLLM


def test_groups_become_routes_that_share_the_traffic_and_fall_back(home: Home) -> None:
    config, _, _ = imported(home, ROUTER)
    steps = config.routes["gpt-4o"].steps
    assert [(step.ref, step.weight) for step in steps] == [
        ("openai/gpt-4o", 60.0),
        ("azure/my-gpt4o", 120.0),
        ("anthropic/claude-sonnet-4-6", None),
        ("local-8000/Qwen/Qwen2.5:32b", None),
    ]
    assert [step.ref for step in config.routes["gpt-4"].steps] == ["gpt-4o"]
    (again, over) = config.routes["local"].steps
    assert (again.ref, over.ref, over.when) == (
        "local-8000/Qwen/Qwen2.5:32b",
        "anthropic/claude-sonnet-4-6",
        "overflow",
    )
    assert config.routes["local"].on_overflow == "fallback"
    assert config.routes["local"].body == {"temperature": 0.2}
    assert config.routes["claude"].steps[0].retries == 0


def test_fallbacks_that_lead_back_end(home: Home) -> None:
    config, _, _ = imported(home, ROUTER)
    refs = [d.ref for d in Registry(config).deployments("claude")]
    assert refs[0] == "anthropic/claude-sonnet-4-6"
    assert len(refs) == len(set(refs)) == 4


def test_keys_urls_and_times_come_along_as_references(home: Home) -> None:
    config, text, _ = imported(home, ROUTER)
    azure = config.providers["azure"]
    assert azure.base_url == "https://me.openai.azure.com/openai/deployments"
    assert key("azure", config) == "env:AZURE_API_KEY"
    assert str(azure.query["api-version"].value.reveal()) == "2024-10-21"
    assert (azure.timeouts.total, azure.limits.rpm, azure.retries) == (30, 120, 3)
    assert config.providers["openai"].timeouts.total == 600
    assert key("mistral", config) == "env:TEAM_MISTRAL_KEY"
    assert config.gateway_keys[0].source == CredentialSource(
        "env",
        "LITELLM_MASTER_KEY",
        config.gateway_keys[0].source.place,  # type: ignore[union-attr]
    )
    assert "api_key" not in config.providers["local-8000"].__struct_fields__ or (
        config.providers["local-8000"].credentials[0].optional
    )
    assert 'name = "anthropic"' in text


def test_prices_per_token_become_prices_per_million_exactly(home: Home) -> None:
    config, text, _ = imported(home, ROUTER)
    assert "cost = { input = 2.5, output = 10, cache_read = 0.07, tiers = " in text
    assert cost(config, "local-8000", "Qwen/Qwen2.5:32b") == {
        "input": "2.5",
        "output": "10",
        "cache_read": "0.07",
    }
    (tier,) = config.providers["local-8000"].models["Qwen/Qwen2.5:32b"].price.tiers  # type: ignore[union-attr]
    assert (tier.above, str(tier.input)) == (128_000, "5")


@pytest.mark.parametrize(
    ("stated", "exactly"),
    [
        ("2.5e-06", "2.5"),
        ("0.00000125", "1.25"),
        ("'3e-6'", "3"),
        ("1.1e-07", "0.11"),
        ("0.000000075", "0.075"),
        ("0", "0"),
        ("1.23456789012345678e-6", "1.2345678901234567"),
    ],
)
def test_no_price_gets_noise(home: Home, stated: str, exactly: str) -> None:
    text = (
        "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: http://h/v1,"
        f" input_cost_per_token: {stated}, output_cost_per_token: 1.0e-06}}}}]"
    )
    config, _, _ = imported(home, home.write("c.yaml", text))
    (provider,) = config.custom
    assert cost(config, provider.name, "m")["input"] == exactly


@pytest.mark.parametrize("price", ["2.5", "1e-12"])
def test_prices_in_the_wrong_unit_are_noticed(home: Home, price: str) -> None:
    text = (
        "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: http://h/v1,"
        f" input_cost_per_token: {price}}}}}]"
    )
    _, _, left = imported(home, home.write("c.yaml", text))
    assert "USD per million tokens" in left


def test_what_is_not_stated_of_a_model_stays_unknown(home: Home) -> None:
    config, _, _ = imported(home, ROUTER)
    info = config.providers["local-8000"].models["Qwen/Qwen2.5:32b"]
    assert info.max_tokens is None
    assert info.input == frozenset({"text", "image"})
    assert config.providers["azure"].models["my-gpt4o"].price is None


@pytest.mark.parametrize(
    ("strategy", "auto"),
    [("latency-based-routing", "latency"), ("cost-based-routing", "price"), ("least-busy", None)],
)
def test_a_routers_strategy_is_ours_where_there_is_one(
    home: Home, strategy: str, auto: str | None
) -> None:
    entry = "{model_name: m, litellm_params: {model: openai/m, api_base: 'http://h%d/v1'}}"
    text = (
        f"model_list: [{entry % 1}, {entry % 2}]\nrouter_settings: {{routing_strategy: {strategy}}}"
    )
    config, _, left = imported(home, home.write("c.yaml", text))
    assert config.routes["m"].auto == auto
    assert ("routing_strategy" in left) is (auto is None)


def test_a_host_alone_is_asked_where_litellm_asks_it(home: Home) -> None:
    text = "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: http://h/}}]"
    config, _, _ = imported(home, home.write("c.yaml", text))
    assert config.custom[0].base_url == "http://h/chat/completions"


def test_limits_of_a_deployment_are_shared_with_no_other_model(home: Home) -> None:
    params = {"api_base": "http://h/v1", "rpm": 5}
    data = {
        "model_list": [
            {"model_name": name, "litellm_params": {**params, "model": f"openai/{model}"}}
            for name, model in (("a", "one"), ("b", "two"), ("c", "one"))
        ]
    }
    config, _, _ = imported(home, home.write("c.json", json.dumps(data)))
    assert [(p.name, list(p.models), p.limits.rpm) for p in config.custom] == [
        ("h", ["one"], 5),
        ("h-2", ["two"], 5),
    ]


def test_wildcards_lead_on(home: Home) -> None:
    config, _, _ = imported(home, ROUTER)
    registry = Registry(config)
    assert registry.deployments("cheap-org/model")[0].ref == "together/org/model"
    assert registry.deployments("groq/llama:x")[0].ref == "groq/llama:x"
    assert "groq/*" not in config.routes


def test_everything_that_has_no_place_is_listed(home: Home) -> None:
    _, _, left = imported(home, ROUTER)
    for name in (
        "model_info.access_groups of 'local'",
        "litellm_settings.drop_params",
        "litellm_settings.callbacks",
        "router_settings.cooldown_time",
        "general_settings.database_url",
        "environment_variables.SOME_KEY",
        "model_list[7] is for 'watsonx'",
    ):
        assert name in left


def test_no_other_providers_key_goes_to_a_server_without_one(home: Home) -> None:
    text = "model_list: [{model_name: m, litellm_params: {model: openai/m, api_base: http://h/v1}}]"
    config, _, left = imported(home, home.write("c.yaml", text), OPENAI_API_KEY="canary")
    (provider,) = config.custom
    assert "OPENAI_API_KEY" not in str(provider.credentials)
    assert "no other provider's is sent there" in left


@pytest.mark.parametrize("secret", ["cmd:touch /tmp/canary", "file:/etc/passwd", "env:HOME"])
def test_a_text_of_theirs_never_becomes_a_reference_of_ours(home: Home, secret: str) -> None:
    params = {
        "model": "openai/m",
        "api_base": "http://h/v1",
        "api_key": secret,
        "extra_headers": {"x-a": secret},
    }
    data = {
        "model_list": [{"model_name": "m", "litellm_params": params}],
        "general_settings": {"master_key": secret},
    }
    config, text, left = imported(home, home.write("c.json", json.dumps(data)))
    assert secret not in text
    assert left.count("is a reference here") == 3
    assert secret not in left
    (provider,) = config.custom
    assert {source.kind for source in provider.credentials} == {"env", "stored"}


def test_dollars_of_theirs_stay_dollars(home: Home) -> None:
    params = {"model": "openai/${HOME}", "api_base": "http://h/v1", "api_key": "a${HOME}$$b"}
    data = {"model_list": [{"model_name": "m", "litellm_params": params}]}
    config, _, _ = imported(home, home.write("c.json", json.dumps(data)))
    assert Registry(config).deployments("m")[0].model == "${HOME}"
    (provider,) = config.custom
    source = provider.credentials[0]
    assert (source.kind, source.value.reveal()) == ("template", "a$${HOME}$$$$b")


# ------------------------------------------------------------------------------ providers.json


def test_providers_json_is_read_as_it_is(home: Home) -> None:
    config = home.load(PROVIDERS, PUBLICAI_API_BASE="https://mirror.example/v1")
    publicai, sarvam = config.providers["publicai"], config.providers["sarvam"]
    assert publicai.base_url == "https://mirror.example/v1"
    assert home.load(PROVIDERS).providers["publicai"].base_url == "https://api.publicai.co/v1"
    assert publicai.dialect.max_tokens_field == "max_tokens"
    assert publicai.dialect.rename == {"seed": "random_seed"}
    assert publicai.dialect.content_as_string
    assert key("publicai", config) == "env:PUBLICAI_API_KEY"
    assert (
        config.providers["helicone"].base_url == "https://ai-gateway.helicone.ai/chat/completions"
    )
    assert str(sarvam.headers["api-subscription-key"]) == "env:SARVAM_API_KEY"
    assert sarvam.headers["x-plan"].value.reveal() == "plan ${SARVAM_API_KEY}"


def test_one_broken_entry_of_providers_json_leaves_the_others_alone(home: Home) -> None:
    config = home.load(PROVIDERS)
    assert [str(error).rpartition(": ")[2] for error in config.problems] == [
        "base_url must be a string, not a number"
    ]
    assert f"{PROVIDERS}:11:15" in str(config.problems[0])
    assert [p.name for p in config.custom] == ["publicai", "helicone", "sarvam"]


def test_providers_json_can_be_read_for_its_providers_alone() -> None:
    report = Report()
    document = parse_document(PROVIDERS.read_bytes(), PROVIDERS, "user")
    tables = read_litellm_providers(document, {}, report)
    assert list(tables) == ["publicai", "helicone", "broken", "sarvam"]
    assert len(report.problems) == 1
    assert tables["sarvam"].layer == "user"


# ------------------------------------------------------------------------- llm, LLMGateway, pi


def test_llms_models_become_aliases_of_providers(home: Home) -> None:
    config, _, left = imported(home, LLM)
    refs = {name: route.steps[0].ref for name, route in config.routes.items()}
    assert refs == {
        "orca": "local-8080/orca-mini-3b.ggmlv3",
        "claude": "openrouter/anthropic/claude-2",
        "c2": "openrouter/anthropic/claude-2",
        "mini": "openai/gpt-4o-mini",
    }
    assert key("openrouter", config) == "cmd:llm keys get openrouter"
    info = config.providers["openrouter"].models["anthropic/claude-2"]
    assert (info.tools, info.stream, info.input) == (True, False, frozenset({"text", "image"}))
    assert config.providers["openai"].api == "openai-responses"
    assert "'old' is for prompts without roles" in left


def test_llmgateways_prices_and_switches_come_along(home: Home) -> None:
    config, text, left = imported(home, GATEWAY)
    acme, other = config.providers["acme"], config.providers["other"]
    assert acme.base_url == "https://llm.acme.example.com/v1"
    assert other.base_url == "https://api.other.example/v2/ai/openai/chat/completions"
    assert (acme.models_only, other.enabled) == (True, False)
    assert list(acme.models) == ["acme-large"]
    assert cost(config, "acme", "acme-large") == {
        "input": "3",
        "output": "15",
        "cache_read": "0.3",
        "request": "0.01",
    }
    assert acme.models["acme-large"].reasoning is None
    for name in ("set ACME_API_KEY", "webSearchPrice", "'gone'", "'lonely' has no provider"):
        assert name in left
    assert "better api_key" in text


def test_pis_models_with_an_api_of_their_own_get_a_provider_of_their_own(home: Home) -> None:
    config, _, left = imported(home, PI, PROXY_API_KEY="x")
    beside = config.providers["proxy-anthropic-messages"]
    assert (beside.api, list(beside.models)) == ("anthropic-messages", ["claude"])
    assert list(config.providers["proxy"].models) == ["a"]
    assert key("proxy", config) == key("proxy-anthropic-messages", config) == "env:PROXY_API_KEY"
    assert str(config.providers["proxy"].headers["x-secret"]).startswith("cmd:sh -c ")
    assert config.providers["ollama"].dialect.reasoning == "none"
    assert "cmd" not in key("ollama", config)
    assert config.providers["openrouter"].models["some/model"].context_window == 1000
    assert "thinkingLevelMap" in left
    assert "taken for the name of a variable" in left


# ---------------------------------------------------------------------------------- bad input


def odd_values() -> list[Any]:
    return [None, 0, -1, True, "", "x", "os.environ/", [], [[]], {}, {"": None}, {"a": {"b": [1]}}]


@pytest.mark.parametrize("path", [ROUTER, PROVIDERS, LLM, GATEWAY, PI], ids=lambda p: p.name)
def test_no_value_of_another_type_breaks_a_reader(home: Home, path: Path) -> None:
    """Put odd values in each place of a file: there are answers and errors, and no accidents."""
    import yaml

    text = path.read_text()
    data = yaml.safe_load(text)
    for place in list(walk(data)):
        for value in odd_values():
            broken = json.loads(json.dumps(data, default=str))
            replace(broken, place, value)
            file = home.write(f"broken/{path.stem}.json", json.dumps(broken))
            kind = "litellm" if path is ROUTER else path.parent.name
            with contextlib.suppress(ConfigError):
                import_file(file, kind)


def walk(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in items if isinstance(value, dict | list) else ():
        yield from walk(item, (*path, name)) if isinstance(item, dict | list) else [(*path, name)]


def replace(data: Any, path: tuple[Any, ...], value: Any) -> None:
    for name in path[:-1]:
        data = data[name]
    if path:
        data[path[-1]] = value


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{n}: &{n} [{', '.join(f'*{p}' for _ in range(9))}]\n"
    for p, n in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("bomb.yaml", BOMB + "model_list: *j\n", "nested too deeply"),
        ("self.yaml", "model_list: &a [*a]\n", "nested too deeply"),
        ("many.yaml", "model_list: [" + "{}," * 6000 + "]", "more than 5000 entries"),
        ("huge.yaml", "model_list: [" + "x" * 5_000_000 + "]", "larger than 4 MiB"),
        ("half.yaml", "model_list:\n  - model_name: [", "is not valid YAML"),
        ("list.yaml", "- 1\n- 2\n", "not recognised"),
        ("tag.yaml", "model_list: !!python/object/apply:os.system [echo canary]", "not valid YAML"),
    ],
    ids=lambda value: value[:10],
)
def test_hostile_files_are_refused_in_bounded_time(
    home: Home, name: str, text: str, says: str
) -> None:
    started = time.process_time()
    with pytest.raises(ConfigError, match=says):
        import_file(home.write(name, text))
    assert time.process_time() - started < 5


def test_thousands_of_entries_are_read_in_bounded_time(home: Home) -> None:
    entry = "{model_name: m%d, litellm_params: {model: openai/m%d, api_base: http://h%d/v1, x: 1}}"
    text = "model_list:\n" + "".join(f"- {entry % (n, n, n)}\n" for n in range(4000))
    started = time.process_time()
    found = import_file(home.write("c.yaml", text))
    assert time.process_time() - started < 20
    assert found.toml_text.count("[[providers]]") == 4000


def test_a_list_of_nobodys_is_no_configuration(home: Home) -> None:
    with pytest.raises(ConfigError, match="not a table of settings"):
        load(file=home.write("list.yaml", "- 1\n"), env=home.env, cwd=home.cwd)
