"""What one client's large body holds keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
from typing import Any

import pytest

from dragoman.server.endpoints.embed import INPUTS_LIMIT
from dragoman.server.http.aside import HUGE_BYTES, LONG_BYTES, aside
from dragoman.wire.envelope import FIELDS_LIMIT, NAME_LENGTH, SETTING_BYTES
from tests.server.serving import Served, ask
from tests.upstream.fault import chat

MESSAGES = b",".join([b'{"role":"user","content":"a"}'] * 300_000)


class Neighbour:
    """Asks again and again for what is there at once, as a context; `longest_s` is told."""

    def __init__(self, gateway: Served) -> None:
        host = gateway.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=60)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.longest_s = 0.0

    def __enter__(self) -> Neighbour:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._stopping.wait(0.005):
            began = time.monotonic()
            self._connection.request("GET", "/healthz")
            self._connection.getresponse().read()
            self.longest_s = max(self.longest_s, time.monotonic() - began)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat/completions", b'{"model":"a/m","x":"image","messages":[%b]}'),
        ("chat/completions", b'{"model":"a/m","x":"image","messages":[%b,1]}'),
        ("messages/count_tokens", b'{"model":"a/m","messages":[%b]}'),
    ],
    ids=["pictures", "broken", "count"],
)
def test_others_are_answered_while_many_messages_are_read(
    serve: Any, upstream: Any, path: str, body: bytes
) -> None:
    server = upstream(chat("Hello"))
    models = [{"id": "m", "context_window": 100_000_000}]
    gateway = serve({"a": {"base_url": server.base_url, "models": models}}, body_limit=2**24)
    with Neighbour(gateway) as neighbour:
        began = time.monotonic()
        ask(f"{gateway.base_url}/{path}", body % MESSAGES)
        took_s = time.monotonic() - began
    assert neighbour.longest_s < took_s / 2


def test_others_are_answered_while_a_large_body_is_compared_with_those_before(
    serve: Any, upstream: Any
) -> None:
    server = upstream(chat("Hello"))
    gateway = serve(
        {"a": {"base_url": server.base_url}}, body_limit=2**24, server={"cache": {"enabled": True}}
    )
    with Neighbour(gateway) as neighbour:
        began = time.monotonic()
        status, headers, _ = ask(
            f"{gateway.base_url}/chat/completions", b'{"model":"a/m","messages":[%b]}' % MESSAGES
        )
        took_s = time.monotonic() - began
    assert (status, headers["x-dragoman-cache"]) == (200, "miss")
    assert neighbour.longest_s < took_s / 2


def test_huge_bodies_take_no_threads_from_others() -> None:
    over = threading.Event()

    async def run() -> None:
        huge = [
            asyncio.ensure_future(aside(HUGE_BYTES + 1, lambda: over.wait(60))) for _ in range(40)
        ]
        await asyncio.sleep(0)  # so that they have begun
        try:
            async with asyncio.timeout(20):
                assert await aside(LONG_BYTES + 1, lambda: "long") == "long"
                assert await asyncio.to_thread(lambda: "the database's") == "the database's"
        finally:
            over.set()
            await asyncio.gather(*huge)

    asyncio.run(run())


def test_a_body_has_no_more_fields_than_anybody_knows(serve: Any, upstream: Any) -> None:
    server = upstream(chat("Hello"))
    gateway = serve({"a": {"base_url": server.base_url}})
    said = {"model": "a/m", "messages": [{"role": "user", "content": "hi"}]}
    known = {f"f{at}": 0 for at in range(FIELDS_LIMIT - len(said))}
    url = f"{gateway.base_url}/chat/completions"
    assert ask(url, json.dumps({**said, **known}).encode())[0] == 200
    status, _, body = ask(url, json.dumps({**said, **known, "one": 1}).encode())
    assert (status, json.loads(body)["error"]["code"]) == (400, "too_many_fields")
    assert len(server.requests) == 1


@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses", "embeddings"])
def test_a_models_name_is_as_long_as_names_are(serve: Any, upstream: Any, path: str) -> None:
    server = upstream(chat("Hello"))
    gateway = serve({"a": {"base_url": server.base_url}})
    said = {"messages": [], "input": "hi", "max_tokens": 1, "model": "a/" + "m" * NAME_LENGTH}
    status, _, body = ask(f"{gateway.base_url}/{path}", json.dumps(said).encode())
    assert (status, "model: is too long" in json.loads(body)["error"]["message"]) == (400, True)
    assert server.requests == []
    assert gateway.seen.exchanges == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        *[("chat/completions", name) for name in ("model", "stream_options", "max_tokens", "n")],
        *[("embeddings", name) for name in ("encoding_format", "dimensions")],
        *[("responses", name) for name in ("previous_response_id", "store")],
    ],
)
def test_a_setting_is_not_as_long_as_a_body(
    serve: Any, upstream: Any, path: str, name: str
) -> None:
    server = upstream(chat("Hello"))
    gateway = serve({"a": {"base_url": server.base_url}})
    said = {"model": "a/m", "messages": [], "input": "hi", name: [0] * SETTING_BYTES}
    status, _, body = ask(f"{gateway.base_url}/{path}", json.dumps(said).encode())
    told = json.loads(body)["error"]["message"]
    assert (status, told) == (400, f"{name}: is longer than {SETTING_BYTES} bytes")
    assert server.requests == []


@pytest.mark.parametrize("item", ["a", 7, [7]], ids=["texts", "tokens", "lists"])
def test_no_more_inputs_are_read_than_anybody_takes(serve: Any, upstream: Any, item: Any) -> None:
    server = upstream(chat("Hello"))
    gateway = serve({"a": {"base_url": server.base_url}})
    said = {"model": "a/m", "input": [item] * (INPUTS_LIMIT + 1)}
    status, _, body = ask(f"{gateway.base_url}/embeddings", json.dumps(said).encode())
    error = json.loads(body)["error"]
    assert (status, error["param"]) == (400, "input"), error
    assert "more than" in error["message"]
    assert server.requests == []
