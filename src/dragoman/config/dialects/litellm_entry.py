"""One entry of LiteLLM's `model_list`: the provider that it stands for, the model, and its share.

Source: https://docs.litellm.ai/docs/proxy/configs; BerriAI/litellm, litellm/types/router.py and
litellm/litellm_core_utils/get_llm_provider_logic.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct, field

from dragoman.config.dialects.litellm_names import (
    ANY_SERVER,
    AZURE,
    BASE_VARIABLES,
    NAMES,
    OPENAI,
    TEXT_COMPLETION,
)
from dragoman.config.dialects.made import Made, Settings
from dragoman.config.dialects.per_token import PerToken, to_decimal
from dragoman.config.dialects.translated import PLACEHOLDERS, Translated, literal, literal_secret
from dragoman.config.interpolate import VARIABLE
from dragoman.config.kinds import NAME, Wrong
from dragoman.config.naming import name_for_url
from dragoman.types.http import parse_url

if TYPE_CHECKING:
    from dragoman.document.locate import Key

COSTS: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_query": "request",
}
_ONCE = frozenset({"input_cost_per_query"})

_SETTINGS: Mapping[str, tuple[str, ...]] = {
    "timeout": ("timeouts", "total"),
    "request_timeout": ("timeouts", "total"),
    "stream_timeout": ("timeouts", "first_token"),
    "rpm": ("limits", "rpm"),
    "tpm": ("limits", "tpm"),
    "max_parallel_requests": ("limits", "concurrency"),
    "extra_body": ("body",),
}
_RETRIES = ("max_retries", "num_retries")
_FIELDS = frozenset(
    {
        "temperature", "top_p", "top_k", "n", "max_tokens", "max_completion_tokens", "stop", "seed",
        "presence_penalty", "frequency_penalty", "user", "reasoning_effort", "response_format",
        "tools", "tool_choice", "parallel_tool_calls", "logit_bias", "logprobs", "top_logprobs",
        "thinking", "service_tier", "verbosity", "store", "metadata",
    }
)  # fmt: skip
"""Fields of requests: a deployment may have its own values for them."""

_READ = frozenset(
    {
        "model", "api_base", "base_url", "api_key", "api_version", "organization", "extra_headers",
        "headers", "custom_llm_provider", "weight", "order", "ssl_verify",
        "litellm_credential_name", "model_info",
    }
)  # fmt: skip
_ABILITIES: Mapping[str, str] = {
    "supports_function_calling": "tools",
    "supports_response_schema": "json_schema",
    "supports_reasoning": "reasoning",
}
_INPUTS = {
    "supports_vision": "image",
    "supports_audio_input": "audio",
    "supports_video_input": "video",
    "supports_pdf_input": "file",
}
_INFO_READ = frozenset(
    {"id", "mode", "max_tokens", "max_input_tokens", "max_output_tokens", *_ABILITIES, *_INPUTS}
)
_Where: TypeAlias = "tuple[str, str | None, Settings, str]"
_MODES = frozenset({"chat", "completion", "embedding", "responses"})
_REFERENCE = "os.environ/"


class Entry(Struct, frozen=True):
    """A deployment as a step of a route. `ref` is ours; `metrics` decide its share."""

    group: str
    ref: str
    path: tuple[str | int, ...]
    order: float
    retries: int | None
    metrics: Mapping[str, float]
    body: Mapping[str, Any] = field(default_factory=dict)


class EntryReader:
    """Reads the entries of one file. `credentials` are those of its `credential_list`.

    `handlers` are adapters, with their places, by the names that `custom_provider_map` gives them.
    """

    def __init__(
        self, document: Translated, made: Made, credentials: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.document = document
        self.made = made
        self.credentials = credentials
        self.prices = PerToken(document, COSTS, _ONCE)
        self.defaults: Mapping[str, Any] = {}
        self.handlers: Mapping[str, tuple[str, Key]] = {}

    def read(self, entry: Mapping[str, Any], path: Key) -> Entry | None:
        """Read one; None when nothing here can stand for it, which is reported."""
        group, params = entry.get("model_name"), entry.get("litellm_params")
        if not isinstance(params, Mapping) or not isinstance(params.get("model"), str):
            self._refuse(path, "has no litellm_params.model")
            return None
        inside: Key = (*path, "litellm_params")
        params = {**self._credential(params, inside), **params}
        if not isinstance(group, str) or not group.strip():
            group = params["model"]
        where = self._where(params, inside)
        if where is None:
            return None
        stem, row, settings, model = where
        given, slash, rest = group.partition("/")
        if row is None and slash and rest == model and NAME.fullmatch(given.lower()):
            stem = given.lower()  # what people call it there
        self._settings(settings, {**_limits(entry), **params}, inside)
        info = self._info(entry, params, path, model)
        self._leave(entry, params, group)
        declared = None if "*" in model else model
        name = self.made.place(stem, row, settings, declared, info, inside)
        return Entry(
            group=group,
            ref=f"{name}/{literal(model)}",
            path=path,
            order=_number(params.get("order"), float("inf")),
            retries=_retries(params),
            metrics={
                metric: _number(params.get(metric, entry.get(metric)), 0)
                for metric in ("weight", "rpm", "tpm")
            },
            body={name: literal(value) for name, value in params.items() if name in _FIELDS},
        )

    def _refuse(self, path: Key, why: str, hint: str | None = None) -> None:
        self.document.remark(path, f"model_list[{path[1]}] {why}: it is left out", hint)

    def _credential(self, params: Mapping[str, Any], path: Key) -> Mapping[str, Any]:
        name = params.get("litellm_credential_name")
        if name is None:
            return {}
        if str(name) not in self.credentials:
            self.document.remark(path, f"there is no credential '{name}' in credential_list")
        return self.credentials.get(str(name), {})

    # ------------------------------------------------------------------------------- provider

    def _where(self, params: Mapping[str, Any], path: Key) -> _Where | None:
        """Find what kind of provider it is, where, and the model's name there."""
        model, prefix = params["model"], params.get("custom_llm_provider")
        base = params.get("api_base") or params.get("base_url")
        if not isinstance(prefix, str):
            prefix, slash, rest = model.partition("/")
            known = prefix in NAMES or prefix in self.made.built_in or prefix in self.handlers
            if slash and (known or base):
                model = rest
            elif not slash:
                prefix = OPENAI if base else _maker(model)
        if prefix in TEXT_COMPLETION:
            self._refuse(path, f"is for '{prefix}', which is not spoken here")
            return None
        if prefix in self.handlers:
            return self._handled(prefix, model, params, path)
        name = NAMES.get(prefix, prefix)
        row = name if name in self.made.built_in else None
        if not base and prefix in BASE_VARIABLES:
            base = f"{_REFERENCE}{BASE_VARIABLES[prefix]}"
        settings = Settings()
        stem = name
        if isinstance(base, str) and base:
            if name in (OPENAI, ANY_SERVER):
                row = None
            url = self._base(settings, name, row, base, (*path, "api_base"))
            stem = name if row else name_for_url(url) if "${" not in url else _variable_stem(url)
        elif row is None:
            self._refuse(
                path, f"is for '{prefix}', which is not known here", "Give it an api_base."
            )
            return None
        self._version(settings, name, params, path)
        self._key(settings, params, row, path)
        self._headers(settings, params, path)
        return stem, row, settings, model

    def _handled(self, prefix: str, model: str, params: Mapping[str, Any], path: Key) -> _Where:
        """Take a provider that is code, one of `custom_provider_map`."""
        settings = Settings()
        adapter, here = self.handlers[prefix]
        settings.set(("adapter",), adapter, here, as_is=True)
        if isinstance(base := params.get("api_base") or params.get("base_url"), str) and base:
            settings.set(("base_url",), _text(base), (*path, "api_base"), as_is=True)
        if params.get("api_key"):
            self._key(settings, params, None, path)
        self._headers(settings, params, path)
        return prefix, None, settings, model

    def _base(self, settings: Settings, name: str, row: str | None, base: str, here: Key) -> str:
        url = _text(base).rstrip("/")
        if name == AZURE and "/deployments" not in url:
            url += "/deployments" if url.endswith("/openai") else "/openai/deployments"
        elif row is None and _has_no_path(url):
            url += "/chat/completions"  # it is appended there as here, but here behind /v1
        settings.set(("base_url",), url, here, as_is=True)
        return url

    def _version(self, settings: Settings, name: str, params: Mapping[str, Any], path: Key) -> None:
        version = params.get("api_version")
        if version is None:
            return
        if name == AZURE:
            here = (*path, "api_version")
            settings.set(("query", "api-version"), _text(str(version)), here, as_is=True)
        else:
            self.document.leave(f"api_version of '{params['model']}'", "only Azure has one here")

    def _key(
        self, settings: Settings, params: Mapping[str, Any], row: str | None, path: Key
    ) -> None:
        key, here = params.get("api_key"), (*path, "api_key")
        if isinstance(key, str) and key.lower() in PLACEHOLDERS:
            key = None
        elif not isinstance(key, str) or not key:
            if row is None:
                self.document.leave(
                    f"the key of '{params['model']}'",
                    "none is stated, and no other provider's is sent there",
                )
            key = None
        if key is None:
            return
        variable = key.removeprefix(_REFERENCE)
        if variable != key and VARIABLE.fullmatch(variable):
            usual = self.made.built_in[row].get("api_key_env") if row else None
            if "base_url" in settings or variable not in (usual, *_listed(usual)):
                settings.set(("api_key_env",), variable, here)
            return
        try:
            settings.set(("api_key",), literal_secret(key), here, as_is=True)
        except Wrong as wrong:
            self.document.remark(here, f"api_key of '{params['model']}' {wrong}: it is left out")

    def _headers(self, settings: Settings, params: Mapping[str, Any], path: Key) -> None:
        for source in ("headers", "extra_headers"):
            headers = self.document.table(params.get(source), (*path, source))
            for name, value in headers.items():
                here = (*path, source, name)
                try:
                    text = _secret(str(value))
                except Wrong as wrong:
                    self.document.remark(here, f"the header {name} {wrong}: it is left out")
                else:
                    settings.set(("headers", str(name)), text, here, as_is=True)
        if isinstance(organization := params.get("organization"), str):
            here = (*path, "organization")
            settings.set(
                ("headers", "OpenAI-Organization"), _secret(organization), here, as_is=True
            )

    def _settings(self, settings: Settings, params: Mapping[str, Any], path: Key) -> None:
        for said in (self.defaults, params):
            for name, target in _SETTINGS.items():
                value = said.get(name)
                if value is not None:
                    value = _text(value) if isinstance(value, str) else literal(value)
                    settings.set(target, value, (*path, name), as_is=True)
        if isinstance(retries := self.defaults.get("num_retries"), int):
            settings.set(("retries",), retries, path)
        verify = params.get("ssl_verify")
        if isinstance(verify, bool) and not verify:
            settings.set(("tls", "verify"), verify, (*path, "ssl_verify"))
        elif isinstance(verify, str):
            settings.set(("tls", "ca_file"), verify, (*path, "ssl_verify"))

    # ---------------------------------------------------------------------------------- model

    def _info(
        self, entry: Mapping[str, Any], params: Mapping[str, Any], path: Key, model: str
    ) -> dict[str, Any]:
        """Read what is known of the model: limits, abilities, price."""
        info = self.document.table(entry.get("model_info"), (*path, "model_info"))
        found: dict[str, Any] = {}
        window = info.get("max_input_tokens")
        answer = info.get("max_output_tokens") or info.get("max_tokens")
        for name, value in (("context_window", window), ("max_tokens", answer)):
            if value is not None:
                found[name] = value
        for theirs, ours in _ABILITIES.items():
            if isinstance(info.get(theirs), bool):
                found[ours] = info[theirs]
        if any(isinstance(info.get(name), bool) for name in _INPUTS):
            found["input"] = ["text", *(kind for name, kind in _INPUTS.items() if info.get(name))]
        cost = self.prices.cost({**info, **params}, (*path, "model_info"), model)
        if cost:
            found["cost"] = cost
        if (mode := info.get("mode")) is not None and str(mode) not in _MODES:
            self.document.leave(f"mode '{mode}' of '{model}'", "other endpoints are passed on")
        return found

    def _leave(self, entry: Mapping[str, Any], params: Mapping[str, Any], group: str) -> None:
        """List what is not read."""
        known = _READ | _FIELDS | _SETTINGS.keys() | set(_RETRIES)
        for name in params:
            if name not in known and not self.prices.reads(str(name)):
                self.document.leave(f"{name} of '{group}'")
        info = entry.get("model_info")
        for name in info if isinstance(info, Mapping) else ():
            if name not in _INFO_READ and not self.prices.reads(str(name)):
                self.document.leave(f"model_info.{name} of '{group}'")
        for name in entry:
            if name not in ("model_name", "litellm_params", "model_info", "rpm", "tpm"):
                self.document.leave(f"{name} of '{group}'")


