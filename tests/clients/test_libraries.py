"""Libraries as their makers publish them: an answer, a stream, a tool call, whoever answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.gateway import Gateway, provider
from tests.clients.installed import Machine
from tests.clients.upstreams import CALL, MODELS, TEXT
from tests.upstream.llama import LlamaServer

PYTHON = [
    ("openai_chat",),
    ("openai_responses",),
    ("anthropic_messages",),
    ("langchain_models", "openai"),
    ("langchain_models", "anthropic"),
    ("pydantic_agent",),
]


@pytest.mark.parametrize("client", PYTHON, ids="-".join)
def test_a_python_library_is_answered_in_every_language(
    client: tuple[str, ...], languages: Gateway, machine: Machine
) -> None:
    given = {"url": languages.url, "models": MODELS, "tools": True}
    check(machine.ask_in_python(*client, given=given))


@pytest.mark.parametrize("client", ["openai", "anthropic"])
def test_the_vercel_ai_sdk_is_answered_in_every_language(
    client: str, languages: Gateway, machine: Machine
) -> None:
    check(machine.ask_in_node(client, given={"url": languages.url, "models": MODELS}))


def check(said: Any) -> None:
    assert set(said) == set(MODELS)
    for model, ways in said.items():
        assert ways["whole"] == TEXT, model
        assert "".join(ways["stream"]) == TEXT, model
        assert len(ways["stream"]) > 1, model
        assert ways["call"] == CALL, model


@pytest.mark.parametrize("client", PYTHON[:3], ids="-".join)
def test_a_real_model_server_answers(
    client: tuple[str, ...], llama_server: LlamaServer, serve: Any, machine: Machine
) -> None:
    gateway = serve(provider("llama", llama_server.base_url))
    given = {"url": gateway.url, "models": [f"llama/{llama_server.model}"], "tools": False}
    (ways,) = machine.ask_in_python(*client, given=given).values()
    assert ways["whole"]
    assert len(ways["stream"]) > 1
