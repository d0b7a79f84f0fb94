"""The one place where a model ref is cut in two."""

from __future__ import annotations

from collections.abc import Callable

from dragoman.types.provider import Provider


def split_ref(ref: str, find: Callable[[str], Provider | None]) -> tuple[Provider, str] | None:
    """Read a ref as provider and model: at the first `/` or `:` behind a provider's name."""
    ends = sorted(end for end in (ref.find("/"), ref.find(":")) if end > 0)
    for end in ends:
        provider = find(ref[:end])
        if provider is not None and "/" not in ref[:end]:
            return provider, ref[end + 1 :]
    return None
