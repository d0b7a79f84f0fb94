"""Upstreams speak TLS with certificates that clients can be made to trust, or not."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest

from tests.upstream.asking import POST, read_all
from tests.upstream.fault import FaultUpstream, Send, Stall, chat


def ask(upstream, authority, *, host="localhost", certificate=None):
    """Ask over TLS and return the status; whoever signed is trusted only with `authority`."""
    context = ssl.create_default_context(cafile=authority and authority.ca_file)
    if certificate:
        context.load_cert_chain(certificate)
    connection = http.client.HTTPSConnection(host, upstream.port, context=context, timeout=60)
    try:
        connection.request("POST", "/v1/chat/completions", body="{}")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_upstream_answers(upstream, authority, host):
    up = upstream(chat("x"), tls=authority.server())
    assert up.base_url.startswith("https://")
    assert ask(up, authority, host=host) == 200
    assert up.requests[0].server_name == ("localhost" if host == "localhost" else None)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"names": ["other.test"]}, "doesn't match|Hostname mismatch"),
        ({"expired": True}, "expired"),
    ],
)
def test_a_wrong_certificate_is_refused(upstream, authority, options, reason):
    options = dict(options)
    up = upstream(chat("x"), tls=authority.server(*options.pop("names", ()), **options))
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        ask(up, authority)


def test_a_stranger_is_refused_and_the_failure_recorded(upstream, authority):
    up = upstream(chat("x"), tls=authority.server())
    with pytest.raises(ssl.SSLCertVerificationError, match="verify failed"):
        ask(up, None)
    [line] = up.wait_handshake_errors(1)
    assert "UNKNOWN_CA" in line
    assert up.requests == []


def test_a_client_certificate_may_be_required(upstream, authority):
    up = upstream(chat("x"), tls=authority.server(require_client=True))
    assert ask(up, authority, certificate=authority.client_file("ada")) == 200
    assert up.requests[0].client_subject == "ada"
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        ask(up, authority)


def trusting(authority, upstream):
    context = ssl.create_default_context(cafile=authority.ca_file)
    context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # Python up to 3.11.2 sets it
    plain = socket.create_connection(("127.0.0.1", upstream.port), timeout=60)
    return context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


def test_a_cut_has_no_close_notify(upstream, authority):
    up = upstream(chat("0123456789").cut(at=4), tls=authority.server())
    with trusting(authority, up) as sock:
        sock.sendall(POST)
        with pytest.raises(ssl.SSLError, match="UNEXPECTED_EOF"):
            read_all(sock)


def test_an_orderly_close_has_one(upstream, authority):
    up = upstream(chat("x").closing(), tls=authority.server())
    with trusting(authority, up) as sock:
        sock.sendall(POST)
        assert read_all(sock).endswith(chat("x").body)


def test_a_reset_is_a_reset_under_tls_too(upstream, authority):
    """Seen below TLS, because Python 3.11 reports a reset as SSLEOFError."""
    up = upstream(chat("0123456789").reset(at=4), tls=authority.server())
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=authority.ca_file)
    session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", up.port), timeout=60) as sock:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        session.write(POST)
        sock.sendall(outgoing.read())
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_a_handshake_may_never_come(upstream, authority):
    up = upstream(chat("x"), tls=authority.server(), greet=[(Stall(),), (Send(b"SSH-2.0\r\n"),)])
    with (
        socket.create_connection(("127.0.0.1", up.port), timeout=0.1) as sock,
        pytest.raises(TimeoutError),
    ):
        ssl.create_default_context().wrap_socket(sock, server_hostname="localhost")
    with pytest.raises(ssl.SSLError, match="SSL"):
        ask(up, authority)


def test_leaving_is_seen_under_tls(upstream, authority):
    up = upstream(chat("x").stall(), tls=authority.server())
    with trusting(authority, up) as sock:
        sock.sendall(POST)
        sock.recv(1)
    assert up.requests[0].wait_closed() > up.requests[0].at


def test_tls_ends_cleanly_with_connections_open(authority):
    with FaultUpstream(chat("x").stall(), tls=authority.server()) as up:
        sock = trusting(authority, up)
        sock.sendall(POST)
        up.wait_requests(1)
    sock.close()
