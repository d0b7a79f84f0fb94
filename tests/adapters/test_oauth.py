"""OAuth's client credentials: tokens fetched once, kept, renewed, and what can go wrong there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest

from dragoman import errors
from dragoman.adapters.adapter import Aside, Pause
from dragoman.adapters.ask import Ask
from dragoman.adapters.oauth import Grant, OAuth, Tokens, grant_of, token_request
from dragoman.adapters.token_answer import DEFAULT_S, MAX_S, read_token
from dragoman.types import Provider, Secret
from dragoman.types.http import ConnectOptions, HttpAnswer, HttpRequest, parse_url
from tests.library.asking import Asker, configure
from tests.server.serving import Served
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream, error, stall

StartUpstream = Callable[..., FaultUpstream]
SECRET = "s3cret/with+signs and spaces"


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def issued(text: str = "token-1-abcdefgh", **fields: Any) -> Answer:
    """Answer with a token."""
    body = {"access_token": text, "token_type": "Bearer", "expires_in": 3600, **fields}
    return Answer(200, (("content-type", "application/json"),), json.dumps(body).encode())


class Corp:
    """A gateway of a company: a token endpoint that counts, and an API that wants its tokens."""

    def __init__(self, *, good: Callable[[str], bool] = lambda token: True) -> None:
        self.issued = 0
        self.good = good

    def __call__(self, request: Request) -> Any:
        if request.path == "/token":
            self.issued += 1
            return issued(f"token-{self.issued}-abcdefgh")
        token = (request.header("authorization") or "").removeprefix("Bearer ")
        if not self.good(token):
            return error(401, message=f"the token {token} is not accepted")
        return chat_stream(["Hel", "lo"]) if request.json().get("stream") else chat("Hello")


def table(api: FaultUpstream, tokens: FaultUpstream | None = None, **options: str) -> Any:
    token_url = f"{(tokens or api).url}/token"
    given = {"token_url": token_url, "client_id": "me", "client_secret": SECRET, **options}
    return {"base_url": api.base_url, "adapter": "oauth", "options": given}


def asker(kind: str, *args: Any, **options: str) -> Asker:
    return Asker(kind, configure({"corp": {**table(*args, **options), "retries": 0}}))


# -- tokens


def test_a_token_is_fetched_once_and_sent_with_every_request(
    kind: str, upstream: StartUpstream
) -> None:
    corp = Corp()
    server = upstream(corp)
    answers = asker(kind, server).chat_often(3, "corp/m")
    assert [answer.text for answer in answers] == ["Hello"] * 3
    assert corp.issued == 1
    sent = [request.header("authorization") for request in server.requests]
    assert sent[1:] == ["Bearer token-1-abcdefgh"] * 3


def test_requests_at_once_fetch_one_token(kind: str, upstream: StartUpstream) -> None:
    corp = Corp()
    answers = asker(kind, upstream(corp)).chat_at_once(30, "corp/m")
    assert {answer.text for answer in answers} == {"Hello"}
    assert corp.issued == 1


def test_a_stream_gets_a_token_too(kind: str, upstream: StartUpstream) -> None:
    answer = asker(kind, upstream(Corp())).stream("corp/m")
    assert answer.error is None
    assert answer.completion.text == "Hello"


def test_a_token_that_is_refused_is_replaced_once(kind: str, upstream: StartUpstream) -> None:
    corp = Corp(good=lambda token: token.startswith("token-2"))
    server = upstream(corp)
    assert [a.text for a in asker(kind, server).chat_often(2, "corp/m")] == ["Hello"] * 2
    assert corp.issued == 2
    assert [request.path for request in server.requests] == [
        "/token", "/v1/chat/completions", "/token", "/v1/chat/completions", "/v1/chat/completions",
    ]  # fmt: skip


def test_new_tokens_that_are_refused_too_are_not_fetched_over_and_over(
    kind: str, upstream: StartUpstream
) -> None:
    corp = Corp(good=lambda token: False)
    ask = asker(kind, upstream(corp))
    if kind == "sync":
        from dragoman import Client

        with Client(ask.config, surroundings=ask.around) as client:
            for _ in range(5):
                with pytest.raises(errors.AuthFailed) as raised:
                    client.chat("corp/m", "hi")
        assert corp.issued == 2
    else:
        with pytest.raises(errors.AuthFailed) as raised:
            ask.chat("corp/m")
    assert "token-2" not in f"{raised.value!r} {raised.value.__dict__}"
    assert "no key was sent" not in (raised.value.hint or "")


@pytest.mark.parametrize("style", ["basic", "post"])
def test_the_secret_is_sent_as_the_rfc_says(style: str, upstream: StartUpstream) -> None:
    server = upstream(Corp())
    ask = asker("sync", server, auth_style=style, scope="llm chat", audience="https://api")
    ask.chat("corp/m")
    asked = server.requests[0]
    form = dict(parse_qsl(asked.body.decode(), strict_parsing=True))
    assert asked.header("content-type") == "application/x-www-form-urlencoded"
    expected = {
        "grant_type": "client_credentials",
        "scope": "llm chat",
        "audience": "https://api",
    }
    if style == "post":
        assert form == {**expected, "client_id": "me", "client_secret": SECRET}
        assert asked.header("authorization") is None
    else:
        assert form == expected
        import base64

        given = base64.b64decode((asked.header("authorization") or "").removeprefix("Basic "))
        assert given == b"me:s3cret%2Fwith%2Bsigns+and+spaces"


def test_the_gateway_relays_the_bytes_as_they_came(upstream: StartUpstream) -> None:
    server = upstream(Corp())
    with Served({"corp": table(server)}) as gateway:
        client = gateway.openai()
        whole = client.chat.completions.with_raw_response.create(
            model="corp/m", messages=[{"role": "user", "content": "hi"}]
        )
        pieces = client.chat.completions.create(
            model="corp/m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert whole.content == chat("Hello").body
    assert text == "Hello"


# -- what a token endpoint may answer instead

_HTML = b"<!doctype html><title>Sign in to Corp</title>"
WRONG: dict[str, tuple[Any, type[errors.DragomanError], str, str]] = {
    "who asks is unknown": (
        Answer(401, (), b'{"error":"invalid_client","error_description":"no such client"}'),
        errors.AuthFailed, "invalid_client: no such client (HTTP 401)", "client_secret",
    ),
    "a wrong scope": (
        Answer(400, (), b'{"error":"invalid_scope"}'),
        errors.AuthFailed, "invalid_scope (HTTP 400)", "scope",
    ),
    "an error with 200": (
        Answer(200, (), b'{"error":"unauthorized_client"}'),
        errors.AuthFailed, "unauthorized_client", "grant",
    ),
    "the secret, repeated": (
        Answer(400, (), json.dumps({"error": "invalid_client", "error_description":
            f"{SECRET} or s3cret%2Fwith%2Bsigns+and+spaces is wrong"}).encode()),
        errors.AuthFailed, "… or … is wrong", "client_secret",
    ),
    "nothing there": (Answer(404), errors.AuthFailed, "HTTP 404", "token_url"),
    "moved": (Answer(302, (("location", "https://h"),)), errors.AuthFailed, "302", "token_url"),
    "broken": (Answer(500, (), b"oops"), errors.ServerError, "oops (HTTP 500)", ""),
    "too many": (
        Answer(429, (("retry-after", "7"),)), errors.RateLimited, "HTTP 429", "",
    ),
    "a web page": (Answer(200, (), _HTML), errors.ProtocolError, "web page: Sign in", "token_url"),
    "not JSON": (Answer(200, (), b"token=abc"), errors.ProtocolError, "not JSON", "token_url"),
    "a list": (Answer(200, (), b"[]"), errors.ProtocolError, "no JSON object", ""),
    "no token": (Answer(200, (), b"{}"), errors.ProtocolError, "no access_token", ""),
    "a token that is no header": (issued("a\r\nb"), errors.ProtocolError, "header", ""),
    "a token that is too long": (issued("a" * 40_000), errors.ProtocolError, "header", ""),
    "a megabyte": (
        Answer(200, (), b'{"access_token":"' + b"a" * 1_000_000 + b'"}'),
        errors.ProtocolError, "1000019 bytes", "",
    ),
    "another kind": (issued(token_type="mac"), errors.ProtocolError, "'mac'", ""),
    "a cut answer": (issued().cut(at=10), errors.TransportError, "no token: ", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_the_endpoint_does_wrong_is_said(
    name: str, kind: str, upstream: StartUpstream
) -> None:
    script, expected, words, hint = WRONG[name]
    tokens, api = upstream(script), upstream([])
    with pytest.raises(expected) as raised:
        asker(kind, api, tokens).chat("corp/m")
    found = raised.value
    assert words in found.message
    assert found.message.startswith("no token: ")
    assert tokens.url not in found.message
    assert f"{tokens.url}/token" in (found.hint or "")
    assert hint in (found.hint or "")
    shown = f"{found!r} {found.__dict__}"
    assert SECRET not in shown
    assert "s3cret" not in shown
    assert found.retry_after == (7.0 if name == "too many" else None)


def test_an_endpoint_that_is_down_is_named_in_the_hint(kind: str, upstream: StartUpstream) -> None:
    tokens = FaultUpstream([], down=True)
    with tokens, pytest.raises(errors.ConnectFailed) as raised:
        asker(kind, upstream([]), tokens).chat("corp/m")
    assert raised.value.message.startswith("no token: ")
    assert f"{tokens.url}/token" in (raised.value.hint or "")


def test_all_that_wait_share_a_failure(kind: str, upstream: StartUpstream) -> None:
    """Else each of them would wait for a slow endpoint, one after another."""
    refusal = Answer(401, (), b'{"error":"invalid_client"}').stall(0.2, at=0)
    tokens = upstream(refusal)
    ask = asker(kind, upstream([]), tokens)
    with pytest.raises(errors.AuthFailed, match="invalid_client"):
        ask.chat_at_once(10, "corp/m")
    assert len(tokens.requests) <= 3


def test_an_endpoint_that_never_answers_runs_into_the_timers(
    kind: str, upstream: StartUpstream
) -> None:
    tokens = upstream(stall())
    provider = {**table(upstream([]), tokens), "retries": 0, "timeouts": {"total": 0.3}}
    with pytest.raises(errors.Timeout):
        Asker(kind, configure({"corp": provider})).chat("corp/m")


def test_another_provider_takes_over(kind: str, upstream: StartUpstream) -> None:
    broken = {**table(upstream([]), upstream(error(500))), "retries": 0}
    spare = {"base_url": upstream(chat("from the spare")).base_url}
    config = configure(
        {"corp": broken, "spare": spare}, routes={"safe": {"models": ["corp/m", "spare/m"]}}
    )
    assert Asker(kind, config).chat("safe").text == "from the spare"


# -- settings


@pytest.mark.parametrize("missing", ["token_url", "client_id", "client_secret"])
def test_a_missing_option_is_named(missing: str, upstream: StartUpstream) -> None:
    provider = table(upstream([]))
    del provider["options"][missing]
    with pytest.raises(errors.ConfigError, match=f"'{missing}'"):
        Asker("sync", configure({"corp": provider})).chat("corp/m")


@pytest.mark.parametrize(
    ("options", "said"),
    [({"auth_style": "header"}, "auth_style"), ({"token_url": "login.corp/token"}, "token_url")],
)
def test_a_wrong_option_is_named(
    options: dict[str, str], said: str, upstream: StartUpstream
) -> None:
    provider = table(upstream([]), **options)
    with pytest.raises(errors.ConfigError, match=said):
        Asker("sync", configure({"corp": provider})).chat("corp/m")


# -- the flow itself, by a clock of ours

GRANT = Grant(token_url="https://login.corp/token", client_id="me", client_secret=Secret(SECRET))


class Hand:
    """Plays the engine's part: keeps the time, counts what was asked."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tokens = Tokens()
        provider = Provider(name="corp", base_url="https://api.corp/v1")
        self.ask = Ask(provider, "m", clock=lambda: self.now)
        self.request = HttpRequest(url=parse_url("https://api.corp/v1/chat"), headers={})

    def flow(self) -> Iterator[Any]:
        return self.tokens.send(self.request, self.ask, GRANT)

    def run(self, *, life: Any = 3600, text: str = "abcdefgh", status: int = 200) -> list[str]:
        """Run a flow to its end; tell what it asked for."""
        flow: Any = self.flow()
        said, came = [], None
        while True:
            try:
                wanted = next(flow) if came is None else flow.send(came)
            except StopIteration:
                return said
            if isinstance(wanted, Aside):
                said.append("token")
                body = {"access_token": text, "expires_in": life}
                came = HttpAnswer(status=200, headers={}, body=json.dumps(body).encode())
            else:
                said.append(wanted.headers["authorization"])
                came = HttpAnswer(status=status, headers={})


