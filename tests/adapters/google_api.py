"""Google's API as its servers speak: whole answers, streams, errors, and who issues tokens."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from tests.library.asking import Asker, configure
from tests.upstream.answers import JSON, sse
from tests.upstream.script import Answer

KEY = "AIzaSyTest-0123456789"
MODEL = "gemini-3.5-pro"
USAGE = {
    "promptTokenCount": 20,
    "cachedContentTokenCount": 8,
    "candidatesTokenCount": 5,
    "thoughtsTokenCount": 7,
    "totalTokenCount": 32,
}
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
    "=="
)


def piece(*parts: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Make one response of the model's; `more` goes into the candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {
        "candidates": [{**candidate, **more}],
        "usageMetadata": USAGE,
        "modelVersion": f"{MODEL}-001",
        "responseId": "r-1",
    }


def whole(*parts: dict[str, Any], finish: str | None = "STOP", **more: Any) -> Answer:
    """Answer whole."""
    return answer(piece(*parts, finish=finish, **more))


def answer(value: Any, status: int = 200) -> Answer:
    """Answer with JSON."""
    return Answer(status, (JSON,), json.dumps(value, ensure_ascii=False).encode())


def stream(pieces: Iterable[dict[str, Any]]) -> Answer:
    """Stream responses, with the line ends that Google's servers send, and no [DONE]."""
    return sse(pieces, done=False, eol="\r\n")


def asker(kind: str, url: str, adapter: str = "gemini", **table: Any) -> Asker:
    """Ask a provider `g` at this server."""
    env = {"KEY": KEY, **table.pop("env", {})}
    provider = {"base_url": url, "adapter": adapter, "api_key": "env:KEY", **table}
    provider = {name: value for name, value in provider.items() if value is not None}
    return Asker(kind, configure({"g": provider}, env=env), env)


@functools.cache
def private_key() -> rsa.RSAPrivateKey:
    """Make the key of a service account."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(token_url: str) -> dict[str, Any]:
    """Make the file of a service account."""
    pem = private_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "type": "service_account",
        "project_id": "my-project",
        "private_key_id": "key-1",
        "private_key": pem.decode(),
        "client_email": "robot@my-project.iam.gserviceaccount.com",
        "client_id": "1234",
        "token_uri": token_url,
    }
