"""A cloned repository's file says little until the user agrees to exactly its content."""

from __future__ import annotations

import pytest

from dragoman.config import Secrets
from dragoman.config.trust import distrust, is_trusted, trust
from tests.config.loading import Home

USER = """
[[providers]]
name = "mine"
base_url = "https://mine.example/v1"
api_key_env = "MY_KEY"
"""

NEW = '[[providers]]\nname = "new"\nbase_url = "http://new.example/v1"\n'


def test_an_untrusted_project_may_name_models_routes_and_keyless_providers(home: Home) -> None:
    home.user(USER)
    home.project(
        'default_model = "fast"\n'
        + NEW
        + 'models = [{ id = "m", context_window = 9 }]\ntimeouts = { total = 5 }\n'
        + '[routes.fast]\nmodels = ["new/m", "mine/x"]\n[aliases]\na = "mine/y"\n'
    )
    config = home.load()
    assert (config.problems, config.notes) == ((), ())
    assert config.default_model == "fast"
    assert config.providers["new"].models["m"].context_window == 9
    assert config.providers["new"].origin == "project"
    assert {"fast", "a"} <= set(config.routes)
    assert config.routes["fast"].origin == "project"
    assert [(file.layer, file.trusted) for file in config.files if file.found] == [
        ("user", True),
        ("project", False),
    ]


def test_an_untrusted_projects_provider_gets_no_key_whatever_its_name(home: Home) -> None:
    home.project(NEW.replace('"new"', '"aws"'))
    config = home.load(AWS_API_KEY="sk-x")
    provider = config.providers["aws"]
    assert Secrets(home.env | {"AWS_API_KEY": "sk-x"}).credential(provider) is None
    assert provider.credentials == ()


@pytest.mark.parametrize(
    "setting",
    [
        'api_key = "env:HOME"',
        'api_key = "literal"',
        'api_key = "cmd:id"',
        'api_keys = ["file:/etc/passwd"]',
        'api_key_env = "HOME"',
        'adapter = "evil.py:Evil"',
        'headers = { x-key = "env:HOME" }',
        'headers = { metadata = "true" }',
        'query = { k = "cmd:id" }',
        'proxy = "http://evil:1"',
        "tls = { verify = false }",
        'body = { x = "y" }',
        'catalog = "openai"',
        "enabled = false",
        'auth = "bearer"',
    ],
)
def test_everything_else_of_an_untrusted_provider_is_ignored_and_told(
    home: Home, setting: str
) -> None:
    home.project(NEW + setting)
    config = home.load()
    provider = config.providers["new"]
    plain = home.load(home.write("plain.toml", NEW)).providers["new"]
    assert (provider.headers, provider.query, provider.body) == ({}, {}, {})
    assert (provider.adapter, provider.proxy, provider.tls) == (None, None, plain.tls)
    assert (provider.auth, provider.enabled, provider.catalog) == (None, True, None)
    assert provider.credentials == ()
    (note,) = config.notes
    assert f"{setting.split(' ')[0]} of provider 'new' is ignored" in str(note)
    assert note.hint == "Trust this file with: dragoman config trust"
    assert str(note).startswith(f"{home.path}/work/dragoman.toml:4:1")


@pytest.mark.parametrize(
    "text",
    [
        '[[providers]]\nname = "new"\nbase_url = "http://x/${HOME}/v1"\n',
        NEW + 'default_model = "${HOME}"\n',
        NEW + 'models = [{ id = "m", name = "${HOME}" }]\n',
    ],
)
def test_a_provider_of_an_untrusted_project_that_reads_variables_is_ignored(
    home: Home, text: str
) -> None:
    home.project(text)
    config = home.load()
    assert "new" not in config.providers
    assert "which refers to variables, is ignored" in str(config.notes[0])


def test_top_level_settings_and_routes_that_read_variables_are_ignored(home: Home) -> None:
    home.project('default_model = "${HOME}"\n[routes.r]\nmodels = ["a/${HOME}"]\n')
    config = home.load()
    assert (config.default_model, config.routes) == (None, {})
    assert len(config.notes) == 2


@pytest.mark.parametrize("name", ["mine", "openai", "OpenAI", "ollama"])
def test_an_untrusted_project_changes_no_provider_that_exists(home: Home, name: str) -> None:
    home.user(USER)
    before = home.load().providers[name.lower()]
    home.project(f'[providers.{name}]\nbase_url = "https://evil.example/v1"\n')
    config = home.load()
    assert config.providers[name.lower()] == before
    assert f"the change to provider '{name.lower()}' is ignored" in str(config.notes[0])


def test_an_untrusted_route_adds_nothing_to_bodies(home: Home) -> None:
    home.project('[routes.r]\nmodels = ["openai/x"]\nbody = { store = true }\n')
    assert home.load().routes["r"].body == {}


def test_presets_lend_an_untrusted_provider_no_key(home: Home) -> None:
    home.project('[[providers]]\nname = "new"\npreset = "openai"\nbase_url = "http://evil/v1"\n')
    provider = home.load(OPENAI_API_KEY="sk-x").providers["new"]
    assert provider.credentials == ()


def test_trust_is_pinned_to_the_content(home: Home) -> None:
    path = home.project(NEW + 'api_key_env = "NEW_KEY"\n')
    trust(path, home.env)
    config = home.load()
    assert config.notes == ()
    assert next(str(source) for source in config.providers["new"].credentials) == "env:NEW_KEY"
    path.write_text(path.read_text() + "retries = 1\n")
    assert home.load().providers["new"].credentials == ()


def test_trust_can_be_taken_back(home: Home) -> None:
    path = home.project(NEW)
    assert distrust(path, home.env) is False
    trust(path, home.env)
    assert is_trusted(path, path.read_bytes(), home.env)
    assert distrust(path, home.env) is True
    assert not is_trusted(path, path.read_bytes(), home.env)


@pytest.mark.parametrize("text", ["", "[]", "\0", '{"x": 3}'])
def test_a_broken_record_of_trust_trusts_nothing(home: Home, text: str) -> None:
    path = home.project(NEW)
    home.write(".local/share/dragoman/trusted.json", text)
    assert not is_trusted(path, path.read_bytes(), home.env)
    trust(path, home.env)
    assert is_trusted(path, path.read_bytes(), home.env)


def test_a_project_file_that_is_named_outright_is_trusted(home: Home) -> None:
    path = home.project(NEW + 'api_key_env = "NEW_KEY"\n')
    assert home.load(path).notes == ()


@pytest.mark.parametrize("name", ["openai/gpt-6", "openai/*", "mine:x", "OpenAI"])
def test_an_untrusted_route_takes_no_providers_place(home: Home, name: str) -> None:
    home.user(USER)
    home.project(f'{NEW}[aliases]\n"{name}" = "new/x"\nfree = "new/x"\n')
    config = home.load()
    assert list(config.routes) == ["free"]
    assert "would take the place of a provider" in str(config.notes[0])
