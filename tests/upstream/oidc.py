"""An OpenID provider: a real HTTP server that signs real tokens, and lies when it is told to.

Source: https://openid.net/specs/openid-connect-core-1_0.html (read 2026-11)
"""

from __future__ import annotations

import base64
import hashlib
import html
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

CLIENT_ID, CLIENT_SECRET = "dragoman", "s3cret/with:signs"


_KEYS = itertools.cycle([rsa.generate_private_key(65537, 2048) for _ in range(2)])
"""To make one takes a while; a provider that changes its key has two."""


class OidcProvider:
    """A provider, as a context: `issuer`.

    Who comes is `claims`. `twist` may change the claims of a token before it is signed, `header`
    and `key` how it is signed; `description` what the provider says of itself. `redirects`: from
    which paths it sends elsewhere. `userinfo`: what it says of who comes to whoever asks with the
    access token; None where it cannot be asked.
    """

    def __init__(self, algorithm: str = "RS256") -> None:
        self.algorithm = algorithm
        self.claims: dict[str, Any] = {
            "sub": "user-1",
            "email": "ada@example.com",
            "email_verified": True,
            "name": "Ada",
        }
        self.twist: Callable[[dict[str, Any]], None] = lambda claims: None
        self.header: dict[str, Any] = {}
        self.description: dict[str, Any] = {}
        self.redirects: dict[str, str] = {}
        self.userinfo: dict[str, Any] | None = None
        self._access_token = secrets.token_urlsafe(16)
        self.asked: list[str] = []
        self.redeemed: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        self.new_key()
        self.key = self._key

    def new_key(self) -> None:
        """Publish another key instead of the one that was."""
        self._key: Any
        if self.algorithm == "ES256":
            self._key = ec.generate_private_key(ec.SECP256R1())
        else:
            self._key = next(_KEYS)
        self.key_id = secrets.token_hex(4)
        self.key = self._key

    def __enter__(self) -> Self:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._post(self)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def sign_in(self, url: str) -> str:
        """Do what somebody does in their browser; gives where they are sent back to."""
        given = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
        assert given["response_type"] == "code"
        assert given["client_id"] == CLIENT_ID
        assert given["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        query = urlencode({"code": code, "state": given["state"]})
        return f"{given['redirect_uri']}?{query}"

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        self.asked.append(request.path)
        if self._send_on(request):
            return None
        if request.path.startswith("/authorize?"):
            back = html.escape(self.sign_in(request.path))
            page = f'<!doctype html><title>Sign in</title><a href="{back}">Sign in</a>'
            return self._send(request, 200, "text/html", page.encode())
        if request.path == "/.well-known/openid-configuration":
            said = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                **self.description,
            }
            if self.userinfo is not None:
                said.setdefault("userinfo_endpoint", f"{self.issuer}/userinfo")
            return self._answer(request, 200, said)
        if request.path == "/userinfo" and self.userinfo is not None:
            knows = request.headers.get("authorization") == f"Bearer {self._access_token}"
            return self._answer(request, 200 if knows else 401, self.userinfo if knows else {})
        if request.path == "/keys":
            kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
            published = json.loads(kind.to_jwk(self._key.public_key()))
            published |= {"kid": self.key_id, "use": "sig"}
            return self._answer(request, 200, {"keys": [published]})
        return self._answer(request, 404, {})

    def _send_on(self, request: BaseHTTPRequestHandler) -> bool:
        to = self.redirects.get(request.path)
        if to is None:
            return False
        request.send_response(307)
        request.send_header("location", "".join(c for c in to if " " < c < "\x7f"))
        request.send_header("content-length", "0")
        request.end_headers()
        return True

    def _post(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["content-length"])).decode()
        form = {name: value[0] for name, value in parse_qs(body).items()}
        self.redeemed.append(form)
        if self._send_on(request):
            return None
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        right = (
            asked is not None
            and asked["redirect_uri"] == form["redirect_uri"]
            and asked["code_challenge"] == base64.urlsafe_b64encode(challenge).decode().rstrip("=")
            and self._knows(request, form)
        )
        if not right or asked is None:
            return self._answer(request, 400, {"error": "invalid_grant"})
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.claims,
        }
        self.twist(claims)
        header = {"kid": self.key_id, **self.header}
        algorithm = header.get("alg", self.algorithm)
        key = None if algorithm == "none" else self.key
        token = jwt.encode(claims, key, algorithm=algorithm, headers=header)
        return self._answer(request, 200, {"id_token": token, **self._access()})

    def _access(self) -> dict[str, str]:
        return {"access_token": self._access_token, "token_type": "Bearer"}

    @staticmethod
    def _knows(request: BaseHTTPRequestHandler, form: dict[str, str]) -> bool:
        given = request.headers.get("authorization", "")
        if given.startswith("Basic "):
            client, _, secret = base64.b64decode(given[6:]).decode().partition(":")
            return (unquote(client), unquote(secret)) == (CLIENT_ID, CLIENT_SECRET)
        return form.get("client_secret") == CLIENT_SECRET

    @staticmethod
    def _answer(request: BaseHTTPRequestHandler, status: int, said: Any) -> None:
        OidcProvider._send(request, status, "application/json", json.dumps(said).encode())

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        request.send_response(status)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
