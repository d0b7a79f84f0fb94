"""Counts what happens, for Prometheus: names end in their unit, labels have few values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dragoman import __version__
from dragoman.errors import DragomanError
from dragoman.server.admission.snapshot import Admission
from dragoman.server.http.messages import Reply, Request
from dragoman.server.telemetry.tally import Tally, add_up, cumulative
from dragoman.types.exchange import NO_ROOM, Attempt, Exchange

if TYPE_CHECKING:
    from prometheus_client import Metric as Family

MODELS_LIMIT = 500
"""Pairs of provider and model that are told apart; clients can make up any number of names."""
NAMES_LIMIT = 500
"""Providers, and routes, that are told apart: organisations give theirs any name, and another."""
OTHER = "other"

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_OVERHEAD = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)


class Metric(NamedTuple):
    """One metric; `kind` is Prometheus' word. Names of counters are without their `_total`."""

    name: str
    kind: str
    doc: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REQUESTS = Metric(
    "dragoman_requests",
    "counter",
    "Requests, by how they ended.",
    ("endpoint", "provider", "model", "outcome"),
)
DURATION = Metric(
    "dragoman_request_duration_seconds",
    "histogram",
    "From the request to the end of its answer.",
    ("endpoint",),
    _SECONDS,
)
FIRST_TOKEN = Metric(
    "dragoman_time_to_first_token_seconds",
    "histogram",
    "From the request to the first content of its answer.",
    ("provider", "model"),
    _SECONDS,
)
OVERHEAD = Metric(
    "dragoman_gateway_overhead_seconds",
    "histogram",
    "What the gateway itself took of a request, until its answer began.",
    (),
    _OVERHEAD,
)
ATTEMPTS = Metric(
    "dragoman_upstream_attempts",
    "counter",
    "Tries at providers, by how they ended.",
    ("provider", "outcome", "reason"),
)
FALLBACKS = Metric(
    "dragoman_fallbacks",
    "counter",
    "Tries at another deployment, by why the one before failed.",
    ("route", "reason"),
)
TOKENS = Metric("dragoman_tokens", "counter", "Tokens of all tries.", ("provider", "model", "type"))
COST = Metric(
    "dragoman_cost_usd",
    "counter",
    "What all tries cost, where that is known.",
    ("provider", "model"),
)
LIMITED = Metric(
    "dragoman_rate_limited",
    "counter",
    "Requests and tries that a limit of ours refused.",
    ("scope",),
)
DISCONNECTS = Metric(
    "dragoman_client_disconnects", "counter", "Clients that left before the end of their answer."
)
DROPPED = Metric(
    "dragoman_log_dropped", "counter", "Exchanges that could not be written to the ledger."
)
REPLAYED = Metric(
    "dragoman_replayed",
    "counter",
    "Requests answered as before, from the cache or for the same Idempotency-Key.",
    ("source",),
)
FINDINGS = Metric(
    "dragoman_guardrail_findings",
    "counter",
    "What guardrails found in requests (in) and answers (out), and did.",
    ("where", "action", "mode"),
)
IN_FLIGHT = Metric("dragoman_inflight_requests", "gauge", "Requests being answered.")
QUEUED = Metric(
    "dragoman_log_queue_depth", "gauge", "Exchanges that wait to be written to the ledger."
)
UP = Metric(
    "dragoman_provider_up",
    "gauge",
    "0 while a provider's failures keep it from being asked first.",
    ("provider",),
)
TASK_UP = Metric(
    "dragoman_background_task_up",
    "gauge",
    "Workers in which a background task runs; the others are about to begin it again.",
    ("task",),
)
TASK_DEATHS = Metric(
    "dragoman_background_task_deaths",
    "counter",
    "How often a background task died.",
    ("task",),
)
BUILD = Metric(
    "dragoman_build_info", "gauge", "Always 1; the label says which version runs.", ("version",)
)

METRICS = (
    REQUESTS, DURATION, FIRST_TOKEN, OVERHEAD, ATTEMPTS, FALLBACKS, TOKENS, COST, LIMITED,
    DISCONNECTS, DROPPED, REPLAYED, FINDINGS, IN_FLIGHT, QUEUED, UP, TASK_UP, TASK_DEATHS, BUILD,
)  # fmt: skip


