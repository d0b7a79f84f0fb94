"""Vertex AI: whose model it is decides the language, a service account fetches its tokens."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman.adapters import Aside, HttpAnswer, HttpRequest
from dragoman.adapters.ask import Ask
from dragoman.adapters.google.account import parse_account, sign_assertion
from dragoman.adapters.google.vertex import Vertex
from dragoman.errors import AuthFailed, ConfigError, Overloaded, Unsupported
from dragoman.types.http import parse_url
from dragoman.types.provider import Provider
from tests.adapters.google_api import answer, asker, piece, service_account, stream, whole
from tests.library.asking import Asker
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, error

Start = Callable[..., FaultUpstream]

GEMINI, CLAUDE, LLAMA = "gemini-3-flash", "anthropic/claude-sonnet-5", "meta/llama-4-maas"
PLACE = "/v1/projects/my-project/locations/global"
TOKEN = "ya29.token"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-5",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "output_tokens": 3},
}


class Cloud:
    """Issue tokens `ya29.token-1`, `-2` …, and answer who shows the last one; `life_s` theirs."""

    def __init__(self, said: Answer, life_s: int = 3600) -> None:
        self.said = said
        self.life_s = life_s
        self.issued = 0
        self.revoked = 0

    def __call__(self, request: Request) -> Answer:
        if request.path == "/token":
            self.issued += 1
            token = f"{TOKEN}-{self.issued}"
            return answer(
                {"access_token": token, "expires_in": self.life_s, "token_type": "Bearer"}
            )
        if self.revoked >= self.issued:
            return error(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
        assert request.header("authorization") == f"Bearer {TOKEN}-{self.issued}"
        return self.said


@pytest.fixture
def cloud(upstream: Start, tmp_path: Path, kind: str) -> Callable[..., tuple[Asker, Any]]:
    """Start a cloud with a service account: `ours, server = cloud(Cloud(…))`."""

    def make(script: Any, **table: Any) -> tuple[Asker, FaultUpstream]:
        server = upstream(script)
        file = tmp_path / "account.json"
        file.write_text(json.dumps(service_account(f"{server.url}/token"), indent=2))
        options = {"credentials": str(file)}
        return asker(kind, server.url, "vertex", api_key=None, options=options, **table), server

    return make


def test_a_token_is_fetched_once_and_kept(cloud: Any) -> None:
    ours, server = cloud(Cloud(whole({"text": "ok"})))
    answers = ours.chat_often(3, f"g/{GEMINI}")
    assert [one.text for one in answers] == ["ok"] * 3
    path = f"{PLACE}/publishers/google/models/{GEMINI}:generateContent"
    assert [request.path for request in server.requests] == ["/token", path, path, path]
    form = dict(urllib.parse.parse_qsl(server.requests[0].body.decode()))
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


def test_a_token_is_renewed_before_its_end() -> None:
    account = json.dumps(service_account("https://oauth2.example/token"))
    provider = Provider(name="v", base_url="https://v.example")
    request = HttpRequest(url=parse_url("https://v.example/v1/x"), headers={})
    issued = answer({"access_token": TOKEN, "expires_in": 3600}).body
    vertex = Vertex()

    def first_step(now: float) -> Any:
        ask = Ask(provider, GEMINI, options={"credentials": account}, clock=lambda: now)
        flow = vertex.auth_flow(request, ask)
        step = next(flow)
        if isinstance(step, Aside):
            sent = flow.send(HttpAnswer(status=200, headers={}, body=issued))
            assert isinstance(sent, HttpRequest)
            assert sent.headers["authorization"] == f"Bearer {TOKEN}"
        flow.close()
        return type(step)

    assert [first_step(now) for now in (1000.0, 4500.0, 4550.0)] == [Aside, HttpRequest, Aside]


def test_a_token_that_is_refused_is_fetched_anew_once(cloud: Any) -> None:
    script = Cloud(whole({"text": "ok"}))
    ours, _ = cloud(script)
    script.revoked = 1
    assert ours.chat(f"g/{GEMINI}", retries=0).text == "ok"
    assert script.issued == 2
    script.revoked = 10
    with pytest.raises(AuthFailed):
        ours.chat(f"g/{GEMINI}", retries=0)


def test_a_key_that_was_deleted_says_so(cloud: Any) -> None:
    refusal = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
    ours, _ = cloud(answer(refusal, 400))
    with pytest.raises(AuthFailed, match=r"invalid_grant: Invalid JWT Signature") as raised:
        ours.chat(f"g/{GEMINI}", retries=0)
    assert "Was the key deleted" in str(raised.value.hint)


def test_a_users_own_credentials_are_refreshed(kind: str, upstream: Start, tmp_path: Path) -> None:
    server = upstream(Cloud(whole({"text": "ok"})))
    file = tmp_path / "adc.json"
    held = {
        "type": "authorized_user",
        "client_id": "id",
        "client_secret": "d-FL95",
        "refresh_token": "1//refresh",
        "quota_project_id": "payer",
        "token_uri": f"{server.url}/token",
    }
    file.write_text(json.dumps(held))
    options = {"credentials": str(file), "location": "europe-west4"}
    ours = asker(kind, server.url, "vertex", api_key=None, options=options)
    ours.chat(f"g/{GEMINI}")
    token, asked = server.requests
    form = dict(urllib.parse.parse_qsl(token.body.decode()))
    assert (form["grant_type"], form["refresh_token"]) == ("refresh_token", "1//refresh")
    assert asked.header("x-goog-user-project") == "payer"
    assert asked.path.startswith("/v1/projects/payer/locations/europe-west4/publishers/google/")


def test_what_a_reference_holds_may_have_several_lines(
    kind: str, upstream: Start, tmp_path: Path
) -> None:
    server = upstream(Cloud(whole({"text": "ok"})))
    file = tmp_path / "account.json"
    file.write_text(json.dumps(service_account(f"{server.url}/token"), indent=2) + "\n")
    options = {"credentials": f"file:{file}"}
    ours = asker(kind, server.url, "vertex", api_key=None, options=options)
    assert ours.chat(f"g/{GEMINI}").text == "ok"


def test_claude_is_spoken_to_in_its_own_language(cloud: Any) -> None:
    ours, server = cloud(Cloud(answer(MESSAGE)))
    went = ours.chat(f"g/{CLAUDE}", "hi", max_tokens=50)
    assert (went.text, went.finish_reason) == ("Hello", "stop")
    assert went.usage.total_tokens == 10
    asked = server.requests[1]
    assert asked.path == f"{PLACE}/publishers/anthropic/models/claude-sonnet-5:rawPredict"
    assert asked.json() == {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_claude_streams(cloud: Any) -> None:
    ours, server = cloud(Cloud(claude_stream("Hel", "lo").paced(11)))
    went = ours.stream("g/claude-sonnet-5", "hi")
    assert went.error is None
    assert went.completion.text == "Hello"
    assert went.completion.usage.completion_tokens == 3
    assert server.requests[1].path.endswith("/claude-sonnet-5:streamRawPredict")
    assert server.requests[1].json()["stream"] is True


def test_other_makers_models_are_behind_the_compatible_endpoint(cloud: Any) -> None:
    for said, ask in ((chat("Hello"), "chat"), (chat_stream(["Hel", "lo"]), "stream")):
        ours, server = cloud(Cloud(said))
        went = getattr(ours, ask)(f"g/{LLAMA}", "hi")
        assert (went if ask == "chat" else went.completion).text == "Hello"
        asked = server.requests[-1]
        assert asked.path == f"{PLACE}/endpoints/openapi/chat/completions"
        assert asked.json()["model"] == LLAMA


def test_gemini_streams(cloud: Any) -> None:
    pieces = [piece({"text": "Hel"}), piece({"text": "lo"}, finish="STOP")]
    ours, server = cloud(Cloud(stream(pieces).paced(9)))
    went = ours.stream(f"g/{GEMINI}")
    assert went.completion.text == "Hello"
    assert server.requests[1].target.endswith(f"/{GEMINI}:streamGenerateContent?alt=sse")


def test_vectors_are_predictions(cloud: Any) -> None:
    rows = [{"embeddings": {"values": [0.5, 1], "statistics": {"token_count": 3}}}] * 2
    ours, server = cloud(Cloud(answer({"predictions": rows})))
    found = ours.embed("g/text-embedding-005", ["one", "two"], dimensions=2)
    assert found.vectors == ((0.5, 1.0), (0.5, 1.0))
    assert found.usage is not None
    assert found.usage.prompt_tokens == 6
    assert server.requests[1].path.endswith("/text-embedding-005:predict")
    assert server.requests[1].json() == {
        "instances": [{"content": "one"}, {"content": "two"}],
        "parameters": {"outputDimensionality": 2},
    }
    with pytest.raises(Unsupported, match="no embeddings"):
        ours.embed(f"g/{CLAUDE}", ["one"])


def test_errors_of_either_kind_are_read(cloud: Any) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    ours, _ = cloud(Cloud(answer(overloaded, 529)))
    with pytest.raises(Overloaded, match="busy"):
        ours.chat(f"g/{CLAUDE}", retries=0)


def test_a_key_needs_no_project(kind: str, upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    ours = asker(kind, server.url, "vertex", env={"GOOGLE_CLOUD_PROJECT": "unused"})
    assert ours.chat(f"g/{GEMINI}").text == "ok"
    (asked,) = server.requests
    assert asked.path == f"/v1/publishers/google/models/{GEMINI}:generateContent"
    assert asked.header("x-goog-api-key") is not None
    assert asked.header("authorization") is None


def test_a_token_of_ones_own_is_sent_as_one(kind: str, upstream: Start) -> None:
    server = upstream(whole({"text": "ok"}))
    ours = asker(kind, server.url, "vertex", auth="bearer", options={"project": "p"})
    ours.chat(f"g/{GEMINI}")
    asked = server.requests[0]
    assert str(asked.header("authorization")).startswith("Bearer ")
    assert asked.path.startswith("/v1/projects/p/locations/global/")


HOSTS = [
    ("global", "https://aiplatform.googleapis.com"),
    ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
    ("eu", "https://aiplatform.eu.rep.googleapis.com"),
]


@pytest.mark.parametrize(("location", "host"), HOSTS)
def test_each_location_has_its_host(location: str, host: str) -> None:
    provider = Provider(name="v", base_url="https://aiplatform.googleapis.com")
    ask = Ask(provider, GEMINI, options={"project": "p", "location": location})
    url = f"{host}/v1/projects/p/locations/{location}/publishers/google/models/{GEMINI}"
    assert Vertex().get_complete_url(ask) == f"{url}:generateContent"


def test_the_variables_credentials_are_for_googles_own_hosts(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps(service_account("https://oauth2.googleapis.com/token")))
    env = {"GOOGLE_APPLICATION_CREDENTIALS": str(file)}

    def ask_of(base_url: str) -> Ask:
        provider = Provider(name="v", base_url=base_url)
        return Ask(provider, GEMINI, env=env, read_file=lambda path: Path(path).read_text())

    own = ask_of("https://aiplatform.googleapis.com")
    Vertex().validate_environment(own)
    assert "/projects/my-project/" in Vertex().get_complete_url(own)
    for other in ("https://evil.example", "https://googleapis.com.evil.example"):
        with pytest.raises(ConfigError, match="no credentials"):
            Vertex().validate_environment(ask_of(other))


MISSING = [
    ({"project": "p"}, "no credentials"),
    ({"project": "p", "credentials": "/nowhere/sa.json"}, r"/nowhere/sa\.json does not exist"),
]


@pytest.mark.parametrize(("options", "said"), MISSING)
def test_what_is_missing_is_named(options: Any, said: str, kind: str, upstream: Start) -> None:
    ours = asker(kind, upstream([]).url, "vertex", api_key=None, options=options)
    with pytest.raises(ConfigError, match=said):
        ours.chat(f"g/{GEMINI}")


FILES: list[tuple[Any, str]] = [
    ("not json", "no credentials file"),
    ([1], "no credentials file"),
    ({"type": "external_account"}, "a kind that is not known: 'external_account'"),
    ({"type": 3}, "a kind that is not known"),
    ({"type": [[]]}, "a kind that is not known"),
    ({"type": "service_account", "client_email": "a@b"}, "lacks private_key"),
]


@pytest.mark.parametrize(("held", "said"), FILES)
def test_a_file_that_is_no_account_is_refused(held: Any, said: str) -> None:
    text = held if isinstance(held, str) else json.dumps(held)
    with pytest.raises(ConfigError, match=said):
        parse_account(text, "sa.json")


@pytest.mark.parametrize("key", ["", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"])
def test_a_key_that_cannot_sign_is_refused_without_a_word_of_it(key: str) -> None:
    with pytest.raises(ConfigError, match="no RSA key in PEM form") as raised:
        sign_assertion({"private_key": key, "client_email": "a@b"}, 0)
    assert "AAAA" not in str(raised.value)


def test_without_cryptography_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "sys.modules['cryptography.exceptions'] = None\n"
        "from dragoman.adapters.google.account import sign_assertion\n"
        "from dragoman.errors import ConfigError\n"
        "try: sign_assertion({'private_key': 'x', 'client_email': 'y'}, 0)\n"
        "except ConfigError as error: print(error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "pip install 'dragoman[vertex]'\n"


def test_no_token_and_no_key_gets_into_a_message(cloud: Any) -> None:
    def repeat(request: Request) -> Answer:
        if request.path == "/token":
            return answer({"access_token": f"{TOKEN}-1", "expires_in": 60})
        return error(400, {"error": {"message": f"bad {request.header('authorization')}"}})

    ours, _ = cloud(repeat)
    with pytest.raises(Exception, match="bad") as raised:
        ours.chat(f"g/{GEMINI}", retries=0)
    assert TOKEN not in f"{raised.value} {raised.value.__dict__}"


def claude_stream(*texts: str) -> Answer:
    """Stream a message of Claude's."""
    start = {**MESSAGE, "content": [], "stop_reason": None}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": text},
            }
            for text in texts
        ),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": 3},
        },
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    return Answer(headers=(("content-type", "text/event-stream"),), body=body.encode())
