"""An organisation's own routes and guardrails: rows, in the shape of a configuration's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.config.build import build_route
from dragoman.config.guardrails import build_guardrails
from dragoman.config.shapes import Reader
from dragoman.config.walk import Report
from dragoman.document.parse import Document
from dragoman.errors import ConfigError
from dragoman.types.guardrail import Guardrail, GuardrailMode
from dragoman.types.provider import ORGANISATION
from dragoman.types.route import Route
from dragoman.wire.envelope import STEERING

_NO_VARIABLES: Mapping[str, str] = {}
"""Those of this machine are its operator's."""


def build_tenant_route(
    name: str, definition: Any, *, strict: bool = False
) -> tuple[Route, tuple[ConfigError, ...]]:
    """Build a route of an organisation's own, and say what is wrong with it.

    `strict`: a setting that nobody knows is wrong, too.
    One that cannot be read leads nowhere: no other of the name is asked in its stead.
    """
    report = Report()
    document = Document({"routes": {name: definition}}, layer=ORGANISATION)
    reader = Reader(document, _NO_VARIABLES, report)
    reader.top()
    table = reader.layer.routes.get(name)
    problems = (*report.problems, *report.missing, *(report.notes if strict else ()))
    if table is None or problems:
        broken = problems or (ConfigError(f"route '{name}' is no table of settings"),)
        return Route(name=name, steps=(), origin=ORGANISATION), broken
    route = build_route(table)
    if steering := sorted(STEERING & route.body.keys()):
        return Route(name=name, steps=(), origin=ORGANISATION), (_steers(name, steering[0]),)
    return route, ()


def _steers(name: str, field: str) -> ConfigError:
    """Say what a route may not add: it would send its operator's keys where a tenant likes."""
    return ConfigError(
        f"route '{name}': body: {field} chooses where a request is sent, and is not added",
        hint="make a provider of your own with that base_url",
    )


def build_tenant_guardrail(
    name: str, definition: Any, mode: GuardrailMode
) -> tuple[Guardrail, tuple[ConfigError, ...]]:
    """Build a guardrail of an organisation's own, and say what is wrong with it.

    One that cannot be read cannot be compiled: nothing passes it. It is `hurried`: others wait for
    the same processor.
    """
    report = Report()
    said = definition if isinstance(definition, Mapping) else {}
    entry = {**said, "name": name, "mode": mode}
    document = Document({"guardrails": [entry]}, layer=ORGANISATION)
    reader = Reader(document, _NO_VARIABLES, report)
    reader.top()
    (guardrail,) = build_guardrails(reader.layer.top, report, hurried=True)
    problems = (*report.problems, *report.missing, *report.notes)
    return guardrail, problems