class Metrics:
    """An observer that counts.

    `live` gives what is true at the moment. With `folder` several workers count together: each
    leaves there what it has counted (`share`), and whoever is asked adds it up.
    """

    def __init__(
        self, live: Callable[[Tally], None] = lambda _: None, folder: Path | None = None
    ) -> None:
        self._live = live
        self._folder = folder
        self._tally = Tally()
        self._pairs: set[tuple[str, str]] = set()
        self._providers: set[str] = set()
        self._routes: set[str] = set()

    # ------------------------------------------------------------------------------ observing

    def ended(self, exchange: Exchange) -> None:
        """See `Observer.ended`."""
        tally = self._tally
        final = exchange.final
        pair = ("", "") if final is None else self._pair(final)
        endpoint = exchange.endpoint or ""
        tally.add(REQUESTS.name, (endpoint, *pair, exchange.outcome))
        tally.observe(DURATION.name, (endpoint,), exchange.duration_s, _SECONDS)
        if exchange.first_token_s is not None:
            tally.observe(FIRST_TOKEN.name, pair, exchange.first_token_s, _SECONDS)
        if exchange.overhead_s is not None:
            tally.observe(OVERHEAD.name, (), exchange.overhead_s, _OVERHEAD)
        if exchange.outcome == "client_closed":
            tally.add(DISCONNECTS.name, ())
        reason = ""
        for attempt in exchange.attempts:
            if attempt.kind == "fallback":
                route = _told_apart(self._routes, exchange.route or "")
                tally.add(FALLBACKS.name, (route, reason))
            reason = attempt.error or ""
            self._attempt(attempt, reason)
        if exchange.replayed is not None:
            self._tally.add(REPLAYED.name, (exchange.replayed,))
        for found in exchange.findings:
            labels = (found.where, found.action, found.mode)
            self._tally.add(FINDINGS.name, labels, found.count)

    def refused(self, endpoint: str, error: DragomanError) -> None:
        """See `Observer.refused`."""
        self._tally.add(REQUESTS.name, (endpoint, "", "", "refused"))
        if error.status == 429:
            self._tally.add(LIMITED.name, ("gateway",))

    def _attempt(self, attempt: Attempt, reason: str) -> None:
        tally = self._tally
        pair = self._pair(attempt)
        tally.add(ATTEMPTS.name, (pair[0], attempt.outcome, reason))
        if reason == NO_ROOM:
            tally.add(LIMITED.name, ("provider",))
        usage = attempt.usage
        if usage is not None:
            tally.add(TOKENS.name, (*pair, "input"), usage.prompt_tokens or 0)
            tally.add(TOKENS.name, (*pair, "output"), usage.completion_tokens or 0)
            if usage.cache_read_tokens:
                tally.add(TOKENS.name, (*pair, "cache_read"), usage.cache_read_tokens)
        if attempt.cost_nanousd:
            tally.add(COST.name, pair, attempt.cost_nanousd / 1e9)

    def _pair(self, attempt: Attempt) -> tuple[str, str]:
        provider = _told_apart(self._providers, attempt.provider)
        pair = provider, attempt.model
        if pair not in self._pairs:
            if len(self._pairs) >= MODELS_LIMIT:
                return provider, OTHER
            self._pairs.add(pair)
        return pair

    # ------------------------------------------------------------------------- other workers

    def share(self) -> None:
        """Leave what was counted where the other workers look. Raises: OSError."""
        if self._folder is None:
            return
        text = msgspec.msgpack.encode((self._tally, self._moment()))
        draft = self._folder / f".{os.getpid()}"
        draft.write_bytes(text)
        draft.replace(self._folder / str(os.getpid()))

    def _others(self) -> Iterator[tuple[Tally, Tally | None]]:
        """Yield what the other workers left: what they counted, and what is true of those alive."""
        if self._folder is None:
            return
        for path in self._folder.iterdir():
            if not path.name.isdigit() or path.name == str(os.getpid()):
                continue
            counted, moment = _decode(path.read_bytes())
            yield counted, moment if _alive(int(path.name)) else None

    def _moment(self) -> Tally:
        moment = Tally()
        self._live(moment)
        return moment

    # -------------------------------------------------------------------------------- telling

    async def answer(self, request: Request, reply: Reply, admission: Admission) -> None:
        """Tell what was counted, in Prometheus' text format."""
        del request, admission
        from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

        await reply.send(200, {"content-type": CONTENT_TYPE_PLAIN_0_0_4}, self.render())

    def render(self) -> bytes:
        """Write down what was counted: by all workers, where there are several."""
        from prometheus_client import CollectorRegistry, generate_latest

        others = list(self._others())
        counted = add_up([self._tally, *(tally for tally, _ in others)])
        moment = add_up([self._moment(), *(live for _, live in others if live is not None)])
        for labels, count in moment.counts.pop(UP.name, {}).items():
            counted.counts.setdefault(UP.name, {})[labels] = min(count, 1)
        registry = CollectorRegistry()
        registry.register(_Collector(add_up([counted, moment])))
        return generate_latest(registry)


_decode = msgspec.msgpack.Decoder(tuple[Tally, Tally]).decode


class _Collector:
    """Gives the client library what was counted, as families of samples."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Family]:
        """See `prometheus_client.registry.Collector`."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        self._tally.counts[BUILD.name] = {(__version__,): 1}
        for metric in METRICS:
            if metric.kind == "histogram":
                histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.labels)
                for labels, numbers in self._tally.histograms.get(metric.name, {}).items():
                    bounds = list(cumulative(numbers, metric.buckets).items())
                    histogram.add_metric(labels, bounds, numbers[-1])
                yield histogram
                continue
            kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = kind(metric.name, metric.doc, labels=metric.labels)
            never: dict[tuple[str, ...], float] = {} if metric.labels else {(): 0}
            for labels, value in self._tally.counts.get(metric.name, never).items():
                family.add_metric(labels, value)
            yield family


def _told_apart(known: set[str], name: str) -> str:
    """Give a name that is told apart, or is so from now on; `OTHER` where there are too many."""
    if name not in known:
        if len(known) >= NAMES_LIMIT:
            return OTHER
        known.add(name)
    return name


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
