"""Which files are read, which wins, and how tables of one provider are laid over each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.config import files, load
from dragoman.config.trust import trust
from dragoman.errors import ConfigError
from tests.config.loading import Home


def acme(more: str = "", host: str = "acme") -> str:
    return f'[[providers]]\nname = "acme"\nbase_url = "http://{host}/v1"\n{more}\n'


def test_without_any_file_there_are_the_built_in_providers(home: Home) -> None:
    config = home.load()
    assert (config.custom, config.problems, config.notes) == ((), (), ())
    assert config.providers["openai"].base_url == "https://api.openai.com/v1"
    assert [file.found for file in config.files] == [False] * len(config.files)


def test_every_built_in_provider_can_be_built(home: Home) -> None:
    variables = {"OPENAI_BASE_URL": "http://x/v1"}
    config = home.load(**variables)
    needed = {"azure", "cloudflare", "databricks"}
    assert {p.name for p in config.providers.values() if p.problems} <= needed
    assert all(provider.built_in for provider in config.providers.values())


def test_later_layers_win_and_say_so(home: Home) -> None:
    home.user('default_model = "user"\n' + acme("retries = 1\ntimeouts = { idle = 9, total = 9 }"))
    trust(home.project('default_model = "project"\n[providers.acme]\nretries = 3\n'), home.env)
    config = home.load()
    assert (config.default_model, config.providers["acme"].retries) == ("project", 3)
    config = home.load(DRAGOMAN_DEFAULT_MODEL="env", DRAGOMAN_PROVIDERS__ACME__RETRIES="4")
    assert (config.default_model, config.providers["acme"].retries) == ("env", 4)
    config = home.load(
        overrides={"default_model": "call", "providers": {"acme": {"timeouts": {"idle": 1}}}},
        DRAGOMAN_MODEL="env",
    )
    acme_now = config.providers["acme"]
    assert (config.default_model, acme_now.timeouts.idle, acme_now.timeouts.total) == ("call", 1, 9)
    assert acme_now.origin == "user"
    assert acme_now.place == f"{home.path}/.config/dragoman/config.toml:2:1"


def test_tables_are_merged_and_lists_replaced(home: Home) -> None:
    low = 'headers = { a = "1", b = "1" }\ndialect = { drop = ["x"], strict_tools = true }\n'
    low += 'models = [{ id = "m", context_window = 1 }, { id = "n" }]'
    high = '[providers.acme]\nheaders = { b = "2" }\ndialect = { drop = ["y"] }\n'
    high += 'models = [{ id = "m", max_tokens = 2 }]'
    home.user(acme(low))
    home.user(high, "config.local.toml")
    provider = home.load().providers["acme"]
    assert {name: source.value.reveal() for name, source in provider.headers.items()} == {
        "a": "1",
        "b": "2",
    }
    assert (provider.dialect.drop, provider.dialect.strict_tools) == (("y",), True)
    assert list(provider.models) == ["m", "n"]
    assert (provider.models["m"].context_window, provider.models["m"].max_tokens) == (1, 2)


def test_custom_providers_come_in_the_order_of_layers_and_files(home: Home) -> None:
    home.user(acme().replace("acme", "zeta") + acme().replace("acme", "groq"))
    home.project(acme().replace("acme", "alpha") + acme().replace("acme", "beta"))
    assert [provider.name for provider in home.load().custom] == ["zeta", "groq", "alpha", "beta"]


def test_a_named_file_replaces_the_users_and_the_projects(home: Home) -> None:
    home.user(acme())
    home.project(acme().replace("acme", "beta"))
    named = home.write("elsewhere.toml", acme().replace("acme", "gamma"))
    for config in (home.load(named), home.load(DRAGOMAN_CONFIG=str(named))):
        assert [provider.name for provider in config.custom] == ["gamma"]
        assert config.custom[0].origin == "file"
    assert [p.name for p in home.load(Path("~/elsewhere.toml")).custom] == ["gamma"]
    assert [p.name for p in home.load(Path("../../elsewhere.toml")).custom] == ["gamma"]


def test_a_named_file_must_be_there_and_must_be_readable_as_a_whole(home: Home) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        home.load(home.path / "nowhere.toml")
    with pytest.raises(ConfigError, match="is a folder"):
        home.load(home.path)
    with pytest.raises(ConfigError, match=r"broken\.toml:1:8: is not valid TOML"):
        home.read("[broken", "broken.toml")


def test_a_broken_file_of_a_layer_leaves_the_others(home: Home) -> None:
    home.user("[broken")
    home.project(acme())
    config = home.load()
    assert [provider.name for provider in config.custom] == ["acme"]
    (problem,) = config.problems
    assert "config.toml:1:8: is not valid TOML" in str(problem)
    (broken,) = (file for file in config.files if file.error)
    assert (broken.layer, broken.found) == ("user", True)


def test_a_file_that_may_not_be_read_is_a_problem(home: Home) -> None:
    home.user(acme()).unlink()
    (home.path / ".config/dragoman/config.toml").mkdir()
    config = home.load()
    assert "is a folder, not a file" in str(config.problems[0])


@pytest.mark.parametrize("suffix", [".toml", ".json", ".yaml", ".yml"])
def test_the_users_file_may_have_any_suffix(home: Home, suffix: str) -> None:
    texts = {".toml": 'default_model = "x"', ".json": '{"default_model": "x"}'}
    home.user(texts.get(suffix, "default_model: x"), f"config{suffix}")
    assert home.load().default_model == "x"


def test_xdg_folders_are_honoured_and_relative_ones_are_not(home: Home) -> None:
    home.write("xdg/dragoman/config.toml", 'default_model = "x"')
    assert home.load(XDG_CONFIG_HOME=str(home.path / "xdg")).default_model == "x"
    assert home.load(XDG_CONFIG_HOME="xdg").default_model is None
    assert files.data_folder({"XDG_DATA_HOME": "/d"}) == Path("/d/dragoman")


@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_is_the_systems_and_the_users_is_read_once(home: Home, named: bool) -> None:
    """A service has its own under /etc, and nobody else's."""
    system = home.path / "etc" / "dragoman"
    system.mkdir(parents=True)
    file = system / "config.toml"
    file.write_text("")
    env = {"DRAGOMAN_CONFIG": str(file)} if named else {"XDG_CONFIG_HOME": str(system.parent)}
    found = [place.path for place in files.candidates(env, home.path, None, system)]
    assert found.count(file) == 1
    assert len(found) == len(set(found))


