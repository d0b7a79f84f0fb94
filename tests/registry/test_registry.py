"""Model refs, on real configurations."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dragoman.config import Config, load
from dragoman.errors import ConfigError, DragomanError, UnknownModel
from dragoman.registry import Registry
from dragoman.types import ModelInfo, Price

FOLDER = Path(__file__).parent / "cases"
CASES: list[dict[str, Any]] = tomllib.loads((FOLDER / "refs.toml").read_text("utf-8"))["case"]
NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC


@pytest.fixture(scope="module")
def config() -> Config:
    return load(file=FOLDER / "config.toml", env={}, cwd=FOLDER)


@pytest.fixture(scope="module")
def registry(config: Config) -> Registry:
    return Registry(config, clock=lambda: NOON)


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[str], Registry]:
    def make(text: str) -> Registry:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        return Registry(load(file=path, env={}, cwd=tmp_path), clock=lambda: NOON)

    return make


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["says"]))
def test_a_ref_leads_where_the_rule_says(case: dict[str, Any], registry: Registry) -> None:
    if "to" in case:
        resolution = registry.resolve(case["ref"])
        assert [deployment.ref for deployment in resolution.deployments] == case["to"]
        assert resolution.steps
        return
    with pytest.raises(UnknownModel) as caught:
        registry.resolve(case["ref"])
    assert case["error"] in str(caught.value)
    assert case.get("hint", "") in str(caught.value.hint)
    assert caught.value.hint
    assert caught.value.status == 404


def test_every_suggestion_leads_somewhere(registry: Registry) -> None:
    tried = 0
    for case in CASES:
        if "error" not in case or "back to itself" in case["error"]:
            continue
        with pytest.raises(UnknownModel) as caught:
            registry.resolve(case["ref"])
        for suggestion in caught.value.suggestions:
            if registry.find_provider(suggestion):
                continue  # a provider alone may lead to the list of its models
            assert registry.resolve(suggestion).deployments, suggestion
            tried += 1
    assert tried > 5


def test_what_a_step_says_beats_what_its_route_says(registry: Registry) -> None:
    first, *_, last = registry.deployments("coder")
    assert (first.first_token, first.retries) == (4.0, 2)
    assert (last.first_token, last.retries) == (30.0, 0)


def test_an_inner_route_keeps_its_own_patience(registry: Registry) -> None:
    patience = [deployment.first_token for deployment in registry.deployments("nested")]
    assert patience == [4.0, 4.0, 4.0, 30.0, 9.0]


def test_several_keys_are_deployments_of_their_own(registry: Registry) -> None:
    deployments = registry.deployments("mycorp/gpt-oss-120b")
    assert [deployment.credential for deployment in deployments] == [0, 1]
    assert {deployment.retries for deployment in deployments} == {1}


def test_several_keys_share_the_weight_of_their_step(registry: Registry) -> None:
    weights = [deployment.weight for deployment in registry.deployments("weighted")]
    assert weights == [1.5, 1.5, 1.0]


def test_a_step_for_images_is_marked(registry: Registry) -> None:
    whens = [deployment.when for deployment in registry.deployments("eyes")]
    assert whens == ["always", "image", "image"]


def test_no_model_named_is_the_default(registry: Registry) -> None:
    resolution = registry.resolve()
    assert resolution.asked == "coder"
    assert resolution.route.first_token == 4.0


def test_no_model_named_is_the_only_configured_providers_default(
    loaded: Callable[[str], Registry],
) -> None:
    one = '[[providers]]\nname = "a"\nbase_url = "http://localhost:1/v1"\ndefault_model = "m"\n'
    assert [d.ref for d in loaded(one).resolve().deployments] == ["a/m"]
    two = one + '[[providers]]\nname = "b"\nbase_url = "http://localhost:2/v1"\n'
    with pytest.raises(ConfigError, match="no default"):
        loaded(two).resolve()


def test_with_nothing_configured_there_is_no_default(loaded: Callable[[str], Registry]) -> None:
    registry = loaded("")
    assert registry.default_ref() is None
    with pytest.raises(ConfigError) as caught:
        registry.resolve()
    assert "-m" in str(caught.value.hint)


def test_an_empty_chain_is_no_model(registry: Registry) -> None:
    with pytest.raises(DragomanError):
        registry.resolve([])


def test_a_chain_of_one_keeps_its_routes_policy(registry: Registry) -> None:
    assert registry.resolve(["coder"]).route == registry.resolve("coder").route


def test_a_direct_ref_is_a_route_of_its_own_name(registry: Registry) -> None:
    resolution = registry.resolve("GROQ:llama")
    assert resolution.asked == "GROQ:llama"
    assert resolution.route.name == resolution.deployments[0].ref == "groq/llama"


def test_a_catch_all_route_takes_what_nothing_else_does(loaded: Callable[[str], Registry]) -> None:
    registry = loaded('[routes."*"]\nmodels = ["openrouter/*"]\n')
    assert [d.ref for d in registry.deployments("some/model")] == ["openrouter/some/model"]
    assert [d.ref for d in registry.deployments("groq/x")] == ["groq/x"]


def test_routes_that_multiply_are_refused(loaded: Callable[[str], Registry]) -> None:
    text = (
        "".join(f'[routes.r{n}]\nmodels = ["r{n + 1}", "r{n + 1}"]\n' for n in range(40))
        + '[routes.r40]\nmodels = ["groq/x"]\n'
    )
    with pytest.raises(ConfigError, match="more than 64"):
        loaded(text).resolve("r0")


def test_a_long_chain_of_aliases_is_followed(loaded: Callable[[str], Registry]) -> None:
    text = "[aliases]\n" + "".join(f'a{n} = "a{n + 1}"\n' for n in range(60))
    assert [d.ref for d in loaded(text + 'a60 = "groq/x"\n').deployments("a0")] == ["groq/x"]


def test_a_broken_provider_is_found_and_leaves_the_others_alone(registry: Registry) -> None:
    chain = registry.deployments("broken/x") + registry.deployments("groq/x")
    assert chain[0].provider.problems
    assert not chain[1].provider.problems
    assert any("problem" in line for line in registry.resolve("broken/x").steps)


def test_a_hostile_ref_is_cut_and_quoted(registry: Registry) -> None:
    with pytest.raises(UnknownModel) as caught:
        registry.resolve("\x1b[31m" + "x" * 100_000)
    assert len(str(caught.value)) < 1500
    assert "\x1b" not in str(caught.value)


def test_of_a_providers_very_many_models_some_are_told(loaded: Callable[[str], Registry]) -> None:
    models = [f"model-{number}" for number in range(50_000)]
    registry = loaded(
        f'[[providers]]\nname = "p"\nbase_url = "http://h/v1"\nmodels_only = true\n{models = }\n'
    )
    for ref, near in (("p/modl-7", "p/model-7"), ("p/zzz", "p/model-0"), ("p/" + "z" * 9999, "p/")):
        with pytest.raises(UnknownModel) as raised:
            registry.resolve(ref)
        error = raised.value
        assert error.suggestions[0].startswith(near)
        assert len(error.suggestions) <= 8
        assert (error.hint or "").startswith("it has model-0, model-1, ")
        assert (error.hint or "").endswith(", model-7, …")
        assert len(str(error)) < 300


def test_resolutions_are_kept_for_a_minute_and_no_more_than_some(config: Config) -> None:
    now = [NOON]
    registry = Registry(config, clock=lambda: now[0])
    first = registry.resolve("groq/x")
    assert registry.resolve("groq/x") is first
    now[0] += 60
    assert registry.resolve("groq/x") is not first
    for n in range(3000):
        registry.resolve(f"groq/{n}")
    assert len(registry._kept) <= 1024


def test_a_price_that_changes_by_the_hour_is_that_of_the_request(config: Config) -> None:
    now = [NOON]
    registry = Registry(config, clock=lambda: now[0])

    def price() -> Decimal | None:
        info = registry.deployments("deepseek/deepseek-flash")[0].info
        assert info.price is not None
        return info.price.input

    cheap = price()
    now[0] = NOON - 3 * 3600  # nine o'clock
    assert cheap is not None
    assert price() == cheap * 2


# ------------------------------------------------------------------------------ what is known


def test_what_the_user_says_comes_before_the_catalog(loaded: Callable[[str], Registry]) -> None:
    registry = loaded("""
        [[providers.groq.models]]
        id = "openai/gpt-oss-120b"
        context_window = 1000
    """)
    info = registry.deployments("groq/openai/gpt-oss-120b")[0].info
    assert (info.context_window, info.sources["context_window"]) == (1000, "config")
    assert info.price is not None
    assert info.price.source == info.sources["price"] == "catalog"
    assert (info.max_tokens, info.sources["max_tokens"]) == (65_536, "catalog")


def test_the_documented_defaults_fill_only_what_the_catalog_does_not_know(
    loaded: Callable[[str], Registry],
) -> None:
    registry = loaded("""
        [[providers.groq.models]]
        id = "moonshotai/kimi-k2-instruct"
        reasoning = false
    """)
    info = registry.deployments("groq/moonshotai/kimi-k2-instruct")[0].info
    assert (info.context_window, info.sources["context_window"]) == (131_072, "catalog")
    assert (info.max_tokens, info.sources["max_tokens"]) == (8192, "default")
    assert info.price is not None
    assert info.price.source == "catalog", "the defaults' zero never hides a price"


def test_an_overridden_origin_has_no_catalog(loaded: Callable[[str], Registry]) -> None:
    registry = loaded('[providers.groq]\nbase_url = "https://proxy.example/v1"\n')
    info = registry.deployments("groq/openai/gpt-oss-120b")[0].info
    assert info.price is None
    assert info.context_window is None


def test_a_preset_on_the_same_origin_has_the_catalog(loaded: Callable[[str], Registry]) -> None:
    registry = loaded('[providers.mine]\npreset = "groq"\n')
    info = registry.deployments("mine/openai/gpt-oss-120b")[0].info
    assert info.price is not None
    assert info.price.source == "catalog"


def test_a_custom_providers_model_has_no_invented_price(registry: Registry) -> None:
    info = registry.deployments("second/gpt-4o")[0].info
    assert info.price is None
    assert info.context_window is None
    assert info.input is None


def test_a_described_model_has_the_documented_defaults(registry: Registry) -> None:
    info = registry.deployments("mycorp/sees")[0].info
    assert info.context_window == 200_000
    assert info.sources["context_window"] == "default"
    assert info.price is not None
    assert info.price.free


def test_a_server_of_ones_own_is_free(registry: Registry) -> None:
    for ref in ("ollama/llama3.2", "my-ollama/llama3.2"):
        info = registry.deployments(ref)[0].info
        assert info.price is not None
        assert info.price.free


def test_the_demos_figures_are_marked(registry: Registry) -> None:
    info = registry.deployments("demo/echo")[0].info
    assert info.price is not None
    assert info.price.source == "demo"
    assert set(info.sources.values()) == {"demo"}


def test_what_a_provider_told_stands_between_user_and_catalog(config: Config) -> None:
    told = ModelInfo(
        id="gpt-oss-120b",
        context_window=5,
        max_tokens=6,
        price=Price(input=Decimal(9), source="discovered"),
        sources={"context_window": "discovered", "max_tokens": "discovered"},
    )
    registry = Registry(
        config,
        discovered={"mycorp": {"gpt-oss-120b": told}, "groq": {"openai/gpt-oss-120b": told}},
    )
    mine = registry.deployments("mycorp/gpt-oss-120b")[0].info
    assert (mine.context_window, mine.max_tokens) == (131_072, 6), "above the defaults"
    assert mine.sources["max_tokens"] == "discovered"
    assert mine.price is not None
    assert mine.price.source == "config"
    groq = registry.deployments("groq/openai/gpt-oss-120b")[0].info
    assert groq.context_window == 5
    assert groq.price is not None
    assert groq.price.source == "discovered"


def test_listed_models_are_refs_that_lead_to_themselves(registry: Registry) -> None:
    listed = [f"{provider.name}/{info.id}" for provider, info in registry.models()]
    assert len(listed) == len(set(listed)) > 1000
    assert "mycorp/sees" in listed
    assert not any(ref.startswith("off/") for ref in listed)
    shadowed = {"openai/gpt-4o"}
    for ref in [r for r in listed if r not in shadowed and not r.endswith("-vision")][::7]:
        assert registry.deployments(ref)[0].ref == ref


def test_the_models_of_one_provider_come_declared_first(registry: Registry) -> None:
    ids = [info.id for _, info in registry.models("mycorp")]
    assert ids == ["gpt-oss-120b", "sees", "shared:7b"]
    with pytest.raises(UnknownModel) as caught:
        list(registry.models("grok"))
    assert "groq" in caught.value.suggestions


# ------------------------------------------------------------------------- a call's own endpoint


def test_a_base_url_of_the_calls_own_is_a_provider_without_a_key(registry: Registry) -> None:
    found, refs = registry.with_endpoint("https://api.acme.ai:8443/v1", refs="meta/llama:8b")
    deployment = found.resolve(refs).deployments[0]
    assert deployment.model == "meta/llama:8b"
    assert deployment.provider.base_url == "https://api.acme.ai:8443/v1"
    assert deployment.provider.credentials == ()
    assert deployment.info.price is None


@pytest.mark.parametrize("url", ["http://groq:8000/v1", "http://127.0.0.1:1/v1", "http://[::1]:1"])
def test_a_base_url_of_the_calls_own_never_means_anothers_provider(
    registry: Registry, url: str
) -> None:
    found, refs = registry.with_endpoint(url, refs="wrapped")
    (deployment,) = found.resolve(refs).deployments
    assert deployment.provider.base_url == url
    assert deployment.provider.credentials == ()
    assert registry.resolve("groq/x").deployments[0].provider.base_url.startswith("https://")


def test_a_base_url_of_the_calls_own_takes_a_chain(registry: Registry) -> None:
    found, refs = registry.with_endpoint("http://localhost:1/v1", refs=("a", "coder"))
    assert [deployment.model for deployment in found.resolve(refs).deployments] == ["a", "coder"]


@pytest.mark.parametrize(("url", "refs"), [("http://localhost:1/v1", None), ("nonsense", "m")])
def test_a_base_url_of_the_calls_own_must_be_one_and_have_a_model(
    registry: Registry, url: str, refs: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.with_endpoint(url, refs=refs)
    assert caught.value.hint


# ----------------------------------------------------------------------------------- explain


def test_an_explanation_has_every_fact_and_no_secret(loaded: Callable[[str], Registry]) -> None:
    registry = loaded("""
        [providers.mycorp]
        base_url = "https://llm.corp.example?sig=hunter2-in-url"
        api_key = "sk-hunter2-in-file"
        headers = { "x-team" = "hunter2-in-header" }
        query = { "token" = "hunter2-in-query" }
        limits = { rpm = 600 }
        dialect = { drop = ["store"], rename = { seed = "random_seed" } }
        [[providers.mycorp.models]]
        id = "m"
        context_window = 131072
        cost = { input = 0.5, output = 1.5 }
        [aliases]
        smart = "mycorp/m"
    """)
    text = "\n".join(registry.resolve("smart").steps)
    assert "hunter2" not in text
    for fact in (
        "smart: alias smart (",
        "config.toml:",
        "https://llm.corp.example/v1/chat/completions?sig=…&token=…",
        "openai-completions",
        "(configured directly) (bearer)",
        "drop store, rename seed→random_seed",
        "context 131,072 (config)",
        "answer 8,192 (default)",
        "600 requests/min",
        "$0.50 input, $1.50 output, per million tokens (config)",
    ):
        assert fact in text, fact


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ("cost_per_hour = 2.5", "$2.50 an hour, shared by 16 (config)"),
        ("cost = { request = 0.02 }", "$0.02 a request (config)"),
        (
            "cost = { input = 0.5, request = 0.02 }",
            "$0.50 input, per million tokens, $0.02 a request (config)",
        ),
    ],
)
def test_an_explanation_says_in_what_a_price_is(
    loaded: Callable[[str], Registry], costs: str, said: str
) -> None:
    registry = loaded(f"""
        [providers.gpu]
        base_url = "https://gpu.example/v1"
        limits = {{ concurrency = 16 }}
        [[providers.gpu.models]]
        id = "m"
        {costs}
    """)
    (line,) = [s for s in registry.resolve("gpu/m").steps if s.lstrip().startswith("price ")]
    assert line.strip().removeprefix("price").strip() == said


def test_an_explanation_of_a_keyless_server_says_so(loaded: Callable[[str], Registry]) -> None:
    (line,) = [s for s in loaded("").resolve("demo/echo").steps if s.lstrip().startswith("key ")]
    assert line.split() == ["key", "none"]


def test_sixty_providers_with_thousands_of_models_are_all_found() -> None:
    providers = {f"p{n}": {"base_url": f"http://h{n}.example/v1"} for n in range(60)}
    config = load(env={"HOME": "/nowhere"}, overrides={"providers": providers})
    discovered = {
        f"p{n}": {
            f"org{n}/m{m}:tag@x": ModelInfo(id=f"org{n}/m{m}:tag@x", context_window=1000 + m)
            for m in range(42)
        }
        for n in range(60)
    }
    registry = Registry(config, discovered=discovered)
    own = [(p, info) for p, info in registry.models(catalog=False) if p.name in providers]
    assert len(own) == 60 * 42 >= 2_500
    for provider, info in own:
        (found,) = registry.deployments(f"{provider.name}/{info.id}")
        assert (found.provider, found.model) == (provider, info.id)
        assert found.info.context_window == info.context_window
    names = [f"{provider.name}/{info.id}" for provider, info in registry.models()]
    assert len(names) == len(set(names))
    built_in = [name for name in names if name.split("/")[0] not in providers]
    assert len(built_in) > 900
