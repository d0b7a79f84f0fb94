"""An organisation's own model server: it answers, and sometimes it does not."""

from __future__ import annotations

import itertools
import ssl
import threading

from tests.upstream.answers import chat, chat_stream, error, tokens
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Script

REFUSES = 25
BREAKS_OFF = 40
"""One in so many requests is refused with a 500, or its stream is cut in the middle."""


class OwnProvider(FaultUpstream):
    """A server behind TLS that speaks OpenAI's completions.

    `authorisations` are all that were ever sent to it. While `down`, it answers nothing but 500.
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        super().__init__(self._serve, record=False, tls=tls)
        self.authorisations: set[str | None] = set()
        self.down = threading.Event()
        self._numbers = itertools.count(1)

    def _serve(self, request: Request) -> Script:
        self.authorisations.add(request.header("authorization"))
        number = next(self._numbers)
        if self.down.is_set() or number % REFUSES == 0:
            return error(500)
        usage = tokens(10 + number % 7, 3)
        if not request.json().get("stream"):
            return chat("Good morning.", usage=usage)
        answer = chat_stream(["Good ", "morning", "."], usage=usage)
        return answer.cut(len(answer.body) // 2) if number % BREAKS_OFF == 0 else answer
