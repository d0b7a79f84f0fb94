"""LiteLLM's calls, answered by the engine: the same arguments, objects and exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dragoman.compat.litellm as litellm
from dragoman.compat.litellm import CustomLLM, acompletion, aembedding, completion, embedding
from dragoman.errors import RateLimited
from tests.compat.written import CALL, TOOL, give, take_over
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tokens, tool_calls

Start = Callable[..., FaultUpstream]
HI = [{"role": "user", "content": "Hello"}]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Be a user whose home is empty; nobody's handlers stay behind."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "DRAGOMAN_CONFIG", "LOGNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MY_PROVIDER_KEY", "k-123456789")
    folder = tmp_path / ".config/dragoman"
    folder.mkdir(parents=True)
    yield folder
    litellm.custom_provider_map = []


def configure(folder: Path, server: FaultUpstream, more: str = "") -> None:
    (folder / "config.toml").write_text(
        f'[providers.my_provider]\nbase_url = "{server.base_url}"\n'
        f'api_key_env = "MY_PROVIDER_KEY"\nretries = 0\n{more}'
    )


class Mine(CustomLLM):
    def completion(self, model: str, messages: Any, model_response: Any, **rest: Any) -> Any:
        model_response.choices[0].message.content = f"{model} {messages[-1]['content']}"
        return model_response

    def streaming(self, messages: Any, **rest: Any) -> Iterator[Any]:
        for text in ("Hel", "lo"):
            yield {"text": text, "is_finished": False}

    async def aembedding(self, input: Any, model_response: Any, **rest: Any) -> Any:  # noqa: A002
        model_response.data = [{"embedding": [1.0, 2.0]} for _ in input]
        return model_response


def test_a_completion_is_attributes_and_items(home: Path, upstream: Start) -> None:
    server = upstream(lambda _: chat("Hi there", usage=tokens(7, 2)))
    configure(home, server)
    answer = completion(model="my_provider/m1", messages=HI, temperature=0.5, max_tokens=9)
    assert answer.choices[0].message.content == "Hi there"
    assert answer["choices"][0]["message"]["content"] == "Hi there"
    assert answer.usage.prompt_tokens == 7
    assert answer.model_dump()["choices"][0]["finish_reason"] == "stop"
    body = server.requests[0].json()
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("m1", 0.5, 9)
    assert server.requests[0].header("authorization") == "Bearer k-123456789"


def test_the_call_brings_its_key_base_url_and_headers(home: Path, upstream: Start) -> None:
    configure(home, upstream([]))
    server = upstream(lambda _: chat("Hi"))
    for model in ("my_provider/m1", "unheard-of/m1"):
        answer = completion(
            model=model,
            messages=HI,
            api_key="own-key-123",
            api_base=server.base_url,
            extra_headers={"X-Team": "blue"},
        )
        assert answer.choices[0].message.content == "Hi"
        assert server.requests[-1].header("authorization") == "Bearer own-key-123"
        assert server.requests[-1].header("x-team") == "blue"


def test_tools_and_shapes_are_sent_and_calls_come_back(home: Path, upstream: Start) -> None:
    server = upstream(lambda _: tool_calls(("look", {"city": "Lyon"})))
    configure(home, server)
    answer = completion(
        model="my_provider/m1",
        messages=HI,
        tools=[TOOL],
        response_format={"type": "json_object"},
        extra_body={"mood": "calm"},
    )
    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == CALL["name"]
    assert answer.choices[0].finish_reason == "tool_calls"
    body = server.requests[0].json()
    assert body["tools"][0]["function"]["name"] == "look"
    assert body["response_format"] == {"type": "json_object"}
    assert body["mood"] == "calm"


@pytest.mark.parametrize("usage", [False, True])
def test_a_stream_gives_chunks_and_usage_when_asked(
    usage: bool, home: Path, upstream: Start
) -> None:
    configure(home, upstream(lambda _: chat_stream(["Hel", "lo"], usage=tokens(7, 2))))
    options = {"stream_options": {"include_usage": True}} if usage else {}
    chunks = list(completion(model="my_provider/m1", messages=HI, stream=True, **options))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello"
    assert [bool(c.choices) for c in chunks][-1] is not usage
    if usage:
        assert chunks[-1].usage.completion_tokens == 2


def test_what_is_raised_has_its_name_there_and_its_kind_here(home: Path, upstream: Start) -> None:
    configure(home, upstream(lambda _: error(429, "slow down", retry_after=3)))
    for stream in (False, True):
        with pytest.raises(litellm.RateLimitError) as caught:
            completion(model="my_provider/m1", messages=HI, stream=stream)
        assert isinstance(caught.value, RateLimited)
        assert (caught.value.status_code, caught.value.llm_provider) == (429, "my_provider")
        assert caught.value.retry_after == 3


@pytest.mark.parametrize(
    ("status", "message", "name"),
    [
        (400, "no", "BadRequestError"),
        (400, "maximum context length is 9 tokens", "ContextWindowExceededError"),
        (401, "no", "AuthenticationError"),
        (403, "no", "PermissionDeniedError"),
        (404, "no", "NotFoundError"),
        (500, "no", "InternalServerError"),
        (503, "overloaded", "ServiceUnavailableError"),
    ],
)
def test_each_status_has_its_exception(
    status: int, message: str, name: str, home: Path, upstream: Start
) -> None:
    configure(home, upstream(lambda _: error(status, message)))
    with pytest.raises(getattr(litellm, name)) as caught:
        completion(model="my_provider/m1", messages=HI)
    assert caught.value.status_code == status


def test_an_unknown_model_is_not_found() -> None:
    with pytest.raises(litellm.NotFoundError):
        completion(model="nobody/m1", messages=HI)


def test_fallbacks_are_asked_in_order(home: Path, upstream: Start) -> None:
    configure(home, upstream(lambda _: error(500)))
    answer = completion(model="my_provider/m1", messages=HI, fallbacks=["demo/echo"])
    assert "Hello" in answer.choices[0].message.content


def test_an_answer_can_be_brought_along() -> None:
    answer = completion(model="gpt-3.5-turbo", messages=HI, mock_response="Hi!")
    assert answer.choices[0].message.content == "Hi!"
    with pytest.raises(ZeroDivisionError):
        completion(model="x", messages=HI, mock_response=ZeroDivisionError())


def test_a_custom_provider_map_names_handlers() -> None:
    litellm.custom_provider_map = [{"provider": "my-custom-llm", "custom_handler": Mine()}]
    answer = completion(model="my-custom-llm/m1", messages=HI)
    assert answer.choices[0].message.content == "m1 Hello"
    chunks = completion(model="my-custom-llm/m1", messages=HI, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello"
    vectors = embedding(model="my-custom-llm/m1", input=["a", "b"])
    assert [one["embedding"] for one in vectors.data] == [[1.0, 2.0]] * 2
    litellm.custom_provider_map = [{"provider": "wrong", "custom_handler": object()}]
    with pytest.raises(litellm.BadRequestError, match="neither a CustomLLM nor a BaseConfig"):
        completion(model="wrong/m1", messages=HI)


def test_the_guide_s_test_file_runs(home: Path, upstream: Start) -> None:
    server = upstream(lambda _: give({"output": "I am fine"}))
    take_over("guide", home)
    (home / "config.toml").write_text(
        '[providers.my_provider]\nadapter = "guide.py:MyProviderChatConfig"\n'
        f'base_url = "{server.url}/models"\napi_key_env = "MY_PROVIDER_KEY"\n'
    )
    answer = completion(model="my_provider/your-model", messages=HI, api_key="own-key-123")
    assert answer.choices[0].message.content == "I am fine"
    assert server.requests[0].path == "/models/your-model"
    assert server.requests[0].header("authorization") == "Bearer own-key-123"


def test_all_of_it_can_be_awaited(home: Path, upstream: Start) -> None:
    configure(home, upstream([chat("Hi"), chat_stream(["Hel", "lo"]), error(401)]))
    litellm.custom_provider_map = [{"provider": "my-custom-llm", "custom_handler": Mine()}]

    async def ask() -> tuple[str, str, int]:
        whole = await acompletion(model="my_provider/m1", messages=HI)
        stream = await acompletion(model="my_provider/m1", messages=HI, stream=True)
        said = [chunk.choices[0].delta.content or "" async for chunk in stream]
        with pytest.raises(litellm.AuthenticationError):
            await acompletion(model="my_provider/m1", messages=HI, stream=True)
        vectors = await aembedding(model="my-custom-llm/m1", input=["a", "b"])
        mocked = await acompletion(model="x", messages=HI, mock_response="Hi!", stream=True)
        assert [c.choices[0].delta.content async for c in mocked] == ["Hi!", None]
        return whole.choices[0].message.content, "".join(said), len(vectors.data)

    assert asyncio.run(ask()) == ("Hi", "Hello", 2)


def test_leaving_a_stream_stops_the_provider(home: Path, upstream: Start) -> None:
    answer = chat_stream(["Hel", "lo"])
    server = upstream(lambda _: answer.stall(at=len(answer.body) - 20))
    configure(home, server)
    with completion(model="my_provider/m1", messages=HI, stream=True) as stream:
        next(stream)
    server.requests[0].wait_closed()
