"""What Google's and Anthropic's own libraries send to Vertex AI is what we send."""

from __future__ import annotations

import json
import urllib.parse
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google import genai
from google.auth import jwt
from google.auth.transport.requests import Request as AuthRequest
from google.genai import types as g
from google.oauth2 import service_account as theirs_account
from google.oauth2.credentials import Credentials

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from anthropic import AnthropicVertex

import openai
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dragoman.config import Secrets
from dragoman.probe.discover import discover_models
from dragoman.transport.sync import SyncTransport
from dragoman.types.message import system, user
from tests.adapters.google_api import (
    KEY,
    answer,
    asker,
    piece,
    private_key,
    service_account,
    stream,
    whole,
)
from tests.adapters.test_gemini_sdk import normal
from tests.adapters.test_vertex import CLAUDE, GEMINI, LLAMA, MESSAGE, claude_stream
from tests.library.asking import Asker
from tests.upstream.fault import FaultUpstream, chat

Start = Callable[..., FaultUpstream]

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PLACE = {"project": "my-project", "location": "europe-west4"}


def ours(server: FaultUpstream) -> Asker:
    """Ask with a token of one's own, as the libraries do here."""
    return asker("sync", server.url, "vertex", auth="bearer", options=PLACE)


@pytest.fixture
def google() -> Iterator[Callable[..., genai.Client]]:
    """Make clients of Google's for Vertex AI, pointed at a server."""
    made: list[genai.Client] = []

    def make(server: FaultUpstream, **credentials: Any) -> genai.Client:
        options = g.HttpOptions(base_url=server.url, api_version="v1")
        made.append(genai.Client(vertexai=True, http_options=options, **credentials))
        return made[-1]

    yield make
    for client in made:
        client.close()


def test_google_auth_asks_for_a_token_as_we_do(upstream: Start) -> None:
    said = answer({"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"})
    server = upstream(lambda request: said if request.path == "/token" else whole({"text": "ok"}))
    account = service_account(f"{server.url}/token")
    credentials = theirs_account.Credentials.from_service_account_info(account, scopes=[SCOPE])
    credentials.refresh(AuthRequest())
    options = {"credentials": json.dumps(account)}
    asker("sync", server.url, "vertex", api_key=None, options=options).chat(f"g/{GEMINI}")
    theirs, mine, asked = server.requests
    assert asked.header("authorization") == f"Bearer {KEY}"
    assert (theirs.method, theirs.target) == (mine.method, mine.target)
    assert theirs.header("content-type") == mine.header("content-type")
    read = [dict(urllib.parse.parse_qsl(one.body.decode())) for one in (theirs, mine)]
    assert read[0].keys() == read[1].keys()
    assert read[0]["grant_type"] == read[1]["grant_type"]
    public = (
        private_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    claims = [jwt.decode(one["assertion"], certs=public, verify=False) for one in read]
    for one in read:
        jwt.decode(one["assertion"], certs=public, audience="https://oauth2.googleapis.com/token")
    for claim in claims:
        assert claim.pop("exp") - claim.pop("iat") == 3600
    assert claims[0] == claims[1]
    heads = [jwt.decode_header(one["assertion"]) for one in read]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("streamed", [False, True])
def test_googles_library_sends_what_we_send(streamed: bool, upstream: Start, google: Any) -> None:
    said = stream([piece({"text": "ok"}, finish="STOP")]) if streamed else whole({"text": "ok"})
    server = upstream(said)
    asked = [system("Be brief."), user("hi")]
    (ours(server).stream if streamed else ours(server).chat)(f"g/{GEMINI}", asked, temperature=0.5)
    models = google(server, credentials=Credentials(token=KEY), **PLACE).models
    config = g.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5)
    call = models.generate_content_stream if streamed else models.generate_content
    list(call(model=GEMINI, contents="hi", config=config))
    mine, theirs = server.requests
    assert mine.target == theirs.target
    assert mine.header("authorization") == theirs.header("authorization") == f"Bearer {KEY}"
    assert normal(mine.json()) == normal(theirs.json())


def test_googles_library_sends_a_key_as_we_do(upstream: Start, google: Any) -> None:
    server = upstream(whole({"text": "ok"}))
    asker("sync", server.url, "vertex").chat(f"g/{GEMINI}")
    google(server, api_key=KEY).models.generate_content(model=GEMINI, contents="hi")
    mine, theirs = server.requests
    assert mine.target == theirs.target == f"/v1/publishers/google/models/{GEMINI}:generateContent"
    assert mine.header("x-goog-api-key") == theirs.header("x-goog-api-key") == KEY
    assert normal(mine.json()) == normal(theirs.json())


