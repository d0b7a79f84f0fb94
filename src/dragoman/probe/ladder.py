"""The test of a provider: a ladder of steps, each of which stands on the ones below.

    reach → tls → auth → models → chat → stream → tools → schema → images → usage

It stops where going on makes no sense: who cannot be reached has no models. What a provider need
not have (tools, schemas, images, usage in streams) does not make it unusable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config
from dragoman.config.secrets import Secrets
from dragoman.endpoint import models_url
from dragoman.engine.call import Surroundings
from dragoman.errors import (
    DragomanError,
    NotFound,
    Overloaded,
    ProtocolError,
    RateLimited,
    Timeout,
)
from dragoman.probe.abilities import ABILITIES, TOTAL_S, Ask, Asker, ask_chat, ask_stream
from dragoman.probe.base_url import complete
from dragoman.probe.explain import fix_for, words_for
from dragoman.probe.listing import Listing, choose_model, list_models, read_options, sends_key
from dragoman.probe.reach import Unreached, reach
from dragoman.transport.base import Transport
from dragoman.transport.default import DefaultTransport
from dragoman.transport.dial import Network
from dragoman.types.credential import Secret
from dragoman.types.http import parse_url
from dragoman.types.provider import Provider, Timeouts

Name = Literal[
    "reach", "tls", "auth", "models", "chat", "stream", "tools", "schema", "images", "usage"
]
Verdict = Literal["ok", "failed", "warning", "skipped"]

NAMES: tuple[Name, ...] = get_args(Name)
NEEDED = frozenset({"reach", "tls", "auth", "chat", "stream"})
"""Steps without which a provider is of no use."""

_EXPIRES_SOON_DAYS = 14
_SHOWN = 3


class Step(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A step, taken. `seconds` is how long it took, `detail` what was seen, `fix` what to do.

    `needed`: without it the provider is of no use. `code` is the error's stable word. `models` are
    the ids that the provider listed, in its order.
    """

    name: Name
    verdict: Verdict
    detail: str = ""
    fix: str | None = None
    seconds: float | None = None
    needed: bool = False
    code: str | None = None
    models: tuple[str, ...] = ()


