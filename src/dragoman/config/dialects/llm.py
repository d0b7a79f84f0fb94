"""simonw/llm's `extra-openai-models.yaml`: a list of models, each with the way to it.

A model's id there becomes an alias here. Keys stay in llm's own store, which is asked for them.

Source: https://github.com/simonw/llm, docs/other-models.md and
llm/default_plugins/openai_models.py (read 2026-11, release 0.32)
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.made import Made, Settings
from dragoman.config.dialects.translated import Translated, Translator, literal, literal_secret
from dragoman.config.kinds import Wrong
from dragoman.config.naming import name_for_url
from dragoman.document.parse import LIST

if TYPE_CHECKING:
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

_READ = frozenset(
    {
        "model_id", "model_name", "aliases", "api_base", "api_key_name", "headers", "responses",
        "can_stream", "supports_schema", "supports_tools", "vision", "audio", "reasoning",
    }
)  # fmt: skip
_ABILITIES: Mapping[str, str] = {
    "supports_tools": "tools",
    "supports_schema": "json_schema",
    "reasoning": "reasoning",
}
_OPENAI = "openai"


class _Llm(Translator):
    name = "llm"

    def recognises(self, document: Document) -> bool:
        entries = document.data.get(LIST)
        return isinstance(entries, list) and any(
            isinstance(entry, Mapping) and "model_id" in entry for entry in entries
        )

    def translate(self, document: Document) -> Translated:
        from dragoman.config.layers import read_catalog

        translated = Translated(document)
        made = Made(translated, read_catalog().data["providers"])
        models = [
            (_read(translated, made, entry, path[1:]), entry, path[1:])
            for entry, path in translated.entries(document.data.get(LIST), (LIST,))
        ]
        made.write()
        for ref, entry, path in models:
            if ref is None:
                continue
            aliases = entry.get("aliases")
            for name in (entry["model_id"], *(aliases if isinstance(aliases, list) else ())):
                taken = str(name) in translated.data.get("aliases", {})
                if isinstance(name, str) and name != ref and not taken:
                    translated.set(("aliases", name), ref, path)
                elif name != ref:
                    translated.remark(path, "an alias is no name, or is taken: it is left out")
        return translated


def _read(translated: Translated, made: Made, entry: Mapping[str, Any], path: Key) -> str | None:
    """Read one model. Returns: our ref of it; None for one that cannot be asked here."""
    model_id = entry.get("model_id")
    model = entry.get("model_name", model_id)
    if not isinstance(model_id, str) or not isinstance(model, str):
        translated.remark(path, "a model has no model_id or model_name: it is left out")
        return None
    if entry.get("completion"):
        translated.remark(
            path, f"'{model_id}' is for prompts without roles, which are not sent: it is left out"
        )
        return None
    settings, row, stem = Settings(), None, _OPENAI
    base = entry.get("api_base")
    if isinstance(base, str) and base:
        settings.set(("base_url",), base, (*path, "api_base"))
        stem = name_for_url(base)
    else:
        row = _OPENAI
    if entry.get("responses"):
        settings.set(("api",), "openai-responses", (*path, "responses"))
    key = entry.get("api_key_name")
    if isinstance(key, str) and (base or key != _OPENAI):
        command = f"cmd:llm keys get {shlex.quote(key)}"
        settings.set(("api_key",), literal(command), (*path, "api_key_name"), as_is=True)
        translated.leave(
            f"the key '{key}'", f"it stays where llm keeps it; or: dragoman keys set {stem}"
        )
    for header, value in translated.table(entry.get("headers"), (*path, "headers")).items():
        here: Key = (*path, "headers", header)
        try:
            settings.set(("headers", str(header)), literal_secret(str(value)), here, as_is=True)
        except Wrong as wrong:
            translated.remark(here, f"the header {header} {wrong}: it is left out")
    name = made.place(stem, row, settings, model, _info(entry), path)
    for key_name in entry:
        if key_name not in _READ:
            translated.leave(f"{key_name} of '{model_id}'")
    return f"{name}/{literal(model)}"


def _info(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Read what is said of a model; what is not said is unknown."""
    found: dict[str, Any] = {
        ours: True for theirs, ours in _ABILITIES.items() if entry.get(theirs) is True
    }
    kinds = [kind for flag, kind in (("vision", "image"), ("audio", "audio")) if entry.get(flag)]
    if kinds:
        found["input"] = ["text", *kinds]
    if entry.get("can_stream") is False:
        found["stream"] = False
    return found


LLM = _Llm()
