"""Adapters: what a provider needs that speaks none of the three languages, or not quite.

    from dragoman.adapters import Adapter

    class Acme(Adapter):
        provider = {"base_url": "https://api.acme.example", "api_key_env": "ACME_KEY"}
        ...

`docs/guides/adapters.md` shows a whole one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.adapters.adapter import Adapter as Adapter
    from dragoman.adapters.adapter import Aside as Aside
    from dragoman.adapters.adapter import AuthFlow as AuthFlow
    from dragoman.adapters.adapter import Body as Body
    from dragoman.adapters.adapter import Follow as Follow
    from dragoman.adapters.answer import Answer as Answer
    from dragoman.adapters.ask import Ask as Ask
    from dragoman.adapters.ask import flat_text as flat_text
    from dragoman.adapters.ask import instructions as instructions
    from dragoman.adapters.ask import turns as turns
    from dragoman.adapters.find import register as register
    from dragoman.adapters.frames import Piece as Piece
    from dragoman.endpoint import encode_segment as encode_segment
    from dragoman.types.http import HttpAnswer as HttpAnswer
    from dragoman.types.http import HttpRequest as HttpRequest

_HOME = {
    "dragoman.adapters.adapter": ("Adapter", "Aside", "AuthFlow", "Body", "Follow"),
    "dragoman.adapters.answer": ("Answer",),
    "dragoman.adapters.ask": ("Ask", "flat_text", "instructions", "turns"),
    "dragoman.adapters.find": ("register",),
    "dragoman.adapters.frames": ("Piece",),
    "dragoman.endpoint": ("encode_segment",),
    "dragoman.types.http": ("HttpAnswer", "HttpRequest"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [*sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    """Fetch a public name (PEP 562): most of this is of no use to whoever has no adapter."""
    if name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'dragoman.adapters' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
