"""`dragoman models list --refresh`: asks the providers themselves, several at a time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from dragoman.catalog.loose_json import MAX_MODELS
from dragoman.cli.providers.locality import is_local
from dragoman.cli.providers.model_cache import Cache, Listed, read_cache, write_cache
from dragoman.cli.session import Session
from dragoman.cli.terminal.spinner import Spinner
from dragoman.cli.terminal.streams import one_line
from dragoman.config.secrets import Secrets
from dragoman.errors import DragomanError
from dragoman.probe.at_once import start_asking
from dragoman.probe.discover import discover_models
from dragoman.transport.default import DefaultTransport
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Provider

AT_ONCE = 8

Told = tuple[ModelInfo, ...] | DragomanError


def refresh(session: Session, providers: Sequence[Provider]) -> list[DragomanError]:
    """Ask, keep what was told, tell how it went. Returns: the failures; old lists stay then."""
    asked = [p for p in providers if p.base_url and not p.base_url.startswith("demo:")]
    told = _ask_all(session, asked)
    before = read_cache(session.env)
    lists = dict(before.providers)
    failures = []
    width = max((len(provider.name) for provider in asked), default=0)
    for provider in asked:
        answer = told[provider.name]
        if isinstance(answer, DragomanError):
            failures.append(answer)
            kept = " (the old list stays)" if before.of(provider) else ""
            text = f"{one_line(answer.message)}{kept}"
        else:
            lists[provider.name] = Listed(provider.base_url, time.time(), answer)
            text = f"{len(answer)} model{'' if len(answer) == 1 else 's'}"
            if len(answer) >= MAX_MODELS:
                text += ", the first of its list: no more are kept of one provider"
        session.terminal.note(f"{provider.name:<{width}}  {text}")
    try:
        write_cache(session.env, Cache(providers=lists))
    except OSError as error:
        session.terminal.warn(f"not kept: {error.filename or ''}: {error.strerror}")
    return failures


def _ask_all(session: Session, providers: Sequence[Provider]) -> Mapping[str, Told]:
    """Ask all of them; nobody waits for another."""
    secrets = Secrets(session.env)
    transport = DefaultTransport()
    told: Mapping[str, Told]
    told, threads = start_asking(providers, lambda one: _ask(one, secrets, transport), AT_ONCE)
    with Spinner(session.terminal, lambda: f"asking {len(providers) - len(told)} providers"):
        for thread in threads:
            thread.join()
    transport.close()
    return told


def _ask(provider: Provider, secrets: Secrets, transport: DefaultTransport) -> Told:
    try:
        thoroughly = is_local(provider.base_url)
        return discover_models(provider, secrets, transport, thoroughly=thoroughly)
    except DragomanError as error:
        return error
