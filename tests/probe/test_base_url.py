"""A base URL is completed by asking the server, and what was tried is told."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dragoman.errors import ConfigError, ConnectFailed, DragomanError
from dragoman.probe.base_url import complete, looks_like_url
from dragoman.transport.default import DefaultTransport
from dragoman.types.http import ConnectOptions
from dragoman.types.provider import Tls
from tests.probe.servers import provider, serving
from tests.upstream.aimock import AimockServer
from tests.upstream.answers import empty, error, html, models, redirect
from tests.upstream.fault import FaultUpstream, Reset, Send
from tests.upstream.llama import LlamaServer
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

CASES = tomllib.loads((Path(__file__).parent / "cases/base_urls.toml").read_text("utf-8"))["case"]


@pytest.fixture
def transport() -> Iterator[DefaultTransport]:
    transport = DefaultTransport()
    yield transport
    transport.close()


@pytest.mark.parametrize("page", [False, True], ids=["404", "page"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['written']} {case['prefix']}")
def test_spelling_that_answers_is_found(
    case: dict[str, str], page: bool, transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(provider("m1", "m2", prefix=case["prefix"], page=page))
    host = server.url.removeprefix("http://")
    found = complete(case["written"].replace("{host}", host), transport)
    assert found.base_url == case["found"].replace("{host}", host)
    assert found.models == ("m1", "m2")
    assert found.api == "openai-completions"
    assert found.evidence is not None
    assert found.tried[-1].outcome == "models"


def test_no_key_is_sent_and_none_is_needed_to_find_the_api(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(provider("m", key="sesame"))
    found = complete(server.url, transport)
    assert (found.base_url, found.needs_key) == (f"{server.url}/v1", True)
    assert all(request.header("authorization") is None for request in server.requests)


def test_server_that_asks_everybody_for_a_key_keeps_the_path_as_written(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(error(401))
    assert complete(f"{server.url}/gateway", transport).base_url == f"{server.url}/gateway"
    assert complete(server.url, transport).base_url == f"{server.url}/v1"
    assert complete(f"{server.url}/v2", transport).base_url == f"{server.url}/v2"


def test_server_without_a_list_is_found_by_its_endpoint(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(serving({"/v1/chat/completions": error(400, message="no messages")}))
    found = complete(server.url, transport)
    assert (found.base_url, found.models) == (f"{server.url}/v1", ())
    assert found.tried[-1].outcome == "endpoint"
    posts = [request for request in server.requests if request.method == "POST"]
    assert {request.body for request in posts} == {b"{}"}


ANTHROPIC = {"type": "error", "error": {"type": "authentication_error", "message": "x-api-key"}}


def test_language_is_found_out_by_how_a_server_says_no(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(serving({"/v1/models": error(401, ANTHROPIC)}))
    assert complete(server.url, transport).api == "anthropic-messages"
    without_list = upstream(serving({"/v1/messages": error(400, ANTHROPIC)}))
    assert complete(without_list.url, transport).api == "anthropic-messages"
    written = complete(f"{without_list.url}/v1/messages", transport)
    assert (written.api, written.base_url) == (
        "anthropic-messages",
        f"{without_list.url}/v1/messages",
    )
    told = complete(server.url, transport, api="openai-responses")
    assert told.api == "openai-responses"


def test_azures_deployments_are_left_as_they_are(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(empty(500))
    url = f"{server.url}/openai/deployments"
    assert complete(url, transport).base_url == url
    assert server.received == 0


@pytest.mark.parametrize(
    "answer", [html(), html(404), empty(), empty(404), models(), error(500)], ids=str
)
def test_what_is_no_api_is_said_to_be_none(
    answer: object, transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(answer)
    found = complete(server.url, transport)
    if answer == models():  # an empty list is a list: a server without a model loaded
        assert found.base_url == f"{server.url}/v1"
        return
    if answer == error(500):  # JSON at the endpoint: somebody is there, and ill
        assert found.base_url == f"{server.url}/v1"
        return
    assert found.base_url is None
    assert found.error is not None
    assert len(found.tried) == server.received
    assert all(tried.outcome == "no" for tried in found.tried)


def test_redirect_to_somewhere_else_is_told_and_not_followed(
    transport: DefaultTransport, upstream: Upstream
) -> None:
    other = upstream(provider("m"))
    server = upstream(redirect(f"{other.url}/v1/models?token=secret"))
    found = complete(server.url, transport)
    assert found.base_url is None
    assert found.error is not None
    assert found.error.hint is not None
    assert f"{other.url}/v1/models" in found.error.hint
    assert "secret" not in f"{found}"
    assert other.received == 0


def test_refused_port_is_tried_once(transport: DefaultTransport, upstream: Upstream) -> None:
    server = upstream(empty(), down=True)
    found = complete(server.url.removeprefix("http://"), transport)
    assert isinstance(found.error, ConnectFailed)
    assert [tried.words for tried in found.tried] == ["refused the connection"]


def test_server_that_speaks_tls_is_found_without_its_scheme(
    transport: DefaultTransport, upstream: Upstream, authority: Authority
) -> None:
    server = upstream(provider("m"), tls=authority.server())
    trusting = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)))
    host = server.url.removeprefix("https://")
    assert complete(host, transport, options=trusting).base_url == f"https://{host}/v1"


@pytest.mark.parametrize("expired", [True, False], ids=["expired", "unknown issuer"])
def test_certificate_that_is_not_trusted_is_the_reason(
    expired: bool, transport: DefaultTransport, upstream: Upstream, authority: Authority
) -> None:
    server = upstream(provider("m"), tls=authority.server(expired=expired))
    trusting = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)) if expired else Tls())
    found = complete(server.url, transport, options=trusting)
    assert found.base_url is None
    assert "certificate" in str(found.error)


def test_https_at_a_server_of_http_says_so(
    transport: DefaultTransport, llama_server: LlamaServer
) -> None:
    url = llama_server.url.replace("http://", "https://")
    found = complete(url, transport, connect_s=0.5)
    assert found.base_url is None
    assert "http://" in str(found.error and found.error.hint)


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.9\r\n", b"\0" * 64], ids=["ssh", "zeros"])
def test_what_is_not_http_is_an_error_and_no_exception(
    garbage: bytes, transport: DefaultTransport, upstream: Upstream
) -> None:
    server = upstream(empty(), greet=[(Send(garbage), Reset())] * 20)
    found = complete(server.url, transport)
    assert isinstance(found.error, DragomanError)


@pytest.mark.parametrize(
    "written", ["ftp://host", "http://", "http://a b", "http://u:p@host", "http://host:99999"]
)
def test_what_cannot_be_a_url_is_refused_without_repeating_it(
    written: str, transport: DefaultTransport
) -> None:
    with pytest.raises(ConfigError) as caught:
        complete(written, transport)
    assert "u:p" not in str(caught.value)


def test_metadata_address_is_never_asked(transport: DefaultTransport) -> None:
    found = complete("http://169.254.169.254", transport)
    assert found.base_url is None
    assert found.error is not None
    assert found.error.code == "destination_not_allowed"


def test_real_servers_are_completed(
    transport: DefaultTransport, llama_server: LlamaServer, aimock_server: AimockServer
) -> None:
    found = complete(llama_server.url, transport)
    assert (found.base_url, found.models) == (llama_server.base_url, (llama_server.model,))
    assert complete(aimock_server.url, transport).base_url == aimock_server.base_url


@pytest.mark.parametrize(
    ("text", "is_url"),
    [
        ("ollama", False),
        ("my-corp", False),
        ("my_corp2", False),
        ("http://x", True),
        ("localhost", True),
        ("localhost:8000", True),
        ("llm.corp.example", True),
        ("10.0.0.7:8000/v1", True),
        ("host/v1", True),
        ("[::1]:8000", True),
    ],
)
def test_url_is_told_from_a_name(text: str, is_url: bool) -> None:
    assert looks_like_url(text) is is_url
