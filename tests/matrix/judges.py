"""The official SDKs read every cell: rendered by us, served on loopback, parsed by them.

A judge gives, for each cell, what its SDK made of it: `text`, `refusal`, `calls`, `ending`, `usage`
(prompt and completion tokens), or `error`.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import openai

from tests.upstream.aimock import install, node

NODE = Path(__file__).parent / "node"
TIMEOUT_S = 120.0
ASKED: Any = [{"role": "user", "content": "hi"}]
Made = dict[str, Any]
_ENDS = ("response.completed", "response.incomplete", "response.failed")


class Cell(NamedTuple):
    """What a client of a language is given."""

    name: str
    api: str
    stream: bool
    body: bytes


@contextmanager
def serving(cells: Sequence[Cell]) -> Iterator[str]:
    """Serve cells under their numbers, and a list of them; gives the URL."""
    listed = json.dumps([{"api": cell.api, "stream": cell.stream} for cell in cells]).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # heads and bodies are written apart

        def do_GET(self) -> None:
            self._say(listed, "application/json")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            cell = cells[int(self.path.split("/")[1])]
            self._say(cell.body, "text/event-stream" if cell.stream else "application/json")

        def _say(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def judge_in_node(cells: Sequence[Cell]) -> list[Made]:
    """Let the SDKs from npm read all cells."""
    install(NODE)
    with serving(cells) as url:
        done = subprocess.run(
            [node(), "judge.mjs", url],
            cwd=NODE, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made: list[Made] = json.loads(done.stdout)
    return made


def judge_in_python(cells: Sequence[Cell]) -> list[Made]:
    """Let the SDKs from PyPI read all cells."""
    made = []
    with (
        serving(cells) as url,
        openai.OpenAI(api_key="k", max_retries=0) as chats,
        anthropic.Anthropic(api_key="k", max_retries=0) as claude,
    ):
        clients: dict[str, Any] = {"anthropic-messages": claude}
        for number, cell in enumerate(cells):
            client = clients.get(cell.api, chats)
            try:
                made.append(_READERS[cell.api](client, f"{url}/{number}", cell.stream))
            except (openai.APIError, anthropic.APIError) as error:
                made.append({"error": error.message})
    return made


def _chat(client: openai.OpenAI, base: str, stream: bool) -> Made:
    chats = client.with_options(base_url=f"{base}/v1").chat.completions
    if stream:
        options: Any = {"include_usage": True}
        with chats.stream(model="m", messages=ASKED, stream_options=options) as answers:
            # Its final completion is an exception for `length`: the snapshot is the same without.
            answer: Any = answers.until_done().current_completion_snapshot
    else:
        answer = chats.create(model="m", messages=ASKED)
    choice, usage = answer.choices[0], answer.usage
    calls = choice.message.tool_calls or []
    return {
        "text": choice.message.content or "",
        "refusal": choice.message.refusal or "",
        "calls": [[c.id, c.function.name, c.function.arguments] for c in calls],
        "ending": choice.finish_reason,
        "usage": usage and [usage.prompt_tokens, usage.completion_tokens],
    }


def _responses(client: openai.OpenAI, base: str, stream: bool) -> Made:
    asking = client.with_options(base_url=f"{base}/v1").responses
    if stream:
        # The helper gives out what it has with `response.completed` alone; there are more ends.
        with asking.stream(model="m", input="hi") as answers:
            events: list[Any] = [event for event in answers if event.type in _ENDS]
        answer = events[-1].response
    else:
        answer = asking.create(model="m", input="hi")
    if answer.status == "failed":
        return {"error": answer.error.message}
    content = [c for item in answer.output if item.type == "message" for c in item.content]
    details, usage = answer.incomplete_details, answer.usage
    return {
        "text": "".join(c.text for c in content if c.type == "output_text"),
        "refusal": "".join(c.refusal for c in content if c.type == "refusal"),
        "calls": [
            [item.call_id, item.name, item.arguments]
            for item in answer.output
            if item.type == "function_call"
        ],
        "ending": details.reason if details else answer.status,
        "usage": usage and [usage.input_tokens, usage.output_tokens],
    }


def _claude(client: anthropic.Anthropic, base: str, stream: bool) -> Made:
    asking = client.with_options(base_url=base).messages
    if stream:
        with asking.stream(model="m", max_tokens=100, messages=ASKED) as answers:
            answer: Any = answers.get_final_message()
    else:
        answer = asking.create(model="m", max_tokens=100, messages=ASKED)
    usage = answer.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    calls = [block for block in answer.content if block.type == "tool_use"]
    return {
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "refusal": "",
        "calls": [[c.id, c.name, json.dumps(c.input, separators=(",", ":"))] for c in calls],
        "ending": answer.stop_reason,
        "usage": [usage.input_tokens + cached, usage.output_tokens],
    }


_READERS: dict[str, Callable[[Any, str, bool], Made]] = {
    "openai-completions": _chat,
    "openai-responses": _responses,
    "anthropic-messages": _claude,
}
