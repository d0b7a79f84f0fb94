"""CPU of a call without a network: plain, and through adapters; prints one line of JSON.

`plain`: no adapter. `url`: one that only says another URL. `talk`: one with a request and an answer
of its own. Each value is the least of several rounds, in µs; rounds take turns, so that a busy
machine hits all alike.
"""

from __future__ import annotations

import json
import time

from dragoman import Client
from dragoman.adapters import Adapter, Answer, Ask, Piece
from dragoman.adapters.find import register
from dragoman.config import Secrets, load
from dragoman.engine.call import Surroundings
from dragoman.types.http import Headers, HttpRequest

CALLS = 400
ROUNDS = 25

COMPLETION = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
).encode()
SAID = json.dumps({"says": "hello", "tokens": [3, 4]}).encode()


@register("bench-url")
class Elsewhere(Adapter):
    """Says another URL."""

    def get_complete_url(self, ask: Ask) -> str:
        return f"{ask.base_url}/elsewhere"


@register("bench-talk")
class Talk(Adapter):
    """Speaks a language of its own."""

    def get_complete_url(self, ask: Ask) -> str:
        return f"{ask.base_url}/talk/{ask.model}"

    def transform_request(self, ask: Ask) -> dict[str, object]:
        return {"turns": [[m.role, m.text] for m in ask.request.messages], "live": ask.stream}

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:  # noqa: ARG002 - the contract
        said = answer.object()
        out.text(said["says"])
        out.usage(prompt=said["tokens"][0], completion=said["tokens"][1])


class Canned:
    """A transport, and a response, that has the answer already."""

    status = 200

    def __init__(self, body: bytes) -> None:
        self.headers: Headers = {"content-type": "application/json"}
        self._body = body
        self._left = b""

    def send(
        self, request: HttpRequest, *, connect_timeout_s: float, head_timeout_s: float
    ) -> Canned:
        """See `Transport.send`."""
        del request, connect_timeout_s, head_timeout_s
        self._left = self._body
        return self

    def read(self, timeout_s: float) -> bytes:
        """See `Response.read`."""
        del timeout_s
        left, self._left = self._left, b""
        return left

    def close(self) -> None:
        """See `Transport.close`."""


def main() -> None:
    """Take turns; keep the least."""
    base = {"base_url": "http://127.0.0.1:9/v1", "api_key": "env:KEY"}
    providers = {
        "plain": base,
        "url": {**base, "adapter": "bench-url"},
        "talk": {**base, "adapter": "bench-talk"},
    }
    env = {"KEY": "a-key-for-nobody", "HOME": "/nowhere"}
    config = load(env=env, overrides={"providers": providers})
    clients = {
        name: Client(
            config,
            transport=Canned(SAID if name == "talk" else COMPLETION),
            surroundings=Surroundings(secrets=Secrets(env)),
        )
        for name in providers
    }
    least = dict.fromkeys(clients, float("inf"))
    for _ in range(ROUNDS):
        for name, client in clients.items():
            began = time.process_time()
            for _ in range(CALLS):
                client.chat(f"{name}/m", "hi")
            least[name] = min(least[name], (time.process_time() - began) / CALLS * 1e6)
    print(json.dumps(least))


if __name__ == "__main__":
    main()
