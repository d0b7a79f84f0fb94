"""Where a request goes: the rules from a base URL, as people write it, to an endpoint's URL.

    base URL                            openai-completions                anthropic-messages
    https://h                           https://h/v1/chat/completions     https://h/v1/messages
    https://h/openai/v1   (a version)   …/openai/v1/chat/completions      …/openai/v1/messages
    https://h/api         (other path)  …/api/chat/completions            …/api/v1/messages
    https://h/x/chat/completions        as it is                          …/x/messages
    https://h/openai/deployments        …/{model}/chat/completions?api-version=…

A trailing slash is dropped, a query kept. Anthropic's SDKs join `/v1/messages` to any path, hence
its column; OpenAI's join `/chat/completions` to what they are given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from msgspec import Struct

from dragoman.errors import ConfigError, InvalidRequest
from dragoman.types.http import parse_url
from dragoman.types.provider import Api, Auth

PATHS: Mapping[str, str] = MappingProxyType(
    {
        "openai-completions": "/chat/completions",
        "openai-responses": "/responses",
        "anthropic-messages": "/messages",
    }
)
"""What each wire format appends to a path that ends in a version."""

DEFAULT_AZURE_VERSION = "2024-10-21"
"""The last dated version of Azure's inference API that is generally available.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle (read 2026-11)
"""

MODELS_PATH = "/models"

AUTH_HEADERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bearer": ("authorization", "Bearer {}"),
        "x-api-key": ("x-api-key", "{}"),
        "api-key": ("api-key", "{}"),
    }
)
"""How each way of sending a key says it: the header's name, and its form."""

_EMPTY: Mapping[str, str] = MappingProxyType({})
_VERSION = re.compile(r"v\d+(\.\d+)*((alpha|beta)\d*)?")
_DEPLOYMENTS = re.compile(r"(?P<root>.*/openai)/deployments(?P<deployment>/[^/]+)?")


class _Base(Struct, frozen=True):
    """A base URL taken apart: `root` is scheme and host, `path` has no slash at its end."""

    root: str
    path: str
    query: str

    def join(self, path: str, query: Mapping[str, str] = _EMPTY) -> str:
        """Put another path behind the root, and settle the query; `query` wins over the URL's."""
        merged = _merge_query(self.query, query)
        return f"{self.root}{path}?{merged}" if merged else f"{self.root}{path}"


def endpoint_url(
    base_url: str,
    api: Api,
    model: str,
    *,
    query: Mapping[str, str] = _EMPTY,
    env: Mapping[str, str] = _EMPTY,
) -> str:
    """Find the URL that requests for `model` are posted to.

    `query` is the provider's configured query: it is merged into the base URL's own and wins.
    `env` is read for `OPENAI_API_VERSION` alone, by Azure's form of URL.

    Raises: ConfigError for what is no base URL; InvalidRequest for a model that cannot be a
    segment of a path, where it has to be one.
    """
    base = _take_apart(base_url)
    azure = _DEPLOYMENTS.fullmatch(base.path)
    if azure is None:
        return base.join(_endpoint_path(base.path, api), query)
    if api != "openai-completions":
        raise ConfigError(
            f"{base.root}{base.path} serves chat completions only, not {api}",
            hint=f"use {base.root}{azure['root']}/v1 as the base URL",
        )
    path = base.path if azure["deployment"] else f"{base.path}/{encode_segment(model)}"
    if "api-version" not in query and "api-version" not in dict(parse_qsl(base.query)):
        version = env.get("OPENAI_API_VERSION") or DEFAULT_AZURE_VERSION
        query = {**query, "api-version": version}
    return base.join(path + PATHS[api], query)


def neighbour_url(
    base_url: str,
    api: Api,
    model: str,
    path: str,
    *,
    query: Mapping[str, str] = _EMPTY,
    env: Mapping[str, str] = _EMPTY,
) -> str:
    """Find the URL of another endpoint beside the format's own: `path` is `/embeddings`, say.

    Raises: as `endpoint_url`.
    """
    url, mark, rest = endpoint_url(base_url, api, model, query=query, env=env).partition("?")
    return f"{url.removesuffix(PATHS[api])}{path}{mark}{rest}"


def organisation_endpoint_url(base_url: str, api: Api, *, query: Mapping[str, str] = _EMPTY) -> str:
    """Find the URL for a provider that an organisation has made in the gateway.

    `/v1` and the endpoint are appended whatever the path; a `/v1` that is there is not doubled,
    and a full endpoint is used as it is.

    Raises: ConfigError for what is no base URL.
    """
    base = _take_apart(base_url)
    if base.path.endswith(PATHS[api]):
        return base.join(base.path, query)
    path = _without_endpoint(base.path)
    return base.join(path.removesuffix("/v1") + "/v1" + PATHS[api], query)


