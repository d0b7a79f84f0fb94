"""Providers as people write them for LiteLLM: files of `cases/`, and servers that they talk to.

The files import LiteLLM. Only the import lines differ from what runs here: `take_over` rewrites
them, and them alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.upstream.fault import Answer, Request, error, sse

CASES = Path(__file__).parent / "cases"
IMPORT = re.compile(r"^from litellm[\w.]* import ", re.MULTILINE)

KEY = "acme-secret-0815"
MODEL = "big-1"
TURNS = [{"role": "user", "content": "How are you?"}]
CALL = {"name": "look", "arguments": '{"city": "Lyon"}'}
TOOL = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}


def take_over(name: str, folder: Path) -> Path:
    """Copy a case with its import lines changed, and nothing else."""
    text = (CASES / f"{name}.py").read_text("utf-8")
    changed = IMPORT.sub("from dragoman.compat.litellm import ", text)
    path = folder / f"{name}.py"
    path.write_text(changed, "utf-8")
    return path


@dataclass(frozen=True)
class Case:
    """A class or object, what its server answers, and what a caller must be told."""

    file: str
    name: str
    whole: Answer | None = None
    stream: Answer | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    text: str = "I am fine"
    calls: tuple[Mapping[str, str], ...] = ()
    end: str = "stop"
    usage: tuple[int, int] | None = None
    streamed: Mapping[str, Any] = field(default_factory=dict)

    def answer(self, request: Request) -> Answer:
        """Answer as the provider does; one that wants signatures looks at them."""
        if signature := request.header("x-signature"):
            signed = hmac.new(KEY.encode(), request.body, hashlib.sha256).hexdigest()
            if signature != signed:
                return error(403, "the signature is not of this body")
        wants = request.path.endswith("stream") or request.json().get("stream") is True
        found = self.stream if wants and self.stream is not None else self.whole
        assert found is not None
        return found

    def expected(self, stream: bool) -> dict[str, Any]:
        """What a caller must be told."""
        told = {
            "text": self.text,
            "calls": [dict(call) for call in self.calls],
            "end": self.end,
            "usage": list(self.usage) if self.usage else None,
        }
        return told | (dict(self.streamed) if stream else {})


def give(value: Any) -> Answer:
    """Answer with JSON."""
    headers = (("content-type", "application/json"),)
    return Answer(headers=headers, body=json.dumps(value).encode())


def framed(*frames: Mapping[str, Any]) -> Answer:
    """Answer with frames of four bytes of length, and JSON."""
    bodies = [json.dumps(frame).encode() for frame in frames]
    body = b"".join(len(one).to_bytes(4, "big") + one for one in bodies)
    headers = (("content-type", "application/octet-stream"),)
    return Answer(headers=headers, body=body, framing="chunked", sizes=(3,))


def bare(text: str) -> Answer:
    """Answer with text, in pieces that cut characters."""
    headers = (("content-type", "text/plain"),)
    return Answer(headers=headers, body=text.encode(), framing="chunked", sizes=(2,))


PIECES = (
    {"delta": "I am "},
    {"delta": "fine"},
    {"delta": "", "why": "stop", "tokens": {"prompt_tokens": 7, "completion_tokens": 3}},
)
WHOLE = {
    "model": MODEL,
    "said": "I am fine",
    "why": "end_turn",
    "tokens": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}

GUIDE = Case(
    "guide", "MyProviderChatConfig", give({"output": "I am fine"}), params={"temperature": 0.5}
)
TALKY = Case(
    "talky",
    "TalkyConfig",
    give({"output": {"text": "I am fine"}}),
    bare("Ça va très bien ✓"),
    params={"max_tokens": 50},
    usage=(11, 5),
    streamed={"text": "Ça va très bien ✓", "usage": None},
)
SIGNED = Case(
    "endpoints",
    "EndpointsConfig",
    give(
        {
            "text": None,
            "calls": [{"id": "c1", "type": "function", "function": CALL}],
            "end": "tool_calls",
            "usage": {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13},
        }
    ),
    framed(
        {
            "call": {
                "id": "c1",
                "type": "function",
                "index": 0,
                "function": {"name": "look", "arguments": '{"city": '},
            }
        },
        {
            "call": {
                "id": None,
                "type": "function",
                "index": 0,
                "function": {"name": None, "arguments": '"Lyon"}'},
            }
        },
        {"end": "tool_calls", "usage": {"prompt_tokens": 9, "completion_tokens": 4}},
    ),
    params={"tools": [TOOL]},
    text="",
    calls=(CALL,),
    end="tool_calls",
    usage=(9, 4),
)
PARSED = Case(
    "parsed",
    "ParsedConfig",
    give(WHOLE),
    sse([*PIECES]),
    params={"max_tokens": 5},
    usage=(7, 3),
)
PULLED = Case(
    "parsed",
    "PulledConfig",
    give(WHOLE),
    sse([*PIECES]),
    params={"max_tokens": 5},
    usage=(7, 3),
)
CONFIGS = {"guide": GUIDE, "talky": TALKY, "signed": SIGNED, "parsed": PARSED, "pulled": PULLED}
