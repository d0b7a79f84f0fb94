"""Who of several providers can be reached now: all asked at the same time, two seconds in all.

Nothing is told to them but that somebody asks: no key goes along, and any answer counts as one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

from msgspec import Struct

from dragoman.config.secrets import Secrets
from dragoman.endpoint import models_url
from dragoman.errors import DragomanError, Timeout
from dragoman.probe.at_once import start_asking
from dragoman.probe.explain import fix_for, words_for
from dragoman.probe.listing import read_options
from dragoman.transport.base import Transport
from dragoman.transport.dial import Network
from dragoman.transport.sync import SyncTransport
from dragoman.types.http import HttpRequest, parse_url
from dragoman.types.provider import Provider

PATIENCE_S = 2.0
AT_ONCE = 32


class Reachable(Struct, frozen=True, kw_only=True):
    """How it went with one provider.

    `error` is why it cannot be reached, in words, and `fix` what to do about it. `seconds` is the
    time to the head of its answer. `clock_ahead_s` is how far its clock is ahead of ours, to the
    second and as far as it tells.
    """

    name: str
    base_url: str
    error: str | None = None
    fix: str | None = None
    seconds: float | None = None
    clock_ahead_s: float | None = None


def reach_all(
    providers: Sequence[Provider], env: Mapping[str, str], within_s: float = PATIENCE_S
) -> tuple[Reachable, ...]:
    """Ask all of them, in their order. Takes `within_s` and a moment; never raises for them."""
    deadline = time.monotonic() + within_s
    with SyncTransport(network=Network(env=env)) as transport:
        found, threads = start_asking(
            providers, lambda one: _ask(one, env, transport, deadline), AT_ONCE
        )
        for thread in threads:
            thread.join(max(0.0, deadline + 0.2 - time.monotonic()))
        seen = dict(found)
    return tuple(seen.get(provider.name) or _silent(provider, within_s) for provider in providers)


def _ask(
    provider: Provider, env: Mapping[str, str], transport: Transport, deadline: float
) -> Reachable:
    left = max(0.05, deadline - time.monotonic())
    began = time.monotonic()
    try:
        request = HttpRequest(
            url=parse_url(models_url(provider.base_url, provider.api)),
            method="HEAD",
            headers={"accept": "application/json"},
            body=b"",
            options=read_options(provider, Secrets(env)),
        )
        answer = transport.send(request, connect_timeout_s=left, head_timeout_s=left)
    except DragomanError as error:
        return Reachable(
            name=provider.name,
            base_url=provider.base_url,
            error=_words(error, provider),
            fix=fix_for(error, provider, env),
        )
    answer.close()
    return Reachable(
        name=provider.name,
        base_url=provider.base_url,
        seconds=time.monotonic() - began,
        clock_ahead_s=_ahead(answer.headers.get("date")),
    )


def _words(error: DragomanError, provider: Provider) -> str:
    if isinstance(error, Timeout) and error.sent:
        return f"something listens there and says nothing within {error.timeout_s:.0f} s"
    return words_for(error, provider)


def _silent(provider: Provider, within_s: float) -> Reachable:
    return Reachable(
        name=provider.name,
        base_url=provider.base_url,
        error=f"no answer within {within_s:g} s",
        fix=f"dragoman providers test {provider.name} takes its time",
    )


def _ahead(date: str | None) -> float | None:
    """How far the clock that wrote this header is ahead of ours; within a second it is not."""
    if date is None:
        return None
    try:
        ahead = parsedate_to_datetime(date).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return 0.0 if -2 <= ahead <= 1 else round(ahead)
