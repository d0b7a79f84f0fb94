"""AWS Signature Version 4: which headers prove that a request is ours.

Law: a pure function of request, credentials and time. What is signed is what is sent: the path as
it stands in the request is encoded once more, as every service but S3 wants it.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
(read 2026-11)
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote

from msgspec import Struct
from msgspec.structs import replace

from dragoman.types.credential import Secret
from dragoman.types.http import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"

Pairs = Iterable[tuple[str, str]]


class Credentials(Struct, frozen=True):
    """Who asks. `session_token` belongs to credentials that are lent for a time."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None


class Scope(Struct, frozen=True):
    """What a signature is good for: Unix time in seconds, region, service."""

    at: float
    region: str
    service: str

    @property
    def timestamp(self) -> str:
        """The time, as `x-amz-date` has it."""
        return _timestamp(int(self.at))

    @property
    def text(self) -> str:
        """The scope, as it is signed."""
        return f"{self.timestamp[:8]}/{self.region}/{self.service}/aws4_request"


def sign(request: HttpRequest, credentials: Credentials, scope: Scope) -> HttpRequest:
    """Return the request with the headers that sign it; an older signature is replaced.

    Host, content type and all `x-amz-` headers are signed: a proxy may change any other.
    """
    headers = {**request.headers, "x-amz-date": scope.timestamp}
    headers.pop("authorization", None)
    if credentials.session_token is not None:
        headers["x-amz-security-token"] = credentials.session_token.reveal()
    signed = [("host", request.url.authority)]
    signed += (
        (name, value)
        for name, value in headers.items()
        if name == "content-type" or name.startswith("x-amz-")
    )
    canonical = canonical_request(request.method, request.url.target, signed, request.body)
    headers["authorization"] = authorization(canonical, credentials, scope)
    return replace(request, headers=headers)


def authorization(canonical: str, credentials: Credentials, scope: Scope) -> str:
    """Write the `authorization` header for a canonical request."""
    names = canonical.rsplit("\n", 2)[1]
    key = _signing_key(
        credentials.secret_access_key, scope.timestamp[:8], scope.region, scope.service
    )
    signature = hmac.new(key, string_to_sign(canonical, scope).encode(), "sha256").hexdigest()
    return (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{scope.text},"
        f" SignedHeaders={names}, Signature={signature}"
    )


def string_to_sign(canonical: str, scope: Scope) -> str:
    """Write what is signed: time, scope, and the canonical request's hash."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{scope.timestamp}\n{scope.text}\n{digest}"


def canonical_request(method: str, target: str, headers: Pairs, body: bytes) -> str:
    """Write a request as both sides see it: only these headers, in order of their names."""
    path, _, query = target.partition("?")
    merged: dict[str, list[str]] = {}
    for name, value in headers:
        merged.setdefault(name.lower(), []).append(" ".join(value.split()))
    names = sorted(merged)
    return "\n".join(
        (
            method,
            _canonical_path(path),
            _canonical_query(query),
            *(f"{name}:{','.join(merged[name])}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        )
    )


@lru_cache(maxsize=16)
def _timestamp(at: int) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


@lru_cache(maxsize=256)
def _canonical_path(path: str) -> str:
    """Resolve dots and double slashes, then encode what stands there."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    slash = "/" if kept and path.endswith(("/", "/.", "/..")) else ""
    return quote("/" + "/".join(kept) + slash, safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    encoded = ((_encoded(unquote(name)), _encoded(unquote(value))) for name, _, value in pairs)
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


@lru_cache(maxsize=64)
def _signing_key(secret: Secret, date: str, region: str, service: str) -> bytes:
    """Derive the key of a day: it is the same for all requests of that day."""
    key = f"AWS4{secret.reveal()}".encode()
    for text in (date, region, service, "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return key
