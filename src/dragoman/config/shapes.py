"""Read a whole document into a Layer: providers, routes and aliases in whichever shape they came.

Other tools' files are read as they are. What their shape says elsewhere is read by their dialect
(`dialects/`), and what is none of our business is passed over in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dragoman.config import dialects, fields, kinds
from dragoman.config.fields import Field
from dragoman.config.walk import Layer, ProviderTable, Report, RouteTable, Table, Value, Walker
from dragoman.document.locate import Key
from dragoman.document.parse import Document
from dragoman.errors import ConfigError

DEFAULT_ROUTE = "default"
IMAGE_ROUTE = "image"
_ROUTE_NAMES = {"default_model": DEFAULT_ROUTE, "image_model": IMAGE_ROUTE}
_ROUTE_FIELDS = fields.table(fields.ROUTE)
_STEPS = _ROUTE_FIELDS["models"]


def read_layer(document: Document, env: Mapping[str, str], report: Report) -> Layer:
    """Check a document and bring it into one shape; everything wrong goes into `report`."""
    dialect, document = dialects.read_other(document)
    quiet = dialect.quiet(document.data) if dialect else frozenset()
    reader = Reader(document, env, report, quiet=quiet)
    reader.top()
    if dialect:
        dialect.walk(reader)
    if document.syntax != "toml":
        reader.duplicates()
    return reader.layer


class Reader(Walker):
    """A walk over a document from its top."""

    def top(self) -> None:
        """Read the top level."""
        for field, value, path in self.entries(self.document.data, fields.TOP, ()):
            if field.kind == "providers":
                self.providers(value, path)
            elif field.kind == "routes":
                self.routes(value, path)
            elif field.kind == "aliases":
                self.aliases(value, path)
            elif field.kind == "model":
                self.model(field, value, path)
            else:
                read = self.read(field, value, path, field.name)
                if read is not None:
                    self.layer.top[field.name] = Value(read, self.place(path))

    # ------------------------------------------------------------------------------ providers

    def providers(self, value: Any, path: Key) -> None:
        """Read providers: `[[providers]]` with names, or a table of tables by name."""
        if isinstance(value, Mapping):
            for key, item in value.items():
                if item is not None:
                    self.provider(item, (*path, key), key)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.provider(item, (*path, number), None)
        else:
            self.problem(path, f"providers must be tables, not {kinds.type_name(value)}")

    def provider(self, item: Any, path: Key, key: Any) -> None:
        """Read one provider's table; a string is short for its key."""
        label = "providers" + "".join(f"[{part}]" for part in path[1:])
        if key is not None and isinstance(item, str):
            item = {"api_key": item}
        if not isinstance(item, Mapping):
            expected = "a table" if key is None else "a table or a key"
            self.problem(path, f"{label} must be {expected}, not {kinds.type_name(item)}")
            return
        name = self.provider_name(item, path, label, key)
        if name is None:
            return
        outer, self.report = self.report, Report()
        self.subject = f"provider '{name}': "
        values = self.table({"name": name, **item}, fields.PROVIDER, path, "")
        if path in self.duplicates_at:
            self.twice(path, "stands twice in this file", "Remove one of the two.")
        first = self.layer.providers.get(name)
        if first is not None:
            earlier = str(first.place).removeprefix(f"{self.document.path}:")
            self.problem(path, f"stands twice in this file, first at {earlier}", "Rename one.")
            first.report.problems.extend(self.report.problems[-1:])
        else:
            table = ProviderTable(name, values, self.place(path), self.report)
            self.layer.providers[name] = table
        outer.take(self.report)
        self.report = outer
        self.subject = ""

    def provider_name(self, item: Mapping[str, Any], path: Key, label: str, key: Any) -> str | None:
        """Find the provider's name, in small letters; None when it has none that will do."""
        name = key if key is not None else item.get("name")
        if name is None:
            self.problem(path, f"{label} has no name", 'Give it one: name = "my-provider".')
            return None
        if not isinstance(name, str):
            self.problem(path, f"{label}: name must be a string, not {kinds.type_name(name)}")
            return None
        lower = name.strip().lower()
        if not kinds.NAME.fullmatch(lower):
            self.problem(
                path,
                f"{label}: this name cannot be used",
                "A name begins with a letter or digit and holds letters, digits, '_', '.', '-'.",
            )
            return None
        return lower

    @property
    def duplicates_at(self) -> Mapping[Key, int]:
        """Keys that a table of this document holds twice; TOML's own parser refuses them."""
        return {} if self.document.syntax == "toml" else self.document.index.duplicates

    def duplicates(self) -> None:
        """Report the keys that stand twice, where no provider has done so."""
        for path in self.duplicates_at:
            if len(path) != 2 or path[0] != "providers":
                self.twice(path, f"the key '{path[-1]}' stands twice", "The last one counts.")

    def twice(self, path: Key, message: str, hint: str) -> None:
        """Report the second of two equal keys."""
        place = self.document.place_of_second(path)
        error = ConfigError(self.subject + message, place=place, hint=hint)
        self.note_error(path, error, self.report.problems)

    # --------------------------------------------------------------------------------- routes

    def routes(self, value: Any, path: Key) -> None:
        """Read routes by name; a string or a list is short for its models."""
        for name, item, here in self.named(value, path, "routes"):
            self.route(name, item, here)

    def route(self, name: str, item: Any, path: Key) -> None:
        """Read one route. With a mistake in it it leads nowhere: what it limits would not hold."""
        outer, self.report = self.report, Report()
        self.subject = f"route '{name}': "
        values = self.route_values(item, path)
        self.subject = ""
        if name in self.layer.routes:
            self.note(path, f"the name '{name}' is taken by another route", "The first one counts.")
        else:
            self.layer.routes[name] = RouteTable(name, values, self.place(path), self.report)
        outer.take(self.report)
        outer.missing += self.report.missing
        self.report = outer

    def route_values(self, item: Any, path: Key) -> Table:
        """Read what a route says; `models` is empty when none is left."""
        if isinstance(item, str | list):
            steps = self.read(_STEPS, item, path, "models")
            values: Table = {}
        elif isinstance(item, Mapping):
            values = self.table(item, fields.ROUTE, path, "")
            steps = self.chain(values, path)
            if not steps and "auto" in values:  # of all that is configured
                steps = [{"model": Value("*", values["auto"].place)}]
        else:
            self.problem(path, f"must be a table or a model, not {kinds.type_name(item)}")
            steps, values = None, {}
        if steps == []:
            self.problem(path, "names no model", 'Give it primary = "provider/model".')
        return {**values, "models": Value(steps or [], self.place(path))}

    def chain(self, values: Table, path: Key) -> list[Table]:
        """Bring `primary`, `fallbacks` and `models` into one list."""
        primary = values.pop("primary", None)
        fallbacks = values.pop("fallbacks", None)
        models = values.pop("models", None)
        if primary and models:
            self.problem(path, "has both primary and models", "Put all of them into models.")
        steps: list[Table] = [{"model": primary}] if primary else []
        for more in (models, fallbacks):
            steps += more.value if more else []
        return steps

    def aliases(self, value: Any, path: Key) -> None:
        """Read other names for models."""
        for name, item, here in self.named(value, path, "aliases"):
            self.route(name, item, here)

    def model(self, field: Field, value: Any, path: Key) -> None:
        """Read a top-level model: a ref, or primary and fallbacks, which make a route."""
        if not isinstance(value, str):
            name = _ROUTE_NAMES[field.name]
            self.route(name, value, path)
            value = name if name in self.layer.routes else None
        elif (read := self.read(_REF, value, path, field.name)) is not None:
            value = read
        else:
            value = None
        if value is not None:
            self.layer.top.setdefault(field.name, Value(value, self.place(path)))

    def named(self, value: Any, path: Key, label: str) -> Iterator[tuple[str, Any, Key]]:
        """Go through a table by name, or a list of tables with names."""
        if isinstance(value, Mapping):
            items = [(key, item, (*path, key)) for key, item in value.items()]
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            items = [(item.get("name"), item, (*path, n)) for n, item in enumerate(value)]
        else:
            self.problem(path, f"{label} must be a table, not {kinds.type_name(value)}")
            return
        for name, item, here in items:
            if not isinstance(name, str) or not name.strip() or not name.isprintable():
                self.problem(here, f"{label}: an entry has no name that can be used")
            elif item is not None:
                yield name, item, here


_REF = Field("model", "text", "A model ref.")
