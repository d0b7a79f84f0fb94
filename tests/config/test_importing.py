"""Another tool's file becomes ours: the same providers, models and routes, in our words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.config.importing import import_file, toml_value
from dragoman.errors import ConfigError
from dragoman.types.provider import Provider
from tests.config.loading import CASES, Home

FILES = [*sorted((CASES / "gptme").glob("*.toml")), *sorted((CASES / "polpo").glob("*.json"))]


def substance(provider: Provider) -> dict[str, object]:
    return {
        "name": provider.name,
        "base_url": provider.base_url,
        "api": provider.api,
        "keys": [str(source) for source in provider.credentials],
        "default_model": provider.default_model,
        "models": provider.models,
        "dialect": provider.dialect,
        "on_overflow": provider.on_overflow,
        "timeouts": provider.timeouts,
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_imported_file_means_what_the_other_one_meant(home: Home, path: Path) -> None:
    imported = import_file(path, path.parent.name)
    assert imported.unmapped == []
    theirs = home.load(path)
    ours = home.read(imported.toml_text, "config.toml")
    assert ours.problems == ()
    assert [substance(p) for p in ours.custom] == [substance(p) for p in theirs.custom]
    assert {name: [step.ref for step in route.steps] for name, route in ours.routes.items()} == {
        name: [step.ref for step in route.steps] for name, route in theirs.routes.items()
    }
    assert ours.default_model == theirs.default_model


def test_a_gptme_file_is_recognised_by_its_folder(home: Home) -> None:
    text = (CASES / "gptme" / "groq-cloud.toml").read_text()
    imported = import_file(home.write(".config/gptme/gptme.toml", text))
    assert imported.kind == "gptme"
    assert 'name = "groq"' in imported.toml_text


def test_what_gptme_keeps_elsewhere_is_listed_without_its_values(home: Home) -> None:
    text = '[prompt]\nabout_user = "me"\n[env]\nMODEL = "groq/x"\nGROQ_API_KEY = "gsk-canary"\n'
    text += (CASES / "gptme" / "groq-cloud.toml").read_text()
    imported = import_file(home.write("config.toml", text))
    assert 'default_model = "groq/x"' in imported.toml_text
    assert [line.split(":")[0] for line in imported.unmapped] == ["env.GROQ_API_KEY", "prompt"]
    assert "canary" not in imported.toml_text + str(imported.unmapped)


def test_references_are_copied_not_followed(home: Home) -> None:
    data = {
        "providers": {
            "a": {"baseUrl": "${HOST}/v1", "apiKey": "${A:-b}", "models": [{"id": "${M}"}]}
        },
    }
    text = import_file(home.write("polpo.json", json.dumps(data))).toml_text
    assert 'base_url = "${HOST}/v1"' in text
    assert 'api_key = "${A:-b}"' in text
    assert 'id = "${M}"' in text


def test_a_polpo_project_becomes_routes_and_aliases(home: Home) -> None:
    data = {
        "project": "x",
        "settings": {
            "orchestratorModel": "a:one",
            "imageModel": "a:see",
            "logLevel": "debug",
        },
        "agents": [
            {"name": "coder", "model": "a:two", "role": "codes"},
            {"name": "QA lead", "model": {"primary": "a:one", "fallbacks": ["a:two"]}},
        ],
    }
    path = home.write("polpo.json", json.dumps(data))
    imported = import_file(path)
    ours = home.read(imported.toml_text, "config.toml")
    assert (ours.problems, ours.notes) == ((), ())
    assert (ours.default_model, ours.image_model) == ("a:one", "a:see")
    assert [step.ref for step in ours.routes["coder"].steps] == ["a:two"]
    assert [step.ref for step in ours.routes["QA lead"].steps] == ["a:one", "a:two"]
    assert [line.split(":")[0] for line in imported.unmapped] == [
        "project",
        "settings.logLevel",
        "role of agent 'coder'",
    ]


def test_pis_ways_that_have_no_like_are_listed(home: Home) -> None:
    provider = {
        "baseUrl": "http://a/v1",
        "apiKey": "!op read canary",
        "authHeader": True,
        "compat": {"maxTokensField": "max_completion_tokens", "supportsSomething": True},
    }
    imported = import_file(home.write("m.json", json.dumps({"providers": {"a": provider}})))
    assert imported.kind == "pi"
    assert 'dialect = { max_tokens_field = "max_completion_tokens" }' in imported.toml_text
    assert 'auth = "bearer"' in imported.toml_text
    assert 'api_key = "cmd:op read canary"' in imported.toml_text
    assert [line.split(":")[0] for line in imported.unmapped] == [
        "providers.a.compat.supportsSomething"
    ]


@pytest.mark.parametrize(
    ("name", "text", "kind", "says"),
    [
        ("a.toml", 'default_model = "x"', None, "not recognised"),
        ("a.toml", 'default_model = "x"', "litellmm", "nothing is known"),
        ("a.json", "{", "polpo", "is not valid JSON"),
        ("b.toml", None, None, "does not exist"),
    ],
)
def test_what_cannot_be_imported_says_why(
    home: Home, name: str, text: str | None, kind: str | None, says: str
) -> None:
    path = home.path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=says):
        import_file(path, kind)


@pytest.mark.parametrize(
    "value", ['a"b\\c\nd\x7f\x00é', [1, 2.5, True, []], {"a b": {"c": "d"}, "é": 1}, {}, "", -1]
)
def test_values_survive_the_writing_of_toml(value: object) -> None:
    import tomllib

    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
