"""Answers that stop in the middle, or do not come, until a test has seen so much."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import APIResponse, Page, Route

from tests.upstream.fault import Answer, chat_stream, tokens

_USAGE = tokens(7, 3)


def hold_after(
    first: str, rest: str, released: threading.Event, usage: Mapping[str, Any] = _USAGE
) -> Answer:
    """Stream two texts; the second comes when `released` is set."""
    answer = chat_stream([first, rest], usage=usage)
    return answer.hold(released, at=answer.body.index(b"data:", answer.body.index(first.encode())))


class LateAnswer:
    """Keeps the first answer from `url` back until `arrive`; those asked for later come at once."""

    def __init__(self, page: Page, url: str) -> None:
        self._held: tuple[Route, APIResponse] | None = None
        page.route(url, self._take)

    @property
    def answer(self) -> APIResponse:
        """What the gateway has said by now."""
        assert self._held is not None, "nothing was asked there"
        return self._held[1]

    def arrive(self) -> None:
        """Let it come."""
        assert self._held is not None, "nothing was asked there"
        route, answer = self._held
        route.fulfill(response=answer)

    def _take(self, route: Route) -> None:
        if self._held is None:
            self._held = route, route.fetch()
        else:
            route.continue_()
