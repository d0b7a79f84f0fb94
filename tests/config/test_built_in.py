"""What a configured provider takes from the built-in row of its name, or of its preset."""

from __future__ import annotations

import json

import pytest

from dragoman.config.show import key_source
from dragoman.types import Dialect
from dragoman.types.message import Message, Text
from dragoman.types.request import ChatRequest, Tool
from dragoman.wire import get_format
from tests.config.loading import Home


def test_the_same_origin_keeps_what_the_catalog_knows(home: Home) -> None:
    provider = home.read(
        '[[providers]]\nname = "Groq"\nbase_url = "https://API.groq.com:443/openai/v1/"\n'
    ).providers["groq"]
    assert (provider.overrides, provider.catalog, provider.built_in) == ("groq", "groq", False)
    assert provider.dialect.max_tokens_field == "max_completion_tokens"
    assert provider.base_url == "https://API.groq.com:443/openai/v1/"


@pytest.mark.parametrize(
    "url", ["http://api.groq.com/openai/v1", "https://api.groq.com:8443/v1", "https://groq.corp/v1"]
)
def test_another_origin_takes_neither_catalog_nor_dialect_nor_key(home: Home, url: str) -> None:
    provider = home.read(f'[[providers]]\nname = "groq"\nbase_url = "{url}"\n').providers["groq"]
    assert (provider.overrides, provider.catalog) == ("groq", None)
    assert provider.dialect.max_tokens_field == "max_tokens"
    assert provider.default_model is None


def test_the_catalogs_variable_is_for_the_catalogs_host_alone(home: Home) -> None:
    text = '[[providers]]\nname = "huggingface"\nbase_url = "https://{}/v1"\n'
    here = home.read(text.format("router.huggingface.co")).providers["huggingface"]
    assert next(str(source) for source in here.credentials) == "env:HF_TOKEN"
    there = home.read(text.format("hf.corp")).providers["huggingface"]
    assert [str(source) for source in there.credentials] == [
        "env:HUGGINGFACE_API_KEY",
        "stored:huggingface",
    ]


def test_an_overridden_provider_keeps_its_language(home: Home) -> None:
    text = '[[providers]]\nname = "anthropic"\nbase_url = "https://proxy.corp"\n'
    assert home.read(text).providers["anthropic"].api == "anthropic-messages"


def test_a_preset_is_a_built_in_row_under_another_name(home: Home) -> None:
    config = home.read('[[providers]]\nname = "groq2"\npreset = "groq"\n')
    provider = config.providers["groq2"]
    assert provider.base_url == config.providers["groq"].base_url
    assert (provider.catalog, provider.preset, provider.overrides) == ("groq", "groq", None)
    assert provider.dialect == config.providers["groq"].dialect
    assert provider in config.custom
    assert [str(source) for source in provider.credentials] == [
        "env:GROQ2_API_KEY",
        "env:GROQ_API_KEY",
        "stored:groq2",
    ]
    assert key_source(provider) == "$GROQ2_API_KEY (default)"


def test_a_preset_at_another_host_lends_its_dialect_and_no_key(home: Home) -> None:
    text = '[[providers]]\nname = "mine"\npreset = "groq"\nbase_url = "https://mine.corp/v1"\n'
    provider = home.read(text).providers["mine"]
    assert provider.dialect.max_tokens_field == "max_completion_tokens"
    assert provider.catalog is None
    assert [str(source) for source in provider.credentials] == ["env:MINE_API_KEY", "stored:mine"]


def test_an_unknown_preset_is_an_error_with_a_suggestion(home: Home) -> None:
    config = home.read('[[providers]]\nname = "x"\npreset = "olama"\n')
    (problem,) = config.problems
    assert problem.hint == "Did you mean 'ollama'?"
    assert config.providers["x"].problems == (problem,)


def test_settings_of_a_built_in_one_can_be_changed_without_making_it_custom(home: Home) -> None:
    config = home.read("[providers.openai]\nretries = 5\nlimits = { rpm = 3 }\n")
    provider = config.providers["openai"]
    assert (provider.retries, provider.limits.rpm) == (5, 3)
    assert (provider.built_in, provider.origin, config.custom) == (True, "built-in", ())
    assert provider.catalog == "openai"


def test_a_provider_can_be_kept_out(home: Home) -> None:
    config = home.read("[providers.openai]\nenabled = false\n")
    assert config.providers["openai"].enabled is False


def test_local_is_where_openai_base_url_points(home: Home) -> None:
    config = home.load(OPENAI_BASE_URL="http://gpu:8000/v1", OPENAI_API_KEY="k")
    local = config.providers["local"]
    assert local.base_url == "http://gpu:8000/v1"
    assert local.problems == ()
    assert next(str(source) for source in local.credentials) == "env:OPENAI_API_KEY"
    assert config.providers["openai"].base_url == "https://api.openai.com/v1"


def test_local_without_its_variable_says_what_is_missing(home: Home) -> None:
    config = home.load()
    (problem,) = config.providers["local"].problems
    assert "$OPENAI_BASE_URL, which is not set" in str(problem)
    assert config.problems == ()


