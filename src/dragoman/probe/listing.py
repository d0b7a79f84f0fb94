"""Ask a provider for its models, with its key; and choose one of them to try."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from dragoman.config.secrets import Secrets
from dragoman.endpoint import default_auth
from dragoman.engine.secrecy import hide_secret, without_secret
from dragoman.errors import DragomanError, ProtocolError, UpstreamError
from dragoman.probe.fetch import Reply
from dragoman.probe.model_list import model_list
from dragoman.transport.base import Transport
from dragoman.types.credential import Credential, Secret
from dragoman.types.http import ConnectOptions
from dragoman.types.provider import Provider
from dragoman.wire import get_format

_NOT_FOR_CHAT = re.compile(
    r"(?i)embed|rerank|whisper|tts|speech|audio|transcri|moderation|dall-e|image|stable-diffusion"
    r"|flux|\bbge\b|clip|guard|ocr"
)

_LIST_S = 15.0

Access = Literal["accepted", "open", "keyless", "refused", "unknown"]
"""The key was accepted; nobody is asked for one to list models; none was sent; it was refused."""


class Listing(Struct, frozen=True, kw_only=True):
    """What asking for the models came to. `models` is None when there is no list to be had.

    No name in it repeats the key that was sent.

    `error` is what the server said instead of a list, `label` what the key is called. `is_nobody`:
    a web page came (`is_page`), or nothing.
    """

    access: Access
    seconds: float
    label: str | None = None
    models: tuple[str, ...] | None = None
    error: UpstreamError | ProtocolError | None = None
    is_page: bool = False
    is_nobody: bool = False


def read_options(provider: Provider, secrets: Secrets) -> ConnectOptions:
    """Say over which kind of connection a provider is reached. Raises: ConfigError."""
    proxy = secrets.resolve(provider.proxy) if provider.proxy is not None else None
    return ConnectOptions(tls=provider.tls, proxy=proxy, egress=provider.egress)


def list_models(
    provider: Provider,
    secrets: Secrets,
    transport: Transport,
    key: Secret | None = None,
    position: int | None = None,
) -> Listing:
    """Ask for the models. Where a key went along, ask once more without, to see if it mattered.

    `position` picks one of several keys.

    Raises: ConfigError for a key that cannot be had; TransportError.
    """
    models = model_list(provider, secrets, key, position)
    reply = models.ask(transport, min(_LIST_S, provider.timeouts.total))
    label = _label(models.credential)
    if reply is None:
        nowhere = ProtocolError("its adapter knows of none", code="no_list")
        return Listing(access="unknown", seconds=0.0, label=label, error=nowhere)
    if reply.status != 200:
        return _refused(provider, reply, label, models.credential)
    try:
        found = models.read(reply)
    except ProtocolError as error:
        _hide(error, models.credential)
        return Listing(
            access="unknown",
            seconds=reply.seconds,
            label=label,
            error=error,
            is_page=reply.is_page,
            is_nobody=reply.is_nobody,
        )
    access: Access = "keyless"
    if models.credential is not None and sends_key(provider):
        without = models.ask(transport, _LIST_S, keyless=True)
        access = "open" if without is not None and without.status == 200 else "accepted"
    sent = models.credential.secret.reveal() if models.credential is not None else ""
    ids = tuple(without_secret(info.id, sent) for info in found)
    return Listing(access=access, seconds=reply.seconds, label=label, models=ids)


def _label(credential: Credential | None) -> str | None:
    """What a key may be called in front of people."""
    if credential is None:
        return None
    label = credential.label
    if label == "call":
        return "the key given"
    if label.startswith("stored:"):
        return "the stored key"
    return "the configured key" if label.startswith("(") else label


def _hide(error: DragomanError, credential: Credential | None) -> None:
    """Take the key that was sent out of what the server said of it."""
    if credential is not None:
        hide_secret(error, credential.secret.reveal())


def _refused(
    provider: Provider, reply: Reply, label: str | None, credential: Credential | None
) -> Listing:
    error = get_format(provider.api).parse_error(reply.status, reply.headers, reply.body)
    _hide(error, credential)
    error.provider = provider.name
    return Listing(
        access="refused" if reply.status in (401, 403) else "unknown",
        seconds=reply.seconds,
        label=label,
        error=error,
        is_page=reply.is_page,
        is_nobody=reply.is_nobody,
    )


def choose_model(provider: Provider, listed: Sequence[str]) -> str | None:
    """Choose a model to try: the provider's default, else a declared, else a listed one.

    Of listed ones the first that by its name is for chat.
    """
    if provider.default_model:
        return provider.default_model
    declared = next(iter(provider.models), None)
    return declared or choose_chat_model(listed)


def choose_chat_model(listed: Sequence[str]) -> str | None:
    """Choose the first model that by its name is for chat, else the first."""
    return next((model for model in listed if not _NOT_FOR_CHAT.search(model)), None) or next(
        iter(listed), None
    )


def sends_key(provider: Provider) -> bool:
    """Tell whether a key would be sent, if there were one."""
    return default_auth(provider.base_url, provider.api, provider.auth) != "none"
