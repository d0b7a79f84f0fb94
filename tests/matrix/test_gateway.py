"""What only some languages can say, and what none should: through the gateway, to real SDKs.

Providers of each language stand behind it. Each field is relayed byte for byte to a provider of the
client's own language, and refused elsewhere with its name, in the client's shape of an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from dragoman import Client
from dragoman.errors import ProtocolError, Unsupported
from tests.library.asking import configure
from tests.matrix import servers
from tests.matrix.answered import ANSWERS
from tests.matrix.crossing import APIS
from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, FaultUpstream, Request

CHAT, RESPONSES, CLAUDE = APIS
PATHS = {CHAT: "/v1/chat/completions", RESPONSES: "/v1/responses", CLAUDE: "/v1/messages"}
HI: Any = {"role": "user", "content": "hi"}
FRAMES: dict[str, dict[str, Any]] = {
    CHAT: {"messages": [HI]},
    RESPONSES: {"input": [HI]},
    CLAUDE: {"messages": [HI], "max_tokens": 64},
}


class Spoiled(httpx2.BaseTransport):
    """Sends another body than the SDK wrote."""

    def __init__(self) -> None:
        self.body = b""
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {n: v for n, v in request.headers.items() if n.lower() != "content-length"}
        spoiled = httpx2.Request(request.method, request.url, headers=headers, content=self.body)
        return self._inner.handle_request(spoiled)

    def close(self) -> None:
        self._inner.close()


class Place:
    """A gateway with a provider of each language behind it, and SDKs before it."""

    def __init__(
        self, gateway: Served, upstreams: dict[str, FaultUpstream], transport: Spoiled
    ) -> None:
        self.gateway = gateway
        self.upstreams = upstreams
        self.transport = transport
        settings: Any = {
            "api_key": "k", "max_retries": 0, "http_client": httpx2.Client(transport=transport),
        }  # fmt: skip
        sdk = openai.OpenAI(base_url=gateway.base_url, **settings)
        claude = anthropic.Anthropic(base_url=gateway.url, **settings)
        self.asking: dict[str, tuple[Any, type[Exception]]] = {
            CHAT: (sdk.chat.completions.create, openai.APIStatusError),
            RESPONSES: (sdk.responses.create, openai.APIStatusError),
            CLAUDE: (claude.messages.create, anthropic.APIStatusError),
        }

    def last(self, api: str) -> Request:
        return self.upstreams[api].requests[-1]

    @property
    def received(self) -> int:
        return sum(upstream.received for upstream in self.upstreams.values())


def speaker(api: str) -> Callable[[Request], Answer]:
    said = ANSWERS["text"][APIS.index(api)]
    assert isinstance(said, dict)
    whole, stream = servers.whole(api, said), servers.streamed(api, said)

    def answer(request: Request) -> Answer:
        if request.json().get("stream"):
            return Answer(200, (("content-type", "text/event-stream"),), stream)
        return Answer(200, (("content-type", "application/json"),), whole)

    return answer


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with (
        FaultUpstream(speaker(CHAT)) as chats,
        FaultUpstream(speaker(RESPONSES)) as responses,
        FaultUpstream(speaker(CLAUDE)) as messages,
    ):
        upstreams = dict(zip(APIS, (chats, responses, messages), strict=True))
        providers = {
            f"p{at}": {"base_url": f"{upstream.url}/v1", "api": api}
            for at, (api, upstream) in enumerate(upstreams.items())
        }
        providers["fixed"] = {
            **providers["p2"],
            "headers": {"anthropic-beta": "ours"},
        }
        with Served(providers) as gateway:
            transport = Spoiled()
            yield Place(gateway, upstreams, transport)
            transport.close()


def model_of(upstream: str) -> str:
    return f"p{APIS.index(upstream)}/m"


def complain(place: Place, client: str, body: bytes) -> Any:
    """Have the client's SDK send a body; return the error that it raises."""
    place.transport.body = body
    create, raised = place.asking[client]
    with pytest.raises(raised) as caught:
        create(model="m", **FRAMES[client])
    return caught.value


