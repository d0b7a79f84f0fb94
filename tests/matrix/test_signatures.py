"""Signed and withheld reasoning goes home through clients of any language, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from dragoman import Client
from dragoman.types import ChatRequest, Message, Reasoning, Text, user
from dragoman.wire.seal import MARK, seal, unseal
from dragoman.wire.signer import forget_signatures, name_signer
from tests.library.asking import configure
from tests.matrix import servers
from tests.matrix.answered import claude, text
from tests.server.serving import Served
from tests.upstream.fault import Answer, FaultUpstream, Request, chat

Upstreams = Callable[..., FaultUpstream]
ANTHROPIC = "anthropic-messages"
HI: Any = {"role": "user", "content": "hi"}
MORE: Any = {"role": "user", "content": "more"}
SIGNED = [
    {"type": "thinking", "thinking": "Hm.", "signature": "SECRET"},
    {"type": "redacted_thinking", "data": "HIDDEN"},
]


def thinker(request: Request) -> Answer:
    """Answer as Anthropic's server does, with two thoughts."""
    said = claude(*SIGNED, text("Hello."))
    if request.json().get("stream"):
        body, kind = servers.streamed(ANTHROPIC, said), "text/event-stream"
    else:
        body, kind = servers.whole(ANTHROPIC, said), "application/json"
    return Answer(200, (("content-type", kind),), body)


@pytest.fixture
def thinkers(upstream: Upstreams) -> tuple[FaultUpstream, FaultUpstream]:
    return upstream(thinker), upstream(thinker)


@pytest.fixture
def providers(thinkers: tuple[FaultUpstream, FaultUpstream], upstream: Upstreams) -> dict[str, Any]:
    one, other = thinkers
    return {
        "one": {"base_url": one.url, "api": ANTHROPIC},
        "other": {"base_url": other.url, "api": ANTHROPIC},
        "chats": {"base_url": upstream(chat("Hello")).base_url},
    }


def ask_chat(client: openai.OpenAI, model: str, history: list[Any], stream: bool) -> Any:
    if not stream:
        return client.chat.completions.create(model=model, messages=history).choices[0].message
    with client.chat.completions.stream(model=model, messages=history) as answers:
        return answers.get_final_completion().choices[0].message


def ask_responses(client: openai.OpenAI, model: str, history: list[Any], stream: bool) -> Any:
    if not stream:
        return client.responses.create(model=model, input=history).output
    with client.responses.stream(model=model, input=history) as answers:
        return answers.get_final_response().output


ASK = {"chat": ask_chat, "responses": ask_responses}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("language", ASK)
def test_thoughts_go_back_to_who_signed_them_and_to_no_other(
    language: str,
    stream: bool,
    providers: dict[str, Any],
    thinkers: tuple[FaultUpstream, FaultUpstream],
) -> None:
    with (
        Served(providers) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client,
    ):
        said = ASK[language](client, "one/claude-4", [HI], stream)
        history = [HI, *(said if isinstance(said, list) else [said]), MORE]
        for model in ("one/claude-5", "one/glm-5", "other/claude-4"):
            ASK[language](client, model, history, stream)
    home, family = [request.json()["messages"][1] for request in thinkers[0].requests[1:]]
    assert home["content"] == [*SIGNED, {"type": "text", "text": "Hello."}]
    for message in (family, thinkers[1].requests[0].json()["messages"][1]):
        assert message["content"] == "Hello."
    for exchange, signer in zip(
        gateway.seen.exchanges[2:], ["one/glm", "other/claude"], strict=True
    ):
        assert f"a signature of one/claude is left out: {signer} can't read it" in exchange.warnings


@pytest.mark.parametrize("language", ASK)
def test_a_seal_never_reaches_a_provider(
    language: str, providers: dict[str, Any], upstream: Upstreams
) -> None:
    chats = upstream(chat("Bye"))
    providers["chats"] = {"base_url": chats.base_url}
    with (
        Served(providers) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client,
    ):
        said = ASK[language](client, "one/claude-4", [HI], False)
        history = [HI, *(said if isinstance(said, list) else [said]), MORE]
        assert MARK in repr(said)
        ASK[language](client, "chats/m", history, False)
    assert MARK.encode() not in chats.requests[0].body
    assert chats.requests[0].json()["messages"][1]["content"] == "Hello."


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_library_knows_who_signed(
    stream: bool, providers: dict[str, Any], thinkers: tuple[FaultUpstream, FaultUpstream]
) -> None:
    with Client(configure(providers)) as client:
        if stream:
            with client.stream("one/claude-4", "hi") as answers:
                answer: Any = [*answers] and answers.completion
        else:
            answer = client.chat("one/claude-4", "hi")
        history = [user("hi"), answer.message, user("more")]
        (only,) = client.chat("one/claude-5", history).warnings
        assert only == "one/claude-5 answered as another model: m"
        elsewhere = client.chat("other/claude-4", history)
    assert thinkers[0].requests[1].json()["messages"][1]["content"][:2] == SIGNED
    assert thinkers[1].requests[0].json()["messages"][1]["content"] == "Hello."
    assert "a signature of one/claude is left out: other/claude can't read it" in elsewhere.warnings


def test_only_thoughts_that_come_first_can_go_back_through_a_chat_completion(
    upstream: Upstreams,
) -> None:
    late = claude(text("Well."), SIGNED[0], text("Hello."))
    body = servers.whole(ANTHROPIC, late)
    server = upstream(Answer(200, (("content-type", "application/json"),), body))
    with (
        Served({"one": {"base_url": server.url, "api": ANTHROPIC}}) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="k", max_retries=0) as client,
    ):
        said = ask_chat(client, "one/claude-4", [HI], False)
    assert said.model_extra == {"reasoning_content": "Hm."}


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-sonnet-4-5", "p/claude"),
        ("anthropic/Claude-5", "p/claude"),
        ("o3", "p/o"),
        ("gpt-6", "p/gpt"),
        ("4711", "p/4711"),
    ],
)
def test_a_signer_is_a_provider_and_a_family(model: str, family: str) -> None:
    assert name_signer("p", model) == family


def test_what_nobody_signed_stays() -> None:
    thoughts = (Reasoning("a"), Reasoning("b", {ANTHROPIC: {"signature": "S"}}), Text("c"))
    request = ChatRequest(model="m", messages=(Message("assistant", thoughts),))
    assert forget_signatures(request, "p/m") == (request, ())


def test_a_broken_seal_holds_nothing() -> None:
    sealed = seal(Reasoning("a", {ANTHROPIC: {"signature": "S"}}, "p/m"), with_text=True)
    found = unseal(sealed, "openai-completions")
    assert (found.text, found.signer) == ("a", "p/m")
    for broken in (MARK, f"{MARK}!", f"{MARK}{json.dumps([1])}", sealed[:-3], f"{MARK}WzFd"):
        assert unseal(broken, "openai-completions").meta is None
