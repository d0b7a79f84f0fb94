"""An answer that stops in the middle, until a test has seen so much of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from tests.upstream.fault import Answer, chat_stream, tokens

_USAGE = tokens(7, 3)


def hold_after(
    first: str, rest: str, released: threading.Event, usage: Mapping[str, Any] = _USAGE
) -> Answer:
    """Stream two texts; the second comes when `released` is set."""
    answer = chat_stream([first, rest], usage=usage)
    return answer.hold(released, at=answer.body.index(b"data:", answer.body.index(first.encode())))
