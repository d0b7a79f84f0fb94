"""Guardrails as somebody sees them who would like to get something past them."""

from __future__ import annotations

import json
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, FaultUpstream, chat

StartUpstream = Callable[..., FaultUpstream]
TABLE = tomllib.loads((Path(__file__).parent / "cases" / "slips.toml").read_text())
CASES = TABLE["case"]
WORDS = {"name": "g", "kind": "words", "words": ["falcon"], "replacement": "bird"}
ASKED = {
    "/completions": '"prompt":"hi"',
    "/responses": '"input":"hi"',
    "/messages": '"max_tokens":9,"messages":[{"role":"user","content":"hi"}]',
    "/chat/completions": '"messages":[{"role":"user","content":"hi"}]',
}


def scripted(case: dict[str, Any]) -> Answer:
    if "stream" not in case:
        body, kind = case["answer"].encode(), "application/json"
    else:
        frames = [f"data: {data}\n\n" for data in case["stream"]]
        body, kind = "".join([*frames, case.get("tail", "")]).encode(), "text/event-stream"
    return Answer(case.get("status", 200), headers=(("content-type", kind),), body=body)


def asked(case: dict[str, Any]) -> bytes:
    fields = ['"model":"a/x"', ASKED.get(case["path"], ""), case.get("more", "")]
    if "stream" in case:
        fields.append('"stream":true')
    return ("{" + ",".join(filter(None, fields)) + "}").encode()


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string in JSON, names included, and where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, path)
    elif isinstance(value, dict):
        place = path + "".join(f"/{value[n]}" for n in ("index", "output_index") if n in value)
        for name, item in value.items():
            yield place, name
            yield from strings(item, f"{place}.{name}")


def read(body: bytes) -> str:
    """All that a client could read: each string, and those that come in pieces put together."""
    together: defaultdict[str, str] = defaultdict(str)
    found = []
    for data in (body.decode(), *body.decode().splitlines()):
        with suppress(ValueError):  # half an event, the end
            for path, text in strings(json.loads(data.removeprefix("data: "))):
                together[path] += text
                found.append(text)
    for text in (*together.values(), *found):
        with suppress(ValueError):  # arguments, structured output
            found += [inner for _, inner in strings(json.loads(text))]
    return "\n".join((body.decode(), *found, *together.values()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_nothing_that_is_looked_for_reaches_the_client(
    serve: Any, upstream: StartUpstream, case: dict[str, Any]
) -> None:
    server = upstream(scripted(case))
    provider = {"base_url": server.base_url, "api": case.get("api", "openai-completions")}
    gateway = serve({"a": {**provider, "retries": 0}}, guardrails=[{**WORDS, "where": ["out"]}])
    _, headers, told = ask(f"{gateway.base_url}{case['path']}", asked(case))
    assert len(server.requests) == 1
    assert "falcon" not in read(told).lower()
    assert "falcon" not in str(headers).lower()
    if "tail" not in case:
        assert gateway.seen.wait().findings


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_without_a_guardrail_it_does(
    serve: Any, upstream: StartUpstream, case: dict[str, Any]
) -> None:
    server = upstream(scripted(case))
    provider = {"base_url": server.base_url, "api": case.get("api", "openai-completions")}
    gateway = serve({"a": {**provider, "retries": 0}})
    _, _, told = ask(f"{gateway.base_url}{case['path']}", asked(case))
    assert "falcon" in read(told).lower()


# ------------------------------------------------------------------------------------- requests

BODY = b'{"model":"a/x","messages":[{"role":"user","content":"a falcon"}]}'
HIDDEN = {
    "a byte order mark": (b"\xef\xbb\xbf" + BODY, "application/json"),
    "escapes": (BODY.replace(b"falcon", b"\\u0066alcon"), "application/json"),
    "escaped names": (BODY.replace(b"content", b"c\\u006fntent"), "application/json"),
    "a name that stands twice": (
        BODY.replace(b'"content":', b'"content":"a falcon","content":').replace(
            b'falcon"}', b'x"}'
        ),
        "application/json",
    ),
    "a field that cannot be read": (BODY[:-1] + b',"seed":1e999}', "application/json"),
    "a form that is none": (BODY, "multipart/form-dataset; boundary=x"),
    "no type": (BODY, "x"),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_nothing_that_is_looked_for_reaches_the_provider(
    serve: Any, upstream: StartUpstream, name: str
) -> None:
    server = upstream(chat("ok"))
    gateway: Served = serve({"a": {"base_url": server.base_url}}, guardrails=[WORDS])
    body, kind = HIDDEN[name]
    status, _, _ = ask(f"{gateway.base_url}/chat/completions", body, content_type=kind)
    assert status == 200 or not server.requests
    for request in server.requests:
        assert "falcon" not in read(request.body)


@pytest.mark.parametrize("case", TABLE["request"], ids=lambda case: case["name"])
def test_it_is_taken_out_of_every_endpoints_requests(
    serve: Any, upstream: StartUpstream, case: dict[str, Any]
) -> None:
    server = upstream(chat("ok"))
    provider = {"base_url": server.base_url, "api": case.get("api", "openai-completions")}
    gateway = serve({"a": {**provider, "retries": 0}}, guardrails=[WORDS])
    ask(f"{gateway.base_url}{case['path']}", f'{{"model":"a/x",{case["more"]}}}'.encode())
    (request,) = server.requests
    assert "bird" in read(request.body)
    assert "falcon" not in read(request.body)