def models_url(base_url: str, api: Api, *, query: Mapping[str, str] = _EMPTY) -> str:
    """Find the URL that lists a provider's models.

    Azure's deployments cannot be listed with a key; what its resource offers can.

    Raises: ConfigError for what is no base URL.
    """
    base = _take_apart(base_url)
    if azure := _DEPLOYMENTS.match(base.path):
        return base.join(
            azure["root"] + MODELS_PATH, {"api-version": DEFAULT_AZURE_VERSION, **query}
        )
    endpoint = _endpoint_path(base.path, api)
    return base.join(endpoint.removesuffix(PATHS[api]) + MODELS_PATH, query)


def other_spellings(base_url: str, api: Api) -> tuple[str, ...]:
    """List the endpoints that somebody who wrote this base URL may have meant instead.

    To be probed after a 404 with an HTML or an empty body: with `/v1` where the rules put none,
    and without it where they did. Nothing for a full endpoint or Azure's deployments.

    Raises: ConfigError for what is no base URL.
    """
    base = _take_apart(base_url)
    if base.path.endswith(PATHS[api]) or _DEPLOYMENTS.match(base.path):
        return ()
    path = _without_endpoint(base.path)
    bare = path.rpartition("/")[0] if _ends_in_version(path) else path
    used = _endpoint_path(base.path, api)
    candidates = (f"{bare}/v1{PATHS[api]}", f"{bare}{PATHS[api]}")
    return tuple(base.join(candidate) for candidate in candidates if candidate != used)


@lru_cache(maxsize=1024)
def default_auth(base_url: str, api: Api, auth: Auth | None) -> Auth:
    """Say how a key is sent: as configured, else as the URL's and the format's kind want it."""
    if auth is not None:
        return auth
    if base_url and _DEPLOYMENTS.match(_take_apart(base_url).path):
        return "api-key"
    return "x-api-key" if api == "anthropic-messages" else "bearer"


def add_query(url: str, query: Mapping[str, str]) -> str:
    """Merge a provider's query into the query of a URL that is whole; `query` wins."""
    if not query:
        return url
    address, _, written = url.partition("?")
    return f"{address}?{_merge_query(written, query)}"


def is_azure(base_url: str) -> bool:
    """Tell whether a base URL has Azure's form, where the model is part of the path."""
    return _DEPLOYMENTS.match(_take_apart(base_url).path) is not None


def encode_segment(model: str) -> str:
    """Encode a model id as one segment of a path.

    Raises: InvalidRequest for an empty one, `.` and `..`, which would change the path.
    """
    if model in ("", ".", ".."):
        raise InvalidRequest(
            f"{model!r} cannot be a model here: it becomes part of the URL's path",
            param="model",
            hint="name the model as the server does",
        )
    return quote(model, safe="")


def _take_apart(base_url: str) -> _Base:
    """Split a base URL. Raises: ConfigError with a sentence."""
    try:
        url = parse_url(base_url)
    except ValueError as error:
        # The URL itself is left out: it may hold a password or a key.
        raise ConfigError(
            f"the base URL is wrong: {error}", hint="write it like https://host/v1"
        ) from None
    path, _, query = url.target.partition("?")
    # A second slash at the start comes of joining a variable that ends in one to a path.
    path = f"/{path.strip('/')}" if path.strip("/") else ""
    # urlsplit keeps the host as it is written; Url has it decoded and in lower case.
    parts = urlsplit(base_url)
    root = "demo:" if url.scheme == "demo" else f"{url.scheme}://{parts.netloc}"
    return _Base(root, path, query)


def _endpoint_path(path: str, api: Api) -> str:
    """Apply the rules of this module to a path that is not Azure's."""
    endpoint = PATHS[api]
    if path.endswith(endpoint):
        return path
    path = _without_endpoint(path)
    if not path or (api == "anthropic-messages" and not _ends_in_version(path)):
        return f"{path}/v1{endpoint}"
    return path + endpoint


def _without_endpoint(path: str) -> str:
    """Drop another format's endpoint: its neighbour is where this format's lies."""
    for endpoint in PATHS.values():
        if path.endswith(endpoint):
            return path.removesuffix(endpoint)
    return path


def _ends_in_version(path: str) -> bool:
    return _VERSION.fullmatch(path.rpartition("/")[2]) is not None


def _merge_query(written: str, query: Mapping[str, str]) -> str:
    """Merge queries; what was written in the URL stays as it was, byte for byte."""
    kept = [
        pair
        for pair in written.split("&")
        if pair and not any(name in query for name, _ in parse_qsl(pair, keep_blank_values=True))
    ]
    return "&".join([*kept, urlencode(query)] if query else kept)
