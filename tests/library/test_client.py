"""The Python library as its users hold it: requests, answers, costs, real servers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from openai import OpenAI

import dragoman
from dragoman import AsyncClient, Client, Media, Message, Secret, Text
from dragoman.errors import (
    ConfigError,
    ContextOverflow,
    InvalidRequest,
    SchemaMismatch,
    UnknownModel,
    Unsupported,
)
from dragoman.types import Finish, PartDelta, PartEnd, PartStart, Start
from tests.library.asking import Asker, configure
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream, chat, chat_stream, error, tokens, tool_calls
from tests.upstream.llama import LlamaServer

StartUpstream = Callable[..., FaultUpstream]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def sent(upstream: FaultUpstream, kind: str = "sync", model: str = "x", **params: Any) -> Any:
    """Ask `a`; give the body that the server got."""
    Asker(kind, configure({"a": {"base_url": upstream.base_url}})).chat(f"a/{model}", **params)
    return upstream.requests[-1].json()


# -- what goes out


def test_only_what_was_said_is_sent(kind: str, upstream: StartUpstream) -> None:
    body = sent(upstream(chat("ok")), kind)
    assert body == {"model": "x", "messages": [{"role": "user", "content": "hi"}]}


def test_parameters_reach_the_server_under_their_names(upstream: StartUpstream) -> None:
    body = sent(
        upstream(chat("ok")),
        system="be brief",
        temperature=0.2,
        max_tokens=5,
        stop="END",
        seed=1,
        reasoning="low",
        body={"service_tier": "flex"},
    )
    assert body["messages"][0] == {"role": "system", "content": "be brief"}
    assert body["temperature"] == 0.2
    assert body["max_tokens"] == 5
    assert body["stop"] in ("END", ["END"])
    assert body["seed"] == 1
    assert body["reasoning_effort"] == "low"
    assert body["service_tier"] == "flex"


def test_a_model_id_reaches_the_server_byte_for_byte(upstream: StartUpstream) -> None:
    model = "@cf/meta/llama-3.1:8b@v2"
    assert sent(upstream(chat("ok")), model=model)["model"] == model


def test_messages_may_be_ours_or_openais(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    image = "data:image/png;base64,aGk="
    ours = [
        Message("user", (Text("see"), Media(kind="image", media_type="image/png", data="aGk=")))
    ]
    theirs = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": image}},
            ],
        }
    ]
    bodies = [sent(server, messages=messages)["messages"] for messages in (ours, theirs)]
    assert bodies[0] == bodies[1] == theirs


def test_an_answer_can_be_sent_back_as_history(upstream: StartUpstream) -> None:
    server = upstream([tool_calls(("look", {"at": 1})), chat("ok")])
    asker = Asker("sync", configure({"a": {"base_url": server.base_url}}))
    first = asker.chat("a/x", tools=[{"type": "function", "function": {"name": "look"}}])
    result = dragoman.tool_result(first.tool_calls[0].id, "seen")
    asker.chat("a/x", [dragoman.user("look"), first.message, result])
    messages = server.requests[1].json()["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool"]
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == '{"at": 1}'
    assert messages[2]["tool_call_id"] == messages[1]["tool_calls"][0]["id"]


def test_a_key_given_in_the_call_comes_before_all(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    config = configure({"a": {"base_url": server.base_url, "api_key": "configured"}})
    Asker("sync", config).chat("a/x", api_key="given")
    assert server.requests[0].header("authorization") == "Bearer given"


def test_no_key_is_no_header_and_never_another_providers(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    env = {"OPENAI_API_KEY": "sk-openai"}
    config = configure({"a": {"base_url": server.base_url}}, env=env)
    Asker("sync", config, env).chat("a/x")
    assert server.requests[0].header("authorization") is None


def test_an_endpoint_that_nothing_configures(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    answer = Asker(kind, configure({})).chat("any/model", base_url=server.base_url)
    assert answer.text == "ok"
    assert server.requests[0].json()["model"] == "any/model"


def test_several_keys_take_turns_and_stand_in_for_each_other(upstream: StartUpstream) -> None:
    server = upstream(
        lambda request: (
            error(429) if request.header("authorization") == "Bearer one" else chat("ok")
        )
    )
    config = configure({"a": {"base_url": server.base_url, "api_keys": ["one", "two"]}})
    answers = Asker("sync", config).chat_often(10, "a/x")
    assert [answer.text for answer in answers] == ["ok"] * 10
    assert {r.header("authorization") for r in server.requests} == {"Bearer one", "Bearer two"}
    assert sum(r.header("authorization") == "Bearer one" for r in server.requests) <= 3


def test_extra_body_fields_come_from_provider_model_route_and_call(
    upstream: StartUpstream,
) -> None:
    server = upstream(chat("ok"))
    config = configure(
        {
            "a": {
                "base_url": server.base_url,
                "body": {"one": 1, "two": 1},
                "models": [{"id": "x", "body": {"two": 2, "three": 2}}],
            }
        },
        routes={"r": {"models": ["a/x"], "body": {"three": 3, "four": 3}}},
    )
    Asker("sync", config).chat("r", body={"four": 4})
    body = server.requests[0].json()
    assert [body[name] for name in ("one", "two", "three", "four")] == [1, 2, 3, 4]


# -- mistakes


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"temprature": 1}, "temprature"),
        ({"reasoning": "a lot"}, "reasoning"),
        ({"output": "yaml"}, "JSON Schema"),
        ({"messages": []}, "empty"),
        ({"messages": [{"role": "nobody", "content": "x"}]}, "role"),
        ({"messages": [{"content": "x"}]}, "role"),
        ({"tools": [{"type": "function"}]}, "function"),
    ],
)
def test_a_wrong_parameter_is_named_before_anything_is_sent(
    upstream: StartUpstream, params: dict[str, Any], words: str
) -> None:
    server = upstream([])
    with pytest.raises(InvalidRequest, match=words):
        sent(server, **params)
    assert not server.requests


def test_a_misspelt_parameter_is_guessed() -> None:
    with pytest.raises(InvalidRequest) as caught, Client(configure({})) as client:
        client.chat("demo/echo", "hi", temprature=1)  # type: ignore[call-arg]
    assert "temperature" in (caught.value.hint or "")


def test_an_unknown_model_comes_with_suggestions() -> None:
    with pytest.raises(UnknownModel) as caught, Client(configure({})) as client:
        client.chat("dem/echo", "hi")
    assert "demo/echo" in caught.value.suggestions


def test_a_missing_variable_is_named_when_the_provider_is_used(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    config = configure(
        {
            "broken": {"base_url": server.base_url, "api_key": "env:NO_SUCH_KEY"},
            "sound": {"base_url": server.base_url},
        }
    )
    asker = Asker("sync", config)
    assert asker.chat("sound/x").text == "ok"
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        asker.chat("broken/x")


# -- what comes back


def test_events_tell_the_answer_in_brackets(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    went = Asker(kind, configure({"a": {"base_url": server.base_url}})).stream("a/x")
    kinds = [type(event) for event in went.events]
    assert kinds == [Start, PartStart, PartDelta, PartDelta, PartEnd, Finish]
    assert went.completion.text == "Hello"
    assert went.completion.provider == "a"


def test_cost_is_exact_and_says_where_its_price_came_from(
    kind: str, upstream: StartUpstream
) -> None:
    usage = tokens(1000, 500, cached=400)
    server = upstream([chat("ok", usage=usage), chat_stream(["ok"], usage=usage)])
    price = {"input": 0.5, "output": 1.5, "cache_read": 0.05}
    config = configure(
        {
            "a": {"base_url": server.base_url, "models": [{"id": "x", "cost": price}]},
        }
    )
    asker = Asker(kind, config)
    answer = asker.chat("a/x")
    assert answer.cost == Decimal("0.00107")
    assert answer.cost_source == "config"
    assert asker.stream("a/x").completion.cost == answer.cost


def test_an_unknown_price_stays_unknown(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    answer = Asker("sync", configure({"a": {"base_url": server.base_url}})).chat("a/x")
    assert answer.cost is None
    assert answer.cost_source == "unknown"


def test_usage_that_nobody_reports_is_estimated_and_says_so(upstream: StartUpstream) -> None:
    server = upstream(chat("word " * 40, usage=None))
    config = configure(
        {
            "a": {
                "base_url": server.base_url,
                "models": [{"id": "x", "cost": {"input": 1, "output": 1}}],
            },
        }
    )
    answer = Asker("sync", config).chat("a/x", "hello there")
    usage = answer.exchange.usage
    assert usage.estimated
    assert 30 <= usage.completion_tokens <= 70
    assert answer.cost_source == "estimated"


def test_images_go_to_a_model_that_can_see(upstream: StartUpstream) -> None:
    blind, seeing = upstream([chat("blind")]), upstream([chat("a cat")])
    providers = {
        "blind": {"base_url": blind.base_url, "models": [{"id": "x", "input": ["text"]}]},
        "seeing": {
            "base_url": seeing.base_url,
            "models": [{"id": "y", "input": ["text", "image"]}],
        },
    }
    picture = dragoman.user("what is it?", Media(kind="image", url="https://pictures.test/cat.png"))
    config = configure(providers, image_model="seeing/y")
    assert Asker("sync", config).chat("blind/x", picture).text == "a cat"
    assert Asker("sync", config).chat("blind/x", "hi").text == "blind"
    with pytest.raises(Unsupported, match="cannot read images"):
        Asker("sync", configure(providers)).chat("blind/x", picture)


def test_a_prompt_that_cannot_fit_is_refused_or_cut_as_asked(upstream: StartUpstream) -> None:
    server = upstream(chat("ok", usage=None))
    config = configure(
        {
            "a": {"base_url": server.base_url, "models": [{"id": "x", "context_window": 1000}]},
        }
    )
    history = [dragoman.user("word " * 2000), dragoman.assistant("yes"), dragoman.user("and now?")]
    with pytest.raises(ContextOverflow):
        Asker("sync", config).chat("a/x", history)
    assert not server.requests
    answer = Asker("sync", config).chat("a/x", history, on_overflow="truncate")
    assert [m["content"] for m in server.requests[0].json()["messages"]] == ["and now?"]
    assert "oldest 2 messages" in answer.warnings[0]


def test_a_prompt_cut_in_silence_is_noticed(upstream: StartUpstream) -> None:
    server = upstream(chat("ok", usage=tokens(2048, 3)))
    config = configure({"a": {"base_url": server.base_url}})
    answer = Asker("sync", config).chat("a/x", "word " * 9000)
    assert any("num_ctx" in warning for warning in answer.warnings)


# -- tools and structured output, driven


def test_a_model_uses_functions_until_it_answers(kind: str) -> None:
    def weather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    async def aweather(city: str) -> str:
        """Tell the weather."""
        return f"sunny in {city}"

    config = configure({})
    if kind == "sync":
        with Client(config) as client:
            run = client.run_tools("demo/tools", "weather in Paris?", tools=[weather])
    else:

        async def ask() -> dragoman.ToolRun:
            async with AsyncClient(config) as client:
                return await client.run_tools("demo/tools", "weather?", tools=[aweather])

        run = asyncio.run(ask())
    assert "sunny in" in run.text
    assert [message.role for message in run.messages] == ["user", "assistant", "tool", "assistant"]


class Person(msgspec.Struct):
    name: str
    age: int


def test_a_type_comes_back_as_a_value(kind: str) -> None:
    config = configure({})
    if kind == "sync":
        with Client(config) as client:
            parsed = client.parse(Person, "demo/json", "somebody")
    else:

        async def ask() -> dragoman.Parsed[Person]:
            async with AsyncClient(config) as client:
                return await client.parse(Person, "demo/json", "somebody")

        parsed = asyncio.run(ask())
    assert isinstance(parsed.value, Person)
    assert parsed.via == "native"


def test_a_provider_without_schemas_is_asked_in_other_ways(upstream: StartUpstream) -> None:
    server = upstream(
        [
            error(400, message="response_format is not supported"),
            tool_calls(("Person", {"name": "Ada", "age": 36})),
        ]
    )
    config = configure({"a": {"base_url": server.base_url}})
    with Client(config) as client:
        parsed = client.parse(Person, "a/x", "who?")
    assert parsed.value == Person("Ada", 36)
    assert parsed.via == "tool"


def test_what_never_fits_the_type_is_an_error(upstream: StartUpstream) -> None:
    config = configure({"a": {"base_url": upstream(chat("no idea")).base_url}})
    with Client(config) as client, pytest.raises(SchemaMismatch):
        client.parse(Person, "a/x", "who?")


# -- life


def test_a_client_serves_many_threads(upstream: StartUpstream) -> None:
    server = upstream(lambda request: chat(request.json()["messages"][0]["content"]))
    texts: dict[int, str] = {}
    with Client(configure({"a": {"base_url": server.base_url}})) as client:

        def ask(number: int) -> None:
            texts[number] = client.chat("a/x", f"n{number}").text

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert texts == {number: f"n{number}" for number in range(30)}


def test_connections_are_kept(kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    Asker(kind, configure({"a": {"base_url": server.base_url}})).chat_often(5, "a/x")
    assert len({request.connection for request in server.requests}) == 1


def test_a_streams_connection_is_kept_too(upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))
    with Client(configure({"a": {"base_url": server.base_url}})) as client:
        texts = ["".join(client.stream("a/x", "hi").text_deltas()) for _ in range(3)]
    assert texts == ["Hello"] * 3
    assert len({request.connection for request in server.requests}) == 1


def test_an_async_streams_connection_is_kept_too(upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]))

    async def ask() -> list[str]:
        async with AsyncClient(configure({"a": {"base_url": server.base_url}})) as client:
            return [
                "".join([text async for text in client.stream("a/x", "hi").text_deltas()])
                for _ in range(3)
            ]

    assert asyncio.run(ask()) == ["Hello"] * 3
    assert len({request.connection for request in server.requests}) == 1


def test_one_call_needs_no_client() -> None:
    assert dragoman.chat("demo/echo", "hello").text == "hello"


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("sk-canary-0123456789")
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        msgspec.json.encode(secret)


def test_a_preview_sends_nothing_and_shows_no_key(upstream: StartUpstream) -> None:
    server = upstream([])
    config = configure({"a": {"base_url": server.base_url, "api_key": "sk-canary-0123456789"}})
    with Client(config) as client:
        outgoing = client.preview("a/x", "hi", stream=True)
    assert str(outgoing.request.url) == f"{server.base_url}/chat/completions"
    assert msgspec.json.decode(outgoing.request.body)["stream"] is True
    assert "canary" not in repr(outgoing)
    assert not server.requests


# -- servers that no one here wrote


def test_llama_cpp_answers_us_as_it_answers_the_official_client(
    kind: str, llama_server: LlamaServer
) -> None:
    prompt = [{"role": "user", "content": "Say something."}]
    with OpenAI(base_url=llama_server.base_url, api_key="none") as official:
        theirs = official.chat.completions.create(
            model=llama_server.model, messages=prompt, max_tokens=12, seed=1, temperature=0
        )
    config = configure({"llama": {"base_url": llama_server.base_url}})
    asker = Asker(kind, config)
    model = f"llama/{llama_server.model}"
    ours = asker.chat(model, prompt, max_tokens=12, seed=1, temperature=0.0)
    streamed = asker.stream(model, prompt, max_tokens=12, seed=1, temperature=0.0).completion
    assert ours.text == streamed.text == theirs.choices[0].message.content
    assert ours.finish_reason == streamed.finish_reason == theirs.choices[0].finish_reason
    assert theirs.usage is not None
    for usage in (ours.usage, streamed.usage):
        assert usage is not None
        assert usage.prompt_tokens == theirs.usage.prompt_tokens
        assert usage.completion_tokens == theirs.usage.completion_tokens


def test_llama_cpp_keeps_a_schema(llama_server: LlamaServer) -> None:
    config = configure({"llama": {"base_url": llama_server.base_url}})
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}},
        "required": ["ok"],
        "additionalProperties": False,
    }
    with Client(config) as client:
        parsed = client.parse(schema, f"llama/{llama_server.model}", "yes or no?", max_tokens=60)
    assert parsed.via == "native"
    assert isinstance(parsed.value["ok"], bool)


def test_llama_cpp_says_that_a_prompt_is_too_long(llama_server: LlamaServer) -> None:
    config = configure({"llama": {"base_url": llama_server.base_url}})
    with Client(config) as client, pytest.raises(ContextOverflow):
        client.chat(f"llama/{llama_server.model}", "word " * 3000)


def test_aimock_answers_text_and_tool_calls(kind: str, aimock_server: AimockServer) -> None:
    aimock_server.reset()
    aimock_server.answer("hello", {"content": "Hi from there."})
    aimock_server.answer(
        "weather", {"toolCalls": [{"name": "look", "arguments": '{"city": "Lyon"}'}]}
    )
    config = configure({"mock": {"base_url": aimock_server.base_url, "api_key": "k"}})
    asker = Asker(kind, config)
    assert asker.chat("mock/gpt-4o", "hello").text == "Hi from there."
    went = asker.stream("mock/gpt-4o", "weather")
    assert went.error is None
    (call,) = went.completion.tool_calls
    assert (call.name, msgspec.json.decode(call.arguments)) == ("look", {"city": "Lyon"})
    assert went.completion.finish_reason == "tool_calls"


def test_azure_is_asked_by_deployment_with_its_own_header(upstream: StartUpstream) -> None:
    server = upstream(chat("ok"))
    base_url = f"http://127.0.0.1:{server.port}/openai/deployments"
    env = {"AZURE_API_KEY": "secret", "OPENAI_API_VERSION": "2026-02-01"}
    provider = {"base_url": base_url, "api_key_env": "AZURE_API_KEY", "default_model": "gpt-4"}
    asker = Asker("sync", configure({"azure-gpt4": provider}, env=env), env)
    assert asker.chat("azure-gpt4").text == "ok"
    request = server.requests[0]
    assert request.target == "/openai/deployments/gpt-4/chat/completions?api-version=2026-02-01"
    assert request.header("api-key") == "secret"
    assert request.header("authorization") is None
