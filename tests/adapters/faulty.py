"""Adapters that do everything wrong, one thing each."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from dragoman.adapters import Adapter, Answer, Aside, Ask, AuthFlow, Follow, HttpRequest, Piece


class RaisesInHeaders(Adapter):
    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        raise KeyError("region")


class RaisesInUrl(Adapter):
    def get_complete_url(self, ask: Ask) -> str:
        raise ZeroDivisionError("division by zero")


class RaisesInRequest(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        return {"text": ask.request.messages[99].text}


class RaisesInResponse(Adapter):
    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        out.text(answer["choices"][7]["text"])


class RaisesInStream(Adapter):
    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        raise RuntimeError("no idea")


class RaisesInFlow(Adapter):
    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        raise OSError("no token")
        yield request


class RaisesAtOnce(Adapter):
    def __init__(self) -> None:
        raise ValueError("nothing works")


class Exits(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        raise SystemExit("bye")


class HeadersAreAList(Adapter):
    def validate_environment(self, ask: Ask) -> Any:
        return ["x-key: 1"]


class UrlIsNothing(Adapter):
    def get_complete_url(self, ask: Ask) -> Any:
        return None


class UrlIsNoUrl(Adapter):
    def get_complete_url(self, ask: Ask) -> str:
        return "/v1/chat"


class UrlHasDots(Adapter):
    def get_complete_url(self, ask: Ask) -> str:
        return f"{ask.base_url}/models/%2E./admin"


class UrlIsAFile(Adapter):
    def get_complete_url(self, ask: Ask) -> str:
        return "file:///etc/passwd"


class BodyIsANumber(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        return 7


class BodyIsNoJson(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        return {"at": object()}


class TextIsANumber(Adapter):
    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        out.text(42)  # type: ignore[arg-type]


class ErrorIsText(Adapter):
    def get_error(self, answer: Any, ask: Ask) -> Any:
        return "it went wrong"


class FlowIsAString(Adapter):
    def auth_flow(self, request: HttpRequest, ask: Ask) -> Any:
        yield "https://token.invalid"


class FlowSendsNothing(Adapter):
    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        yield Aside(request)


class FlowNeverEnds(Adapter):
    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        while True:
            yield Aside(request)


class FollowIsTrue(Adapter):
    def follow_up(self, answer: Piece, ask: Ask) -> Any:
        return True


class FollowsForEver(Adapter):
    def follow_up(self, answer: Piece, ask: Ask) -> Follow | None:
        return Follow(HttpRequest(url=ask.state["url"], headers={}))

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        ask.state["url"] = request.url
        yield request


class Loops(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        while True:
            pass


class LoopsAndCatches(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue


class Waits(Adapter):
    def transform_request(self, ask: Ask) -> Any:
        time.sleep(60)