def test_the_nearest_project_file_upward_counts(home: Home) -> None:
    home.project('default_model = "outer"')
    home.write("work/deep/dragoman.toml", 'default_model = "inner"')
    assert home.load().default_model == "inner"


def test_gptmes_files_are_found_under_both_names(home: Home) -> None:
    assert files.gptme_files(home.env) == []
    first = home.write(".config/gptme/config.toml", "")
    second = home.write(".config/gptme/gptme.toml", "")
    assert files.gptme_files(home.env) == [first, second]


# ------------------------------------------------------------------------------------ variables


def test_variables_reach_into_tables_and_names_with_hyphens(home: Home) -> None:
    home.user(acme().replace('"acme"', '"my-corp"'))
    config = home.load(
        DRAGOMAN_PROVIDERS__MY_CORP__BASE_URL="http://other/v1",
        DRAGOMAN_PROVIDERS__MY_CORP__TIMEOUTS__FIRST_TOKEN="4",
        DRAGOMAN_PROVIDERS__NEW__BASE_URL="http://new/v1",
        DRAGOMAN_PROVIDERS__NEW__MODELS='["a", "b"]',
        DRAGOMAN_DATABASE_URL="not ours",
        DRAGOMAN_ON_OVERFLOW="truncate",
    )
    assert (config.problems, config.notes) == ((), ())
    assert config.providers["my-corp"].base_url == "http://other/v1"
    assert config.providers["my-corp"].timeouts.first_token == 4
    assert list(config.providers["new"].models) == ["a", "b"]
    assert config.providers["new"].origin == "env"
    assert config.on_overflow == "truncate"


def test_a_wrong_variable_is_named(home: Home) -> None:
    config = home.load(DRAGOMAN_PROVIDERS__ACME__BASE_URL="nowhere", DRAGOMAN_ON_OVERFLOW="x")
    assert {str(problem).split(":")[0] for problem in config.problems} == {
        "variable DRAGOMAN_PROVIDERS__ACME__BASE_URL",
        "variable DRAGOMAN_ON_OVERFLOW",
    }


def test_a_call_can_bring_a_provider_of_its_own(home: Home) -> None:
    config = home.load(overrides={"providers": {"adhoc": {"base_url": "http://x/v1"}}})
    assert config.providers["adhoc"].origin == "call"
    assert config.providers["adhoc"].place == "this call"


# -------------------------------------------------------------------------------------- economy


def test_nothing_heavy_is_imported_for_a_toml_file(home: Home) -> None:
    home.user(acme())
    program = (
        "import sys; from dragoman.config import load, Secrets; c = load(); list(c.custom);"
        "heavy = {'yaml', 'tomlkit', 'keyring', 'subprocess', 'asyncio', 'ssl', 'rich',"
        "'platformdirs', 'difflib', 'jsonschema', 'http.client'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    env = {**os.environ, **home.env, "XDG_CONFIG_HOME": str(home.path / ".config")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=env,
        cwd=home.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_process_environment_and_folder_are_the_default(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.user(acme())
    for name in [name for name in os.environ if name.startswith(("DRAGOMAN_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home.path))
    monkeypatch.chdir(home.cwd)
    assert [provider.name for provider in load().custom] == ["acme"]
