"""Spans of every exchange for OpenTelemetry, made when it is over: nothing happens before.

One span for the request to us, below it one for the operation as a whole, below that one for each
try. What they are called and what they say follows the conventions for generative AI; nothing of
what was said is in them.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (read 2026-11)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman import __version__
from dragoman.catalog.semconv import provider_name
from dragoman.errors import ConfigError, DragomanError
from dragoman.types.exchange import Attempt, Exchange

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_OPERATIONS = {
    "/chat/completions": "chat",
    "/responses": "chat",
    "/messages": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
}
_SWITCHES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)


def make_traces(env: Mapping[str, str]) -> Traces | None:
    """Make traces where the standard variables say that spans are to be sent somewhere.

    Raises: ConfigError when they do, and what sends them is not installed.
    """
    off = env.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or env.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    switch = next((name for name in _SWITCHES if env.get(name)), None)
    if switch is None:
        return None
    try:
        return Traces()
    except ImportError as error:
        raise ConfigError(
            f"{switch} is set, and {error.name} is not installed",
            hint="pip install 'dragoman[otel]', or unset it",
        ) from None


class Traces:
    """An observer that makes spans. `processor` takes them; by default they are sent as OTLP.

    The standard `OTEL_*` variables say where to, and what the service is called.
    """

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider

        if processor is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.trace.export import BatchSpanProcessor

            processor = BatchSpanProcessor(OTLPSpanExporter())
        own = {"service.name": "dragoman", "service.version": __version__}
        named = os.environ.get("OTEL_SERVICE_NAME")
        resource = Resource.create(own | ({"service.name": named} if named else {}))
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("dragoman", __version__)

    def ended(self, exchange: Exchange) -> None:
        """See `Observer.ended`."""
        from opentelemetry.trace import SpanKind, set_span_in_context

        endpoint = exchange.endpoint or ""
        ends = exchange.started_at + exchange.duration_s
        request = self._tracer.start_span(
            f"POST {endpoint}",
            context=_parent(exchange.traceparent),
            kind=SpanKind.SERVER,
            attributes=_of_request(exchange),
            start_time=_ns(exchange.started_at),
        )
        operation = _OPERATIONS.get(endpoint, "chat")
        whole = self._tracer.start_span(
            f"{operation} {exchange.model or exchange.asked}",
            context=set_span_in_context(request),
            kind=SpanKind.CLIENT,
            attributes={"gen_ai.operation.name": operation, **_of_exchange(exchange)},
            start_time=_ns(exchange.started_at),
        )
        for attempt in exchange.attempts:
            span = self._tracer.start_span(
                f"attempt {attempt.number}",
                context=set_span_in_context(whole),
                kind=SpanKind.CLIENT,
                attributes={"gen_ai.operation.name": operation, **_of_attempt(attempt)},
                start_time=_ns(attempt.started_at),
            )
            _fail(span, None if attempt.outcome == "ok" else attempt.error or attempt.outcome)
            span.end(_ns(attempt.started_at + attempt.duration_s))
        failure = None if exchange.outcome == "ok" else _reason(exchange)
        for span in (whole, request):
            _fail(span, failure)
            span.end(_ns(ends))

    def refused(self, endpoint: str, error: DragomanError) -> None:
        """See `Observer.refused`: what asked nobody has no span."""

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _of_request(exchange: Exchange) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "http.request.method": "POST",
        "http.route": exchange.endpoint or "",
        "dragoman.exchange.id": exchange.id,
    }
    if exchange.status is not None:
        attributes["http.response.status_code"] = exchange.status
    if exchange.key is not None:
        attributes["dragoman.key.id"] = exchange.key
    return attributes


def _of_exchange(exchange: Exchange) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.request.model": exchange.asked,
        "gen_ai.request.stream": exchange.stream,
    }
    if exchange.first_token_s is not None:
        attributes["gen_ai.response.time_to_first_chunk"] = exchange.first_token_s
    if exchange.cost is not None:
        attributes["dragoman.cost.usd"] = float(exchange.cost)
    if exchange.final is not None:
        attributes |= dict(_of_answer(exchange.final))
    return attributes


def _of_attempt(attempt: Attempt) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "gen_ai.request.model": attempt.model,
        "dragoman.attempt.index": attempt.number,
        "dragoman.attempt.kind": attempt.kind,
    }
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
    return attributes | dict(_of_answer(attempt))


def _of_answer(attempt: Attempt) -> Iterator[tuple[str, Any]]:
    yield "gen_ai.provider.name", provider_name(attempt.provider)
    if attempt.answered_model is not None:
        yield "gen_ai.response.model", attempt.answered_model
    if attempt.finish_reason is not None:
        yield "gen_ai.response.finish_reasons", (attempt.finish_reason,)
    if (usage := attempt.usage) is not None:
        counts = {
            "input_tokens": usage.prompt_tokens,
            "output_tokens": usage.completion_tokens,
            "cache_read.input_tokens": usage.cache_read_tokens,
            "cache_creation.input_tokens": usage.cache_write_tokens,
            "reasoning.output_tokens": usage.reasoning_tokens,
        }
        for name, count in counts.items():
            if count is not None:
                yield f"gen_ai.usage.{name}", count


def _reason(exchange: Exchange) -> str:
    final = exchange.final
    return (final.error if final is not None else None) or exchange.outcome


def _fail(span: Any, reason: str | None) -> None:
    from opentelemetry.trace import Status, StatusCode

    if reason is not None:
        span.set_attribute("error.type", reason)
        span.set_status(Status(StatusCode.ERROR))


def _parent(traceparent: str | None) -> Any:
    """Find the span of the client's that ours belongs below."""
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if traceparent is None:
        return Context()
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent}, Context())


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
