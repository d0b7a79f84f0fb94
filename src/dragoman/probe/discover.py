"""What a provider's models are, and what the server tells of each: its list, and its own pages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from dragoman.catalog.discovery import PROBES, Probe, merge_discovered
from dragoman.config.secrets import Secrets
from dragoman.engine.target import Target
from dragoman.errors import ProtocolError, TransportError, Unsupported
from dragoman.probe.fetch import Reply, fetch
from dragoman.probe.model_list import FormatList, model_list
from dragoman.transport.base import Transport
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider
from dragoman.wire import get_format

MOST_QUESTIONS = 64
"""So many models are asked about one by one; a server with more tells of them in its list."""


def discover_models(
    provider: Provider,
    secrets: Secrets,
    transport: Transport,
    *,
    thoroughly: bool = False,
    within_s: float = 15.0,
) -> tuple[ModelInfo, ...]:
    """Ask a provider for its models, with its key.

    `thoroughly`: then try the pages by which servers of one's own tell more of each model: windows,
    abilities. Nobody else is asked for pages that they never published. `within_s` holds for the
    list, and once more for all of these pages together: what was not told by then stays unknown.

    Raises: ConfigError for a key that cannot be had, UpstreamError, ProtocolError, TransportError;
    Unsupported where an adapter knows of no list.
    """
    models = model_list(provider, secrets, whole=True)
    reply = models.ask(transport, within_s)
    if reply is None:
        raise Unsupported(f"{provider.name} lists no models: its adapter knows of no list")
    if reply.status != 200:
        error = get_format(provider.api).parse_error(reply.status, reply.headers, reply.body)
        error.provider = provider.name
        raise error
    found = {info.id: info for info in models.read(reply)}
    untold = any(info.context_window is None for info in found.values())
    if thoroughly and untold and isinstance(models, FormatList):
        for info in _tell_more(provider, models.target, transport, found, within_s):
            found[info.id] = merge_discovered(found[info.id], info)
    return tuple(found.values())


def _tell_more(
    provider: Provider,
    target: Target,
    transport: Transport,
    listed: Mapping[str, ModelInfo],
    within_s: float,
) -> Iterator[ModelInfo]:
    """Yield what the first page tells that the server has."""
    parts = urlsplit(provider.base_url)
    root = f"{parts.scheme}://{parts.netloc}"
    until = time.monotonic() + within_s
    for probe in PROBES:
        told = list(_ask_probe(probe, root, target, transport, listed, until))
        if told:
            yield from (info for info in told if info.id in listed)
            return


def _ask_probe(
    probe: Probe,
    root: str,
    target: Target,
    transport: Transport,
    listed: Mapping[str, ModelInfo],
    until: float,
) -> Iterator[ModelInfo]:
    """Ask for a page: once for a list, for each model where it must be named.

    A page that tells of the one model it has loaded is of use where there is only one.
    """
    several = probe.ask is not None
    for model in list(listed)[: MOST_QUESTIONS if several else 1]:
        body = probe.ask(model) if probe.ask else None
        left = until - time.monotonic()
        if left <= 0:
            return
        try:
            reply = _ask(transport, target, root + probe.path, left, body)
            told = probe.parse(reply.body, model) if reply.status == 200 else ()
        except (ProtocolError, TransportError):
            return
        if not told and several:
            return
        if len(listed) > 1 and not several and len(told) == 1 and told[0].id == model:
            return
        yield from told


def _ask(
    transport: Transport, target: Target, url: str, within_s: float, body: bytes | None = None
) -> Reply:
    return fetch(
        transport,
        url,
        headers=target.headers,
        body=body,
        options=target.site.options,
        within_s=within_s,
    )
