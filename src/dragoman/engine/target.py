"""From a deployment to HTTP: the URL, the headers, the credential, the connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dragoman.config.secrets import Secrets
from dragoman.endpoint import AUTH_HEADERS, PATHS, default_auth, neighbour_url
from dragoman.types.credential import Credential, CredentialSource, Secret
from dragoman.types.http import ConnectOptions, HttpRequest, Url, parse_url
from dragoman.types.provider import Provider
from dragoman.types.route import Deployment
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat

if TYPE_CHECKING:
    from dragoman.engine.adapted import AdaptedTarget, Adapters

SITES_LIMIT = 2048
"""So many are kept: whoever asks can make up names of models."""

_NONE: Mapping[str, str] = {}


class Site(Struct, frozen=True):
    """What of a deployment's address stays the same from one request to the next.

    `fixed` are the headers that the provider's settings name.
    """

    provider: Provider
    format: WireFormat
    url: Url
    origin: str
    headers: Mapping[str, str]
    options: ConnectOptions
    auth: tuple[str, str] | None
    fixed: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Site({self.url})"


class Target(Struct, frozen=True):
    """Where a request goes, with which credential. `headers` hold it."""

    site: Site
    headers: Mapping[str, str]
    credential: Credential | None

    @property
    def format(self) -> WireFormat:
        """The language spoken there."""
        return self.site.format

    def request(
        self, body: bytes, added: Mapping[str, str] = _NONE, method: str = "POST", tail: str = ""
    ) -> HttpRequest:
        """Make the request that carries `body`; what the provider's settings say wins.

        `tail` comes behind the path; its query is added to the URL's.
        """
        site = self.site
        url = site.url if not tail else replace(site.url, target=_extended(site.url.target, tail))
        headers = self.headers
        if added:
            headers = {**headers, **{n: v for n, v in added.items() if n not in site.fixed}}
        return HttpRequest(url=url, method=method, headers=headers, body=body, options=site.options)

    def __repr__(self) -> str:
        return f"Target({self.site.url})"


class Targets:
    """Finds targets. Sites are kept, unless a command is asked for a part of them each time.

    What is the operator's is looked for in `shared`, where there are such.
    """

    def __init__(self, secrets: Secrets, shared: Targets | None = None) -> None:
        self._secrets = secrets
        self._shared = shared
        self._sites: dict[tuple[str, str, str | None], Site] = {}
        self._adapters: Adapters | None = None

    def aim(
        self, deployment: Deployment, key: Secret | None, path: str | None, *, stream: bool
    ) -> Target | AdaptedTarget:
        """Work out how a deployment is asked: as `find`, or as its adapter says.

        Raises: as `find`, Unsupported, AdapterError.
        """
        if self._shared is not None and deployment.provider.organisation_id is None:
            return self._shared.aim(deployment, key, path, stream=stream)
        if deployment.provider.adapter is None:
            return self.find(deployment, key, path)
        if deployment.provider.problems:
            raise deployment.provider.problems[0]
        credential = self._credential(deployment, key)
        return self.adapters.target(deployment, credential, path, stream=stream)

    @property
    def adapters(self) -> Adapters:
        """The adapters of those providers that have one, loaded when the first is used."""
        if self._adapters is None:
            from dragoman.engine.adapted import Adapters

            self._adapters = Adapters(self._secrets)
        return self._adapters

    def find(
        self, deployment: Deployment, key: Secret | None = None, path: str | None = None
    ) -> Target:
        """Work out how a deployment is asked in a wire format; `key` comes before configured ones.

        `path` names another endpoint than the format's own.

        Raises: ConfigError for a provider with problems or a secret that cannot be had.
        """
        provider = deployment.provider
        name = (provider.name, deployment.model, path)
        site = self._sites.get(name)
        if site is None or site.provider is not provider:
            site = self._build(deployment, path)
            if not any(source.kind == "cmd" for source in _sources(provider)):
                if len(self._sites) >= SITES_LIMIT:
                    self._sites.clear()
                self._sites[name] = site
        credential = self._credential(deployment, key)
        if credential is None or not credential.secret or site.auth is None:
            return Target(site, site.headers, credential)
        header, form = site.auth
        headers = {header: form.format(credential.secret.reveal()), **site.headers}
        return Target(site, headers, credential)

    def _credential(self, deployment: Deployment, key: Secret | None) -> Credential | None:
        if key:
            return Credential(key, "call")
        return self._secrets.credential(deployment.provider, deployment.credential)

    def _build(self, deployment: Deployment, path: str | None) -> Site:
        provider = deployment.provider
        if provider.problems:
            raise provider.problems[0]
        wire = get_format(provider.api)
        query = self._secrets.resolve_all(provider.query)
        url = neighbour_url(
            provider.base_url,
            provider.api,
            deployment.model,
            PATHS[provider.api] if path is None else path,
            query=query,
            env=self._secrets.env,
        )
        headers = {"content-type": "application/json", **wire.headers}
        own = self._secrets.resolve_all(provider.headers)
        headers.update((name.lower(), value) for name, value in own.items())
        proxy = self._secrets.resolve(provider.proxy) if provider.proxy is not None else None
        whole = parse_url(url)
        return Site(
            provider,
            wire,
            whole,
            whole.origin,
            headers,
            ConnectOptions(tls=provider.tls, proxy=proxy, egress=provider.egress),
            AUTH_HEADERS.get(default_auth(provider.base_url, provider.api, provider.auth)),
            frozenset(name.lower() for name in provider.headers),
        )


def _extended(target: str, tail: str) -> str:
    path, _, query = target.partition("?")
    more, _, asked = tail.partition("?")
    both = "&".join(part for part in (query, asked) if part)
    return f"{path}{more}?{both}" if both else path + more


def _sources(provider: Provider) -> Iterator[CredentialSource]:
    yield from provider.headers.values()
    yield from provider.query.values()
    if provider.proxy is not None:
        yield provider.proxy
