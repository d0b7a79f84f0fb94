"""Recording an upstream, and replaying it without one."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from dragoman.errors import ConnectionLost, DragomanError
from dragoman.transport.cassette import (
    AsyncCassetteTransport,
    Cassette,
    CassetteTransport,
    NotRecorded,
)
from dragoman.transport.pooled import AsyncPool
from dragoman.transport.sync import SyncTransport
from dragoman.types.credential import Secret
from dragoman.types.http import HttpRequest
from tests.transport.either import request
from tests.upstream.fault import Answer, FaultUpstream

Upstream = Callable[..., FaultUpstream]

KEY = "canary/sk+1234567890 \u00fc"


def ask(transport: CassetteTransport, asked: HttpRequest) -> tuple[int, list[bytes]]:
    answer = transport.send(asked, connect_timeout_s=5.0, head_timeout_s=5.0)
    chunks = []
    while chunk := answer.read(5.0):
        chunks.append(chunk)
    answer.close()
    return answer.status, chunks


def record(path: Path, *asked: HttpRequest, secrets: tuple[Secret, ...] = ()) -> None:
    transport = CassetteTransport(Cassette(path, record=True, secrets=secrets), SyncTransport())
    for one in asked:
        ask(transport, one)
    transport.close()


def test_what_was_recorded_is_replayed_chunk_by_chunk(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "cassette.jsonl"
    body = b"one\xff\0two"
    up = upstream(Answer(201, (("x-a", "b"),), body).chunked().paced(4, pause_s=0.05))
    asked = request(up.url)
    record(path, asked)
    assert len(up.requests) == 1
    status, chunks = ask(CassetteTransport(Cassette(path)), asked)
    assert (status, b"".join(chunks)) == (201, body)
    assert len(chunks) > 1
    assert len(up.requests) == 1


def test_same_request_gets_what_was_recorded_next_and_then_an_error(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "cassette.jsonl"
    up = upstream([Answer(200, (), b"1"), Answer(200, (), b"other"), Answer(200, (), b"2")])
    asked, other = request(up.url), request(up.url, b"other")
    record(path, asked, other, asked)
    player = CassetteTransport(Cassette(path))
    assert [ask(player, one)[1] for one in (asked, asked, other)] == [[b"1"], [b"2"], [b"other"]]
    with pytest.raises(NotRecorded, match="no recording") as told:
        ask(player, asked)
    assert told.value.hint == "record it anew"


@pytest.mark.parametrize(
    "change",
    [{"method": "PUT"}, {"url": "/elsewhere"}, {"body": b"changed"}],
)
def test_request_that_differs_is_not_found(
    upstream: Upstream, tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "cassette.jsonl"
    up = upstream(Answer(200, (), b"1"))
    record(path, request(up.url))
    asked = request(
        up.url + str(change.get("url", "")),
        change.get("body", b'{"model": "m"}'),  # type: ignore[arg-type]
        method=str(change.get("method", "POST")),
    )
    with pytest.raises(NotRecorded):
        ask(CassetteTransport(Cassette(path)), asked)


def test_no_secret_enters_the_file_and_another_key_replays(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "cassette.jsonl"
    other = "another key"

    def asked_with(key: str) -> HttpRequest:
        return request(
            f"{up.url}/?key={quote(key, safe='')}",
            json.dumps({"key": key}).encode(),
            headers={"authorization": "canary-1", "x-api-key": "canary-2", "x-raw": "canary-3"},
        )

    echo = f"{KEY} {b64encode(KEY.encode()).decode()} {KEY.encode().hex()}".encode()
    up = upstream(Answer(200, (("set-cookie", "canary-4"),), echo).chunked().paced(5))
    record(path, asked_with(KEY), secrets=(Secret(KEY), Secret("canary-3"), Secret("")))
    kept = path.read_text("utf-8")
    for spelling in ("canary", KEY.encode().hex(), b64encode(KEY.encode()).decode()):
        assert spelling not in kept
    player = CassetteTransport(Cassette(path, secrets=[Secret(other)]))
    assert ask(player, asked_with(other)) == (200, [b"[secret] [secret] [secret]"])


def test_answer_closed_in_the_middle_is_replayed_as_far_as_it_went(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "cassette.jsonl"
    up = upstream(Answer(200, (), b"abcdef").chunked().stall(at=3))
    recorder = CassetteTransport(Cassette(path, record=True), SyncTransport())
    answer = recorder.send(request(up.url), connect_timeout_s=5.0, head_timeout_s=5.0)
    assert answer.read(5.0) == b"abc"
    answer.close()
    recorder.close()
    replayed = CassetteTransport(Cassette(path)).send(
        request(up.url), connect_timeout_s=5.0, head_timeout_s=5.0
    )
    assert replayed.read(5.0) == b"abc"
    with pytest.raises(ConnectionLost):
        replayed.read(5.0)
    replayed.close()
    assert replayed.read(5.0) == b""


def test_error_of_the_upstream_is_raised_while_recording(
    upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "cassette.jsonl"
    recorder = CassetteTransport(Cassette(path, record=True), SyncTransport())
    with pytest.raises(DragomanError):
        ask(recorder, request(upstream(Answer(200, (), b"abc").cut(at=1)).url))
    with pytest.raises(DragomanError):
        ask(recorder, request(upstream(Answer(200), down=True).url))
    recorder.close()
    assert len(path.read_text("utf-8").splitlines()) == 1


def test_awaited_cassette_is_the_same(upstream: Upstream, tmp_path: Path) -> None:
    path = tmp_path / "cassette.jsonl"
    up = upstream(Answer(200, (), b"abc"))

    async def ask_once(transport: AsyncCassetteTransport) -> bytes:
        answer = await transport.send(request(up.url), connect_timeout_s=5.0, head_timeout_s=5.0)
        body = await answer.read(5.0)
        assert await answer.read(5.0) == b""
        await answer.close()
        await transport.close()
        return body

    recorder = AsyncCassetteTransport(Cassette(path, record=True), AsyncPool())
    assert asyncio.run(ask_once(recorder)) == b"abc"
    assert asyncio.run(ask_once(AsyncCassetteTransport(Cassette(path)))) == b"abc"
    assert len(up.requests) == 1
