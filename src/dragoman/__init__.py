"""Dragoman: the interpreter between your programs and any LLM provider.

    import dragoman

    dragoman.chat("groq/llama-3.3-70b", "hi").text

Importing it loads no HTTP library and no event loop: names are fetched when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dragoman.client import AsyncClient as AsyncClient
    from dragoman.client import Client as Client
    from dragoman.client import chat as chat
    from dragoman.config import Config as Config
    from dragoman.config import load as load
    from dragoman.engine.answer import Answer as Answer
    from dragoman.errors import DragomanError as DragomanError
    from dragoman.params import Params as Params
    from dragoman.stream import AsyncStream as AsyncStream
    from dragoman.stream import Stream as Stream
    from dragoman.structured import Parsed as Parsed
    from dragoman.tools import ToolRun as ToolRun
    from dragoman.tools import tool_from_function as tool_from_function
    from dragoman.types import Completion as Completion
    from dragoman.types import Event as Event
    from dragoman.types import Exchange as Exchange
    from dragoman.types import JsonObject as JsonObject
    from dragoman.types import JsonSchema as JsonSchema
    from dragoman.types import Media as Media
    from dragoman.types import Message as Message
    from dragoman.types import PartDelta as PartDelta
    from dragoman.types import ReasoningOptions as ReasoningOptions
    from dragoman.types import Secret as Secret
    from dragoman.types import Text as Text
    from dragoman.types import Tool as Tool
    from dragoman.types import ToolCall as ToolCall
    from dragoman.types import ToolResult as ToolResult
    from dragoman.types import Usage as Usage
    from dragoman.types import assistant as assistant
    from dragoman.types import system as system
    from dragoman.types import tool_result as tool_result
    from dragoman.types import user as user

_HOME = {
    "dragoman.client": ("AsyncClient", "Client", "chat"),
    "dragoman.config": ("Config", "load"),
    "dragoman.engine.answer": ("Answer",),
    "dragoman.errors": ("DragomanError",),
    "dragoman.params": ("Params",),
    "dragoman.stream": ("AsyncStream", "Stream"),
    "dragoman.structured": ("Parsed",),
    "dragoman.tools": ("ToolRun", "tool_from_function"),
    "dragoman.types": (
        "Completion",
        "Event",
        "Exchange",
        "JsonObject",
        "JsonSchema",
        "Media",
        "Message",
        "PartDelta",
        "ReasoningOptions",
        "Secret",
        "Text",
        "Tool",
        "ToolCall",
        "ToolResult",
        "Usage",
        "assistant",
        "system",
        "tool_result",
        "user",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    """Fetch a public name (PEP 562)."""
    if name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'dragoman' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
