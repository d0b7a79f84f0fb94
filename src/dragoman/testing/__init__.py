"""For tests of programs that use Dragoman: answers from a script, from a cassette, or gone wrong.

    from dragoman.testing import FakeProvider, FaultyUpstream, cassette

    with FakeProvider("Hello!") as fake:          # nobody is asked; any client, any model
        assert greet_the_user() == "Hello!"
    with cassette("greeting.jsonl"):              # recorded once, replayed ever after
        greet_the_user()
    with FaultyUpstream(rate_limited(), "Hello!") as upstream:   # a real server on loopback
        dragoman.chat("m", "hi", base_url=upstream.base_url)

And for authors of adapters: `ConformanceTests`, the cases of `dragoman conformance` as tests.
Names are fetched when first used; only `dragoman.testing.conformance` and `dragoman.testing.plugin`
need pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dragoman.testing.conformance import ConformanceTests as ConformanceTests
    from dragoman.testing.fake import FakeProvider as FakeProvider
    from dragoman.testing.recording import cassette as cassette
    from dragoman.testing.reply import Reply as Reply
    from dragoman.testing.reply import cut as cut
    from dragoman.testing.reply import nonsense as nonsense
    from dragoman.testing.reply import rate_limited as rate_limited
    from dragoman.testing.reply import refused as refused
    from dragoman.testing.reply import server_error as server_error
    from dragoman.testing.reply import stalled as stalled
    from dragoman.testing.reply import tool_call as tool_call
    from dragoman.testing.reply import wrong_usage as wrong_usage
    from dragoman.testing.upstream import FaultyUpstream as FaultyUpstream

_HOME = {
    "dragoman.testing.conformance": ("ConformanceTests",),
    "dragoman.testing.fake": ("FakeProvider",),
    "dragoman.testing.recording": ("cassette",),
    "dragoman.testing.reply": (
        "Reply",
        "cut",
        "nonsense",
        "rate_limited",
        "refused",
        "server_error",
        "stalled",
        "tool_call",
        "wrong_usage",
    ),
    "dragoman.testing.upstream": ("FaultyUpstream",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    """Fetch a public name (PEP 562)."""
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    raise AttributeError(f"module 'dragoman.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
