"""The table of settings is the one source of the check, the schema, the reference and the types."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import jsonschema
import pytest
from msgspec import structs

from dragoman.config import fields
from dragoman.config.kinds import READERS
from dragoman.config.schema import build_schema
from dragoman.types import condition, guardrail, model, provider, route, server
from tests.config.loading import CASES

ROOT = Path(__file__).parents[2]
OURS = [*sorted((CASES / "gptme").glob("*.toml")), CASES / "everything.toml"]


def validator() -> jsonschema.Draft202012Validator:
    schema = build_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_the_schema_accepts_what_we_accept(path: Path) -> None:
    data = json.loads(json.dumps(tomllib.loads(path.read_text()), default=str))
    assert [error.message for error in validator().iter_errors(data)] == []


def test_the_schema_accepts_polpos_providers() -> None:
    known = validator()
    for path in (CASES / "polpo").glob("*.json"):
        data = json.loads(path.read_text())
        providers = {"providers": data.get("providers", {})}
        assert [error.message for error in known.iter_errors(providers)] == []


@pytest.mark.parametrize(
    "data",
    [
        {"providers": [{"base_url": "http://x"}]},
        {"providers": [{"name": "x", "base_url": "localhost"}]},
        {"providers": {"x": {"api": "soap"}}},
        {"providers": {"x": {"timout": 3}}},
        {"providers": {"x": {"retries": -1}}},
        {"routes": {"r": {"models": [{"weight": 1, "wait": 2}]}}},
        {"on_overflow": "crash"},
        {"unknown": 1},
    ],
)
def test_the_schema_refuses_what_we_complain_about(data: dict[str, Any]) -> None:
    assert list(validator().iter_errors(data))


def test_reference_and_schema_in_the_docs_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "gen_config_reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_reference_has_every_table_that_it_speaks_of() -> None:
    text = (ROOT / "docs" / "reference" / "config.md").read_text()

    def missing(table: tuple[fields.Field, ...]) -> Iterator[str]:
        for field in table:
            if not field.internal and f"| `{field.name}` |" not in text:
                yield field.name
            yield from missing(field.fields)

    assert list(missing(fields.TOP)) == []


STRUCTS: list[tuple[tuple[fields.Field, ...], type, set[str]]] = [
    (fields.DIALECT, provider.Dialect, set()),
    (fields.TIMEOUTS, provider.Timeouts, set()),
    (fields.LIMITS, provider.Limits, set()),
    (fields.TLS, provider.Tls, set()),
    (fields.CHECK, provider.Check, set()),
    (fields.TIER, model.Tier, set()),
    (fields.COST, model.Price, {"free", "source", "per_hour", "shared_by"}),
    (fields.STEP, route.RouteStep, {"ref", "condition"}),
    (fields.CONDITION, condition.Condition, set()),
    (fields.CACHE, server.CacheSettings, set()),
    (fields.GUARDRAIL, guardrail.Guardrail, {"place", "hurried"}),
]


@pytest.mark.parametrize(
    ("known", "struct", "ours"), STRUCTS, ids=lambda v: getattr(v, "__name__", "")
)
def test_every_field_of_a_struct_is_a_setting(
    known: tuple[fields.Field, ...], struct: type, ours: set[str]
) -> None:
    named = {field.name for field in known} - {"model"}
    assert named == {info.name for info in structs.fields(struct)} - ours


def test_words_and_defaults_of_the_dialect_are_those_of_its_type() -> None:
    hints = get_type_hints(provider.Dialect)
    defaults = provider.Dialect()
    for field in fields.DIALECT:
        if field.kind == "choice":
            assert field.choices == get_args(hints[field.name]), field.name
            assert field.default == getattr(defaults, field.name)
        elif field.kind == "flag":
            assert field.default == str(getattr(defaults, field.name)).lower()


def test_words_of_choices_are_those_of_the_types() -> None:
    assert get_args(provider.Api) == fields.APIS
    assert get_args(provider.Auth) == fields.AUTHS
    assert get_args(provider.OnOverflow) == fields.OVERFLOWS
    assert get_args(route.When) == fields.WHENS


def test_defaults_of_timeouts_are_those_of_their_type() -> None:
    for field in fields.TIMEOUTS:
        assert float(field.default) == getattr(provider.Timeouts(), field.name)


ALL = [
    fields.TOP,
    fields.PROVIDER,
    fields.MODEL,
    fields.ROUTE,
    *(known for known, _, _ in STRUCTS),
]


@pytest.mark.parametrize("known", ALL, ids=lambda known: known[0].name)
def test_every_setting_is_documented_and_of_a_known_kind(known: tuple[fields.Field, ...]) -> None:
    spellings: Mapping[str, fields.Field] = {}
    for field in known:
        assert field.doc.endswith("."), field.name
        assert field.kind in fields.KINDS
        assert (field.kind == "choice") <= bool(field.choices)
        spellings = {**spellings, field.name: field}
    assert len(spellings) == len(known)


def test_every_simple_kind_has_a_reader() -> None:
    structured = {
        "table", "tables", "models", "providers", "routes", "aliases", "steps", "model",
        "switch", "occasion",
    }  # fmt: skip
    assert set(READERS) == set(fields.KINDS) - structured
