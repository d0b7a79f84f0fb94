"""pi's `models.json`: Polpo's providers, and more that is said of each.

A key or header is a command after `!`, or a variable's name, or the text itself. A model may have
an API, a URL, headers and `compat` of its own: models that are reached in another way than their
provider become a provider beside it.

Source: https://github.com/badlogic/pi-mono, packages/coding-agent/docs/models.md and
src/core/model-registry.ts (read 2026-11, release 0.73)
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config import fields
from dragoman.config.dialects.polpo import COMPAT, Polpo, dialect_of
from dragoman.config.dialects.translated import PLACEHOLDERS, Translated, literal, literal_secret
from dragoman.config.kinds import Wrong

if TYPE_CHECKING:
    from dragoman.config.shapes import Reader
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

_SIGNS = frozenset({"authHeader", "modelOverrides", "compat"})
_VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_SHELL = re.compile(r"[|&;<>()$`\\\"'*?\[#~=%!{}\n]")
_APART = ("api", "baseUrl", "headers", "compat")
_NOT_OURS = frozenset({"oauth", "thinkingLevelMap"})


class _Pi(Polpo):
    name = "pi"

    def recognises(self, document: Document) -> bool:
        in_its_folder = document.path is not None and ".pi" in document.path.parts
        return super().recognises(document) and (in_its_folder or _has_signs(document.data))

    def translate(self, document: Document) -> Document:
        translated = Translated(document)
        translated.data = dict(document.data)
        providers = document.data.get("providers")
        if isinstance(providers, Mapping):
            translated.data["providers"] = {}
            for name, item in providers.items():
                _provider(translated, str(name), item, ("providers", name))
        return translated

    def walk(self, reader: Reader) -> None:
        assert isinstance(reader.document, Translated)
        reader.report.notes += reader.document.remarks
        super().walk(reader)
        if not reader.verbatim:  # whoever imports is told, and can look at what has come of it
            self._refuse_to_guess(reader)

    def _refuse_to_guess(self, reader: Reader) -> None:
        for table in reader.layer.providers.values():
            value = table.values.get("api_key")
            if value is None or not _VARIABLE.fullmatch(value.value.removeprefix("env:")):
                continue
            outer, reader.report = reader.report, table.report
            reader.subject = f"provider '{table.name}': "
            reader.problem(
                value.place.path,
                "api_key may be a variable's name or the key itself",
                'Write "${NAME}", or import the file: dragoman config import FILE.',
            )
            reader.subject, reader.report = "", outer
            outer.problems += table.report.problems[-1:]

    def unmapped(self, document: Document) -> Iterator[str]:
        assert isinstance(document, Translated)
        yield from document.lost
        for name in document.data:
            if name != "providers":
                yield f"{name}: pi's own"


def _provider(translated: Translated, name: str, item: Any, path: Key) -> None:
    """Bring one provider into our shape, and those models that are reached in another way."""
    providers = translated.data["providers"]
    if not isinstance(item, Mapping):
        providers[name] = item
        return
    models = item.get("models")
    listed = models if isinstance(models, list) else []
    own = [*(_overrides(translated, name, item, path))]
    for number, model in enumerate(listed):
        here: Key = (*path, "models", number)
        apart = {key: model[key] for key in _APART if isinstance(model, Mapping) and key in model}
        apart = {key: value for key, value in apart.items() if value != item.get(key)}
        if not apart:
            own.append((model, here))
            continue
        base = {key: value for key, value in item.items() if key != "models"}
        for key in ("headers", "compat"):
            if key in apart and isinstance(base.get(key), Mapping):
                apart[key] = {**base[key], **apart[key]}
        beside = {**base, **apart}
        target = _find_alike(translated, beside, name)
        if target not in providers:
            providers[target] = _settings(translated, target, beside, path)
            providers[target].setdefault("models", [])
            translated.origins["providers", target] = path
            translated.lost.append(
                f"providers.{name}: models with an API, URL, headers or compat of their own are"
                f" at the provider '{target}'"
            )
        position = len(providers[target]["models"])
        providers[target]["models"].append(_model(translated, name, model, here))
        translated.origins["providers", target, "models", position] = here
    providers[name] = _settings(translated, name, item, path)
    if own or isinstance(models, list):
        providers[name]["models"] = [_model(translated, name, model, at) for model, at in own]
        for number, (_, at) in enumerate(own):
            translated.origins["providers", name, "models", number] = at


def _find_alike(translated: Translated, beside: Mapping[str, Any], name: str) -> str:
    """Name the provider for models that are reached in this way; the same one for the same way."""
    known = translated.__dict__.setdefault("beside", {})
    way = json.dumps([name, {k: v for k, v in beside.items() if k in _APART}], sort_keys=True)
    if way not in known:
        stem = f"{name}-{beside['api']}" if isinstance(beside.get("api"), str) else f"{name}-too"
        stem = re.sub(r"[^a-z0-9_.-]", "-", stem.lower())
        number = sum(other.startswith(stem) for other in known.values())
        known[way] = f"{stem}-{number + 1}" if number else stem
    return str(known[way])


def _settings(
    translated: Translated, name: str, item: Mapping[str, Any], path: Key
) -> dict[str, Any]:
    """Read what is said of a provider as a whole."""
    found = {k: v for k, v in item.items() if k not in ("models", "modelOverrides", "compat")}
    for key in _NOT_OURS & found.keys():
        translated.leave(f"providers.{name}.{key}")
        del found[key]
    if isinstance(text := found.get("apiKey"), str) and text.lower() in (*PLACEHOLDERS, name):
        del found["apiKey"]  # pi wants one, the server does not
    elif isinstance(text, str):
        found["apiKey"] = _value(translated, text, (*path, "apiKey"), f"providers.{name}.apiKey")
        if found["apiKey"] is None:
            del found["apiKey"]
    if isinstance(headers := found.get("headers"), Mapping):
        read = {
            header: _value(
                translated, value, (*path, "headers", header), f"providers.{name}.headers.{header}"
            )
            for header, value in headers.items()
            if isinstance(value, str)
        }
        found["headers"] = {header: value for header, value in read.items() if value is not None}
    if isinstance(flag := found.pop("authHeader", None), bool) and flag:
        found["auth"] = "bearer"
    apis = fields.table(fields.PROVIDER)["api"].choices
    if isinstance(api := found.get("api"), str) and api not in apis:
        translated.leave(f"providers.{name}.api", f"'{api}' is not spoken under this name here")
        del found["api"]
    if isinstance(compat := item.get("compat"), Mapping):
        found["dialect"] = dialect_of(compat)
        for flag_name in compat:
            if flag_name not in COMPAT:
                translated.leave(f"providers.{name}.compat.{flag_name}")
        if not found["dialect"]:
            del found["dialect"]
    return found


def _model(translated: Translated, name: str, model: Any, path: Key) -> Any:
    """Read what is said of a model."""
    if not isinstance(model, Mapping):
        return model
    for key in _NOT_OURS & model.keys():
        translated.leave(f"{key} of model {path[-1]} of '{name}'")
    left_out = {*_APART, *_NOT_OURS}
    return {key: value for key, value in model.items() if key not in left_out}


def _overrides(
    translated: Translated, name: str, item: Mapping[str, Any], path: Key
) -> Iterator[tuple[dict[str, Any], Key]]:
    """Read what is said of a built-in provider's models as our own word on them."""
    overrides = item.get("modelOverrides")
    for model, said in overrides.items() if isinstance(overrides, Mapping) else ():
        if not isinstance(said, Mapping):
            continue
        for key in ("headers", "compat"):
            if key in said:
                translated.leave(f"providers.{name}.modelOverrides.{model}.{key}")
        kept = {key: value for key, value in said.items() if key not in _APART}
        yield {"id": model, **kept}, (*path, "modelOverrides", model)


def _value(translated: Translated, text: str, path: Key, what: str) -> str | None:
    """Write a value in our notation; None for one that cannot be.

    pi looks a word up in the environment, and takes it for the value where that has none. Words in
    the form of a variable's name are taken for one, which is told.
    """
    if text.startswith("!"):
        command = text[1:].strip()
        if _SHELL.search(command):
            command = f"sh -c {shlex.quote(command)}"
        return str(literal(f"cmd:{command}"))
    if _VARIABLE.fullmatch(text):
        translated.lost.append(f"{what}: taken for the name of a variable, env:NAME")
        return f"env:{text}"
    try:
        return literal_secret(text)
    except Wrong as wrong:
        translated.remark(path, f"{what} {wrong}: it is left out")
        return None


def _has_signs(data: Mapping[str, Any]) -> bool:
    providers = data.get("providers")
    items = providers.values() if isinstance(providers, Mapping) else ()
    return any(_SIGNS & item.keys() for item in items if isinstance(item, Mapping))


PI = _Pi()