VECTORS = {
    "text-embedding-005": {
        "predictions": [{"embeddings": {"values": [1.0], "statistics": {"token_count": 2}}}] * 2
    },
    "gemini-embedding-001": {"embeddings": [{"values": [1.0]}, {"values": [2.0]}]},
}


@pytest.mark.parametrize("model", VECTORS)
def test_googles_library_asks_for_vectors_as_we_do(
    model: str, upstream: Start, google: Any
) -> None:
    server = upstream(answer(VECTORS[model]))
    mine = ours(server).embed(f"g/{model}", ["one", "two"], dimensions=1)
    client = google(server, credentials=Credentials(token=KEY), **PLACE)
    theirs = client.models.embed_content(
        model=model,
        contents=["one", "two"],
        config=g.EmbedContentConfig(output_dimensionality=1),
    )
    assert mine.vectors == tuple(tuple(one.values) for one in theirs.embeddings)
    first, second = server.requests
    assert first.target == second.target
    assert normal(first.json()) == normal(second.json())


@pytest.mark.parametrize("streamed", [False, True])
def test_anthropics_library_sends_what_we_send(streamed: bool, upstream: Start) -> None:
    server = upstream(claude_stream("Hel", "lo") if streamed else answer(MESSAGE))
    asked = [system("Be brief."), user("hi")]
    if streamed:
        text = ours(server).stream(f"g/{CLAUDE}", asked, max_tokens=9).completion.text
    else:
        text = ours(server).chat(f"g/{CLAUDE}", asked, max_tokens=9).text
    with AnthropicVertex(
        region=PLACE["location"],
        project_id=PLACE["project"],
        access_token=KEY,
        base_url=f"{server.url}/v1",
    ) as client:
        params: Any = {
            "model": "claude-sonnet-5",
            "max_tokens": 9,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "hi"}],
        }
        if streamed:
            with client.messages.stream(**params) as answered:
                assert answered.get_final_text() == text == "Hello"
        else:
            assert client.messages.create(**params).content[0].text == text == "Hello"
    mine, theirs = server.requests
    assert mine.target == theirs.target
    assert mine.header("authorization") == theirs.header("authorization") == f"Bearer {KEY}"
    versions = ("vertex-2023-10-16", "2026-10-21")  # see ANTHROPIC_VERSION
    ours_sent, theirs_sent = mine.json(), theirs.json()
    assert (ours_sent.pop("anthropic_version"), theirs_sent.pop("anthropic_version")) == versions
    assert ours_sent == theirs_sent


def test_the_compatible_endpoint_is_where_openais_library_looks(upstream: Start) -> None:
    server = upstream(chat("Hello"))
    ours(server).chat(f"g/{LLAMA}", "hi")
    place = f"projects/{PLACE['project']}/locations/{PLACE['location']}"
    base = f"{server.url}/v1/{place}/endpoints/openapi"
    with openai.OpenAI(base_url=base, api_key=KEY) as client:
        asked: Any = [{"role": "user", "content": "hi"}]
        client.chat.completions.create(model=LLAMA, messages=asked)
    mine, theirs = server.requests
    assert mine.target == theirs.target
    assert mine.header("authorization") == theirs.header("authorization") == f"Bearer {KEY}"
    assert mine.json() == theirs.json()


def test_models_are_listed_where_googles_library_lists_them(upstream: Start, google: Any) -> None:
    server = upstream(answer({"publisherModels": [{"name": f"publishers/google/models/{GEMINI}"}]}))
    said = answer({"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"})
    account = service_account(f"{upstream(said).url}/token")
    options = {"credentials": json.dumps(account)}
    ours = asker("sync", server.url, "vertex", api_key=None, options=options)
    with SyncTransport() as transport:
        found = discover_models(ours.config.providers["g"], Secrets({}), transport)
    client = google(server, credentials=Credentials(token=KEY), **PLACE)
    theirs = list(client.models.list(config={"http_options": {"api_version": "v1beta1"}}))
    assert [f"publishers/google/models/{one.id}" for one in found] == [one.name for one in theirs]
    mine, its = server.requests
    assert mine.path == its.path == "/v1beta1/publishers/google/models"
    assert mine.header("authorization") == its.header("authorization") == f"Bearer {KEY}"
