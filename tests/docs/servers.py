"""The servers of the guides: what each tells, answers and refuses is data, in `cases/servers.toml`.

    [[server]]
    page = "vllm"                   the guide that talks to it
    at = "localhost:8000"           where the page has it; with https:// where its provider is
    provider = "vllm"               the built-in provider that is reached there,
    path = "/v1"                    and the path of its base URL
    told = { "/v1/models" = "…" }   paths and the JSON that is there
    refusals = [{ longer_than = 200, status = 400, body = "…" }, …]

A request gets the first refusal of which all conditions hold: `key` (false: it came without one),
`path` (its end), `model`, `longer_than` (characters of the last message), `says` (anywhere in it).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.upstream.answers import chat, chat_stream, embeddings, error, tool_calls
from tests.upstream.fault import Request
from tests.upstream.script import Answer, Script

CASES = Path(__file__).parent / "cases" / "servers.toml"
WORDS = ["Hello ", "from ", "your ", "own ", "server."]


def answer(body: dict[str, Any]) -> Script:
    """Answer a chat as what it asks for needs it."""
    if "messages" not in body:
        return error(400, message="messages is missing")
    if "image_url" in str(body["messages"]):
        return error(400, message="this model reads text only")
    if "tools" in body:
        return tool_calls(("get_time", {"city": "Paris"}), model=body["model"])
    if "response_format" in body:
        return chat('{"ok": true}', model=body["model"])
    if body.get("stream"):
        return chat_stream(WORDS, model=body["model"])
    return chat("".join(WORDS), model=body["model"])


@dataclass(frozen=True)
class Server:
    """A server of a guide: where the page has it, who is reached there, and what it does."""

    at: str
    provider: str
    path: str
    serve: Callable[[Request], Script]

    @property
    def base_url(self) -> str:
        """What the page takes for the provider's base URL."""
        return f"{self.at if '://' in self.at else f'http://{self.at}'}{self.path}"

    def locate(self, url: str) -> str:
        """Say what `at` stands for when the server listens at a URL."""
        return url if "://" in self.at else url.removeprefix("http://")


def find_server(page: str) -> Server | None:
    """Find the server of a guide, by the name of its file."""
    for one in tomllib.loads(CASES.read_text("utf-8"))["server"]:
        if one["page"] == page:
            return Server(one["at"], one["provider"], one["path"], partial(_serve, one))
    return None


def _serve(server: Mapping[str, Any], request: Request) -> Script:
    told = server["told"].get(request.path)
    body = request.json() if request.method == "POST" else {}
    for refusal in server.get("refusals", ()):
        if _fits(refusal, request, body):
            return _json(refusal["body"], refusal["status"], refusal.get("headers", {}))
    if told is not None:
        return _json(told)
    if request.method != "POST" or "/v1/" not in request.path:
        return _json('{"detail":"Not Found"}', 404)
    if request.path.endswith("/embeddings"):
        return embeddings(len(body["input"]))
    return answer(body)


def _fits(refusal: Mapping[str, Any], request: Request, body: dict[str, Any]) -> bool:
    messages = body.get("messages") or [{}]
    seen = {
        "key": bool(request.header("authorization")) == refusal.get("key"),
        "path": request.path.endswith(refusal.get("path", "")),
        "model": body.get("model") == refusal.get("model"),
        "longer_than": len(str(messages[-1].get("content"))) > refusal.get("longer_than", 0),
        "says": bool(body) and refusal.get("says", "") in json.dumps(body),
    }
    return all(holds for name, holds in seen.items() if name in refusal)


def _json(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    kind = {"content-type": "application/json"}
    return Answer(status, (*kind.items(), *(headers or {}).items()), text.encode())