def check_refusal(error: Any, client: str, field: str | None, words: str = "") -> None:
    """A 400 of the SDK's own type, in its own shape, that names the field."""
    kind = anthropic.BadRequestError if client == CLAUDE else openai.BadRequestError
    assert type(error) is kind, error
    body: Any = error.body
    inner = body["error"] if client == CLAUDE else body
    assert inner["type"] == "invalid_request_error"
    assert (field or "") in inner["message"]
    assert words in inner["message"]
    if client != CLAUDE:
        assert inner["param"] == field


# -- fields that only some languages have

FIELDS: list[tuple[str, dict[str, Any], str, tuple[str, ...]]] = [
    # the client's language, what it says, the field that is named, the languages that refuse it
    (CHAT, {"n": 2}, "n", (RESPONSES, CLAUDE)),
    (CHAT, {"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "wav"}}, "audio",
     (RESPONSES, CLAUDE)),
    (CHAT, {"logprobs": True, "top_logprobs": 2}, "logprobs", (CLAUDE,)),
    (CHAT, {"store": True}, "store", (CLAUDE,)),
    (RESPONSES, {"previous_response_id": "resp_1"}, "previous_response_id", (CHAT, CLAUDE)),
    (RESPONSES, {"conversation": "conv_1"}, "conversation", (CHAT, CLAUDE)),
    (RESPONSES, {"background": True}, "background", (CHAT, CLAUDE)),
    (RESPONSES, {"store": True}, "store", (CHAT, CLAUDE)),
    (RESPONSES, {"include": ["message.output_text.logprobs"]}, "include", (CLAUDE,)),
    (CLAUDE, {"thread": {"type": "continue", "id": "t"}}, "thread", (CHAT, RESPONSES)),
]  # fmt: skip
IDS = [f"{client}-{field}" for client, _, field, _ in FIELDS]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "said", "field", "_"), FIELDS, ids=IDS)
def test_what_a_language_has_is_relayed_to_a_provider_that_speaks_it(
    client: str, said: dict[str, Any], field: str, _: Any, stream: bool, place: Place
) -> None:
    body = {"model": model_of(client), **FRAMES[client], **said, "stream": stream}
    if field == "previous_response_id":  # only what has been made here can be continued here
        plain = {"model": model_of(client), **FRAMES[client]}
        assert ask(place.gateway.url + PATHS[client], json.dumps(plain).encode())[0] == 200
    status, _headers, answer = ask(place.gateway.url + PATHS[client], json.dumps(body).encode())
    assert status == 200, answer
    sent = place.last(client)
    assert sent.path == PATHS[client]
    asked = {**body, "model": "m"}
    if client == CHAT and stream:
        asked["stream_options"] = {"include_usage": True}
    assert sent.json() == asked
    assert field in sent.json()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("client", "said", "field", "refusing"), FIELDS, ids=IDS)
def test_what_a_provider_cannot_do_is_refused_by_name(
    client: str,
    said: dict[str, Any],
    field: str,
    refusing: tuple[str, ...],
    stream: bool,
    place: Place,
) -> None:
    before = place.received
    for upstream in refusing:
        body = {"model": model_of(upstream), **FRAMES[client], **said, "stream": stream}
        check_refusal(complain(place, client, json.dumps(body).encode()), client, field)
    assert place.received == before


def test_the_library_refuses_what_a_provider_cannot_do(place: Place) -> None:
    providers = {
        api: {"base_url": f"{place.upstreams[api].url}/v1", "api": api}
        for api in (RESPONSES, CLAUDE)
    }
    with Client(configure(providers)) as client:
        client.chat(f"{RESPONSES}/m", "hi", logprobs=True)
        with pytest.raises(Unsupported) as caught:
            client.chat(f"{CLAUDE}/m", "hi", logprobs=True)
    assert caught.value.param == "logprobs"
    assert place.last(RESPONSES).json()["include"] == ["message.output_text.logprobs"]


