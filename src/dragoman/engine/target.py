"""From a deployment to HTTP: the URL, the headers, the credential, the connection."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.config.secrets import Secrets
from dragoman.endpoint import default_auth, endpoint_url
from dragoman.types.credential import Credential, CredentialSource, Secret
from dragoman.types.http import ConnectOptions, HttpRequest, Url, parse_url
from dragoman.types.route import Deployment
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat

_AUTH_HEADERS: Mapping[str, tuple[str, str]] = {
    "bearer": ("authorization", "Bearer {}"),
    "x-api-key": ("x-api-key", "{}"),
    "api-key": ("api-key", "{}"),
}


class Target(Struct, frozen=True):
    """Where a deployment's requests go. `headers` hold the credential."""

    format: WireFormat
    url: Url
    headers: Mapping[str, str]
    options: ConnectOptions
    credential: Credential | None

    def request(self, body: bytes) -> HttpRequest:
        """Make the request that carries `body`."""
        return HttpRequest(url=self.url, headers=self.headers, body=body, options=self.options)

    def __repr__(self) -> str:
        return f"Target({self.url})"


def build_target(deployment: Deployment, secrets: Secrets, key: Secret | None = None) -> Target:
    """Work out where a deployment is and how it is asked; `key` comes before all configured ones.

    Raises: ConfigError for a provider with problems or a secret that cannot be had.
    """
    provider = deployment.provider
    if provider.problems:
        raise provider.problems[0]
    wire = get_format(provider.api)
    query = {name: _reveal(secrets, source) for name, source in provider.query.items()}
    url = parse_url(endpoint_url(provider.base_url, provider.api, deployment.model, query=query))
    credential = (
        Credential(key, "call") if key else secrets.credential(provider, deployment.credential)
    )
    headers = {"content-type": "application/json", **wire.headers}
    auth = _AUTH_HEADERS.get(default_auth(provider.base_url, provider.api, provider.auth))
    if credential is not None and credential.secret and auth is not None:
        headers[auth[0]] = auth[1].format(credential.secret.reveal())
    for name, source in provider.headers.items():
        headers[name.lower()] = _reveal(secrets, source)
    proxy = secrets.resolve(provider.proxy) if provider.proxy is not None else None
    options = ConnectOptions(tls=provider.tls, proxy=proxy, egress=provider.egress)
    return Target(wire, url, headers, options, credential)


def _reveal(secrets: Secrets, source: CredentialSource) -> str:
    found = secrets.resolve(source)
    return found.reveal() if found else ""