def test_a_local_at_a_url_of_its_own_does_not_get_openais_key(home: Home) -> None:
    text = '[[providers]]\nname = "local"\nbase_url = "http://gpu:8000/v1"\n'
    provider = home.read(text, OPENAI_API_KEY="sk-real").providers["local"]
    assert [str(source) for source in provider.credentials] == ["env:LOCAL_API_KEY", "stored:local"]


def test_anthropics_variable_moves_nothing(home: Home) -> None:
    config = home.load(ANTHROPIC_BASE_URL="http://evil")
    assert config.providers["anthropic"].base_url == "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("host", "base_url"),
    [
        ("gpu-box", "http://gpu-box:11434/v1"),
        ("gpu-box:9999", "http://gpu-box:9999/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:80", "http://127.0.0.1:80/v1"),
        (":7777", "http://127.0.0.1:7777/v1"),
        ("http://gpu-box", "http://gpu-box/v1"),
        ("https://ollama.corp/", "https://ollama.corp/v1"),
        ("https://corp:8443/ollama/", "https://corp:8443/ollama/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
        ("::1", "http://[::1]:11434/v1"),
        (" gpu ", "http://gpu:11434/v1"),
        ("", "http://localhost:11434/v1"),
    ],
)
def test_ollama_is_where_its_host_variable_points(home: Home, host: str, base_url: str) -> None:
    provider = home.load(OLLAMA_HOST=host).providers["ollama"]
    assert provider.base_url == base_url
    assert provider.problems == ()
    assert provider.free


def test_a_configured_base_url_comes_before_another_programs_variable(home: Home) -> None:
    text = '[[providers]]\nname = "ollama"\nbase_url = "http://here:11434/v1"\n'
    assert home.read(text, OLLAMA_HOST="0.0.0.0").providers["ollama"].base_url == (
        "http://here:11434/v1"
    )


def test_a_variable_that_is_no_url_is_an_error_on_use(home: Home) -> None:
    config = home.load(OPENAI_BASE_URL="gpu:8000", OLLAMA_HOST="http://a b")
    assert config.problems == ()
    assert "the variable OPENAI_BASE_URL must begin" in str(config.providers["local"].problems[0])
    assert "the variable OLLAMA_HOST cannot be" in str(config.providers["ollama"].problems[0])


def test_a_base_url_from_a_variable_may_end_in_a_slash(home: Home) -> None:
    env = {"AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com/"}
    provider = home.load(**env).providers["azure"]
    assert provider.base_url == "https://mine.openai.azure.com/openai/v1"


@pytest.mark.parametrize(
    ("url", "row"),
    [
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://API.mistral.ai:443/v1/", "mistral"),
        ("https://api.openai.com/v1", "openai"),
        ("https://api.groq.corp/v1", None),
        ("http://api.mistral.ai/v1", None),
        ("http://localhost:11434/v1", None),
        ("http://localhost:8000/v1", None),
        ("https://llm.corp/api.mistral.ai/v1", None),
    ],
)
def test_a_known_hosts_dialect_goes_with_its_url(home: Home, url: str, row: str | None) -> None:
    config = home.read(f'[[providers]]\nname = "mine"\nbase_url = "{url}"\n')
    mine = config.providers["mine"]
    assert mine.dialect_of == row
    assert mine.dialect == (config.providers[row].dialect if row else Dialect())
    assert all("MINE" in str(source) or "mine" in str(source) for source in mine.credentials)
    assert (mine.catalog, mine.default_model) == (None, None)


def test_what_a_table_says_of_its_dialect_comes_before_its_urls(home: Home) -> None:
    mine = home.read(
        '[[providers]]\nname = "mine"\nbase_url = "https://api.mistral.ai/v1"\n'
        "dialect = { stream_usage = true }\n"
    ).providers["mine"]
    assert mine.dialect.stream_usage is True
    assert mine.dialect.tool_result_name is True


def test_another_language_at_a_known_host_has_no_dialect_of_its_url(home: Home) -> None:
    mine = home.read(
        '[[providers]]\nname = "mine"\nbase_url = "https://api.mistral.ai"\n'
        'api = "anthropic-messages"\n'
    ).providers["mine"]
    assert (mine.dialect_of, mine.dialect) == (None, Dialect())


def test_an_unknown_host_is_sent_nothing_that_only_few_servers_know(home: Home) -> None:
    dialect = (
        home.read('[[providers]]\nname = "x"\nbase_url = "https://x.example/v1"\n')
        .providers["x"]
        .dialect
    )
    assert dialect == Dialect()
    assert (dialect.max_tokens_field, dialect.system_role) == ("max_tokens", "system")
    assert (dialect.strict_tools, dialect.vendor_fields) == (False, False)
    request = ChatRequest(
        model="m",
        messages=(Message("developer", (Text("Be brief."),)), Message("user", (Text("hi"),))),
        max_tokens=5,
        tools=(Tool("f", parameters={}, strict=True),),
    )
    body = json.loads(get_format("openai-completions").render_request(request, "m", dialect).body)
    assert set(body) == {"model", "messages", "max_tokens", "tools"}
    assert body["messages"][0]["role"] == "system"
    assert "strict" not in body["tools"][0]["function"]