@pytest.mark.parametrize(
    ("client", "path"), [(CHAT, "/v1/batches"), (CLAUDE, "/v1/messages/batches")]
)
def test_batches_are_refused_in_the_clients_language(client: str, path: str, place: Place) -> None:
    status, _, body = ask(place.gateway.url + path, b'{"requests":[]}')
    assert status in (400, 404)
    said = json.loads(body)
    assert said["error"]["message"]
    assert (said.get("type") == "error") == (client == CLAUDE)


# -- headers

HEADERS = {
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "context-1m",
    "openai-organization": "org_1",
    "openai-project": "proj_1",
    "openai-beta": "responses=v2",
    "x-of-mine": "1",
}
FORWARDED = {
    CHAT: ("openai-organization", "openai-project", "openai-beta"),
    RESPONSES: ("openai-organization", "openai-project", "openai-beta"),
    CLAUDE: ("anthropic-version", "anthropic-beta"),
}


def head_for(place: Place, client: str, model: str) -> None:
    body = {"model": model, **FRAMES[client]}
    with httpx2.Client() as http:
        answer = http.post(place.gateway.url + PATHS[client], json=body, headers=HEADERS)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("upstream", APIS)
@pytest.mark.parametrize("client", APIS)
def test_headers_of_a_language_reach_providers_that_speak_it(
    client: str, upstream: str, place: Place
) -> None:
    head_for(place, client, model_of(upstream))
    sent = {name: place.last(upstream).header(name) for name in HEADERS}
    allowed = FORWARDED[client] if client == upstream else ()
    expected = {name: HEADERS[name] if name in allowed else None for name in HEADERS}
    if upstream == CLAUDE != client:
        expected["anthropic-version"] = "2023-06-01"
    assert sent == expected


def test_headers_that_the_operator_sets_win(place: Place) -> None:
    head_for(place, CLAUDE, "fixed/m")
    assert place.last(CLAUDE).header("anthropic-beta") == "ours"
    assert place.last(CLAUDE).header("anthropic-version") == "2026-10-21"


# -- bad input


def bodies(client: str, upstream: str) -> dict[str, tuple[bytes, str | None, str]]:
    """Spoiled bodies: what is sent, which field is named, and a word of the complaint."""
    frame = {"model": model_of(upstream), **FRAMES[client]}
    sound = json.dumps(frame).encode()
    deep = b"[" * 10_000 + b"]" * 10_000
    return {
        "empty": (b"", None, "empty"),
        "malformed JSON": (sound[:-1] + b",", None, "not JSON"),
        "no object": (b"[1]", None, "not a JSON object"),
        "not UTF-8": (sound.replace(b'"hi"', b'"\xff\xfe"'), None, "UTF-8"),
        "depth 10 000": (sound[:-1] + b',"x":' + deep + b"}", None, "deep"),
        "a key twice": (sound[:-1] + b',"model":"other/m"}', "model", "twice"),
        "no model": (json.dumps(FRAMES[client]).encode(), "model", "missing"),
        "a model that is a number": (json.dumps({**frame, "model": 5}).encode(), "model", "string"),
        "a stream that is a text": (json.dumps({**frame, "stream": "yes"}).encode(), "stream", ""),
    }  # fmt: skip


SPOILED = sorted(bodies(CHAT, CHAT))


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("client", APIS)
def test_a_body_that_cannot_be_opened_is_refused_before_anybody_is_asked(
    client: str, name: str, place: Place
) -> None:
    before = place.received
    for upstream in APIS:
        body, field, words = bodies(client, upstream)[name]
        check_refusal(complain(place, client, body), client, field, words)
    assert place.received == before