class Ladder:
    """The test of one provider. `climb` yields its steps as they are taken.

    `key` comes before all configured ones, `model` before the provider's default; `new` says that
    the provider stands in no file yet. With a `transport` comes the `network` that it connects
    under. Afterwards
    `error` says what failed, `model` what was tried, `models` what it lists.

    Blocks; a server runs it in a thread. A provider with problems must not be given to it.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        env: Mapping[str, str],
        key: Secret | None = None,
        model: str | None = None,
        new: bool = False,
        transport: Transport | None = None,
        network: Network | None = None,
    ) -> None:
        self.provider = provider
        self.model = model
        self.models: tuple[str, ...] = ()
        self._failure: DragomanError | None = None
        self._env = env
        self._key = key
        self._new = new
        self._with_key = False
        self._secrets = Secrets(env)
        self._transport = transport
        self._network = Network(env=env) if network is None else network
        self._usage: bool | None = None

    @property
    def error(self) -> DragomanError | None:
        """What has failed so far of that which is needed."""
        return self._failure

    def climb(self) -> Iterator[Step]:
        """Take the steps. Raises: nothing of the provider's; it is in the steps."""
        taken = 0
        own = None if self._transport else DefaultTransport()
        transport = self._transport or own
        assert transport is not None
        try:
            for step in self._steps(transport):
                taken += 1
                yield step
        finally:
            if own is not None:
                own.close()
        for name in NAMES[taken:]:
            yield Step(name=name, verdict="skipped", needed=name in NEEDED)

    def _steps(self, transport: Transport) -> Iterator[Step]:
        yield from self._reach()
        if self._is_over():
            return
        yield from self._models(transport)
        if self._is_over():
            return
        if self.model is None:
            yield self._no_model()
            return
        yield from self._answers(transport)

    # ------------------------------------------------------------------------------ connection

    def _reach(self) -> Iterator[Step]:
        """Connect. A demo has no network, nor has an adapter that is nowhere."""
        base_url = self.provider.base_url
        nowhere = not base_url and self.provider.adapter is not None
        try:
            url = parse_url("demo:" if nowhere else models_url(base_url, self.provider.api))
            if url.scheme == "demo":
                yield Step(name="reach", verdict="ok", detail="no network is needed", needed=True)
                yield Step(name="tls", verdict="skipped", needed=True)
                return
            options = read_options(self.provider, self._secrets)
            reached = reach(url, options, self._network, self.provider.timeouts.connect)
        except Unreached as error:
            if error.half == "tls":
                yield Step(name="reach", verdict="ok", needed=True)
            if error.half == "tls" and isinstance(error.error, Timeout):
                error.error.hint = "does it speak TLS on this port? Its URL may begin with http://"
            yield self._failed(error.half, error.error, error.seconds)
            return
        except DragomanError as error:
            yield self._failed("reach", error)
            return
        detail = f"through the proxy {reached.proxy}" if reached.proxy else ""
        yield Step(
            name="reach", verdict="ok", detail=detail, seconds=reached.connect_s, needed=True
        )
        if reached.tls_s is None:
            yield Step(name="tls", verdict="skipped", detail="plain http", needed=True)
            return
        days = reached.days_left
        soon = days is not None and days < _EXPIRES_SOON_DAYS
        yield Step(
            name="tls",
            verdict="warning" if soon else "ok",
            detail=f"{reached.tls_version or 'TLS'}{_validity(days)}",
            fix="its certificate must be renewed soon" if soon else None,
            seconds=reached.tls_s,
            needed=True,
        )

    # ------------------------------------------------------------------------- key and models

    def _models(self, transport: Transport) -> Iterator[Step]:
        try:
            first = 0 if self.provider.rotate else None
            listing = list_models(self.provider, self._secrets, transport, self._key, first)
            bad = self._bad_keys(transport) if first is not None else []
        except DragomanError as error:
            yield self._failed("auth", error)
            return
        self._with_key = listing.label is not None and sends_key(self.provider)
        if listing.access == "refused":
            assert listing.error is not None
            yield self._failed("auth", listing.error, listing.seconds)
            return
        if bad:
            yield Step(
                name="auth",
                verdict="warning",
                detail=f"{listing.label} accepted; refused: {', '.join(bad)}",
                fix="replace or take out the keys that are refused",
                needed=True,
            )
        else:
            yield Step(name="auth", verdict="ok", detail=self._access(listing), needed=True)
        if listing.models is None:
            yield self._no_list(listing, transport)
        else:
            self.models = listing.models
            yield self._listed(listing.models, listing.seconds)
        self.model = self.model or choose_model(self.provider, self.models)

    def _bad_keys(self, transport: Transport) -> list[str]:
        """Name those of several keys, but the first, that are refused."""
        bad = []
        for position in range(1, len(self.provider.credentials)):
            listing = list_models(self.provider, self._secrets, transport, None, position)
            if listing.access == "refused":
                bad.append(listing.label or f"key {position + 1}")
        return bad

    def _access(self, listing: Listing) -> str:
        if listing.access == "accepted":
            return f"{listing.label} accepted"
        if self._with_key:
            return f"{listing.label} sent; anybody may list the models, so chat will tell"
        return "no key sent" if listing.access == "unknown" else "no key needed to list models"

    def _listed(self, models: tuple[str, ...], seconds: float) -> Step:
        default = self.model or self.provider.default_model
        shown = ", ".join(models[:_SHOWN]) + (", …" if len(models) > _SHOWN else "")
        detail = f"{len(models)} found: {shown}" if models else "the list is empty"
        verdict: Verdict = "ok"
        fix = None
        if not models:
            verdict, fix = "warning", "load or pull a model on the server"
        elif default and default not in (*models, *self.provider.dialect.routers):
            verdict, fix = "warning", f"{default} is not among them"
        return Step(
            name="models", verdict=verdict, detail=detail, fix=fix, seconds=seconds, models=models
        )

    def _no_list(self, listing: Listing, transport: Transport) -> Step:
        error = listing.error
        assert error is not None
        detail = "a web page came" if listing.is_page else words_for(error, self.provider)
        fix = error.hint
        if listing.is_nobody or isinstance(error, NotFound):
            fix = self._other_url(transport) or fix
        return Step(
            name="models",
            verdict="warning",
            detail=f"no list: {detail}",
            fix=fix,
            seconds=listing.seconds,
            code=error.code,
        )

    def _other_url(self, transport: Transport) -> str | None:
        """Look for the API under another spelling of the base URL."""
        written = self.provider.base_url
        options = read_options(self.provider, self._secrets)
        found = complete(written, transport, api=self.provider.api, options=options).base_url
        if found is None or found == written.rstrip("/"):
            return "is the base URL right?"
        return f"its API is at {found.partition('?')[0]}: make that the base URL"

    def _no_model(self) -> Step:
        self._failure = ProtocolError("no model is known to try", code="no_model")
        return Step(
            name="chat",
            verdict="failed",
            detail="no model is known to try",
            fix="name one with -m MODEL",
            needed=True,
            code="no_model",
        )

    # -------------------------------------------------------------------------------- answers

    def _answers(self, transport: Transport) -> Iterator[Step]:
        # Nothing but this provider: no route may lead elsewhere.
        timeouts = replace(self.provider.timeouts, first_token=Timeouts().first_token)
        provider = replace(self.provider, enabled=True, timeouts=timeouts)
        config = Config(providers={provider.name: provider})
        client = Client(config, transport=transport, surroundings=Surroundings(self._secrets))
        asker = Asker(
            client,
            f"{provider.name}/{self.model}",
            self._key,
            total_s=min(TOTAL_S, timeouts.total),
            first_token_s=self.provider.timeouts.first_token,
        )
        for name, ask in _ASKS:
            yield self._take(name, ask, asker)
            if self._is_over():
                return
        yield self._usage_step()

    def _is_over(self) -> bool:
        return self._failure is not None

    def _take(self, name: Name, ask: Ask, asker: Asker) -> Step:
        began = time.monotonic()
        try:
            told = ask(asker)
        except DragomanError as error:
            return self._failed(name, error, time.monotonic() - began)
        if told.usage is not None:
            self._usage = told.usage
        return Step(
            name=name,
            verdict=told.verdict,
            detail=told.detail,
            fix=told.fix,
            seconds=time.monotonic() - began,
            needed=name in NEEDED,
        )

    def _usage_step(self) -> Step:
        if self._usage:
            return Step(name="usage", verdict="ok", detail="reported in streams")
        return Step(
            name="usage",
            verdict="warning",
            detail="not reported in streams: tokens and cost of streamed answers are unknown",
        )

    def _failed(self, name: Name, error: DragomanError, seconds: float | None = None) -> Step:
        """A step that failed. Who is only busy is not unusable, but there is no going on."""
        needed = name in NEEDED
        if needed:
            self._failure = error
        busy = isinstance(error, RateLimited | Overloaded)
        return Step(
            name=name,
            verdict="warning" if busy else "failed",
            detail=words_for(error, self.provider),
            fix=fix_for(
                error,
                self.provider,
                self._env,
                with_key=self._with_key,
                models=self.models,
                new=self._new,
            ),
            seconds=seconds,
            needed=needed,
            code=error.code,
        )


_ASKS: tuple[tuple[Name, Ask], ...] = (
    ("chat", ask_chat),
    ("stream", ask_stream),
    *ABILITIES.items(),
)


def _validity(days: int | None) -> str:
    return "" if days is None else f", certificate valid for {days} more days"