def test_a_token_is_renewed_before_it_ends() -> None:
    hand = Hand()
    assert hand.run(text="first-token") == ["token", "Bearer first-token"]
    hand.now += 3600 - 61
    assert hand.run(text="second-token") == ["Bearer first-token"]
    hand.now += 2
    assert hand.run(text="second-token") == ["token", "Bearer second-token"]


def test_a_clock_that_went_back_proves_no_token_good() -> None:
    hand = Hand()
    hand.run(text="first-token")
    hand.now -= 500
    assert hand.run(text="second-token") == ["token", "Bearer second-token"]


def test_while_a_token_is_renewed_the_old_one_serves_the_others() -> None:
    hand = Hand()
    hand.run(text="first-token")
    hand.now += 3600 - 30
    renewing: Any = hand.flow()
    assert isinstance(next(renewing), Aside)
    assert hand.run() == ["Bearer first-token"]
    refused = HttpAnswer(status=500, headers={})
    assert renewing.send(refused).headers["authorization"] == "Bearer first-token"


def test_whoever_waits_takes_over_from_one_who_gives_up() -> None:
    hand = Hand()
    first: Any = hand.flow()
    assert isinstance(next(first), Aside)
    second: Any = hand.flow()
    assert isinstance(next(second), Pause)
    first.close()
    assert isinstance(next(second), Aside)