def call_of(client: str) -> dict[str, Any]:
    """A history that ends with the result of a tool that was not called."""
    if client == CHAT:
        return {"messages": [HI, {"role": "tool", "tool_call_id": "call_z", "content": "x"}]}
    if client == RESPONSES:
        return {"input": [HI, {"type": "function_call_output", "call_id": "call_z", "output": "x"}]}
    result = {"type": "tool_result", "tool_use_id": "call_z", "content": "x"}
    return {"messages": [HI, {"role": "user", "content": [result]}]}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (CHAT, {"messages": "hi"}, "messages"),
    (CHAT, {"messages": []}, "messages"),
    (CHAT, {"messages": None}, "messages"),
    (CHAT, {"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    (CHAT, {"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
    (CHAT, {"temperature": "hot"}, "temperature"),
    (CHAT, {"max_completion_tokens": 0}, "max_completion_tokens"),
    (CHAT, {"tools": [{"type": "function"}]}, "tools[0].function"),
    (CHAT, call_of(CHAT), "messages[1].tool_call_id"),
    (RESPONSES, {"input": 5}, "input"),
    (RESPONSES, {"input": None}, "input"),
    (RESPONSES, {"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
    (RESPONSES, {"input": [{"type": "function_call"}]}, "input[0].call_id"),
    (RESPONSES, {"max_output_tokens": "many"}, "max_output_tokens"),
    (RESPONSES, {"store": "yes"}, "store"),
    (RESPONSES, call_of(RESPONSES), "input[1].call_id"),
    (CLAUDE, {"max_tokens": None}, "max_tokens"),
    (CLAUDE, {"max_tokens": "many"}, "max_tokens"),
    (CLAUDE, {"messages": {}}, "messages"),
    (CLAUDE, {"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
    (CLAUDE, {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
     "messages[0].content[0].text"),
    (CLAUDE, {"system": 5}, "system"),
    (CLAUDE, {"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
    (CLAUDE, call_of(CLAUDE), "messages[1].content[0].tool_use_id"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("client", "said", "field"),
    WRONG,
    ids=[f"{client}-{field}-{n}" for n, (client, _, field) in enumerate(WRONG)],
)
def test_a_wrong_field_is_named_where_the_request_must_be_understood(
    client: str, said: dict[str, Any], field: str, place: Place
) -> None:
    """A provider of the client's own language judges for itself what is relayed to it."""
    before = place.received
    for upstream in APIS:
        if upstream != client:
            body = {"model": model_of(upstream), **FRAMES[client], **said}
            check_refusal(complain(place, client, json.dumps(body).encode()), client, field)
    assert place.received == before


@pytest.mark.parametrize("client", APIS)
def test_nested_keys_that_stand_twice_are_read_once(client: str, place: Place) -> None:
    """The last one counts, as every JSON reader of the vendors has it: nobody reads another."""
    upstream = APIS[APIS.index(client) - 1]
    body = json.dumps({"model": model_of(upstream), **FRAMES[client]}).encode()
    body = body.replace(b'"content": "hi"', b'"content": "first", "content": "second"')
    status, _, answer = ask(place.gateway.url + PATHS[client], body)
    assert status == 200, answer
    assert b"second" in place.last(upstream).body
    assert b"first" not in place.last(upstream).body


NONSENSE = {
    "a web page": b"<html><title>Welcome</title></html>",
    "no JSON": b"{",
    "nothing": b"",
    "another object": b'{"hello":"world"}',
    "a list": b"[]",
}


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_of_a_provider_is_told_with_its_name(api: str, name: str) -> None:
    answer = Answer(200, (("content-type", "application/json"),), NONSENSE[name])
    with FaultUpstream(answer) as upstream:
        provider = {"base_url": f"{upstream.url}/v1", "api": api, "retries": 0}
        with Client(configure({"acme": provider})) as client, pytest.raises(ProtocolError) as told:
            client.chat("acme/m", "hi")
    assert told.value.provider == "acme"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_of_an_answer_cannot_be_said_is_in_the_record(stream: bool) -> None:
    said = ANSWERS["pause"][APIS.index(CLAUDE)]
    assert isinstance(said, dict)
    kind = "text/event-stream" if stream else "application/json"
    body = (servers.streamed if stream else servers.whole)(CLAUDE, said)
    with (
        FaultUpstream(Answer(200, (("content-type", kind),), body)) as upstream,
        Served({"p": {"base_url": f"{upstream.url}/v1", "api": CLAUDE}}) as gateway,
    ):
        asked = {"model": "p/m", **FRAMES[CHAT], "stream": stream}
        assert ask(gateway.url + PATHS[CHAT], json.dumps(asked).encode())[0] == 200
    (exchange,) = gateway.seen.exchanges
    assert exchange.warnings == ["the provider paused its turn: the answer is not at its end"]
