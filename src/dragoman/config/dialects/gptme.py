"""gptme's configuration: `[[providers]]` like ours, and an `[env]` table that stands in for
variables which are not set.

Source: https://github.com/gptme/gptme, gptme/config/ (read 2026-08)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.interpolate import VARIABLE
from dragoman.config.walk import Value

if TYPE_CHECKING:
    from dragoman.config.shapes import Reader
    from dragoman.document.parse import Document

_OWN_TABLES = frozenset(
    {"prompt", "env", "user", "mcp", "plugins", "lessons", "rag", "context", "agent", "subagents"}
)
_OURS = frozenset({"default_model", "image_model", "routes", "aliases", "on_overflow"})


class _Gptme:
    name = "gptme"

    def recognises(self, document: Document) -> bool:
        data = document.data
        if document.syntax != "toml" or _OURS & data.keys():
            return False
        in_its_folder = document.path is not None and document.path.parent.name == "gptme"
        return in_its_folder or bool(_OWN_TABLES & data.keys())

    def translate(self, document: Document) -> Document:
        return document

    def quiet(self, data: Mapping[str, Any]) -> frozenset[str]:
        return frozenset(data) - {"providers"}

    def walk(self, reader: Reader) -> None:
        models = reader.document.data.get("models")
        chosen = models.get("default") if isinstance(models, Mapping) else None
        if isinstance(chosen, str) and chosen.strip():
            place = reader.place(("models", "default"))
            reader.layer.top.setdefault("default_model", Value(chosen.strip(), place))
        variables = reader.document.data.get("env")
        if not isinstance(variables, Mapping):
            return
        for name, value in variables.items():
            if isinstance(value, str) and VARIABLE.fullmatch(name):
                reader.layer.variables[name] = Value(value, reader.place(("env", name)))
        model = variables.get("MODEL")
        if isinstance(model, str) and model.strip():
            place = reader.place(("env", "MODEL"))
            reader.layer.top.setdefault("default_model", Value(model.strip(), place))

    def unmapped(self, document: Document) -> Iterator[str]:
        data = document.data
        variables = data.get("env")
        for name in variables if isinstance(variables, Mapping) else ():
            if name != "MODEL":
                yield f"env.{name}: set the variable itself, or use 'dragoman keys set PROVIDER'"
        for name, value in data.items():
            read = name == "models" and isinstance(value, Mapping) and value.keys() == {"default"}
            if name not in ("env", "providers") and not read:
                yield f"{name}: gptme's own"


GPTME = _Gptme()
