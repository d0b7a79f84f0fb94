"""One custom provider of an organisation, through every endpoint and all that surrounds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.allowances import Draft, put_allowance
from dragoman.store.database import open_database
from tests.server.process import Process, wait_until
from tests.server.serving import ask
from tests.server.tenancy import Team
from tests.server.test_passthrough import told
from tests.upstream.answers import embeddings, tokens
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, error

MODEL = "acme/large"
SAY: Any = [{"role": "user", "content": "hi"}]
SETTINGS = """
[server.cache]
enabled = true
[server.ledger]
content = "full"
"""
PRICED = [{"id": "large", "cost": {"input": 1, "output": 10}}]
COST = 7 * 1_000 + 3 * 10_000
"""Of a chat, in nano-dollars: 7 tokens in and 3 out."""
USAGE = tokens(7, 3)
TOLD: dict[str, Any] = {
    "completions": {
        "id": "c",
        "object": "text_completion",
        "created": 1,
        "model": "large",
        "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop", "logprobs": None}],
        "usage": USAGE,
    },
    "images": {"created": 1, "data": [{"b64_json": "aGk="}]},
    "rerank": {"results": [{"index": 0, "relevance_score": 0.5}]},
    "moderations": {"id": "m", "model": "large", "results": []},
}


def answer(request: Request) -> Answer:
    """Answer like a server that has all of OpenAI's endpoints, and ranking."""
    kind = request.path.removeprefix("/v1/").split("/")[0]
    if kind == "chat":
        streams = request.json().get("stream")
        return chat_stream(["Hel", "lo"], usage=USAGE) if streams else chat("Hello", usage=USAGE)
    if kind == "embeddings":
        return embeddings(1)
    if request.path.endswith("/speech"):
        return told(b"ID3", "audio/mpeg")
    return told({"text": "Hello"} if kind == "audio" else TOLD[kind])


