"""Put a model's price into a TOML file of the user's; everything else stays as it is.

What is new is put in as text, where a person would write it. What stands there already, or stands
in a value on one line, is changed in place by tomlkit.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import tomlkit

from dragoman.config.edit import Draft
from dragoman.config.importing import toml_key, toml_value
from dragoman.document.locate import Key


def set_price(
    draft: Draft, provider: str, model: str, amounts: Mapping[str, Decimal], *, free: bool = False
) -> None:
    """Set what a model costs, in USD per million tokens; what is not named stays as it was.

    `free`: it costs nothing, on purpose; what the file says otherwise goes. A provider that the
    file does not have yet gets a table there, which says no more than this.

    Raises: ConfigError when the file cannot be changed without risk.
    """
    if draft.find_provider(provider) is None:
        draft.add_provider(provider, {})
    path = draft.find_provider(provider)
    assert path is not None
    expected = copy.deepcopy(draft.data)
    _set(_plain_model(_at(expected, path), model), amounts, free)
    line = "free = true" if free else f"cost = {{ {_inline(amounts)} }}"
    text = _with_text(draft, path, model, line)
    if text is None:
        document = tomlkit.parse(draft.text)
        _set(_kept_model(_at(document, path), model), amounts, free)
        text = tomlkit.dumps(document)
    draft.rewrite(text, expected, f"{line} at model '{model}'")


def _with_text(draft: Draft, provider: Key, model: str, line: str) -> str | None:
    """Put the line where it is new; None where something is to be changed in place."""
    models = _at(draft.data, provider).get("models", [])
    if not draft.has_table(provider):
        return None
    if models == [] or draft.has_table((*provider, "models", 0)):
        number = _find(models, model)
        if number is None:
            name = "" if isinstance(provider[-1], int) else f".{toml_key(str(provider[-1]))}"
            lines = [f"[[providers{name}.models]]", f"id = {toml_value(model)}", line]
            return draft.with_table_in(provider, lines)
        if not {"cost", "free"} & set(models[number]):
            return draft.with_line_after((*provider, "models", number, "id"), line)
    return None


def _at(data: Any, path: Key) -> Any:
    for step in path:
        data = data[step]
    return data


def _find(models: Any, model: str) -> int | None:
    """Find where in a list a model stands: by itself, or as a table."""
    for number, entry in enumerate(models):
        if entry == model or (isinstance(entry, Mapping) and entry.get("id") == model):
            return number
    return None


def _plain_model(provider: Any, model: str) -> Any:
    """Find or make the model's table in plain data."""
    models = provider.setdefault("models", [])
    if isinstance(models, dict):
        return models.setdefault(model, {})
    number = _find(models, model)
    if number is None:
        models.append({"id": model})
        number = len(models) - 1
    elif isinstance(models[number], str):
        models[number] = {"id": model}
    return models[number]


def _kept_model(provider: Any, model: str) -> Any:
    """Find or make the model's table in the document."""
    if "models" not in provider:
        provider["models"] = tomlkit.array()
    models = provider["models"]
    if isinstance(models, dict):
        if model not in models:
            models[model] = tomlkit.inline_table()
        return models[model]
    number = _find(models, model)
    described = tomlkit.inline_table()
    described["id"] = model
    if number is None:
        models.append(described)
        number = len(models) - 1
    elif isinstance(models[number], str):
        models[number] = described
    return models[number]


def _set(model: Any, amounts: Mapping[str, Decimal], free: bool) -> None:
    """Make the change, to plain data or to a document."""
    if free:
        model.pop("cost", None)
        model["free"] = True
        return
    model.pop("free", None)
    kept = isinstance(model, tomlkit.items.Item) or hasattr(model, "trivia")
    if not isinstance(model.get("cost"), Mapping):
        model["cost"] = tomlkit.inline_table() if kept else {}
    cost = model["cost"]
    for name, amount in amounts.items():
        cost[name] = tomlkit.value(_number(amount)) if kept else float(amount)


def _inline(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{name} = {_number(amount)}" for name, amount in amounts.items())


def _number(amount: Decimal) -> str:
    """Write an amount as TOML's numbers are written, never with an exponent."""
    text = f"{amount:f}"
    return text if "." in text else f"{text}.0"
