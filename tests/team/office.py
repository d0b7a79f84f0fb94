"""Whoever sets up a gateway over its API."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


class Office:
    """Somebody who is signed in to `/api/v1`."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self._at = urlsplit(url)
        self._head: dict[str, str] = {}
        status, headers, said = self.ask("POST", "session", email=email, password=password)
        assert status == 200, said
        self._head["cookie"] = headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, **body: Any) -> tuple[int, Mapping[str, str], Any]:
        """Ask; gives the status, the headers and what was said."""
        connection = http.client.HTTPConnection(self._at.hostname or "", self._at.port, timeout=60)
        head = {**self._head, "content-type": "application/json"}
        try:
            sent = json.dumps(body).encode() if body else None
            connection.request(method, f"/api/v1/{path}", sent, head)
            with connection.getresponse() as answer:
                raw = answer.read()
                found = {name.lower(): value for name, value in answer.getheaders()}
                return answer.status, found, json.loads(raw) if raw else None
        finally:
            connection.close()

    def do(self, method: str, path: str, **body: Any) -> Any:
        """Ask for what must succeed."""
        status, _, said = self.ask(method, path, **body)
        assert status in (200, 201, 204), (path, status, said)
        return said