def text_of(ours: openai.OpenAI, theirs: anthropic.Anthropic) -> None:
    """Ask the three languages and text completions, whole and streamed."""
    made = ours.chat.completions.create(model=MODEL, messages=SAY)
    assert made.choices[0].message.content == "Hello"
    chunks = ours.chat.completions.create(model=MODEL, messages=SAY, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    assert ours.responses.create(model=MODEL, input="hi").output_text == "Hello"
    with ours.responses.stream(model=MODEL, input="hi") as events:
        assert events.get_final_response().output_text == "Hello"
    said = theirs.messages.create(model=MODEL, max_tokens=9, messages=SAY)
    assert [block.text for block in said.content if block.type == "text"] == ["Hello"]
    with theirs.messages.stream(model=MODEL, max_tokens=9, messages=SAY) as messages:
        assert messages.get_final_text() == "Hello"
    assert theirs.messages.count_tokens(model=MODEL, messages=SAY).input_tokens > 0
    assert ours.completions.create(model=MODEL, prompt="hi").choices[0].text == "Hello"


def other_of(ours: openai.OpenAI, gateway: Process, key: str) -> None:
    """Ask for vectors, pictures, sound, ranking, moderation, models."""
    vectors = ours.embeddings.create(model=MODEL, input="hi", encoding_format="float")
    assert vectors.data[0].embedding == [0.5, 0.25, 0]
    image = ("cat.png", b"\x89PNG", "image/png")
    sound = ("a.wav", b"RIFF", "audio/wav")
    # The client has taken its leave of these two; the endpoints are there.
    with pytest.warns(DeprecationWarning, match="deprecated"):
        varied = ours.images.create_variation(model=MODEL, image=image)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        translated = ours.audio.translations.create(model=MODEL, file=sound)
    for pictures in (
        ours.images.generate(model=MODEL, prompt="a cat"),
        ours.images.edit(model=MODEL, image=image, prompt="a hat"),
        varied,
    ):
        assert pictures.data is not None
        assert pictures.data[0].b64_json == "aGk="
    assert ours.audio.speech.create(model=MODEL, voice="alloy", input="hi").content == b"ID3"
    assert ours.audio.transcriptions.create(model=MODEL, file=sound).text == "Hello"
    assert translated.text == "Hello"
    assert ours.moderations.create(model=MODEL, input="hi").results == []
    body = json.dumps({"model": MODEL, "query": "q", "documents": ["d"]}).encode()
    status, _, ranked = ask(f"{gateway.url}/v1/rerank", body, x_api_key=key)
    assert (status, json.loads(ranked)) == (200, TOLD["rerank"])
    assert MODEL in {model.id for model in ours.models.list()}
    assert ours.models.retrieve(MODEL).id == MODEL


ENDPOINTS = {
    "/chat/completions": 2,
    "/responses": 2,
    "/messages": 2,
    "/messages/count_tokens": 1,
    "/completions": 1,
    "/embeddings": 1,
    "/images/generations": 1,
    "/images/edits": 1,
    "/images/variations": 1,
    "/audio/speech": 1,
    "/audio/transcriptions": 1,
    "/audio/translations": 1,
    "/moderations": 1,
    "/rerank": 1,
}
"""So often each is asked above."""


def test_a_custom_provider_has_everything_that_a_built_in_one_has(
    tmp_path: Path, upstream: Callable[..., FaultUpstream]
) -> None:
    up, broken = upstream(answer), upstream(error(500))
    with Team(tmp_path / "team.db") as team:
        red = team.organisation("red")
        team.provider(red, "acme", up.base_url, token="acme-token", models=PRICED)
        team.provider(red, "down", broken.base_url, token="down-token", retries=0)
        team.route(red, "smart", {"models": ["down/large", MODEL]})
        key_id, key = team.key(red)
        keys = {name: team.key(red, name)[1] for name in ("once", "poor", "smart")}
        for name, draft in {
            "once": Draft(measure="requests", period="minute", amount=Decimal(1), **of("once")),
            "poor": Draft(measure="spend", period="day", amount=Decimal("0.00001"), **of("poor")),
        }.items():
            put_allowance(team.desk, SYSTEM, red, name, draft)
        env = {**team.env, "DRAGOMAN_DATABASE_URL": f"sqlite:///{team.place}"}
        gateway = Process(tmp_path, SETTINGS, env=env)
        try:
            with (
                openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as ours,
                anthropic.Anthropic(base_url=gateway.url, api_key=key, max_retries=0) as theirs,
            ):
                text_of(ours, theirs)
                other_of(ours, gateway, key)
                asked = len(up.requests)
                chats = ours.chat.completions
                again = chats.with_raw_response.create(model=MODEL, messages=SAY)
                assert again.headers["x-dragoman-cache"] == "hit"
                assert len(up.requests) == asked
                limited = {name: ours.with_options(api_key=text) for name, text in keys.items()}
                once, poor, smart = (limited[name].chat.completions for name in keys)
                fallen = smart.with_raw_response.create(model="smart", messages=SAY, seed=1)
                assert fallen.headers["x-dragoman-provider"] == "acme"
                once.create(model=MODEL, messages=SAY, seed=2)
                for refused, code, more in (
                    (once, "rate_limit_exceeded", {}),
                    (poor, "budget_exceeded", {"max_tokens": 1000}),
                ):
                    with pytest.raises(openai.RateLimitError) as caught:
                        refused.create(model=MODEL, messages=SAY, seed=3, **more)
                    assert caught.value.code == code
            whole = sum(ENDPOINTS.values()) + 5
            wait_until(lambda: len(rows(team, "exchange")) >= whole)
        finally:
            gateway.stop()
        books(team, red, key_id)
    sent = {request.header("authorization") for request in up.requests}
    assert sent == {"Bearer acme-token"}
    named = [request.json()["model"] for request in up.requests if request.body[:1] == b"{"]
    assert set(named) == {"large"}


def of(key: str) -> dict[str, Any]:
    return {"kind": "key", "subject": key}


def rows(team: Team, table: str) -> list[dict[str, Any]]:
    with closing(open_database(team.place)) as connection:
        return [dict(row) for row in connection.rows(f"SELECT * FROM {table}")]


def books(team: Team, organisation: str, key_id: str) -> None:
    """See that all of it is in the ledger: whose, where, what it cost, what was said."""
    exchanges = rows(team, "exchange")
    assert {one["organisation_id"] for one in exchanges} == {organisation}
    mine = [one for one in exchanges if one["key_id"] == key_id]
    counted: dict[str, int] = {}
    for one in mine:
        counted[one["endpoint"]] = counted.get(one["endpoint"], 0) + 1
    assert counted == {**ENDPOINTS, "/chat/completions": 3}  # once from the cache
    assert {one["outcome"] for one in mine} == {"ok"}
    chats = [one for one in mine if one["endpoint"] in ("/responses", "/messages", "/completions")]
    assert [one["cost_nanousd"] for one in chats] == [COST] * 5
    asked = sorted(one["cost_nanousd"] for one in mine if one["endpoint"] == "/chat/completions")
    assert asked == [0, COST, COST]
    (vectors,) = (one for one in mine if one["endpoint"] == "/embeddings")
    assert vectors["cost_nanousd"] == 2 * 1_000
    tried = rows(team, "attempt")
    (fallen,) = (one for one in exchanges if one["asked"] == "smart")
    names = [one["provider"] for one in tried if one["exchange_id"] == fallen["id"]]
    assert sorted(names) == ["acme", "down"]
    heard = {one["exchange_id"] for one in rows(team, "content")}
    assert {one["id"] for one in mine if one["endpoint"] in ("/responses", "/embeddings")} <= heard
