"""TLS: contexts, made when they are needed and kept, and its failures in plain words."""

from __future__ import annotations

import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.errors import ConfigError, ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from dragoman.types.provider import Tls

# X509_V_ERR codes. Source: openssl/x509_vfy.h (read 2026-11)
_UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21})
_EXPIRED = frozenset({9, 10})
_WRONG_NAME = frozenset({62, 64})

_CA_HINT = (
    'if you trust its issuer, give the provider that certificate: tls = { ca_file = "ca.pem" }'
)
_CERT_HINT = 'give the provider a client certificate: tls = { client_cert = "me.pem" }'


def find_context(tls: Tls) -> ssl.SSLContext:
    """Return the context for these settings, the same one until a file of theirs changes.

    A `ca_file` is trusted instead of the system's store; where the system has none, certifi's is.

    Raises: ConfigError for a file that is missing or no certificate.
    """
    return _make_context(tls, tuple(map(_stamp, (tls.ca_file, tls.client_cert, tls.client_key))))


def _stamp(path: str | None) -> int:
    if path is None:
        return 0
    try:
        return Path(path).stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror})", hint="see the provider's tls settings"
        ) from error


@lru_cache(maxsize=64)
def _make_context(tls: Tls, stamps: tuple[int, ...]) -> ssl.SSLContext:  # noqa: ARG001 (the key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # Python 3.10 and 3.11.0 to 3.11.2 set this: a connection that was cut looks like one that was
    # closed, and half a body like a whole one. Upstream: python/cpython#95494
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)  # not everywhere there
    ca_file, cert = tls.ca_file, tls.client_cert
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file is not None:
        _load(ca_file, lambda: context.load_verify_locations(ca_file))
    elif _has_system_store():
        context.load_default_certs()
    else:
        import certifi

        context.load_verify_locations(certifi.where())
    if cert is not None:
        # Without a password of ours, OpenSSL would ask for an encrypted key's on the terminal.
        _load(cert, lambda: context.load_cert_chain(cert, tls.client_key, lambda: ""))
    return context


def _load(path: str, load: Callable[[], None]) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(
            f"{path} cannot be used for TLS ({getattr(error, 'reason', None) or error})",
            hint="it must be a PEM file, a client certificate with its unencrypted key",
        ) from error


def _has_system_store() -> bool:
    if sys.platform == "win32":
        return True
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath) if paths.capath else None
    return bool(paths.cafile) or (folder is not None and any(folder.iterdir()))


def explain_tls(error: ssl.SSLError, host: str) -> ConnectFailed:
    """Turn a failure of TLS into words and a way out."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _explain_certificate(error, host)
    reason = (error.reason or "").upper()
    words = reason.replace("_", " ").lower() or "the connection broke"
    hint = None
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        hint = "the server seems to speak no TLS on this port: does its URL start with http://?"
    elif "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        hint = f"the server may want a certificate of ours: {_CERT_HINT}"
    elif "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        hint = f"the server does not accept our certificate: {_CERT_HINT}"
    return ConnectFailed(f"TLS with {host} failed: {words}", hint=hint)


def explain_loss(error: OSError, host: str) -> OSError | ConnectFailed:
    """Tell a refusal that comes late from a connection that broke.

    In TLS 1.3 the server judges our certificate after the handshake, as we see it, is done.
    """
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "").upper():
        return explain_tls(error, host)
    return error


def _explain_certificate(error: ssl.SSLCertVerificationError, host: str) -> ConnectFailed:
    why = error.verify_message.rstrip(".") or "certificate verify failed"
    hint = None
    if error.verify_code in _UNKNOWN_ISSUER:
        hint = _CA_HINT
    elif error.verify_code in _EXPIRED:
        hint = "the server's certificate must be renewed, or this machine's clock is wrong"
    elif error.verify_code in _WRONG_NAME:
        hint = f"use the host name that is in the server's certificate, not {host}"
    return ConnectFailed(f"TLS with {host} failed: {why}", hint=hint)
