"""The proxy passes requests and tunnels on, and records them."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request

import pytest

from tests.upstream.fault import chat
from tests.upstream.proxy import Proxy


def ask(proxy, url, **headers):
    """POST through an HTTP proxy with the standard library, absolute-form."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": proxy.url}))
    with opener.open(urllib.request.Request(url, b"{}", headers), timeout=60) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def tunnel(proxy, host, port, **options):
    """POST through a tunnel; return the status."""
    kind = http.client.HTTPSConnection if "context" in options else http.client.HTTPConnection
    connection = kind("127.0.0.1", proxy.port, timeout=60, **options)
    connection.set_tunnel(host, port)
    try:
        connection.request("POST", "/v1/chat/completions", body="{}")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def test_a_plain_request_is_passed_on_in_origin_form(upstream):
    up = upstream(chat("Hello"))
    with Proxy(hosts={"api.test": up.port}) as proxy:
        assert ask(proxy, "http://api.test/v1/chat/completions?x=1", A="b") == "Hello"
    [passed] = proxy.passed
    assert (passed.method, passed.target) == ("POST", "http://api.test/v1/chat/completions?x=1")
    assert passed.status is None
    [request] = up.requests
    assert request.target == "/v1/chat/completions?x=1"
    assert request.header("host") == "api.test"
    assert request.header("a") == "b"
    assert request.body == b"{}"


def test_a_tunnel_carries_tls_end_to_end(upstream, authority):
    up = upstream(chat("Hello"), tls=authority.server("api.test"))
    with Proxy(hosts={"api.test:443": up.port}) as proxy:
        context = ssl.create_default_context(cafile=authority.ca_file)
        assert tunnel(proxy, "api.test", 443, context=context) == 200
    assert [(p.method, p.target, p.status) for p in proxy.passed] == [
        ("CONNECT", "api.test:443", 200)
    ]
    assert up.requests[0].server_name == "api.test"


def test_loopback_needs_no_mapping(upstream):
    up = upstream(chat("Hello"))
    with Proxy() as proxy:
        assert ask(proxy, f"{up.base_url}/chat/completions") == "Hello"
        assert tunnel(proxy, "127.0.0.1", up.port) == 200


def test_strangers_and_dead_ports_get_a_502(upstream):
    up = upstream(chat("Hello"), down=True)
    with Proxy() as proxy:
        for url in ("http://api.test/", up.base_url):
            with pytest.raises(urllib.error.HTTPError, match="502") as raised:
                ask(proxy, url)
            raised.value.close()
    assert [passed.status for passed in proxy.passed] == [502, 502]


def test_credentials_may_be_required(upstream):
    up = upstream(chat("Hello"))
    with Proxy(credentials="ada:lovelace") as proxy:
        with pytest.raises(OSError, match="407"):
            tunnel(proxy, "127.0.0.1", up.port)
        right = {"Proxy-Authorization": "Basic YWRhOmxvdmVsYWNl"}
        assert ask(proxy, up.base_url, **right) == "Hello"
    assert up.requests[0].header("proxy-authorization") is None


def test_it_may_refuse_everything(upstream):
    with Proxy(refuse=503) as proxy, pytest.raises(OSError, match="503"):
        tunnel(proxy, "127.0.0.1", 1)


def test_a_reset_passes_through_the_tunnel(upstream):
    up = upstream(chat("0123456789").reset(at=4))
    with Proxy() as proxy, pytest.raises(ConnectionResetError):
        tunnel(proxy, "127.0.0.1", up.port)


def test_a_client_that_leaves_closes_the_origin(upstream):
    up = upstream(chat("Hello").stall())
    with Proxy() as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
        connection.set_tunnel("127.0.0.1", up.port)
        connection.request("POST", "/", body="{}")
        [request] = up.wait_requests(1)
        connection.close()
        request.wait_closed()
