"""A deployment whose provider has an adapter: how it is asked, and what is asked beside it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Mapping
from itertools import islice
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from dragoman.adapters.adapter import Adapter, Aside, AuthFlow, Follow, Pause, has_own
from dragoman.adapters.ask import CHAT, EMBEDDINGS, Ask
from dragoman.adapters.find import find_adapter
from dragoman.adapters.format import AdaptedFormat, speaks_otherwise, wrong_type
from dragoman.adapters.frames import Piece
from dragoman.adapters.guard import call
from dragoman.config.secrets import Secrets
from dragoman.endpoint import add_query
from dragoman.errors import AdapterError, ConfigError, DragomanError, Unsupported
from dragoman.types.credential import Credential
from dragoman.types.http import ConnectOptions, HttpAnswer, HttpRequest, Url, parse_url
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider
from dragoman.types.route import Deployment
from dragoman.wire import get_format
from dragoman.wire.base import WireFormat
from dragoman.wire.embeddings import PATH as EMBEDDINGS_PATH
from dragoman.wire.error_body import web_page_error

_DOTS = re.compile(r"^[^?]*/(\.|%2e){1,2}(/|\?|$)", re.IGNORECASE)

_NONE: Mapping[str, str] = MappingProxyType({})

MAX_MODELS = 100_000

MAX_ASIDES = 10
"""How many requests an adapter may make before the real one: more are a loop."""


class _Made(Struct, frozen=True):
    """A provider's adapter, and what is always the same of it.

    plain: it says what its wire format says. streams: it can read a stream. direct: its request is
    sent as it is, and answered at once. follows: an answer may be a promise only.
    """

    provider: Provider
    adapter: Adapter
    plain: bool
    streams: bool
    direct: bool
    follows: bool


class Adapters:
    """The adapters of one gateway or client, each made when its provider is first used."""

    def __init__(self, secrets: Secrets, clock: Callable[[], float] = time.time) -> None:
        self._secrets = secrets
        self._clock = clock
        self._made: dict[str, _Made] = {}

    def _get(self, provider: Provider) -> _Made:
        """Find a provider's adapter. Raises: ConfigError."""
        made = self._made.get(provider.name)
        if made is None or made.provider is not provider:
            made = self._made[provider.name] = _make(provider)
        return made

    def target(
        self,
        deployment: Deployment,
        credential: Credential | None,
        path: str | None,
        *,
        stream: bool,
    ) -> AdaptedTarget:
        """Work out how a deployment is asked. Raises: ConfigError, Unsupported."""
        provider = deployment.provider
        made = self._get(provider)
        secrets = self._secrets
        ask = Ask(
            provider,
            deployment.model,
            api_key=credential.secret.reveal() if credential and credential.secret else None,
            stream=stream and made.streams,
            endpoint=CHAT if path is None else EMBEDDINGS if path == EMBEDDINGS_PATH else path,
            env=secrets.env if provider.trusted else _NONE,
            options=secrets.resolve_all(provider.options, lines=True) if provider.options else None,
            clock=self._clock,
            read_file=secrets.read_file if provider.trusted else None,
            added={**provider.body, **deployment.info.body},
        )
        return AdaptedTarget(made, ask, credential, secrets)


def _make(provider: Provider) -> _Made:
    assert provider.adapter is not None
    found = find_adapter(provider.adapter, provider.name, provider.place)
    try:
        adapter = call(provider.name, found)
    except AdapterError as error:
        raise ConfigError(
            f"provider '{provider.name}': {error}", place=provider.place, hint=error.hint
        ) from error
    # An answer of its own needs a stream of its own.
    streams = has_own(adapter, "transform_stream") or not has_own(adapter, "transform_response")
    follows = has_own(adapter, "follow_up")
    return _Made(
        provider=provider,
        adapter=adapter,
        plain=not speaks_otherwise(adapter),
        streams=streams,
        direct=not follows and not has_own(adapter, "auth_flow"),
        follows=follows,
    )


