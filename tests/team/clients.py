"""Those who ask a gateway: over plain HTTP, and with the vendors' own libraries."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import anthropic
import openai

from tests.chaos.asking import ENDINGS, LONG_S, PATHS, request_body

LANGUAGES = tuple(PATHS)


class Outcome(NamedTuple):
    """How a request ended for its client. `status` 0: the connection broke. `id` where it is known.

    `whole`: an answer was there to its end.
    """

    status: int
    id: str | None
    whole: bool


class Client:
    """Somebody with a gateway key, as a context."""

    def __init__(self, url: str, key: str, model: str) -> None:
        self._url = url
        self._key = key
        self._model = model
        self._stack = contextlib.ExitStack()
        self.said = b""

    def __enter__(self) -> Self:
        given: dict[str, Any] = {"api_key": self._key, "max_retries": 0, "timeout": LONG_S}
        self._openai = self._stack.enter_context(openai.OpenAI(base_url=f"{self._url}/v1", **given))
        self._anthropic = self._stack.enter_context(
            anthropic.Anthropic(base_url=self._url, **given)
        )
        return self

    def __exit__(self, *what: object) -> None:
        self._stack.close()

    def ask(self, language: str, *, stream: bool) -> Outcome:
        """Ask over plain HTTP. What came stands in `said`."""
        body = request_body(language, self._model, stream=stream)
        try:
            status, id_ = self._send("POST", PATHS[language], body)
        except (OSError, http.client.HTTPException):
            return Outcome(0, None, whole=False)
        whole = status == 200 and (not stream or ENDINGS[language] in self.said)
        return Outcome(status, id_, whole)

    def models(self) -> set[str]:
        """List the models that are offered."""
        status, _ = self._send("GET", "/v1/models", None)
        assert status == 200, self.said
        return {model["id"] for model in json.loads(self.said)["data"]}

    def _send(self, method: str, path: str, body: bytes | None) -> tuple[int, str | None]:
        at = urlsplit(self._url)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=LONG_S)
        head = {"content-type": "application/json", "authorization": f"Bearer {self._key}"}
        try:
            connection.request(method, path, body, head)
            with connection.getresponse() as answer:
                self.said = answer.read()
                return answer.status, answer.getheader("x-request-id")
        finally:
            connection.close()

    def ask_with_library(self, language: str, *, stream: bool) -> Outcome:
        """Ask with the library of the vendor whose language it is."""
        try:
            self._call(language, stream=stream)
        except (openai.APIStatusError, anthropic.APIStatusError) as error:
            return Outcome(error.status_code, error.response.headers.get("x-request-id"), False)
        except (openai.APIConnectionError, anthropic.APIConnectionError):
            return Outcome(0, None, whole=False)
        except (openai.APIError, anthropic.APIError, OSError):
            return Outcome(200, None, whole=False)  # an error in the stream
        except Exception as error:
            if type(error).__module__.startswith(("httpx", "httpcore")):
                return Outcome(0, None, whole=False)  # the connection broke in the stream
            raise
        return Outcome(200, None, whole=True)

    def _call(self, language: str, *, stream: bool) -> None:
        said = [{"role": "user", "content": "Good morning"}]
        made: Any
        if language == "openai-completions":
            made = self._openai.chat.completions.create(
                model=self._model,
                messages=said,  # type: ignore[arg-type]
                stream=stream,
            )
        elif language == "openai-responses":
            made = self._openai.responses.create(
                model=self._model, input="Good morning", stream=stream
            )
        else:
            made = self._anthropic.messages.create(
                model=self._model,
                messages=said,  # type: ignore[arg-type]
                max_tokens=100,
                stream=stream,
            )
        if stream:
            with made as events:
                assert list(events)
