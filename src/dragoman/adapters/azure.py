"""Azure OpenAI and Azure AI Foundry: where a resource is, and who asks.

    adapter = "azure"
    options = { resource = "acme-eu" }                                     a key, as `api-key`
    options = { resource = "acme-eu", tenant = "…", client_id = "…", client_secret = "env:…" }
                                                                           Microsoft Entra ID
    options = { resource = "acme-eu", api_version = "2024-10-21" }         the deployments' paths

What is said is the wire format's own: bytes are relayed as they are.

Source: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle and
https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (read 2026-11)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from dragoman.adapters.adapter import AuthFlow
from dragoman.adapters.ask import Ask
from dragoman.adapters.oauth import Grant, OAuth
from dragoman.endpoint import AUTH_HEADERS, add_query, encode_segment, models_url
from dragoman.errors import ConfigError
from dragoman.types.credential import Secret
from dragoman.types.http import HttpRequest

NO_RESOURCE = "https://openai.azure.com"
"""The base URL that stands for a resource that the options or variables name."""

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://cognitiveservices.azure.com/.default"

_CLOUDS = (".azure.com", ".azure.us", ".azure.cn")
_BARE = ("", "/", "/openai", "/openai/")
_DATED = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
"""A version of the deployments' paths; `/openai/v1` knows words alone: `preview`, `v1`."""

_VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET")


class Azure(OAuth):
    """See the module. A resource's key, or a token of Microsoft Entra ID."""

    name = "azure"
    provider: ClassVar[Mapping[str, Any]] = {
        "base_url": NO_RESOURCE,
        "api_key_env": ["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"],
        "api_key_optional": True,
        "dialect": {
            "max_tokens_field": "max_completion_tokens",
            "system_role": "developer",
            "strict_tools": True,
            "vendor_fields": True,
        },
    }

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """See `Adapter.validate_environment`. Raises: ConfigError when nothing says who asks."""
        _find_resource(ask)
        headers = {"content-type": "application/json"}
        if _uses_entra(ask):
            return headers
        if ask.api_key:
            name, form = AUTH_HEADERS[_key_header(ask)]
            return {**headers, name: form.format(ask.api_key)}
        if (urlsplit(ask.base_url).hostname or "").endswith(_CLOUDS):
            raise ConfigError(
                f"provider '{ask.provider.name}': neither a key nor a client of Microsoft Entra ID",
                place=ask.provider.place,
                hint="Set AZURE_OPENAI_API_KEY, or the options tenant, client_id and"
                " client_secret.",
            )
        return headers

    def get_complete_url(self, ask: Ask) -> str:
        """See `Adapter.get_complete_url`."""
        _find_resource(ask)
        return super().get_complete_url(ask)

    def get_models_url(self, ask: Ask) -> str | None:
        """See `Adapter.get_models_url`: what the resource could serve; deployments have no list."""
        _find_resource(ask)
        return models_url(ask.base_url, ask.provider.api)

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """See `Adapter.auth_flow`: with a token, if that is how it asks."""
        if _uses_entra(ask):
            return super().auth_flow(request, ask)
        return _once(request)

    def grant(self, ask: Ask) -> Grant:
        """See `OAuth.grant`. Raises: ConfigError."""
        authority = ask.option("authority", "AZURE_AUTHORITY_HOST", default=AUTHORITY)
        tenant = encode_segment(ask.need("tenant", "AZURE_TENANT_ID"))
        return Grant(
            token_url=f"{(authority or AUTHORITY).rstrip('/')}/{tenant}/oauth2/v2.0/token",
            client_id=ask.need("client_id", "AZURE_CLIENT_ID"),
            client_secret=Secret(ask.need("client_secret", "AZURE_CLIENT_SECRET")),
            scope=ask.option("scope", default=SCOPE),
            auth_style="post",
        )


def _once(request: HttpRequest) -> AuthFlow:
    yield request


def _uses_entra(ask: Ask) -> bool:
    """Tell whether a token is wanted: the options say so, or there is no key and variables do."""
    if "client_id" in ask.options:
        return True
    return not ask.api_key and all(ask.env.get(name) for name in _VARIABLES)


def _key_header(ask: Ask) -> str:
    auth = ask.provider.auth
    return "api-key" if auth is None or auth not in AUTH_HEADERS else auth


def _find_resource(ask: Ask) -> None:
    """Settle the base URL: the resource, the kind of path, the version. Raises: ConfigError."""
    if ask.state.get("settled"):
        return
    ask.state["settled"] = True
    base = ask.base_url
    if base.rstrip("/") == NO_RESOURCE:
        base = _resource_url(ask)
    version = ask.option("api_version")
    parts = urlsplit(base)
    if parts.path in _BARE:
        kind = "deployments" if version and _DATED.fullmatch(version) else "v1"
        base = parts._replace(path=f"/openai/{kind}").geturl()
    ask.base_url = add_query(base, {"api-version": version}) if version else base


def _resource_url(ask: Ask) -> str:
    endpoint = ask.env.get("AZURE_OPENAI_ENDPOINT")
    if "resource" not in ask.options and endpoint:
        return endpoint
    resource = ask.need("resource", "AZURE_OPENAI_RESOURCE")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", resource):
        raise ConfigError(
            f"provider '{ask.provider.name}': {resource[:80]!r} is no name of a resource",
            place=ask.provider.place,
            hint="Its name alone, acme-eu; or set base_url to https://acme-eu.openai.azure.com",
        )
    return f"https://{resource.lower()}.openai.azure.com"
