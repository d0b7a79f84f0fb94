"""Which built-in a base URL is of: a provider's dialect goes with its host."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from dragoman.config.secrets import origin_of
from dragoman.config.walk import ProviderTable

_DEFAULT_API = "openai-completions"


def find_row(base_url: str, api: str, rows: Mapping[str, ProviderTable]) -> ProviderTable | None:
    """Find the built-in whose dialect is spoken at a base URL in the language `api`.

    Of several rows at one host, that with most of the path in common counts. What is spoken
    to without TLS runs on one's own machine, where a port says nothing: there a preset is named.
    """
    origin = origin_of(base_url)
    found = [
        row
        for row in rows.values()
        if origin is not None
        and origin.startswith("https://")
        and "dialect" in row.values
        and (_said(row, "api") or _DEFAULT_API) == api
        and origin_of(_said(row, "base_url")) == origin
    ]
    return max(found, key=lambda row: _common(base_url, _said(row, "base_url")), default=None)


def _said(row: ProviderTable, name: str) -> str:
    return row.values[name].value if name in row.values else ""


def _common(one: str, other: str) -> int:
    """Count the steps of two paths that are the same."""
    steps = zip(urlsplit(one).path.split("/"), urlsplit(other).path.split("/"), strict=False)
    return next((n for n, (a, b) in enumerate(steps) if a != b), 1_000)
