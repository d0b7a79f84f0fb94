"""How a connection is made: names, addresses, the race, proxies, TLS."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import pytest

from dragoman.errors import ConfigError, ConnectFailed, ConnectionLost, DestinationDenied
from dragoman.transport.dial import (
    STAGGER_S,
    Dial,
    Network,
    Resolve,
    Start,
    Step,
    Wait,
    dial,
    interleave,
)
from dragoman.transport.egress import parse_grant
from dragoman.types.credential import Secret
from dragoman.types.http import ConnectOptions, parse_url
from dragoman.types.provider import Tls
from tests.transport.either import Either, request
from tests.upstream.fault import Answer, FaultUpstream, chat
from tests.upstream.proxy import Proxy
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]
OpenTransport = Callable[..., Either]

HELLO = Answer(200, (), b"hello")


def always(*addresses: str) -> Network:
    return Network(resolve=lambda host: list(addresses))


# The thinking, without I/O.


def play(steps: Dial, *outcomes: Any) -> list[Step]:
    """Answer the waits of a dial in order, and return the steps it took, until it ends."""
    taken: list[Step] = []
    rest = iter(outcomes)
    step = next(steps)
    while True:
        taken.append(step)
        answer = next(rest) if isinstance(step, Resolve | Wait) else None
        try:
            step = steps.send(answer)
        except StopIteration:
            return taken


def refused() -> OSError:
    return OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))


def started(steps: Sequence[Step]) -> list[str]:
    return [str(step.address) for step in steps if isinstance(step, Start)]


NAME = parse_url("http://name.test:8000/v1")


def test_families_alternate_beginning_with_the_systems_choice() -> None:
    order = interleave([ip_address(one) for one in ("::1", "::2", "::3", "10.0.0.1", "::1")])
    assert [str(one) for one in order] == ["::1", "10.0.0.1", "::2", "::3"]


def test_next_address_starts_after_the_stagger_and_the_first_to_answer_wins() -> None:
    steps = dial(NAME, ConnectOptions(), Network())
    taken = play(steps, ["::1", "10.0.0.1", "10.0.0.2"], False, True)
    assert started(taken) == ["::1", "10.0.0.1"]
    assert [step.seconds for step in taken if isinstance(step, Wait)] == [STAGGER_S, STAGGER_S]


def test_next_address_starts_at_once_when_one_fails() -> None:
    taken = play(dial(NAME, ConnectOptions(), Network()), ["::1", "10.0.0.1"], refused(), True)
    assert started(taken) == ["::1", "10.0.0.1"]
    assert taken[-1] == Wait(None)


def test_slow_address_may_still_win_when_the_others_failed() -> None:
    taken = play(
        dial(NAME, ConnectOptions(), Network()), ["::1", "10.0.0.1"], False, refused(), True
    )
    assert started(taken) == ["::1", "10.0.0.1"]


def test_refusal_tells_more_than_an_address_that_has_no_way() -> None:
    unreachable = OSError(errno.ENETUNREACH, "Connect call failed")
    with pytest.raises(ConnectFailed, match="refused"):
        play(dial(NAME, ConnectOptions(), Network()), ["::1", "10.0.0.1"], unreachable, refused())
    with pytest.raises(ConnectFailed, match="Network is unreachable") as caught:
        play(dial(NAME, ConnectOptions(), Network()), ["::1"], unreachable)
    assert "network" in (caught.value.hint or "")


def test_one_forbidden_address_forbids_them_all() -> None:
    steps = dial(NAME, ConnectOptions(), Network())
    with pytest.raises(DestinationDenied):
        play(steps, ["10.0.0.1", "169.254.169.254"])


def test_name_without_addresses_is_an_error() -> None:
    with pytest.raises(ConnectFailed, match="no address"):
        play(dial(NAME, ConnectOptions(), Network()), [])


@pytest.mark.parametrize("host", ["localhost", "sub.localhost"])
def test_localhost_is_this_machine_without_asking_anybody(host: str) -> None:
    taken = play(dial(parse_url(f"http://{host}:1/"), ConnectOptions(), Network()), True)
    assert isinstance(taken[0], Start)
    assert taken[0].address.is_loopback


def test_organisation_reaches_private_addresses_only_by_grant() -> None:
    url = parse_url("https://10.0.0.5:8443/v1")
    options = ConnectOptions(egress="organisation")
    with pytest.raises(DestinationDenied, match="this destination is not allowed"):
        next(dial(url, options, Network()))
    granted = Network(allow=(parse_grant("10.0.0.5:8443"),))
    assert isinstance(next(dial(url, options, granted)), Start)
    with pytest.raises(DestinationDenied):
        next(dial(parse_url("https://10.0.0.5:8444/v1"), options, granted))
    with pytest.raises(DestinationDenied, match="https"):
        next(dial(parse_url("http://10.0.0.5:8443/v1"), options, granted))


def test_own_services_are_reached_by_nobody() -> None:
    network = Network(deny=(parse_grant("127.0.0.1:6379"),), allow=(parse_grant("127.0.0.0/8"),))
    for egress in ("local", "operator", "organisation"):
        options = ConnectOptions(egress=egress)  # type: ignore[arg-type]
        with pytest.raises(DestinationDenied):
            next(dial(parse_url("https://127.0.0.1:6379/"), options, network))


# Real sockets.


@pytest.mark.parametrize("ip", ["v4", "v6", "both"])
@pytest.mark.parametrize("order", [("::1", "127.0.0.1"), ("127.0.0.1", "::1")])
def test_localhost_is_found_whichever_family_the_server_listens_on(
    open_transport: OpenTransport, upstream: Upstream, ip: str, order: tuple[str, str]
) -> None:
    up = upstream(HELLO, ip=ip)
    transport = open_transport(network=always(*order))
    assert transport.fetch(up.url_as("localhost")) == b"hello"
    assert transport.fetch(up.url_as("name.test")) == b"hello"


def test_localhost_works_as_it_comes(transport: Either, upstream: Upstream) -> None:
    assert transport.fetch(upstream(HELLO, ip="v6").url_as("localhost")) == b"hello"
    assert transport.fetch(upstream(HELLO, ip="v4").url_as("localhost")) == b"hello"


def test_ipv6_literal_is_dialled_and_named_in_brackets(
    transport: Either, upstream: Upstream
) -> None:
    up = upstream(HELLO, ip="v6")
    assert transport.fetch(up.url) == b"hello"
    assert up.requests[0].header("host") == f"[::1]:{up.port}"


def test_host_header_is_the_name_not_the_address(
    open_transport: OpenTransport, upstream: Upstream
) -> None:
    up = upstream(HELLO)
    open_transport(network=always("127.0.0.1")).fetch(up.url_as("api.name.test"))
    assert up.requests[0].header("host") == f"api.name.test:{up.port}"


def test_burst_of_requests_to_one_host_looks_it_up_once(
    open_transport: OpenTransport, upstream: Upstream
) -> None:
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        time.sleep(0.3)
        return ["127.0.0.1"]

    up = upstream(HELLO)
    transport = open_transport(network=Network(resolve=resolve))
    with ThreadPoolExecutor(10) as threads:
        bodies = list(threads.map(transport.fetch, [up.url_as("name.test")] * 10))
    assert (bodies, asked) == ([b"hello"] * 10, ["name.test"])


# TLS.


def trusting(authority: Authority, **options: Any) -> ConnectOptions:
    return ConnectOptions(tls=Tls(ca_file=str(authority.ca_file), **options))


def test_server_is_verified_by_name_though_dialled_by_address(
    open_transport: OpenTransport, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server("api.name.test"))
    transport = open_transport(network=always("127.0.0.1"))
    url = up.url_as("api.name.test")
    assert transport.fetch(request(url, options=trusting(authority))) == b"hello"
    assert up.requests[0].server_name == "api.name.test"


def test_certificate_of_an_unknown_authority_names_the_setting(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    with pytest.raises(ConnectFailed, match="unable to get local issuer") as caught:
        transport.send(upstream(HELLO, tls=authority.server()).url)
    assert "ca_file" in (caught.value.hint or "")
    assert (caught.value.sent, caught.value.retryable) == (False, True)


def test_certificate_for_another_name_is_refused(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server("other.test"))
    with pytest.raises(ConnectFailed, match=r"IP address mismatch|not valid for") as caught:
        transport.send(request(up.url, options=trusting(authority)))
    assert "certificate" in (caught.value.hint or "")


def test_expired_certificate_is_refused(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server(expired=True))
    with pytest.raises(ConnectFailed, match="expired") as caught:
        transport.send(request(up.url, options=trusting(authority)))
    assert "renewed" in (caught.value.hint or "")


def test_verification_can_be_turned_off_but_not_by_an_organisation(
    open_transport: OpenTransport, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server("other.test"))
    transport = open_transport(network=Network(allow=(parse_grant("127.0.0.1"),)))
    tls = Tls(verify=False)
    assert transport.fetch(request(up.url, options=ConnectOptions(tls=tls))) == b"hello"
    tenant = ConnectOptions(tls=tls, egress="organisation")
    with pytest.raises(ConnectFailed, match="local issuer"):
        transport.send(request(up.url, options=tenant))


def test_client_certificate_is_presented(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server(require_client=True))
    options = trusting(authority, client_cert=str(authority.client_file("me")))
    assert transport.fetch(request(up.url, options=options)) == b"hello"
    assert up.requests[0].client_subject == "me"


def test_server_that_wants_a_certificate_of_ours_says_so(
    transport: Either, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server(require_client=True))
    with pytest.raises((ConnectFailed, ConnectionLost)) as caught:
        transport.send(request(up.url, options=trusting(authority)))
    if isinstance(caught.value, ConnectFailed):  # else its reset came before its words
        assert "client_cert" in (caught.value.hint or "")


@pytest.mark.parametrize("setting", ["ca_file", "client_cert"])
def test_missing_and_broken_files_are_faults_of_the_configuration(
    transport: Either, upstream: Upstream, tmp_path: Any, setting: str
) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    for path in (tmp_path / "missing.pem", broken):
        options = ConnectOptions(tls=Tls(**{setting: str(path)}))
        with pytest.raises(ConfigError, match=path.name):
            transport.send(request("https://127.0.0.1:1/", options=options))


# Proxies.


def through(proxy: Proxy, **env: str) -> Network:
    return Network(env={"HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url, **env})


def test_http_goes_through_a_proxy_with_its_whole_url(
    open_transport: OpenTransport, upstream: Upstream
) -> None:
    up = upstream(HELLO)
    with Proxy(hosts={"api.test": up.port}) as proxy:
        transport = open_transport(network=through(proxy))
        assert transport.fetch("http://api.test/v1?a=b") == b"hello"
    assert [one.target for one in proxy.passed] == ["http://api.test/v1?a=b"]
    assert up.requests[0].header("host") == "api.test"


def test_https_goes_through_a_tunnel_that_sees_nothing(
    open_transport: OpenTransport, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server("api.test"))
    asked = request(
        "https://api.test/v1", headers={"authorization": "k"}, options=trusting(authority)
    )
    with Proxy(hosts={"api.test": up.port}) as proxy:
        transport = open_transport(network=through(proxy))
        for _ in range(3):
            assert transport.fetch(asked) == b"hello"
        transport.close_now()
    assert [(one.method, one.target) for one in proxy.passed] == [("CONNECT", "api.test:443")]
    assert proxy.passed[0].header("authorization") is None
    assert {one.server_name for one in up.requests} == {"api.test"}


def test_providers_own_proxy_comes_first_and_gets_its_password(
    open_transport: OpenTransport, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server())
    with Proxy(credentials="me:p@ss word") as proxy:
        own = Secret(proxy.url.replace("//", "//me:p%40ss%20word@"))
        options = ConnectOptions(tls=Tls(ca_file=str(authority.ca_file)), proxy=own)
        transport = open_transport(network=Network(env={"HTTPS_PROXY": "http://127.0.0.1:1"}))
        assert transport.fetch(request(up.url, options=options)) == b"hello"
        transport.close_now()
    assert up.requests[0].header("proxy-authorization") is None


def test_proxy_that_refuses_is_told_from_a_server_that_does(
    open_transport: OpenTransport, upstream: Upstream
) -> None:
    with Proxy(credentials="me:canary-secret") as proxy:
        network = Network(env={"ALL_PROXY": proxy.url.replace("//", "//me:canary-wrong@")})
        with pytest.raises(ConnectFailed, match="user name and a password") as caught:
            open_transport(network=network).send("https://api.test/")
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    with Proxy(refuse=403) as proxy, pytest.raises(ConnectFailed, match=r"403 for api\.test:443"):
        open_transport(network=through(proxy)).send("https://api.test/")
    down = Network(env={"https_proxy": f"http://127.0.0.1:{upstream(chat('no'), down=True).port}"})
    with pytest.raises(ConnectFailed, match=r"the proxy 127.*refused"):
        open_transport(network=down).send("https://api.test/")


def test_loopback_never_goes_through_the_environments_proxy(
    open_transport: OpenTransport, upstream: Upstream
) -> None:
    up = upstream(HELLO)
    with Proxy() as proxy:
        transport = open_transport(network=through(proxy))
        assert transport.fetch(up.url) == b"hello"
        assert transport.fetch(up.url_as("localhost")) == b"hello"
    assert proxy.passed == []


def test_proxy_is_asked_by_an_organisation_for_the_address_that_was_checked(
    open_transport: OpenTransport, upstream: Upstream, authority: Authority
) -> None:
    up = upstream(HELLO, tls=authority.server("api.test"))
    with Proxy(hosts={"93.184.216.34": up.port}) as proxy:
        network = Network(env={"HTTPS_PROXY": proxy.url}, resolve=lambda host: ["93.184.216.34"])
        tls = Tls(ca_file=str(authority.ca_file))
        options = ConnectOptions(tls=tls, egress="organisation")
        transport = open_transport(network=network)
        assert transport.fetch(request("https://api.test/", options=options)) == b"hello"
        transport.close_now()
    assert proxy.passed[0].target == "93.184.216.34:443"
    assert up.requests[0].server_name == "api.test"


def test_proxy_is_never_asked_for_a_forbidden_address(open_transport: OpenTransport) -> None:
    with Proxy() as proxy:
        transport = open_transport(network=through(proxy))
        for host in ("169.254.169.254", "2852039166", "[fd00:ec2::254]"):
            with pytest.raises(DestinationDenied):
                transport.send(f"http://{host}/")
    assert proxy.accepted == 0
