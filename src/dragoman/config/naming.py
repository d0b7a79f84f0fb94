"""What a provider may be called when all that is known of it is its URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SAY_NOTHING = frozenset({"api", "llm", "www", "gateway", "inference", "ai", "models", "chat"})
"""Parts of a host's name that tell nobody whose it is."""


def name_for_url(url: str) -> str:
    """Make a name of a URL: the part of the host that says whose it is, or `local-PORT`."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    host = (parts.hostname or "").lower()
    labels = [label for label in host.split(".") if label]
    if host == "localhost" or ":" in host or host.replace(".", "").isdigit():
        local = host in ("localhost", "::1") or host.startswith("127.")
        stem = "local" if local else re.sub(r"[^a-z0-9]+", "-", host).strip("-")
        return f"{stem}-{parts.port}" if parts.port else stem
    telling = [label for label in labels[:-1] if label not in _SAY_NOTHING] or labels or ["server"]
    return re.sub(r"[^a-z0-9_.-]+", "-", telling[-1]).strip("-.") or "server"