def _text(value: str) -> str:
    """Write a text in our notation: `os.environ/X` is a reference to a variable."""
    variable = value.removeprefix(_REFERENCE)
    if variable != value and VARIABLE.fullmatch(variable):
        return f"${{{variable}}}"
    return str(literal(value))


def _secret(value: str) -> str:
    variable = value.removeprefix(_REFERENCE)
    if variable != value and VARIABLE.fullmatch(variable):
        return f"env:{variable}"
    return literal_secret(value)


def gateway_secret(value: str) -> str:
    """Write the key of a gateway in our notation. Raises: Wrong."""
    return _secret(value)


def _limits(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: entry[name] for name in ("rpm", "tpm") if name in entry}


def _has_no_path(url: str) -> bool:
    try:
        return parse_url(url).target.partition("?")[0] in ("", "/")
    except ValueError:
        return False  # what is wrong with it is said when it is read


def _variable_stem(url: str) -> str:
    variable = url.partition("${")[2].partition("}")[0]
    stem = variable.lower().replace("_", "-")
    for end in ("-api-base", "-base-url", "-base", "-url"):
        stem = stem.removesuffix(end)
    return stem


def _maker(model: str) -> str:
    """Find who makes a model that is named without a provider."""
    from dragoman.catalog import find_model
    from dragoman.config.dialects.litellm_names import MAKERS

    return next((maker for maker in MAKERS if find_model(maker, model)), OPENAI)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any, default: float) -> float:
    amount = to_decimal(value)
    return default if amount is None else float(amount)


def _retries(params: Mapping[str, Any]) -> int | None:
    for name in _RETRIES:
        value = params.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None
