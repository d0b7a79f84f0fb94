"""Cassettes as users meet them: a block, a variable, the command line; and no secret on any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import AsyncClient, Client
from dragoman.config import load
from dragoman.errors import ConfigError, ProtocolError
from dragoman.testing import FaultyUpstream, cassette, rate_limited, server_error
from dragoman.transport.cassette import NotRecorded
from dragoman.types.http import HttpRequest, parse_url
from tests.cli.running import Dragoman
from tests.upstream.answers import chat, chat_stream
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]

KEY = "canary-sk-1234567890"
CONFIG = load(env={}, cwd=Path("/"))


def ask(url: str, prompt: str = "hi", key: str = KEY, **params: Any) -> str:
    with Client(CONFIG) as client:
        return client.chat("m", prompt, base_url=url, api_key=key, **params).text


def words(url: str) -> list[str]:
    with Client(CONFIG) as client, client.stream("m", "hi", base_url=url, api_key=KEY) as answer:
        return list(answer.text_deltas())


def tracks(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "DRAGOMAN_CASSETTE", "DRAGOMAN_CASSETTE_RECORD"):
        monkeypatch.delenv(name, raising=False)


def test_first_run_records_and_the_next_asks_nobody(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream(chat("Hello!"))
    file = tmp_path / "cassettes" / "hello.jsonl"
    for _ in range(2):
        with cassette(file):
            assert ask(server.base_url) == "Hello!"
    assert len(server.requests) == 1
    assert KEY not in file.read_text()
    with cassette(file):
        assert ask(server.base_url, key="another-key-entirely") == "Hello!"


def test_stream_keeps_its_chunks(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream(chat_stream(["Hel", "lo", "!"]).paced(150, pause_s=0.02))
    file = tmp_path / "stream.jsonl"
    with cassette(file):
        assert words(server.base_url) == ["Hel", "lo", "!"]
    (track,) = tracks(file)
    assert len(track["response"]["chunks"]) > 2
    with cassette(file):
        assert words(server.base_url) == ["Hel", "lo", "!"]
    assert len(server.requests) == 1


def test_retries_are_on_it_too(tmp_path: Path) -> None:
    file = tmp_path / "retried.jsonl"
    with FaultyUpstream(rate_limited(), server_error(), "Hello!") as server, cassette(file):
        assert ask(server.base_url, retries=2) == "Hello!"
    with cassette(file):
        assert ask(server.base_url, retries=2) == "Hello!"
    assert [track["response"]["status"] for track in tracks(file)] == [429, 500, 200]


def test_awaited_clients_share_it(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream([chat("one"), chat("two")])
    file = tmp_path / "shared.jsonl"

    async def talk() -> list[str]:
        async with AsyncClient(CONFIG) as client:
            first = await client.chat("m", "hi", base_url=server.base_url, api_key=KEY)
        return [first.text, ask(server.base_url)]

    for _ in range(2):
        with cassette(file):
            assert asyncio.run(talk()) == ["one", "two"]
    assert len(server.requests) == 2


def test_what_is_not_on_it_is_named_and_nobody_is_asked(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream(chat("Hello!"))
    file = tmp_path / "hello.jsonl"
    with cassette(file):
        ask(server.base_url)
    with cassette(file), pytest.raises(NotRecorded, match="another question"):
        ask(server.base_url, "another question")
    assert len(server.requests) == 1


def test_recording_again_replaces_what_was_there(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream([chat("old"), chat("new")])
    file = tmp_path / "hello.jsonl"
    for text in ("old", "new"):
        with cassette(file, record=True):
            assert ask(server.base_url) == text
    assert len(tracks(file)) == 1


def test_nothing_is_recorded_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, upstream: Upstream
) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(ConfigError, match="No such file"), cassette(tmp_path / "none.jsonl"):
        pass


def test_file_that_is_no_cassette_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"request": 3}\n')
    with pytest.raises(ConfigError, match=r"broken\.jsonl:1: is no exchange"), cassette(file):
        pass


# ------------------------------------------------------------------------------------ secrets

HOLDERS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "a header of its own": ("", {"x-acme-api-key": KEY}, b"{}"),
    "a cloud's token": ("", {"x-amz-security-token": KEY}, b"{}"),
    "a parameter": (f"?alt=sse&key={KEY}", {}, b"{}"),
    "a signature": (f"?X-Amz-Signature={KEY}&n=1", {}, b"{}"),
    "a field": ("", {}, b'{"client_secret" : "%s", "n": 1}' % KEY.encode()),
    "a form": (
        "",
        {"content-type": "application/x-www-form-urlencoded"},
        b"grant_type=client_credentials&client_secret=%s&scope=a" % KEY.encode(),
    ),
    "a header and then anywhere": (
        f"?other={KEY}",
        {"authorization": f"Bearer {KEY}"},
        b'{"messages": "my key is %s"}' % KEY.encode(),
    ),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_secret_that_nobody_named_is_kept_off(
    name: str, upstream: Upstream, tmp_path: Path
) -> None:
    from dragoman.transport.default import DefaultTransport

    query, headers, body = HOLDERS[name]
    told = chat(KEY if "anywhere" in name else "Hello").with_headers({"set-cookie": KEY})
    url = parse_url(f"{upstream(told).url}/v1/x{query}")
    file = tmp_path / "one.jsonl"
    with cassette(file):
        transport = DefaultTransport()
        asked = HttpRequest(url=url, headers=headers, body=body)
        answer = transport.send(asked, connect_timeout_s=5, head_timeout_s=5)
        while answer.read(5):
            continue
        transport.close()
    (track,) = tracks(file)
    assert KEY not in file.read_text()
    assert "[secret]" in json.dumps(track["request"])
    assert ("n=1" in query) == ("n=1" in track["request"]["url"])


def test_token_that_is_handed_out_is_kept_off(upstream: Upstream, tmp_path: Path) -> None:
    from tests.upstream.answers import error

    server = upstream(error(200, {"access_token": KEY, "expires_in": 3600}))
    file = tmp_path / "token.jsonl"
    with cassette(file), Client(CONFIG) as client, pytest.raises(ProtocolError):
        client.chat("m", "hi", base_url=server.base_url)
    assert KEY not in file.read_text()
    assert '"expires_in": 3600' in tracks(file)[0]["response"]["chunks"][0]


def test_named_secret_is_kept_off_anywhere(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream(chat("Hello, Ada Lovelace!"))
    file = tmp_path / "named.jsonl"
    with cassette(file, secrets=["Ada Lovelace"]):
        ask(server.base_url, "I am Ada Lovelace.")
    assert "Lovelace" not in file.read_text()


def test_ordinary_limits_are_no_secrets(upstream: Upstream, tmp_path: Path) -> None:
    server = upstream(chat("Hello!").with_headers({"x-ratelimit-remaining-tokens": "99"}))
    file = tmp_path / "limits.jsonl"
    with cassette(file):
        ask(server.base_url, max_tokens=7)
    (track,) = tracks(file)
    assert '"max_tokens":7' in track["request"]["body"].replace(" ", "")
    assert track["response"]["headers"]["x-ratelimit-remaining-tokens"] == "99"


# --------------------------------------------------------------------------- the command line


def test_command_line_records_and_replays_what_a_variable_names(
    dragoman: Dragoman, up: FaultUpstream
) -> None:
    file = dragoman.cwd / "answers.jsonl"
    recording = {"DRAGOMAN_CASSETTE": "answers.jsonl", "DRAGOMAN_CASSETTE_RECORD": "1"}
    first = dragoman("-m", "up/m1", "Hello", env=recording)
    assert (first.code, len(up.requests)) == (0, 1)
    again = dragoman("-m", "up/m1", "Hello", env={"DRAGOMAN_CASSETTE": str(file)})
    assert (again.code, again.out, len(up.requests)) == (0, first.out, 1)
    other = dragoman("-m", "up/m1", "Other", env={"DRAGOMAN_CASSETTE": str(file)})
    assert other.code == 65
    assert "has no recording (any more) of POST" in other.err
    assert "Fix: record it anew" in other.err
    missing = dragoman("-m", "up/m1", "Hello", env={"DRAGOMAN_CASSETTE": "none.jsonl"})
    assert (missing.code, len(up.requests)) == (78, 1)
    assert "Fix: record it first" in missing.err
