"""Many clients that read streams to the end, again and again."""

from __future__ import annotations

import http.client
import threading
from typing import Self

from tests.chaos.asking import ENDINGS, ask
from tests.upstream.fault import FaultUpstream, chat_stream

WORDS = 20
PAUSE_S = 0.1
LANGUAGES = ("openai-completions", "openai-responses", "anthropic-messages")


def slow_upstream() -> FaultUpstream:
    """Make an upstream whose streams take two seconds."""
    answer = chat_stream([f"word{number} " for number in range(WORDS)])
    paced = answer.paced(len(answer.body) // WORDS, pause_s=PAUSE_S)
    return FaultUpstream(paced, record=False)


class Crowd:
    """As a context: so many clients of a gateway, who go on until its end.

    `done` counts the streams that were read; `wrong` has what did not end as it should.
    """

    def __init__(self, url: str, size: int, model: str = "mine/m") -> None:
        self.done = 0
        self.wrong: list[tuple[object, bytes]] = []
        self._url = url
        self._model = model
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(size)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        language = LANGUAGES[number % len(LANGUAGES)]
        while not self._stop.is_set():
            status: object
            try:
                status, out = ask(self._url, language, self._model, stream=True)
            except (OSError, http.client.HTTPException) as error:
                status, out = repr(error), b""
            with self._lock:
                self.done += 1
                if status != 200 or ENDINGS[language] not in out:
                    self.wrong.append((status, out[-200:]))
