"""What Bedrock sends, made by hand: frames of event streams, whole answers, exceptions."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any
from zlib import crc32

from tests.upstream.script import Answer

MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
OPTIONS = {
    "region": "us-east-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
STREAM_TYPE = "application/vnd.amazon.eventstream"


def raw_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Make a frame whose header values are strings."""
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    written = b"".join(
        bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
        for name, value in pairs
    )
    return seal(written, payload)


def seal(headers: bytes, payload: bytes) -> bytes:
    """Put lengths and checksums around headers and payload."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", crc32(prelude))
    body = prelude + headers + payload
    return body + struct.pack(">I", crc32(body))


def event(name: str, payload: Any) -> bytes:
    """Make the frame of an event."""
    headers = {
        ":event-type": name,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return raw_frame(headers, json.dumps(payload).encode())


def exception(name: str, message: str) -> bytes:
    """Make the frame of an exception."""
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return raw_frame(headers, json.dumps({"message": message}).encode())


def streamed(frames: Iterable[bytes]) -> Answer:
    """Answer with a stream."""
    body = b"".join(frames)
    return Answer(200, (("content-type", STREAM_TYPE),), body).chunked()


def whole(body: Any) -> Answer:
    """Answer with a document."""
    headers = (("content-type", "application/json"), ("x-amzn-requestid", "rq-1"))
    return Answer(200, headers, json.dumps(body).encode())


def refusal(status: int, kind: str, message: str, **headers: str) -> Answer:
    """Answer with an error, as AWS names them: in a header, with a URL behind the name."""
    named = f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    given = (("content-type", "application/json"), ("x-amzn-errortype", named), *more)
    return Answer(status, given, json.dumps({"message": message}).encode())


def words(text: str, stop: str = "end_turn", **usage: int) -> Any:
    """Make the document of an answer that is a text."""
    counted = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5, **usage}
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": stop,
        "usage": counted,
        "metrics": {"latencyMs": 7},
    }
