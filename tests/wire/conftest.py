"""One server and one client of each official SDK, for the many answers that they are to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.upstream.fault import FaultUpstream, Request, error
from tests.upstream.script import Answer


class Stage:
    """Serves what a test plays, in order; `claude` and `openai` are clients before it."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []
        self.upstream = FaultUpstream(self._next, record=False)

    def __enter__(self) -> Stage:
        self.upstream.__enter__()
        # A connection for each request: on one that is kept, delayed ACKs cost 40 ms an answer.
        settings: Any = {
            "api_key": "k", "max_retries": 0, "default_headers": {"connection": "close"},
        }  # fmt: skip
        self.claude = anthropic.Anthropic(base_url=self.upstream.url, **settings)
        self.openai = openai.OpenAI(base_url=self.upstream.base_url, **settings)
        return self

    def __exit__(self, *_: object) -> None:
        self.claude.close()
        self.openai.close()
        self.upstream.__exit__(None, None, None)

    def play(self, *answers: Answer) -> None:
        """Answer the next requests so."""
        self._answers = list(answers)

    def _next(self, request: Request) -> Answer:
        del request
        return self._answers.pop(0) if self._answers else error(500, message="nothing is left")


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """Play answers to the official SDKs: `stage.play(answer)`, `stage.claude.messages`."""
    with Stage() as made:
        yield made