class AdaptedTarget:
    """See `dragoman.engine.target.Target`: one attempt at a deployment, through an adapter."""

    def __init__(
        self, made: _Made, ask: Ask, credential: Credential | None, secrets: Secrets
    ) -> None:
        self.adapter = made.adapter
        self.ask = ask
        self.credential = credential
        self.is_direct = made.direct
        self.follows = made.follows
        self._secrets = secrets
        if not made.plain and ask.endpoint not in (CHAT, EMBEDDINGS):
            raise Unsupported(
                f"{ask.provider.name} has no {ask.endpoint}: its adapter knows chats and embeddings"
            )
        self.format: WireFormat = (
            get_format(ask.provider.api) if made.plain else AdaptedFormat(made.adapter, ask)
        )

    def request(
        self,
        body: bytes,
        added: Mapping[str, str] = _NONE,
        method: str = "POST",
        tail: str = "",
    ) -> HttpRequest:
        """Make the request that carries `body`; what the provider's settings say wins.

        Raises: ConfigError, AdapterError.
        """
        said = self._call(self.adapter.get_complete_url)
        return self._assemble(self._url(said, "get_complete_url", tail), method, added, body)

    def _assemble(
        self, url: Url, method: str, added: Mapping[str, str] = _NONE, body: bytes = b""
    ) -> HttpRequest:
        """Put a request together: URL, headers, connection."""
        provider = self.ask.provider
        said = self._call(self.adapter.validate_environment)
        if type(said) is not dict and not isinstance(said, Mapping):
            raise wrong_type(provider.name, "validate_environment", said, "a mapping of headers")
        headers = dict(added)
        for name, value in said.items():
            headers[str(name).lower()] = str(value)
        headers |= self._own_headers()
        if "content-type" in added:
            headers["content-type"] = added["content-type"]
        proxy = self._secrets.resolve(provider.proxy) if provider.proxy is not None else None
        return HttpRequest(
            url=url,
            method=method,
            headers=headers,
            body=body,
            options=ConnectOptions(tls=provider.tls, proxy=proxy, egress=provider.egress),
        )

    def list_request(self) -> HttpRequest | None:
        """Make the request for a list of models; None when there is none.

        Raises: ConfigError, AdapterError.
        """
        said = self._call(self.adapter.get_models_url)
        if said is None:
            return None
        return self._assemble(self._url(said, "get_models_url"), "GET")

    def read_list(self, answer: HttpAnswer) -> tuple[ModelInfo, ...]:
        """Read a list of models. Raises: ProtocolError, AdapterError."""
        name = self.ask.provider.name
        piece = Piece(answer.body, "", answer.headers, answer.status)
        found = call(name, _listed, self.adapter, piece, self.ask)
        return tuple(ModelInfo(id=one) if isinstance(one, str) else one for one in found)

    def send(self, request: HttpRequest) -> AuthFlow:
        """Yield what is to be sent, in order; what came of it comes back in. The last counts.

        Raises: DragomanError.
        """
        flow = self.adapter.auth_flow(request, self.ask)
        name = self.ask.provider.name
        came: HttpAnswer | DragomanError | None = None
        asked = 0
        try:
            while asked < MAX_ASIDES:
                wanted = call(name, _auth_flow, flow, came)
                if wanted is None:
                    return
                if not isinstance(wanted, HttpRequest | Aside | Pause):
                    raise wrong_type(name, "auth_flow", wanted, "a request, or an Aside with one")
                asked += not isinstance(wanted, Pause)
                try:
                    came = yield wanted
                except DragomanError as error:
                    came = error
        finally:
            if isinstance(flow, Generator):
                flow.close()
        raise AdapterError(
            f"the adapter of {name} made {MAX_ASIDES} requests, and still wants another",
            hint="its auth_flow must end",
        )

    def _own_headers(self) -> dict[str, str]:
        """Say the headers of the provider's own table. Raises: ConfigError."""
        own = self._secrets.resolve_all(self.ask.provider.headers)
        return {name.lower(): value for name, value in own.items()}

    def follow(self, answer: HttpAnswer, origin: str) -> Follow | None:
        """Say what to ask next, after an answer that was read whole.

        Headers and query of the provider's own table go to `origin` alone, where we asked first.

        Raises: AdapterError, ConfigError, ProtocolError.
        """
        if answer.body.lstrip()[:1] == b"<":
            raise web_page_error(answer.body)
        piece = Piece(answer.body, "", answer.headers, answer.status)
        found = call(self.ask.provider.name, self.adapter.follow_up, piece, self.ask)
        if found is not None and not isinstance(found, Follow):
            raise wrong_type(self.ask.provider.name, "follow_up", found, "a Follow, or None")
        if found is None or found.request.url.origin != origin:
            return found
        request, query = found.request, self._secrets.resolve_all(self.ask.provider.query)
        url = parse_url(add_query(str(request.url), query)) if query else request.url
        headers = {**request.headers, **self._own_headers()}
        return replace(found, request=replace(request, url=url, headers=headers))

    def answered(self, head: HttpAnswer) -> None:
        """Take note of the head of the answer that counts."""
        if isinstance(self.format, AdaptedFormat):
            self.format.answered(head)

    def __repr__(self) -> str:
        return f"AdaptedTarget({self.ask!r})"

    def _url(self, said: object, hook: str, tail: str = "") -> Url:
        """Look at a URL that a hook has said: it is part of nobody else's.

        Raises: AdapterError, ConfigError.
        """
        provider = self.ask.provider
        if not isinstance(said, str):
            raise wrong_type(provider.name, hook, said, "a URL")
        if tail or provider.query:
            path, mark, query = said.partition("?")
            own = self._secrets.resolve_all(provider.query)
            said = add_query(f"{path}{tail}{mark}{query}", own)
        try:
            url = parse_url(said)
        except ValueError as error:
            raise AdapterError(
                f"the adapter of {provider.name} made a URL that is none: {error}",
                hint=f"{hook} must return all of it: https://host/path",
            ) from None
        if ("/." in url.target or "/%" in url.target) and _DOTS.search(url.target):
            raise AdapterError(
                f"the adapter of {provider.name} made a URL with '.' or '..' in its path",
                hint="encode_segment refuses such a model",
            )
        return url

    def _call(self, hook: Callable[[Ask], object]) -> object:
        return call(self.ask.provider.name, hook, self.ask)


def _auth_flow(flow: AuthFlow, came: HttpAnswer | DragomanError | None) -> object:
    """Resume a flow with what came of its last wish; None at its end."""
    try:
        if isinstance(came, DragomanError):
            return flow.throw(came)
        return next(flow) if came is None else flow.send(came)
    except StopIteration:
        return None


def _listed(adapter: Adapter, piece: Piece, ask: Ask) -> list[ModelInfo | str]:
    """Read a list of models, whether it is told at once or one by one; the most of it counts."""
    found = list(islice(adapter.transform_models(piece, ask), MAX_MODELS))
    if not all(isinstance(one, ModelInfo | str) for one in found):
        raise TypeError("transform_models must return ids, or ModelInfo")
    return found
