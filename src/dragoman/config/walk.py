"""Check a document against the table of settings, and bring its shapes into one.

Both shapes of providers (a list of tables with names, a table of tables by name), of models and of
routes come out alike. All errors are collected: one does not hide the next, and what is wrong in
one provider stays with that provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from dragoman.config import fields, kinds
from dragoman.config.conditions import find_contradiction
from dragoman.config.fields import Field
from dragoman.config.interpolate import (
    MalformedReference,
    MissingVariable,
    has_reference,
    interpolate,
)
from dragoman.document.locate import Key
from dragoman.document.parse import Document, Place
from dragoman.errors import ConfigError
from dragoman.types.provider import ORGANISATION

_TOLD = 100
"""So many unknown keys of an organisation's are told, and compared with those that there are: one
is enough to refuse what it writes, and others wait for the same processor."""


class Value(NamedTuple):
    """A checked value and where it stands. In tables and lists of tables, values are Tables."""

    value: Any
    place: Place

    def __repr__(self) -> str:
        return f"Value({self.place})"  # the value may be a secret


Table: TypeAlias = dict[str, Value]


class Report:
    """What was found wrong. `missing` are variables that are not set: errors only on use.

    `barring` are those of both that keep a gateway from being run.
    """

    def __init__(self) -> None:
        self.problems: list[ConfigError] = []
        self.missing: list[ConfigError] = []
        self.notes: list[ConfigError] = []
        self.barring: list[ConfigError] = []

    def bar(self, error: ConfigError) -> None:
        """Note an error that keeps a gateway from being run."""
        self.problems.append(error)
        self.barring.append(error)

    def take(self, inner: Report) -> None:
        """Take over what was found wrong in a part, but for what is missing there."""
        self.problems += inner.problems
        self.notes += inner.notes


class ProviderTable(NamedTuple):
    """One provider's table in one document."""

    name: str
    values: Table
    place: Place
    report: Report

    @property
    def layer(self) -> str:
        """The layer that the table stands in."""
        return self.place.document.layer


class RouteTable(NamedTuple):
    """One route's table in one document; `models` are its steps, primary first."""

    name: str
    values: Table
    place: Place
    report: Report


class Layer(NamedTuple):
    """What one document says. `variables` are those that another tool's file sets by itself."""

    document: Document
    top: Table
    providers: dict[str, ProviderTable]
    routes: dict[str, RouteTable]
    variables: Table


