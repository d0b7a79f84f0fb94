"""Certificates for upstreams: an authority of our own, made on the spot.

    def test_trusts_the_authority(upstream, authority):
        up = upstream(chat("Hello"), tls=authority.server())
        ssl_context = ssl.create_default_context(cafile=authority.ca_file)

`up.requests[0].server_name` is the name the client asked for, `.client_subject` the common name in
its certificate, and `up.handshake_errors` has a line for each handshake that failed.
"""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


class Authority:
    """A certificate authority that signs servers and clients. `folder` takes its files."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server(
        self,
        *names: str,
        require_client: bool = False,
        expired: bool = False,
        days: int | None = None,
    ) -> ssl.SSLContext:
        """Make a server's TLS context, valid for these names (none given: for loopback).

        `require_client` refuses clients without a certificate of this authority. `days` is how
        long the server's own holds from now.
        """
        ends = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC) if expired else None
        if days is not None:
            ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days, hours=1)
        starts = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC) if expired else None
        certificate = self._ca.issue_cert(*(names or NAMES), not_before=starts, not_after=ends)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        context.sni_callback = _remember_name
        if require_client:
            context.verify_mode = ssl.CERT_REQUIRED
            self._ca.configure_trust(context)
        return context

    def client_file(self, name: str = "client") -> Path:
        """Write a client certificate with its key as one PEM file; `name` is its common name."""
        path = self._folder / f"{name}.pem"
        issued = self._ca.issue_cert(f"{name}@example.org", common_name=name)
        issued.private_key_and_cert_chain_pem.write_to_path(path)
        return path


def _remember_name(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
    connection.sni = name  # type: ignore[attr-defined]
