"""What is counted for Prometheus, by one worker and by several."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from dragoman.errors import LimitExceeded, UnknownModel
from dragoman.server.telemetry.metrics import (
    IN_FLIGHT,
    METRICS,
    MODELS_LIMIT,
    NAMES_LIMIT,
    UP,
    Metrics,
)
from dragoman.server.telemetry.tally import Tally
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage


def attempt(number: int = 1, **more: object) -> Attempt:
    fields: dict[str, object] = {
        "kind": "first",
        "provider": "a",
        "model": "m",
        "outcome": "ok",
        "usage": Usage(10, 20),
        "cost_nanousd": 3_000_000,
    }
    return Attempt(id=f"r-{number}", number=number, started_at=0.0, **(fields | more))  # type: ignore[arg-type]


def exchange(*attempts: Attempt, **more: object) -> Exchange:
    fields: dict[str, object] = {"outcome": "ok", "endpoint": "/messages", "duration_s": 0.3}
    return Exchange(
        id="r",
        asked="m",
        started_at=0.0,
        attempts=list(attempts),
        **(fields | more),  # type: ignore[arg-type]
    )


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_an_exchange_is_counted_with_its_attempts() -> None:
    metrics = Metrics()
    failed = attempt(outcome="error", error="upstream_error", usage=None, cost_nanousd=None)
    metrics.ended(
        exchange(
            failed, attempt(2, kind="fallback", provider="b"), route="smart", overhead_s=0.0003
        )
    )
    found = samples(metrics)
    assert found["dragoman_requests_total", ("/messages", "m", "ok", "b")] == 1
    assert found["dragoman_upstream_attempts_total", ("error", "a", "upstream_error")] == 1
    assert found["dragoman_upstream_attempts_total", ("ok", "b", "")] == 1
    assert found["dragoman_fallbacks_total", ("upstream_error", "smart")] == 1
    assert found["dragoman_tokens_total", ("m", "b", "input")] == 10
    assert found["dragoman_tokens_total", ("m", "b", "output")] == 20
    assert found["dragoman_cost_usd_total", ("m", "b")] == 0.003
    assert found["dragoman_gateway_overhead_seconds_bucket", ("0.0002",)] == 0
    assert found["dragoman_gateway_overhead_seconds_bucket", ("0.0005",)] == 1
    assert found["dragoman_request_duration_seconds_count", ("/messages",)] == 1
    assert found["dragoman_request_duration_seconds_sum", ("/messages",)] == 0.3


def test_refusals_and_clients_that_leave_are_counted() -> None:
    metrics = Metrics()
    metrics.refused("/messages", UnknownModel("no"))
    metrics.refused("/messages", LimitExceeded("no"))
    metrics.ended(exchange(attempt(), outcome="client_closed"))
    found = samples(metrics)
    assert found["dragoman_requests_total", ("/messages", "", "refused", "")] == 2
    assert found["dragoman_rate_limited_total", ("gateway",)] == 1
    assert found["dragoman_client_disconnects_total", ()] == 1


def test_made_up_names_of_models_do_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(MODELS_LIMIT + 50):
        metrics.ended(exchange(attempt(model=f"made-up-{number}")))
    models = {labels[1] for name, labels in samples(metrics) if name == "dragoman_requests_total"}
    assert len(models) == MODELS_LIMIT + 1
    assert "other" in models


def test_made_up_names_of_providers_and_routes_do_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(NAMES_LIMIT + 50):
        provider, route = f"tenants-{number}", f"route-{number}"
        failed = attempt(provider=provider, outcome="error", error="overloaded")
        again = attempt(2, provider=provider, kind="fallback")
        metrics.ended(exchange(failed, again, route=route))
    found = samples(metrics)
    for metric in ("upstream_attempts", "tokens", "cost_usd", "fallbacks"):
        told = {
            label
            for name, labels in found
            if name == f"dragoman_{metric}_total"
            for label in labels
            if label.startswith(("tenants-", "route-", "other"))
        }
        assert len(told) == NAMES_LIMIT + 1, metric
        assert "other" in told


def test_every_metric_is_told_of_and_has_no_more_labels_than_it_says() -> None:
    text = Metrics().render().decode()
    for metric in METRICS:
        assert f"# TYPE {metric.name}" in text
        assert metric.name.startswith("dragoman_")


def test_workers_are_added_up_and_the_dead_are_not_busy(tmp_path: Path) -> None:
    def busy(tally: Tally) -> None:
        tally.add(IN_FLIGHT.name, (), 2)
        tally.add(UP.name, ("a",), 1)

    here = Metrics(busy, tmp_path)
    here.ended(exchange(attempt()))
    alive, dead = Metrics(busy, tmp_path), Metrics(busy, tmp_path)
    for other, pid in ((alive, os.getppid()), (dead, 2**22 + 1)):
        other.ended(exchange(attempt()))
        other.share()
        (tmp_path / str(os.getpid())).rename(tmp_path / str(pid))
    found = samples(here)
    assert found["dragoman_requests_total", ("/messages", "m", "ok", "a")] == 3
    assert found["dragoman_inflight_requests", ()] == 4
    assert found["dragoman_provider_up", ("a",)] == 1
