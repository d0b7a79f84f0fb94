"""Parley, an API that is nobody's: turns of guests and bots, orders for tasks, its own words.

It refuses what it does not know, so that an adapter cannot get away with sending anything else.
`serve` answers by the last words: `look up …` orders, `think` muses first, `trouble TAG` fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.upstream.fault import Answer, Request

KEY = "parley-secret-4711"
SPENT = {"read": 11, "written": 5, "mused": 2}
_BODY = {"persona", "live", "heat", "until", "limits", "shape", "turns", "knack", "pick", "ponder"}
_TURN = {
    "guest": {"author", "words", "pictures"},
    "bot": {"author", "words", "orders"},
    "clerk": {"author", "ref", "words"},
}


def serve(request: Request) -> Answer:
    """Answer one request."""
    if request.header("x-parley-key") != KEY:
        return refuse(401, "no_key", "show your key")
    complaint = _complaint(request)
    if complaint:
        return refuse(400, "odd", complaint)
    body = request.json()
    words = body["turns"][-1].get("words", "")
    if words.startswith("trouble "):
        tag = words.removeprefix("trouble ")
        return refuse(423 if tag == "hurry" else 400, tag, f"there is {tag}")
    pieces = list(_pieces(words, body))
    return _streamed(pieces) if body["live"] else _whole(pieces)


def refuse(status: int, tag: str, says: str) -> Answer:
    return _json({"trouble": {"tag": tag, "says": says}}, status)


def _complaint(request: Request) -> str | None:
    """Say what is wrong with a request, if anything is."""
    body = request.json()
    if request.path != "/v3/bots/small/say":
        return f"there is no {request.path}"
    if unknown := set(body) - _BODY:
        return f"unknown: {unknown}"
    for turn in body["turns"]:
        if set(turn) - _TURN.get(turn.get("author"), set()):
            return f"odd turn: {turn}"
    for knack in body.get("knack", ()):
        if set(knack) - {"title", "about", "takes"}:
            return f"odd knack: {knack}"
    return None


def _pieces(words: str, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tell an answer as events."""
    if words.startswith("look up "):
        places = words.removeprefix("look up ").split(" and ")
        for number in range(len(places)):
            order = {"n": number, "ref": f"o{number}", "task": body["knack"][0]["title"]}
            yield "order", order
        for number, place in enumerate(places):
            text = json.dumps({"city": place})
            for at in range(0, len(text), 5):
                yield "order", {"n": number, "more": text[at : at + 5]}
        yield "bye", {"because": "orders", "spent": SPENT}
        return
    if words.startswith("think"):
        yield "musing", {"w": "Hm, "}
        yield "musing", {"w": "yes."}
    heard = body.get("persona", "nobody")
    yield "words", {"w": f"{heard} heard "}
    yield "words", {"w": words}
    yield "bye", {"because": "cut" if "limits" in body else "complete", "spent": SPENT}


def _streamed(pieces: list[tuple[str, dict[str, Any]]]) -> Answer:
    hello = ("hello", {"ref": "p-1", "bot": "small"})
    body = "".join(
        f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in (hello, *pieces)
    )
    return Answer(200, (("content-type", "text/event-stream"),), body.encode())


def _whole(pieces: list[tuple[str, dict[str, Any]]]) -> Answer:
    reply: dict[str, Any] = {"words": []}
    orders: dict[int, dict[str, Any]] = {}
    texts: dict[int, str] = {}
    for name, data in pieces:
        if name == "words":
            reply["words"].append(data["w"])
        elif name == "musing":
            reply["musing"] = reply.get("musing", "") + data["w"]
        elif name == "order" and "task" in data:
            orders[data["n"]] = {"ref": data["ref"], "task": data["task"]}
        elif name == "order":
            texts[data["n"]] = texts.get(data["n"], "") + data["more"]
    if orders:
        reply["orders"] = [{**order, "with": json.loads(texts[n])} for n, order in orders.items()]
    return _json({"ref": "p-1", "bot": "small", "reply": reply, **pieces[-1][1]})


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/json"),), json.dumps(value).encode())
