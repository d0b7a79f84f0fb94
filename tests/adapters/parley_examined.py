"""Parley with a good model behind it: a server of OpenAI's language, told in Parley's words.

What it is asked is translated, answered as every case of `dragoman conformance` wants, and the
answer translated back. So a description of Parley can be examined like any other provider.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tests.adapters import parley
from tests.probe.conformance.examined import KEY, MODEL, conforming
from tests.upstream.fault import Answer, Request

WHO = {"guest": "user", "bot": "assistant", "clerk": "tool"}
WHY = {"stop": "complete", "length": "cut", "tool_calls": "orders"}
_ANSWER = conforming()


def serve(request: Request) -> Answer:
    """Answer one request."""
    listed = request.method == "GET"
    vectors = request.path.endswith("/vectors")
    body = {} if listed else request.json()
    key = request.header("x-parley-key") or ""
    asked = {"model": request.path.split("/")[3]} if not listed else {}
    if vectors:
        asked["input"] = body["words"]
    elif not listed:
        asked |= _asked(body)
    plain = dataclasses.replace(
        request,
        target="/v1/models" if listed else "/v1/chat/completions",
        headers=[("authorization", f"Bearer {KEY if key == KEY else 'wrong'}")],
        body=json.dumps(asked).encode(),
    )
    answer = _ANSWER(plain)
    assert isinstance(answer, Answer)
    if answer.status != 200:
        error = json.loads(answer.body)["error"]
        return parley.refuse(answer.status, error["code"] or "odd", error["message"])
    if asked.get("stream"):
        return _streamed(answer)
    said = json.loads(answer.body)
    if listed:
        return _json({"bots": [{"called": one["id"]} for one in said["data"]]})
    if vectors:
        return _json({"made": [one["embedding"] for one in said["data"]]})
    return _json(_whole(said))


def _asked(body: dict[str, Any]) -> dict[str, Any]:
    """Tell a request of Parley's as OpenAI has it."""
    messages = [{"role": "system", "content": body["persona"]}] if "persona" in body else []
    asked: dict[str, Any] = {"messages": [*messages, *map(_message, body["turns"])]}
    if body["live"]:
        asked["stream"] = True
    if "knack" in body:
        asked["tools"] = body["knack"]
    if body.get("pick", "auto") not in ("auto", "none", "required"):
        asked["tool_choice"] = {"type": "function", "function": {"name": body["pick"]}}
    for theirs, ours in (("until", "stop"), ("ponder", "reasoning_effort")):
        if theirs in body:
            asked[ours] = body[theirs]
    if "shape" in body:
        asked["response_format"] = {"type": "json_schema"}
    return asked


def _message(turn: dict[str, Any]) -> dict[str, Any]:
    content = turn.get("words")
    return {"role": WHO[turn["author"]], "content": [turn] if turn.get("pictures") else content}


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    (choice,) = said["choices"]
    message = choice["message"]
    reply: dict[str, Any] = {"words": [message["content"]] if message["content"] else []}
    if "reasoning_content" in message:
        reply["musing"] = message["reasoning_content"]
    if message.get("tool_calls"):
        reply["orders"] = [_order(call) for call in message["tool_calls"]]
    because = WHY[choice["finish_reason"]]
    return {
        "ref": "p-1", "bot": MODEL, "reply": reply, "because": because, "spent": _spent(said),
    }  # fmt: skip


def _order(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {"ref": call["id"], "task": function["name"], "with": json.loads(function["arguments"])}


def _spent(said: dict[str, Any]) -> dict[str, Any]:
    usage = said.get("usage") or {}
    details = usage.get("completion_tokens_details") or {}
    spent = {"read": usage.get("prompt_tokens"), "written": usage.get("completion_tokens")}
    return {**spent, "mused": details.get("reasoning_tokens")}


def _streamed(answer: Answer) -> Answer:
    """Tell a stream in Parley's events; one that hangs hangs in the middle."""
    pieces: list[tuple[str, dict[str, Any]]] = [("hello", {"ref": "p-1", "bot": MODEL})]
    because = "complete"
    spent: dict[str, Any] = {}
    for line in answer.body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        chunk = json.loads(line.removeprefix("data: "))
        spent = _spent(chunk) if chunk.get("usage") else spent
        for choice in chunk["choices"]:
            because = WHY.get(choice["finish_reason"], because)
            delta = choice["delta"]
            if delta.get("content"):
                pieces.append(("words", {"w": delta["content"]}))
            for call in delta.get("tool_calls", ()):
                function = call["function"]
                order = {"n": call["index"], "more": function["arguments"]}
                if "id" in call:
                    order |= {"ref": call["id"], "task": function["name"]}
                pieces.append(("order", order))
    if not answer.faults:
        pieces.append(("bye", {"because": because, "spent": spent}))
    body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in pieces)
    told = Answer(200, (("content-type", "text/event-stream"),), body.encode(), framing="chunked")
    return told.stall(at=None) if answer.faults else told


def _json(value: Any) -> Answer:
    return Answer(200, (("content-type", "application/json"),), json.dumps(value).encode())
