"""How a provider is asked for its models: as its wire format has it, or as its adapter says."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from dragoman.catalog.discovery import parse_models
from dragoman.config.secrets import Secrets
from dragoman.endpoint import models_url
from dragoman.engine.adapted import AdaptedTarget
from dragoman.engine.drive import run
from dragoman.engine.errand import authenticated
from dragoman.engine.steps import Flow, ReadAll, Response, Send
from dragoman.engine.target import Target, Targets
from dragoman.errors import Timeout
from dragoman.probe.fetch import CONNECT_S, MAX_BYTES, Reply, fetch
from dragoman.transport.base import Transport
from dragoman.types.credential import Credential, Secret
from dragoman.types.http import HttpAnswer, HttpRequest
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider
from dragoman.types.route import Deployment

PAGE: Mapping[str, Mapping[str, str]] = {"anthropic-messages": {"limit": "1000"}}
"""What makes a list come in one piece, where it comes in pages otherwise.

Source: https://platform.claude.com/docs/en/api/models/list (read 2026-11)
"""


class ModelList(Protocol):
    """A provider's list of models. `credential` is what it is asked with."""

    credential: Credential | None

    def ask(self, transport: Transport, within_s: float, *, keyless: bool = False) -> Reply | None:
        """Ask for the list; None when there is none to be had, or none without a key.

        Raises: DragomanError.
        """
        ...

    def read(self, reply: Reply) -> tuple[ModelInfo, ...]:
        """Read a reply. Raises: ProtocolError for what is no list."""
        ...


def model_list(
    provider: Provider,
    secrets: Secrets,
    key: Secret | None = None,
    position: int | None = None,
    *,
    whole: bool = False,
) -> ModelList:
    """Find out how to ask for the models. `whole`: all of them, where they come in pages.

    Raises: ConfigError for a key that cannot be had.
    """
    model = provider.default_model or "model"  # any will do: it is not named in the question
    deployment = Deployment(
        provider=provider, model=model, info=ModelInfo(id=model), credential=position, retries=0
    )
    targets = Targets(secrets)
    if provider.adapter is not None:
        target = targets.aim(deployment, key, None, stream=False)
        assert isinstance(target, AdaptedTarget)
        return AdaptedList(target)
    query = {**(PAGE.get(provider.api, {}) if whole else {}), **secrets.resolve_all(provider.query)}
    url = models_url(provider.base_url, provider.api, query=query)
    return FormatList(targets.find(deployment, key), url)


class FormatList:
    """See `ModelList`: the list beside a format's endpoint."""

    def __init__(self, target: Target, url: str) -> None:
        self.target = target
        self.url = url
        self.credential = target.credential

    def ask(self, transport: Transport, within_s: float, *, keyless: bool = False) -> Reply | None:
        """See `ModelList.ask`."""
        site = self.target.site
        headers = site.headers if keyless else self.target.headers
        if keyless and headers is self.target.headers:
            return None
        return fetch(transport, self.url, headers=headers, options=site.options, within_s=within_s)

    def read(self, reply: Reply) -> tuple[ModelInfo, ...]:
        """See `ModelList.read`."""
        return parse_models(reply.body)


class AdaptedList:
    """See `ModelList`: the list that an adapter knows of, with the tokens that it fetches."""

    def __init__(self, target: AdaptedTarget) -> None:
        self.target = target
        self.credential = target.credential

    def ask(self, transport: Transport, within_s: float, *, keyless: bool = False) -> Reply | None:
        """See `ModelList.ask`. Without its key an adapter is not asked."""
        request = None if keyless else self.target.list_request()
        if request is None:
            return None
        return run(_get(self.target, request, within_s), transport)

    def read(self, reply: Reply) -> tuple[ModelInfo, ...]:
        """See `ModelList.read`."""
        answer = HttpAnswer(status=reply.status, headers=reply.headers, body=reply.body)
        return self.target.read_list(answer)


def _get(target: AdaptedTarget, request: HttpRequest, within_s: float) -> Flow[Reply]:
    """Send a request as an adapter signs it, and read the answer whole."""
    began = time.monotonic()

    def ask(wanted: HttpRequest) -> Flow[Response]:
        answer: Response = yield Send(wanted, min(CONNECT_S, within_s), within_s)
        return answer

    def read(answer: Response) -> Flow[bytes]:
        body: bytes = yield ReadAll(answer, within_s, MAX_BYTES + 1)
        return body

    def pause(seconds: float) -> None:
        if time.monotonic() + seconds > began + within_s:
            raise Timeout("total", within_s)

    answer = yield from authenticated(target, request, ask, read, pause)
    body = yield from read(answer)
    return Reply(answer.status, answer.headers, body, time.monotonic() - began)
