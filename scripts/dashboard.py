"""The Grafana dashboard, made from the table of metrics: `docs/gateway/grafana.json`."""

from __future__ import annotations

import json
from typing import Any

from dragoman.server.telemetry import metrics as m

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_WIDTH, _HEIGHT = 12, 8


def _rate(metric: m.Metric, by: str = "") -> str:
    """Write the rate of a counter."""
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped}(rate({metric.name}_total[$__rate_interval]))"


def _quantile(metric: m.Metric, share: float, by: str = "") -> str:
    grouped = f"le, {by}" if by else "le"
    rate = f"sum by ({grouped}) (rate({metric.name}_bucket[$__rate_interval]))"
    return f"histogram_quantile({share}, {rate})"


_FAILED = (
    f'sum by (provider, reason) (rate({m.ATTEMPTS.name}_total{{outcome!="ok"}}[$__rate_interval]))'
)

PANELS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Requests a second, by outcome",
        "reqps",
        ((_rate(m.REQUESTS, "outcome"), "{{outcome}}"),),
    ),
    (
        "Cost in USD an hour, by model",
        "currencyUSD",
        ((f"3600 * {_rate(m.COST, 'provider, model')}", "{{provider}}/{{model}}"),),
    ),
    (
        "Tokens a second, by kind",
        "short",
        ((_rate(m.TOKENS, "type"), "{{type}}"),),
    ),
    (
        "First token: median and 95th percentile",
        "s",
        (
            (_quantile(m.FIRST_TOKEN, 0.5), "median"),
            (_quantile(m.FIRST_TOKEN, 0.95), "95 %"),
        ),
    ),
    (
        "Whole request: 95th percentile, by endpoint",
        "s",
        ((_quantile(m.DURATION, 0.95, "endpoint"), "{{endpoint}}"),),
    ),
    (
        "The gateway's own time: median and 99th percentile",
        "s",
        (
            (_quantile(m.OVERHEAD, 0.5), "median"),
            (_quantile(m.OVERHEAD, 0.99), "99 %"),
        ),
    ),
    (
        "Tries that failed, by provider and reason",
        "reqps",
        ((_FAILED, "{{provider}}: {{reason}}"),),
    ),
    (
        "Fallbacks a second, by reason",
        "reqps",
        ((_rate(m.FALLBACKS, "reason"), "{{reason}}"),),
    ),
    ("Requests in flight", "short", ((f"sum({m.IN_FLIGHT.name})", "in flight"),)),
    ("Providers: 1 is up", "short", ((f"min by (provider) ({m.UP.name})", "{{provider}}"),)),
    (
        "Ledger: rows that wait, rows that were lost",
        "short",
        ((f"sum({m.QUEUED.name})", "wait"), (f"sum({m.DROPPED.name}_total)", "lost")),
    ),
    (
        "Refused by limits, and clients that left",
        "reqps",
        ((_rate(m.LIMITED, "scope"), "limit: {{scope}}"), (_rate(m.DISCONNECTS), "client left")),
    ),
)


def dashboard() -> str:
    """Write the dashboard as Grafana imports it."""
    panels = [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": title,
            "datasource": _SOURCE,
            "gridPos": {
                "x": number % 2 * _WIDTH,
                "y": number // 2 * _HEIGHT,
                "w": _WIDTH,
                "h": _HEIGHT,
            },
            "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
            "targets": [
                {"refId": chr(65 + at), "expr": query, "legendFormat": legend}
                for at, (query, legend) in enumerate(queries)
            ],
        }
        for number, (title, unit, queries) in enumerate(PANELS)
    ]
    variable = {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
    }
    made: dict[str, Any] = {
        "title": "Dragoman",
        "uid": "dragoman",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": panels,
    }
    return json.dumps(made, indent=1) + "\n"
