"""Metrics that pages name, in alerts and dashboards, are ones that are counted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dragoman.server.telemetry.metrics import METRICS

GATEWAY = Path(__file__).parents[2] / "docs/gateway"
ENDINGS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count", "")}
KNOWN = {metric.name + ending for metric in METRICS for ending in ENDINGS[metric.kind]}


@pytest.mark.parametrize("page", ["operations.md", "security.md", "metrics.md", "grafana.json"])
def test_every_metric_that_is_named_is_counted(page: str) -> None:
    named = set(re.findall(r"\bdragoman_[a-z_]+\b", (GATEWAY / page).read_text()))
    assert named
    assert named <= KNOWN, named - KNOWN