class Walker:
    """A walk over one document."""

    def __init__(
        self,
        document: Document,
        env: Mapping[str, str],
        report: Report,
        *,
        quiet: frozenset[str] = frozenset(),
    ) -> None:
        self.document = document
        self.env = env
        self.report = report
        self.subject = ""
        self.verbatim = False  # copy references instead of following them
        self.unknown_keys = 0
        self.quiet = quiet  # keys of another tool that are none of our business
        self.layer = Layer(document, {}, {}, {}, {})

    # ------------------------------------------------------------------------------ messages

    def place(self, path: Key) -> Place:
        return Place(self.document, path)

    def problem(self, path: Key, message: str, hint: str | None = None) -> None:
        """Note an error at `path`; the message goes on from who it is about."""
        error = ConfigError(self.subject + message, place=str(self.place(path)), hint=hint)
        self.note_error(path, error, self.report.problems)

    def note_error(self, path: Key, error: ConfigError, among: list[ConfigError]) -> None:
        """Note an error of the setting at `path`."""
        among.append(error)
        if path[:1] and path[0] in fields.GUARDING:
            self.report.barring.append(error)

    def note(self, path: Key, message: str, hint: str | None = None) -> None:
        """Note a warning at `path`."""
        error = ConfigError(self.subject + message, place=str(self.place(path)), hint=hint)
        self.report.notes.append(error)

    def unknown(self, path: Key, value: Any, known: Mapping[str, Field], where: str) -> None:
        """Note a key that no setting has: an error, where a guard may have been meant by it."""
        self.unknown_keys += 1
        foreign = self.document.layer == ORGANISATION
        if foreign and self.unknown_keys > _TOLD:
            # What is not compared may be a guard, misspelt: an error, and one says it.
            if self.unknown_keys == _TOLD + 1:
                self.problem(path, f"more than {_TOLD} unknown keys", "Take them out.")
            return
        key = path[-1]
        names = list(dict.fromkeys(one.name for one in known.values() if not one.internal))
        near = kinds.nearest(str(key), names)
        meant = near is not None and known[near].guards and self.document.kind == "dragoman"
        is_error = meant or path[0] in fields.GUARDING
        # What an organisation writes is refused for it, and what guards; else a file goes on.
        refused = is_error or foreign
        hint = f"It may be {', '.join(names)}." if refused else "It is ignored."
        if near is not None:
            hint = f"Did you mean '{near}'?"
        elif isinstance(value, Mapping) and len(path) == 3 and path[0] == "providers":
            hint = "A provider? Then write [[providers]] with a name, as for the one above it."
        say = self.problem if is_error else self.note
        say(path, f"unknown key '{_short(key)}'{where}", hint)
        if meant and len(path) == 1:
            self.report.barring.append(self.report.problems[-1])

    # --------------------------------------------------------------------------------- tables

    def entries(
        self, data: Any, known: tuple[Field, ...], path: Key, dotted: str = ""
    ) -> Iterator[tuple[Field, Any, Key]]:
        """Go through a table: its settings in order, unknown and doubled keys reported."""
        table = fields.table(known)
        seen: dict[str, Any] = {}
        for key, value in data.items():
            here = (*path, key)
            field = table.get(key) if isinstance(key, str) else None
            if field is None:
                if key not in self.quiet:
                    self.unknown(here, value, table, f" in {dotted}" if dotted else "")
            elif field.name in seen:
                self.problem(here, f"{dotted}{'.' if dotted else ''}{field.name} is set twice")
            elif value is not None:  # null is the same as nothing
                seen[field.name] = value
                yield field, value, here

    def table(self, data: Any, known: tuple[Field, ...], path: Key, dotted: str) -> Table:
        """Read a table of settings; what is wrong in it is reported and left out."""
        found: Table = {}
        for field, value, here in self.entries(data, known, path, dotted):
            name = f"{dotted}.{field.name}" if dotted else field.name
            read = self.read(field, value, here, name)
            if read is not None:
                found[field.name] = Value(read, self.place(here))
        for field in known:
            if field.required and field.name not in data and field.name not in found:
                self.problem(path, f"{dotted} has no {field.name}".strip())
        return found

    def read(self, field: Field, value: Any, path: Key, name: str) -> Any:
        """Read one setting: its value, or None when it is wrong and has been reported."""
        try:
            if field.kind == "switch" and not isinstance(value, Mapping):
                return kinds.flag(value, field)
            if field.kind == "occasion" and not isinstance(value, Mapping):
                return kinds.choice(value, field)
            if field.kind == "occasion":
                return self.occasion(kinds.mapping(value), field, path, name)
            if field.kind in ("table", "switch"):
                return self.table(kinds.mapping(value), field.fields, path, name)
            if field.kind == "tables":
                return self.tables(value, field, path, name)
            if field.kind == "models":
                return self.models(value, field, path, name)
            if field.kind == "steps":
                return self.steps(value, field, path, name)
            return self.simple(value, field)
        except kinds.Wrong as wrong:
            self.problem(path, f"{name} {wrong}", wrong.hint)
        except MalformedReference as error:
            self.problem(path, f"{name} {error}", "Write '$$' for a dollar sign.")
        except MissingVariable as error:
            self.missing(path, name, error.variable)
        return None

    def missing(self, path: Key, name: str, variable: str) -> None:
        """Note a variable that is not set."""
        error = ConfigError(
            f"{self.subject}{name} refers to ${{{variable}}}, which is not set",
            place=None if self.document.layer == "built-in" else str(self.place(path)),
            hint=f"Set {variable}, or write ${{{variable}:-default}}.",
        )
        self.note_error(path, error, self.report.missing)

    def simple(self, value: Any, field: Field) -> Any:
        """Read a setting that holds no others; references are replaced, except in secrets."""
        if not has_reference(value):
            return kinds.READERS[field.kind](value, field)
        if field.kind in kinds.SECRET_KINDS:
            check_references(value)
        elif self.verbatim:
            return value
        else:
            value = self.replace(value)
            if field.kind == "url" and isinstance(value, str):  # ${HOST}/v1, where HOST ends in /
                value = re.sub(r"(?<!:)/{2,}", "/", value)
        return kinds.READERS[field.kind](value, field)

    def replace(self, value: Any) -> Any:
        """Replace the references in a string, or in all strings of a list or table."""
        if isinstance(value, str):
            return interpolate(value, self.env)
        if isinstance(value, Mapping):
            return {name: self.replace(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.replace(item) for item in value]
        return value

    def tables(self, value: Any, field: Field, path: Key, name: str) -> list[Table]:
        """Read a list of tables."""
        if not isinstance(value, list):
            raise kinds.Wrong(f"must be a list of tables, not {kinds.type_name(value)}")
        found: list[Table] = []
        for number, item in enumerate(value):
            here, label = (*path, number), f"{name}[{number}]"
            if isinstance(item, Mapping):
                found.append(self.table(item, field.fields, here, label))
            else:
                self.problem(here, f"{label} must be a table, not {kinds.type_name(item)}")
        return found

    def occasion(self, value: Mapping[Any, Any], field: Field, path: Key, name: str) -> Table:
        """Read what must hold of a request. Raises: Wrong, when it cannot hold of any."""
        found = self.table(value, field.fields, path, name)
        if why := find_contradiction({key: setting.value for key, setting in found.items()}):
            raise kinds.Wrong(f"holds of no request: {why}", "Change one of the two.")
        return found

    def models(self, value: Any, field: Field, path: Key, name: str) -> dict[str, Table]:
        """Read models: a list of ids and tables, or a table of tables by id."""
        if isinstance(value, Mapping):
            items = [((*path, key), _with(item, "id", key)) for key, item in value.items()]
        elif isinstance(value, list):
            items = [((*path, number), item) for number, item in enumerate(value)]
        else:
            raise kinds.Wrong(f"must be a list of models, not {kinds.type_name(value)}")
        found: dict[str, Table] = {}
        for number, (here, item) in enumerate(items):
            label = f"{name}[{number}]"
            table: Table
            if isinstance(item, str):
                read = self.read(field.fields[0], item, here, label)
                table = {} if read is None else {"id": Value(read, self.place(here))}
            elif isinstance(item, Mapping):
                table = self.table(item, field.fields, here, label)
                table["described"] = Value(True, self.place(here))
            else:
                self.problem(here, f"{label} must be a model, not {kinds.type_name(item)}")
                continue
            if "id" not in table:
                continue
            model_id = table["id"].value
            if model_id in found:
                self.problem(here, f"{name} has '{_short(model_id)}' twice")
            else:
                found[model_id] = table
        return found

    def steps(self, value: Any, field: Field, path: Key, name: str) -> list[Table]:
        """Read a list of model refs and tables; one ref is a list of one."""
        single = not isinstance(value, list)
        items = [value] if single else value
        found: list[Table] = []
        for number, item in enumerate(items):
            here = path if single else (*path, number)
            label = name if single else f"{name}[{number}]"
            if isinstance(item, Mapping):
                table = self.table(item, field.fields, here, label)
            else:
                read = self.read(field.fields[0], item, here, label)
                table = {} if read is None else {"model": Value(read, self.place(here))}
            if "model" in table:
                found.append(table)
        return found


def check_references(value: Any) -> None:
    """Check the references in secrets without resolving them. Raises: MalformedReference."""
    if isinstance(value, str):
        interpolate(value, _Anything())
    elif isinstance(value, Mapping):
        for item in value.values():
            check_references(item)
    elif isinstance(value, list):
        for item in value:
            check_references(item)


class _Anything(dict[str, str]):
    """An environment in which every variable is set."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002
        return "x"


def _with(item: Any, key: str, value: Any) -> Any:
    if item is None:
        return {key: value}
    if isinstance(item, Mapping):
        return item if key in item else {key: value, **item}
    return item


def _short(key: object) -> str:
    """A key as it may be shown: short, without control characters."""
    shown = "".join(c if c.isprintable() else "?" for c in str(key))
    return shown if len(shown) <= 60 else shown[:57] + "…"
