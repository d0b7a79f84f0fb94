"""LiteLLM's `providers.json`: a name, a base URL, the variable of the key, and small deviations.

One broken entry leaves the others alone. `headers`, which LiteLLM's own loader passes over, count.

Source: BerriAI/litellm, litellm/llms/openai_like/providers.json, json_loader.py and
dynamic_config.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.dialects.made import Settings
from dragoman.config.dialects.translated import Translated, Translator, literal, literal_secret
from dragoman.config.interpolate import VARIABLE
from dragoman.config.kinds import Wrong
from dragoman.types.http import parse_url

if TYPE_CHECKING:
    from dragoman.config.walk import ProviderTable, Report
    from dragoman.document.locate import Key
    from dragoman.document.parse import Document

_REQUIRED = frozenset({"base_url", "api_key_env"})
_READ = frozenset(
    {
        "base_url", "api_key_env", "api_base_env", "base_class", "param_mappings", "headers",
        "special_handling",
    }
)  # fmt: skip
_LIMITS = (("max_completion_tokens", "max_tokens"), ("max_tokens", "max_completion_tokens"))
_KEY = "{api_key}"
_WHY = {
    "supported_endpoints": "chat completions are what is asked here",
    "constraints": "values are sent as the caller has them",
}


class _LiteLLMProviders(Translator):
    name = "litellm-providers"

    def recognises(self, document: Document) -> bool:
        data = document.data
        return (
            document.syntax == "json"
            and bool(data)
            and all(isinstance(entry, Mapping) for entry in data.values())
            and any(entry.keys() >= _REQUIRED for entry in data.values())
        )

    def translate(self, document: Document) -> Translated:
        translated = Translated(document)
        translated.data["providers"] = {}
        for name, entry in document.data.items():
            if isinstance(entry, Mapping):
                _read(translated, str(name), entry)
            else:
                translated.remark((name,), f"'{name}' must be a table: it is left out")
        return translated


def read_litellm_providers(
    document: Document, env: Mapping[str, str], report: Report
) -> dict[str, ProviderTable]:
    """Read a `providers.json` as providers of ours, by name.

    `env` resolves the variables that base URLs come from. What is wrong goes into `report`, and
    with a provider into its own; a broken one leaves the others alone.

    Example:
        document = parse_document(path.read_bytes(), path, "user")
        tables = read_litellm_providers(document, os.environ, report)
    """
    from dragoman.config.shapes import Reader

    reader = Reader(LITELLM_PROVIDERS.translate(document), env, report)
    reader.top()
    LITELLM_PROVIDERS.walk(reader)
    reader.duplicates()
    return reader.layer.providers


def _read(document: Translated, name: str, entry: Mapping[str, Any]) -> None:
    """Read one entry."""
    settings = Settings()
    _base_url(document, settings, name, entry)
    if entry.get("api_key_env") is not None:
        settings.set(("api_key_env",), entry["api_key_env"], (name, "api_key_env"))
    _headers(document, settings, name, entry)
    mappings = document.table(entry.get("param_mappings"), (name, "param_mappings"))
    for old, new in mappings.items():
        here: Key = (name, "param_mappings", old)
        if (old, new) in _LIMITS:
            settings.set(("dialect", "max_tokens_field"), new, here)
        else:
            settings.set(("dialect", "rename", old), new, here)
    special = document.table(entry.get("special_handling"), (name, "special_handling"))
    for flag, value in special.items():
        if flag == "convert_content_list_to_string":
            settings.set(("dialect", "content_as_string"), value, (name, "special_handling", flag))
        else:
            document.leave(f"{name}.special_handling.{flag}")
    for key in entry:
        if key not in _READ:
            document.leave(f"{name}.{key}", _WHY.get(str(key), "has nothing like it here"))
    path: Key = ("providers", name)
    document.set(path, settings.values, (name,))
    for inner, origin in settings.origins.items():
        document.origins[(*path, *inner)] = origin


def _base_url(
    document: Translated, settings: Settings, name: str, entry: Mapping[str, Any]
) -> None:
    base, variable = entry.get("base_url"), entry.get("api_base_env")
    if not isinstance(base, str):
        if base is not None:
            settings.set(("base_url",), base, (name, "base_url"))
        return
    url = literal(base.rstrip("/"))
    try:
        # Chat completions are appended to it as it is: here, to a host alone, behind /v1.
        if parse_url(url).target.partition("?")[0] in ("", "/"):
            url += "/chat/completions"
    except ValueError:
        pass  # what is wrong with it is said when it is read
    if isinstance(variable, str) and VARIABLE.fullmatch(variable) and "}" not in url:
        url = f"${{{variable}:-{url}}}"
    elif variable is not None:
        document.remark((name, "api_base_env"), f"api_base_env of '{name}' is no variable's name")
    settings.set(("base_url",), url, (name, "base_url"), as_is=True)


def _headers(document: Translated, settings: Settings, name: str, entry: Mapping[str, Any]) -> None:
    variable = entry.get("api_key_env")
    for header, value in document.table(entry.get("headers"), (name, "headers")).items():
        here: Key = (name, "headers", header)
        try:
            text = literal_secret(str(value))
        except Wrong as wrong:
            document.remark(here, f"the header {header} {wrong}: it is left out")
            continue
        if _KEY in text and isinstance(variable, str) and VARIABLE.fullmatch(variable):
            text = f"env:{variable}" if text == _KEY else text.replace(_KEY, f"${{{variable}}}")
        settings.set(("headers", str(header)), text, here, as_is=True)


LITELLM_PROVIDERS = _LiteLLMProviders()
