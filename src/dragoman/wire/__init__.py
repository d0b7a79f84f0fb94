"""Wire formats: pure bytes ↔ vocabulary."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.wire.base import WireFormat

__all__ = ["get_format"]

_MODULES = {
    "openai-completions": "dragoman.wire.openai_completions",
    "openai-responses": "dragoman.wire.openai_responses",
    "anthropic-messages": "dragoman.wire.anthropic_messages",
}


@cache
def get_format(api: str) -> WireFormat:
    """Get the wire format of this name, loading it when it is first used.

    Raises: ConfigError for a name that is no format.
    """
    module = _MODULES.get(api)
    if module is None:
        known = ", ".join(_MODULES)
        raise ConfigError(f"there is no wire format {api!r}", hint=f"One of: {known}.")
    return cast("WireFormat", import_module(module).FORMAT)
