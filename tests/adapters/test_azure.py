"""Azure: OpenAI's own SDK for it sends the same; keys, Microsoft's tokens, and Azure's words."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openai import AzureOpenAI, OpenAI

from dragoman import errors
from dragoman.adapters.ask import Ask
from dragoman.adapters.azure import Azure
from dragoman.types import Provider
from tests.library.asking import Asker, configure
from tests.server.serving import Served
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, sse

StartUpstream = Callable[..., FaultUpstream]
HELLO: Any = [{"role": "user", "content": "hi"}]
ENTRA = {"tenant": "contoso.example", "client_id": "app-1", "client_secret": "s3cret-of-entra"}


def seen(request: Request) -> dict[str, Any]:
    """What of a request Azure looks at."""
    return {
        "target": request.target,
        "body": request.json(),
        "key": request.header("api-key"),
        "authorization": request.header("authorization"),
    }


def ask(base_url: str, kind: str = "sync", *, env: Any = None, **more: Any) -> Asker:
    table = {"base_url": base_url, "adapter": "azure", **more}
    return Asker(kind, configure({"az": table}, env=env), env or {})


def deployments(server: FaultUpstream) -> AzureOpenAI:
    return AzureOpenAI(
        azure_endpoint=server.url, api_version="2024-10-21", api_key="key-12345678", max_retries=0
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_deployments_path_is_the_sdks(stream: bool, kind: str, upstream: StartUpstream) -> None:
    server = upstream(chat_stream(["Hel", "lo"]) if stream else chat("Hello"))
    with deployments(server) as client:
        theirs = client.chat.completions.create(model="my gpt", messages=HELLO, stream=stream)
        if stream:
            list(theirs)
    asker = ask(
        server.url, kind, api_key="key-12345678", options={"api_version": "2024-10-21"},
        dialect={"stream_usage": False},
    )  # fmt: skip
    if stream:
        assert asker.stream("az/my gpt").completion.text == "Hello"
    else:
        assert asker.chat("az/my gpt").text == "Hello"
    one, other = map(seen, server.requests)
    one["body"] = {"stream": False, **one["body"]}
    assert {"stream": False, **other.pop("body")} == one.pop("body")
    assert one == {**other, "authorization": one["authorization"]}
    assert one["target"] == ("/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21")


@pytest.mark.parametrize("path", ["", "/", "/openai", "/openai/v1", "/openai/v1/"])
def test_the_v1_path_is_the_sdks(path: str, upstream: StartUpstream) -> None:
    server = upstream(chat("Hello"))
    with OpenAI(base_url=f"{server.url}/openai/v1/", api_key="any", max_retries=0) as client:
        client.chat.completions.create(model="my-gpt", messages=HELLO)
    ask(server.url + path, api_key="key-12345678").chat("az/my-gpt")
    one, other = server.requests
    assert one.target == other.target == "/openai/v1/chat/completions"
    assert other.header("api-key") == "key-12345678"
    assert other.header("authorization") is None


def test_responses_go_beside_the_chats(upstream: StartUpstream) -> None:
    body = {
        "id": "resp_1", "object": "response", "status": "completed", "model": "my-gpt",
        "output": [{"type": "message", "id": "m1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}],
    }  # fmt: skip
    server = upstream(Answer(200, (), json.dumps(body).encode()))
    with OpenAI(base_url=f"{server.url}/openai/v1/", api_key="any", max_retries=0) as client:
        client.responses.create(model="my-gpt", input="hi")
    asker = ask(server.url, api_key="key-12345678", api="openai-responses")
    assert asker.chat("az/my-gpt").text == "Hello"
    one, other = server.requests
    assert one.target == other.target == "/openai/v1/responses"


def test_vectors_go_beside_the_chats(upstream: StartUpstream) -> None:
    from dragoman import Client

    body = {"object": "list", "model": "e", "data": [{"index": 0, "embedding": [1.0, 2.0]}]}
    server = upstream(Answer(200, (), json.dumps(body).encode()))
    with deployments(server) as client:
        client.embeddings.create(model="emb", input=["a"], encoding_format="float")
    asker = ask(server.url, api_key="key-12345678", options={"api_version": "2024-10-21"})
    with Client(asker.config, surroundings=asker.around) as ours:
        assert ours.embed("az/emb", ["a"]).vectors == ((1.0, 2.0),)
    one, other = server.requests
    assert one.target == other.target


def url(base_url: str, env: dict[str, str] | None = None, **options: str) -> str:
    """Find where a chat with `gpt` goes."""
    asked = Ask(
        Provider(name="az", base_url=base_url), "gpt",
        api_key="key-12345678", env=env, options=options,
    )  # fmt: skip
    adapter = Azure()
    adapter.validate_environment(asked)
    return adapter.get_complete_url(asked)


NONE = "https://openai.azure.com"


@pytest.mark.parametrize(
    ("base_url", "env", "options", "expected"),
    [
        (NONE, {}, {"resource": "acme-eu"}, "https://acme-eu.openai.azure.com/openai/v1/chat/completions"),
        (NONE, {"AZURE_OPENAI_ENDPOINT": "https://acme.openai.azure.com/"}, {},
         "https://acme.openai.azure.com/openai/v1/chat/completions"),
        (NONE, {"AZURE_OPENAI_ENDPOINT": "https://other.example"}, {"resource": "acme-eu"},
         "https://acme-eu.openai.azure.com/openai/v1/chat/completions"),
        ("https://acme.services.ai.azure.com", {}, {},
         "https://acme.services.ai.azure.com/openai/v1/chat/completions"),
        ("https://acme.openai.azure.com", {}, {"api_version": "preview"},
         "https://acme.openai.azure.com/openai/v1/chat/completions?api-version=preview"),
        ("https://acme.openai.azure.com", {}, {"api_version": "2025-04-01-preview"},
         "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2025-04-01-preview"),
        ("https://acme.openai.azure.com/openai/deployments", {}, {},
         "https://acme.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"),
        ("https://acme.openai.azure.com/openai/deployments/fixed", {}, {},
         "https://acme.openai.azure.com/openai/deployments/fixed/chat/completions?api-version=2024-10-21"),
        ("https://apim.corp.example/llm", {}, {}, "https://apim.corp.example/llm/chat/completions"),
    ],
)  # fmt: skip
def test_a_resource_is_found_however_it_is_named(
    base_url: str, env: dict[str, str], options: dict[str, str], expected: str
) -> None:
    assert url(base_url, env, **options) == expected


@pytest.mark.parametrize("resource", ["acme.evil.example", "a/b", "a@b", "", "-a"])
def test_a_resource_is_a_name_and_nothing_else(resource: str) -> None:
    with pytest.raises(errors.ConfigError, match="resource"):
        url(NONE, resource=resource)


def test_without_a_key_it_is_said_what_to_set() -> None:
    asked = Ask(Provider(name="az", base_url="https://acme.openai.azure.com"), "gpt")
    with pytest.raises(errors.ConfigError, match="neither a key") as raised:
        Azure().validate_environment(asked)
    assert "AZURE_OPENAI_API_KEY" in (raised.value.hint or "")


# -- Microsoft Entra ID


class Entra:
    """Microsoft's token endpoint and the resource on one port."""

    def __call__(self, request: Request) -> Any:
        if request.path.endswith("/oauth2/v2.0/token"):
            body = {"token_type": "Bearer", "expires_in": 3599, "access_token": "eyJ0-of-entra"}
            return Answer(200, (("content-type", "application/json"),), json.dumps(body).encode())
        return chat("Hello")


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("by", ["options", "variables"])
def test_a_client_of_entra_gets_a_token_as_the_sdk_sends_it(
    kind: str, by: str, upstream: StartUpstream
) -> None:
    server = upstream(Entra())
    client = AzureOpenAI(
        azure_endpoint=server.url, api_version="2024-10-21", max_retries=0,
        azure_ad_token_provider=lambda: "eyJ0-of-entra",
    )  # fmt: skip
    with client:
        client.chat.completions.create(model="gpt", messages=HELLO)
    env = {
        "AZURE_TENANT_ID": ENTRA["tenant"],
        "AZURE_CLIENT_ID": ENTRA["client_id"],
        "AZURE_CLIENT_SECRET": ENTRA["client_secret"],
        "AZURE_AUTHORITY_HOST": server.url,
    }
    options = {"api_version": "2024-10-21"}
    if by == "options":
        env, options = {}, {**options, **ENTRA, "authority": server.url}
    answers = ask(server.url, kind, env=env, options=options).chat_often(2, "az/gpt")
    assert [answer.text for answer in answers] == ["Hello", "Hello"]
    theirs, token, first, second = server.requests
    assert seen(first) == seen(second)
    assert seen(first) == {**seen(theirs), "key": None}
    assert token.path == "/contoso.example/oauth2/v2.0/token"
    assert dict(parse_qsl(token.body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": ENTRA["client_id"],
        "client_secret": ENTRA["client_secret"],
        "scope": "https://cognitiveservices.azure.com/.default",
    }


def test_a_key_comes_before_the_variables_of_a_client(upstream: StartUpstream) -> None:
    server = upstream(Entra())
    env = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s3cret-s3cret"}
    ask(server.url, env=env, api_key="key-12345678").chat("az/gpt")
    (request,) = server.requests
    assert request.header("api-key") == "key-12345678"


def test_what_entra_says_is_told(upstream: StartUpstream) -> None:
    said = {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1",
    }
    server = upstream(Answer(401, (), json.dumps(said).encode()))
    options = {**ENTRA, "authority": server.url}
    with pytest.raises(errors.AuthFailed, match="AADSTS7000215") as raised:
        ask(server.url, options=options, retries=0).chat("az/gpt")
    assert ENTRA["client_secret"] not in f"{raised.value.__dict__}"


# -- Azure's own words


FILTERED = {
    "error": {
        "message": "The response was filtered due to the prompt triggering Azure OpenAI's content"
        " management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
        },
    }
}


