"""Where requests may go: every spelling, every policy."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import DestinationDenied
from dragoman.transport.dial import Network
from dragoman.transport.egress import (
    METADATA,
    Grant,
    check_address,
    check_host,
    embedded_ipv4,
    parse_grant,
)
from dragoman.types.http import ConnectOptions
from dragoman.types.provider import EgressPolicy
from tests.transport.either import Either, request
from tests.upstream.fault import FaultUpstream, chat

CASES = tomllib.loads((Path(__file__).parent / "cases" / "egress.toml").read_text("utf-8"))
POLICIES: tuple[EgressPolicy, ...] = get_args(EgressPolicy)


def cases(section: str) -> list[str]:
    return [text for group in CASES[section].values() for text in group]


def allowed(text: str, policy: EgressPolicy, **grants: object) -> bool:
    try:
        check_address(ip_address(text), policy, **grants)  # type: ignore[arg-type]
    except DestinationDenied:
        return False
    return True


def test_there_are_enough_spellings() -> None:
    assert sum(len(cases(section)) for section in CASES) >= 300


@pytest.mark.parametrize("host", cases("spelled_wrong"))
def test_host_that_is_not_spelled_canonically_is_refused(host: str) -> None:
    with pytest.raises(DestinationDenied):
        check_host(host)


@pytest.mark.parametrize("text", cases("never"))
def test_metadata_link_local_and_multicast_are_reached_by_nobody(text: str) -> None:
    assert [policy for policy in POLICIES if allowed(text, policy)] == []


@pytest.mark.parametrize("text", cases("inside"))
def test_inside_is_reached_by_those_who_own_the_machine(text: str) -> None:
    assert [policy for policy in POLICIES if allowed(text, policy)] == ["local", "operator"]


@pytest.mark.parametrize("text", cases("outside"))
def test_outside_is_reached_by_everybody(text: str) -> None:
    assert [policy for policy in POLICIES if allowed(text, policy)] == list(POLICIES)


@pytest.mark.parametrize("text", [*cases("never"), *cases("inside"), *cases("outside")])
def test_canonical_addresses_are_taken_for_what_they_are(text: str) -> None:
    assert check_host(text) == ip_address(text)


@pytest.mark.parametrize(
    "host",
    ["localhost", "api.test", "my_service", "1e100.net", "a.0x1g", "xn--bcher-kva.test", "a."],
)
def test_names_are_names(host: str) -> None:
    assert check_host(host) is None


def test_organisation_is_not_told_what_was_found() -> None:
    with pytest.raises(DestinationDenied) as caught:
        check_address(ip_address("10.1.2.3"), "organisation")
    assert "10.1.2.3" not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(DestinationDenied, match=r"169\.254\.1\.1"):
        check_address(ip_address("169.254.1.1"), "local")


GRANTS = [
    ("10.0.0.5:8443", "10.0.0.5", 8443, True),
    ("10.0.0.5:8443", "10.0.0.5", 443, False),
    ("10.0.0.5:8443", "10.0.0.6", 8443, False),
    ("192.168.0.0/16", "192.168.7.7", 1, True),
    ("192.168.0.0/16", "::ffff:192.168.7.7", 1, True),
    ("192.168.0.0/16", "10.0.0.1", 1, False),
    ("[fd00::5]:443", "fd00::5", 443, True),
    ("fd00::/8", "fd12::1", 443, True),
    ("169.254.169.254", "169.254.169.254", 443, False),
    ("fe80::/10", "fe80::1", 443, False),
    ("0.0.0.0/0", "100.100.100.200", 443, False),
    ("224.0.0.0/4", "224.0.0.1", 443, False),
]


@pytest.mark.parametrize(("grant", "address", "port", "expected"), GRANTS)
def test_grant_opens_what_it_names_to_organisations_but_never_metadata(
    grant: str, address: str, port: int, expected: bool
) -> None:
    allow = (parse_grant(grant),)
    assert allowed(address, "organisation", port=port, allow=allow) is expected


def test_grant_opens_metadata_to_the_operator_alone() -> None:
    allow = (parse_grant("169.254.169.254"),)
    assert allowed("169.254.169.254", "operator", allow=allow)
    assert not allowed("169.254.169.254", "local", allow=allow)


@pytest.mark.parametrize(
    "text", ["", "10.0.0.1/8", "a.test", "10.0.0.1:0", "10.0.0.1:99999", "::1:443x", "127.1"]
)
def test_grant_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_grant(text)


ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6 = st.integers(0, 2**128 - 1).map(IPv6Address)


@given(ipv4 | ipv6)
def test_organisation_reaches_no_more_than_operator_and_operator_no_less_than_local(
    address: IPv4Address | IPv6Address,
) -> None:
    text = str(address)
    assert allowed(text, "local") == allowed(text, "operator")
    if allowed(text, "organisation"):
        assert allowed(text, "operator")
        assert address.is_global or embedded_ipv4(address)  # type: ignore[arg-type]


@given(ipv4)
def test_wrapping_never_opens_what_is_closed(address: IPv4Address) -> None:
    number = int(address)
    wrapped = [
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        str(IPv6Address((0x2002 << 112) | (number << 80) | 1)),
        str(IPv6Address((0x2606 << 112) | (0x5EFE << 32) | number)),
        str(IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))),
    ]
    for policy in POLICIES:
        for text in wrapped:
            if allowed(text, policy):
                assert allowed(str(address), policy)


@given(st.sampled_from(sorted(METADATA, key=str)), st.integers(1, 65535))
def test_metadata_is_closed_whatever_is_granted(
    address: IPv4Address | IPv6Address, port: int
) -> None:
    everything = (parse_grant("0.0.0.0/0"), parse_grant("::/0"))
    for policy in ("local", "organisation"):
        assert not allowed(str(address), policy, port=port, allow=everything)  # type: ignore[arg-type]


@given(st.text(alphabet="0123456789abcdefx.", min_size=1, max_size=20))
def test_host_that_the_system_reads_as_a_number_is_canonical_or_refused(host: str) -> None:
    """inet_aton(3) is what getaddrinfo falls back to."""
    try:
        packed = socket.inet_aton(host)
    except OSError:
        return
    try:
        address = check_host(host)
    except DestinationDenied:
        return
    assert address is not None
    assert address.packed == packed


def test_no_spelling_reaches_a_canary_whether_written_or_resolved(
    open_transport: Callable[..., Either], upstream: Callable[..., FaultUpstream]
) -> None:
    canary = upstream(chat("no"), ip="both")
    resolved = ["127.0.0.1"]
    transport = open_transport(network=Network(resolve=lambda host: resolved))
    tenant = ConnectOptions(egress="organisation")
    for host in [*cases("spelled_wrong"), *cases("never"), *cases("inside")]:
        literal = f"[{host}]" if ":" in host else host
        written = f"https://{literal}:{canary.port}/"
        with pytest.raises((DestinationDenied, ValueError)):
            transport.send(request(written, options=tenant))
    for text in [*cases("never"), *cases("inside")]:
        resolved[:] = ["1.1.1.1", text]
        with pytest.raises(DestinationDenied):
            transport.send(request(f"https://rebound.test:{canary.port}/", options=tenant))
    assert canary.accepted == 0


def test_deny_beats_allow() -> None:
    own = Grant(parse_grant("127.0.0.1").network, 6379)
    for policy in POLICIES:
        allow = (parse_grant("127.0.0.1:6379"),)
        assert not allowed("127.0.0.1", policy, port=6379, allow=allow, deny=(own,))
        assert not allowed("::ffff:127.0.0.1", policy, port=6379, allow=allow, deny=(own,))
