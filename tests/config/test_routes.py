"""Routes, aliases and the default model, in all their shapes."""

from __future__ import annotations

import pytest

from dragoman.config.tenant import build_tenant_route
from dragoman.errors import ConfigError
from dragoman.registry import Registry
from tests.config.loading import CASES, Home


def test_every_setting_of_a_route_arrives(home: Home) -> None:
    config = home.load(CASES / "everything.toml")
    coder = config.routes["coder"]
    assert [step.ref for step in coder.steps] == [
        "ollama:qwen2.5-coder:32b",
        "mycorp/gpt-oss-120b",
        "anthropic/claude-sonnet-4-6",
    ]
    assert (coder.first_token, coder.hedge_after, coder.image_model) == (
        4,
        2.5,
        "mycorp/gpt-oss-120b",
    )
    assert (coder.on_overflow, coder.sticky, coder.usage_cost) == ("fallback", True, True)
    assert coder.place == f"{CASES}/everything.toml:47:1"
    first, second, third, fourth = config.routes["balanced"].steps
    assert (first.weight, first.first_token, first.retries) == (3, 2, 0)
    assert (second.weight, third.ref, fourth.when) == (1, "groq/c", "image")
    assert [step.ref for step in config.routes["mycorp/*"].steps] == ["mycorp/*", "openai/*"]
    assert [step.ref for step in config.routes["fast"].steps] == ["groq/llama-3.3-70b"]
    assert (config.default_model, config.image_model) == ("coder", "mycorp/gpt-oss-120b")


@pytest.mark.parametrize(
    "text",
    [
        'routes.r = ["a/x", "b/y"]',
        'routes.r.models = ["a/x", "b/y"]',
        'routes.r = { primary = "a/x", fallbacks = "b/y" }',
        'routes.r = { primary = "a/x", fallbacks = [{ model = "b/y" }] }',
        'aliases.r = ["a/x", "b/y"]',
        '[[routes]]\nname = "r"\nmodels = ["a/x", { ref = "b/y" }]',
    ],
)
def test_the_shapes_of_a_route_mean_the_same(home: Home, text: str) -> None:
    config = home.read(text)
    assert (config.problems, config.notes) == ((), ())
    assert [step.ref for step in config.routes["r"].steps] == ["a/x", "b/y"]


def test_a_default_model_with_fallbacks_is_a_route(home: Home) -> None:
    config = home.read('default_model = { primary = "a/x", fallbacks = ["b/y"] }')
    assert config.default_model == "default"
    assert [step.ref for step in config.routes["default"].steps] == ["a/x", "b/y"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("routes.r = {}", "route 'r': names no model"),
        ("routes.r = { models = [] }", "route 'r': names no model"),
        ("routes.r = 3", "route 'r': must be a table or a model"),
        ('routes.r = { models = ["a", 3] }', "route 'r': models[1] must be a string"),
        ('routes.r = { primary = "a", models = ["b"] }', "both primary and models"),
        ("routes.r = { models = [{ weight = 1 }] }", "models[0] has no model"),
        ("routes.r = { models = [{ model = 'a', weight = '130%' }] }", "must be at most 100%"),
        ("routes.r = { models = [{ model = 'a', weight = '-1%' }] }", "must be at least 0"),
        ('routes.r = { models = [{ model = "a", when = "later" }] }', "must be one of always"),
        *(
            (f"routes.r = [{{ model = 'a', when = {{ {when} }} }}]", f"models[0].when{says}")
            for when, says in (
                (
                    "tokens_from = 5000, tokens_below = 1000",
                    " holds of no request: no prompt has 5000 tokens or more, and fewer than 1000",
                ),
                ("tokens_from = 1000, tokens_below = 1000", " holds of no request"),
                ("hours = '08:00-08:00'", ".hours ends when it begins"),
                ("headers = { 'x tier' = 'gold' }", ".headers has a name that no HTTP header"),
            )
        ),
        ("routes = 3", "routes must be a table"),
        ('[[routes]]\nmodels = ["a"]', "has no name"),
        ('aliases = { " " = "a" }', "has no name"),
    ],
)
def test_a_broken_route_is_told_and_leaves_the_rest(home: Home, text: str, says: str) -> None:
    config = home.read('on_overflow = "error"\n' + text)
    assert any(says in str(problem) for problem in config.problems)
    assert config.on_overflow == "error"


@pytest.mark.parametrize(
    "text",
    [
        'routes.r = { primary = "demo/echo", privacy = ["eu"] }',
        'routes.r = { primary = "demo/echo", privcy = "eu" }',
        'routes.r = { primary = "demo/echo", privacy = "${NOWHERE}" }',
        'routes.r = [{ model = "demo/echo", when = { image = "perhaps" } }]',
        "routes.r = { models = 5 }",
        "[routes]\nr = 5",
        'routes."demo/echo" = { primary = "demo/tools", privacy = 5 }',
    ],
)
def test_a_route_with_a_mistake_leads_nowhere(home: Home, text: str) -> None:
    config = home.read(text)
    name = "demo/echo" if '"demo/echo" =' in text else "r"
    for ref in (name, (name, "demo/tools")):
        with pytest.raises(ConfigError) as raised:
            Registry(config).resolve(ref)
        assert raised.value in config.problems
    assert config.barring == ()


def test_unknown_keys_of_an_organisation_are_compared_to_a_bound() -> None:
    many = {f"modls{number}": 1 for number in range(4000)}
    route, strict = build_tenant_route("r", {"models": ["a/m"], **many}, strict=True)
    assert route.steps == ()
    assert strict[-1].hint == "Did you mean 'models'?"
    assert len(strict) <= 101
    # A guard may have been meant by what was not compared.
    route, (error,) = build_tenant_route("r", {"models": ["a/m"], **many, "privcy": "eu"})
    assert route.steps == ()
    assert error.message == "organisation: route 'r': more than 100 unknown keys"
    # One that knows less settings than what wrote a route goes on without them.
    few = {f"modls{number}": 1 for number in range(20)}
    route, problems = build_tenant_route("r", {"models": ["a/m"], **few})
    assert (len(route.steps), problems) == (1, ())


def test_a_guard_behind_very_many_unknown_keys_of_a_file_is_found(home: Home) -> None:
    keys = "\n".join(f"key{number} = 1" for number in range(1000))
    (error,) = home.read(f"{keys}\n[sever]\nport = 1\n").barring
    assert "Did you mean 'server'?" in str(error.hint)


def test_two_routes_of_one_name_are_told(home: Home) -> None:
    config = home.read('aliases.r = "a/x"\nroutes.r = "b/y"')
    assert "the name 'r' is taken" in str(config.notes[0])
    assert [step.ref for step in config.routes["r"].steps] == ["a/x"]