def test_a_filtered_prompt_is_told_as_such(upstream: StartUpstream) -> None:
    server = upstream(Answer(400, (), json.dumps(FILTERED).encode()))
    with pytest.raises(errors.ContentFiltered):
        ask(server.url, api_key="key-12345678").chat("az/gpt")


FIRST = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
}


def test_a_first_chunk_that_only_tells_of_filters_is_no_content(upstream: StartUpstream) -> None:
    rest = chat_stream(["Hel", "lo"]).body
    server = upstream(
        sse(FIRST)._with(body=b"data: " + json.dumps(FIRST).encode() + b"\n\n" + rest)
    )
    answer = ask(server.url, api_key="key-12345678").stream("az/gpt")
    assert answer.error is None
    assert answer.completion.text == "Hello"
    assert answer.completion.model


def test_the_gateway_relays_azures_bytes(upstream: StartUpstream) -> None:
    body = b"data: " + json.dumps(FIRST).encode() + b"\n\n" + chat_stream(["Hel", "lo"]).body
    server = upstream(sse(FIRST)._with(body=body))
    table = {"base_url": server.url, "adapter": "azure", "api_key": "key-12345678"}
    with Served({"az": table}) as gateway:
        stream = gateway.openai().chat.completions.with_raw_response.create(
            model="az/gpt",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
        )
        got = stream.http_response.read()
    assert got.count(b"prompt_filter_results") == 1
    assert got == body


def test_aimock_takes_us_for_a_client_of_azure(aimock_server: AimockServer) -> None:
    aimock_server.reset()
    aimock_server.answer("weather", {"content": "Sunny"})
    options = {"api_version": "2024-10-21"}
    asker = ask(aimock_server.url, api_key="key-12345678", options=options)
    assert asker.chat("az/gpt-4o", "the weather?").text == "Sunny"
    assert asker.stream("az/gpt-4o", "the weather?").completion.text == "Sunny"


def test_gptmes_example_of_a_deployments_path_needs_no_adapter(upstream: StartUpstream) -> None:
    server = upstream(chat("Hello"))
    config = configure(
        {"az": {"base_url": f"{server.url}/openai/deployments", "api_key": "key-12345678"}}
    )
    assert Asker("sync", config).chat("az/gpt").text == "Hello"
    assert server.requests[0].header("api-key") == "key-12345678"
    assert server.requests[0].target.startswith("/openai/deployments/gpt/chat/completions?api-v")
