"""Spans: one tree for each exchange, with the names of the conventions."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dragoman.server.telemetry.traces import Traces, make_traces
from dragoman.types.exchange import Attempt, Exchange
from dragoman.types.usage import Usage

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def exchange() -> Exchange:
    failed = Attempt(
        id="r-1",
        number=1,
        kind="first",
        provider="a",
        model="m",
        started_at=100.0,
        duration_s=0.5,
        outcome="error",
        status=500,
        error="upstream_error",
    )
    answered = Attempt(
        id="r-2",
        number=2,
        kind="fallback",
        provider="mistral",
        model="n",
        started_at=100.5,
        duration_s=1.5,
        outcome="ok",
        status=200,
        answered_model="n-2026",
        finish_reason="stop",
        usage=Usage(10, 20, cache_read_tokens=4),
        cost_nanousd=2_000_000,
    )
    return Exchange(
        id="r",
        asked="smart",
        started_at=100.0,
        duration_s=2.0,
        first_token_s=0.7,
        outcome="ok",
        endpoint="/messages",
        status=200,
        traceparent=f"00-{TRACE}-{PARENT}-01",
        attempts=[failed, answered],
    )


def spans_of(*exchanges: Exchange) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    traces = Traces(SimpleSpanProcessor(exporter))
    for one in exchanges:
        traces.ended(one)
    traces.close()
    return list(exporter.get_finished_spans())


def test_an_exchange_is_one_tree_below_the_clients_span() -> None:
    first, second, whole, request = spans_of(exchange())
    assert (request.name, whole.name) == ("POST /messages", "chat n")
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert {f"{span.context.trace_id:032x}" for span in (first, second, whole, request)} == {TRACE}
    assert whole.parent is not None
    assert whole.parent.span_id == request.context.span_id
    for attempt in (first, second):
        assert attempt.parent is not None
        assert attempt.parent.span_id == whole.context.span_id


def test_spans_say_what_the_conventions_call_for() -> None:
    first, second, whole, request = spans_of(exchange())
    assert whole.attributes is not None
    assert dict(whole.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "smart",
        "gen_ai.request.stream": False,
        "gen_ai.response.time_to_first_chunk": 0.7,
        "gen_ai.provider.name": "mistral_ai",
        "gen_ai.response.model": "n-2026",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "dragoman.cost.usd": 0.002,
    }
    assert first.attributes is not None
    assert first.attributes["error.type"] == "upstream_error"
    assert not first.status.is_ok
    assert second.status.is_unset
    assert (second.start_time, second.end_time) == (100_500_000_000, 102_000_000_000)
    assert (request.start_time, request.end_time) == (100_000_000_000, 102_000_000_000)


def test_nonsense_in_the_clients_header_begins_a_trace_of_its_own() -> None:
    broken = exchange()
    broken.traceparent = "nonsense"
    *_, request = spans_of(broken)
    assert request.parent is None


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
    ],
)
def test_nothing_is_sent_where_nothing_says_where_to(env: dict[str, str]) -> None:
    assert make_traces(env) is None