def test_a_refused_token_is_fetched_anew_by_one_of_those_who_hold_it() -> None:
    hand = Hand()
    hand.run(text="first-token")
    one, other = hand.flow(), hand.flow()
    for flow in (one, other):
        assert next(flow).headers["authorization"] == "Bearer first-token"
    no = HttpAnswer(status=401, headers={})
    assert isinstance(one.send(no), Aside)  # type: ignore[attr-defined]
    assert isinstance(other.send(no), Pause)  # type: ignore[attr-defined]
    body = json.dumps({"access_token": "second-token"}).encode()
    came = HttpAnswer(status=200, headers={}, body=body)
    assert one.send(came).headers["authorization"] == "Bearer second-token"  # type: ignore[attr-defined]
    assert next(other).headers["authorization"] == "Bearer second-token"


def test_a_token_never_leaves_the_origin_of_the_base_url() -> None:
    hand = Hand()
    hand.request = HttpRequest(url=parse_url("https://elsewhere.example/v1"), headers={})
    with pytest.raises(errors.AdapterError, match="elsewhere") as raised:
        hand.run()
    assert "abcdefgh" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "life"),
    [
        (60, 60.0), ("60", 60.0), (1.5, 1.5), (10**12, MAX_S), (None, DEFAULT_S), (0, DEFAULT_S),
        (-5, DEFAULT_S), ("soon", DEFAULT_S), (True, DEFAULT_S), ([], DEFAULT_S),
        ("nan", DEFAULT_S), ("1e999", DEFAULT_S), ("9" * 5000, DEFAULT_S),
    ],
)  # fmt: skip
def test_a_lifetime_that_is_nonsense_is_unknown(said: Any, life: float) -> None:
    body = json.dumps({"access_token": "abcdefgh", "expires_in": said}).encode()
    answer = HttpAnswer(status=200, headers={}, body=body)
    token = read_token(answer, "https://h/token", SECRET, now=1000.0)
    assert token.until == 1000.0 + life
    assert 1000.0 < token.renew_at < token.until


def test_nothing_shows_a_secret() -> None:
    request = token_request(GRANT, ConnectOptions(), None)
    assert "s3cret" not in f"{GRANT!r} {request!r}"


def test_an_adapter_of_ones_own_says_what_its_tokens_are_for(upstream: StartUpstream) -> None:
    from dragoman.adapters import register

    @register("corp-flow")
    class CorpFlow(OAuth):
        def grant(self, ask: Ask) -> Grant:
            from msgspec.structs import replace

            return replace(grant_of(ask), scope=f"model:{ask.model}")

    server = upstream(Corp())
    provider = {**table(server), "adapter": "corp-flow"}
    Asker("sync", configure({"corp": provider})).chat("corp/m")
    assert b"scope=model%3Am" in server.requests[0].body
