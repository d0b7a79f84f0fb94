"""Responses that are continued, shown and deleted, with OpenAI's client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from dragoman.store.responses import Responses, StoredResponse
from tests.server.making import made, told
from tests.server.serving import ask
from tests.upstream.fault import Answer, chat, chat_stream, error, sse

KEEPING = {"store_responses": True}
KEYS = {"keys": [{"name": "ann", "key": "key-of-ann"}, {"name": "bob", "key": "key-of-bob"}]}


def streamed(response_id: str) -> Answer:
    whole = made(response_id)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    item = whole["output"][0]
    events = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {
            "type": "response.content_part.added",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        {
            "type": "response.output_text.delta",
            "item_id": "msg_1",
            "output_index": 0,
            "content_index": 0,
            "delta": "ok",
        },
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": whole},
    ]
    frames = [
        f"event: {e['type']}\ndata: {json.dumps({**e, 'sequence_number': at})}\n\n".encode()
        for at, e in enumerate(events)
    ]
    return sse(frames, done=False)


def native(server: Any) -> dict[str, Any]:
    return {"base_url": server.base_url, "api": "openai-responses", "retries": 0}


# -------------------------------------------------------------------- kept by their providers


@pytest.mark.parametrize("first", [told(made("resp_1")), streamed("resp_1")])
def test_a_response_is_continued_where_it_was_made(
    serve: Any, upstream: Any, first: Answer
) -> None:
    maker, other = upstream([first, told(made("resp_2"))]), upstream([])
    gateway = serve(
        {"b": native(other), "a": native(maker)},
        routes={"r": {"models": ["b/x", "a/x"]}},
    )
    client = gateway.openai()
    if first.body.startswith(b"{"):
        before = client.responses.create(model="a/x", input="hi").id
    else:
        with client.responses.stream(model="a/x", input="hi") as stream:
            before = stream.get_final_response().id
    assert before == "resp_1"
    after = client.responses.create(model="r", input="and?", previous_response_id=before)
    assert after.id == "resp_2"
    assert maker.requests[1].json() == {
        "model": "x",
        "input": "and?",
        "previous_response_id": "resp_1",
    }
    assert other.requests == []


def test_a_model_of_another_provider_cannot_continue_it(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": native(upstream(told(made("resp_1")))), "b": native(upstream([]))})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi")
    with pytest.raises(openai.BadRequestError, match="is kept by a") as caught:
        client.responses.create(model="b/x", input="and?", previous_response_id="resp_1")
    assert caught.value.param == "previous_response_id"


def test_what_its_provider_keeps_is_shown_cancelled_and_deleted_there(
    serve: Any, upstream: Any
) -> None:
    items = {"object": "list", "data": [], "has_more": False, "first_id": None, "last_id": None}
    failed = made("resp_1", status="failed", error={"code": "server_error", "message": "no"})
    server = upstream(
        [
            told(made("resp_1")),
            told(failed),
            told(items),
            told(made("resp_1", status="cancelled")),
            told({"id": "resp_1", "object": "response", "deleted": True}),
        ]
    )
    gateway = serve({"a": native(server)})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi")
    shown = client.responses.retrieve("resp_1", include=["message.input_image.image_url"])
    assert (shown.status, shown.error.message) == ("failed", "no")
    assert client.responses.input_items.list("resp_1", limit=5).data == []
    assert client.responses.cancel("resp_1").status == "cancelled"
    client.responses.delete("resp_1")
    assert [f"{r.method} {r.target}" for r in server.requests[1:]] == [
        "GET /v1/responses/resp_1?include%5B%5D=message.input_image.image_url",
        "GET /v1/responses/resp_1/input_items?limit=5",
        "POST /v1/responses/resp_1/cancel",
        "DELETE /v1/responses/resp_1",
    ]
    gateway.seen.wait(5)
    assert [e.endpoint for e in gateway.seen.exchanges[1:3]] == [
        "/responses/{id}",
        "/responses/{id}/input_items",
    ]
    assert all(e.usage is None for e in gateway.seen.exchanges[1:])  # counted when it was made
    assert [e.cost_source for e in gateway.seen.exchanges[1:]] == ["free"] * 4


def test_one_that_its_provider_has_forgotten_is_a_404(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": native(upstream([told(made("resp_1")), error(404)]))})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi")
    with pytest.raises(openai.NotFoundError) as caught:
        client.responses.retrieve("resp_1")
    assert caught.value.code == "response_not_found"


def test_what_was_not_to_be_kept_is_not_remembered(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": native(upstream(told(made("resp_1"))))})
    client = gateway.openai()
    client.responses.create(model="a/x", input="hi", store=False)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")


def test_who_made_what_is_known_after_a_restart(serve: Any, upstream: Any, tmp_path: Path) -> None:
    server = upstream([told(made("resp_1")), told(made("resp_1"))])
    database = tmp_path / "d.db"
    from tests.server.serving import Served

    with Served({"a": native(server)}, database=database) as gateway:
        gateway.openai().responses.create(model="a/x", input="hi")
    again = serve({"a": native(server)}, database=database)
    assert again.openai().responses.retrieve("resp_1").id == "resp_1"


@pytest.mark.parametrize("keeping", [True, False])
def test_a_response_of_another_key_does_not_exist(
    serve: Any, upstream: Any, tmp_path: Path, keeping: bool
) -> None:
    server = upstream([chat("ok") if keeping else told(made("resp_1"))])
    provider = {"base_url": server.base_url} if keeping else native(server)
    gateway = serve({"a": provider}, gateway=KEYS, server=KEEPING, database=tmp_path / "d.db")
    ann, bob = gateway.openai(api_key="key-of-ann"), gateway.openai(api_key="key-of-bob")
    mine = ann.responses.create(model="a/x", input="hi", store=True).id
    for ask_for in (
        bob.responses.retrieve,
        bob.responses.delete,
        bob.responses.cancel,
        lambda r: list(bob.responses.input_items.list(r)),
    ):
        with pytest.raises(openai.NotFoundError) as theirs:
            ask_for(mine)
        with pytest.raises(openai.NotFoundError) as nobodys:
            ask_for("resp_nobodys")
        assert str(theirs.value).replace(mine, "resp_nobodys") == str(nobodys.value)
    with pytest.raises(openai.BadRequestError) as caught:
        bob.responses.create(model="a/x", input="and?", previous_response_id=mine)
    assert caught.value.code == "previous_response_not_found"


def test_one_that_was_put_together_from_a_stream_is_remembered_too(
    serve: Any, upstream: Any
) -> None:
    watched = {"timeouts": {"first_token": 5}}  # so that tokens are watched
    server = upstream([streamed("resp_1"), told(made("resp_1"))])
    gateway = serve({"a": {**native(server), **watched}})
    client = gateway.openai()
    assert client.responses.create(model="a/x", input="hi").id == "resp_1"
    assert client.responses.retrieve("resp_1").id == "resp_1"


def test_one_is_continued_with_the_key_that_it_was_made_with(serve: Any, upstream: Any) -> None:
    server = upstream(lambda request: told(made(f"resp_{request.header('authorization')[-1]}")))
    gateway = serve({"a": {**native(server), "api_keys": ["sk-1", "sk-2"]}})
    client = gateway.openai()
    for _ in range(3):
        first = client.responses.create(model="a/x", input="hi").id
        client.responses.create(model="a/x", input="and?", previous_response_id=first)
        client.responses.retrieve(first)
        used = [r.header("authorization")[-1] for r in server.requests[-2:]]
        assert used == [first[-1]] * 2


def test_a_memory_that_cannot_be_read_is_a_503(serve: Any, tmp_path: Path) -> None:
    gateway = serve({}, database=tmp_path)  # a folder is no database
    with pytest.raises(openai.InternalServerError) as caught:
        gateway.openai().responses.retrieve("resp_1")
    assert (caught.value.status_code, caught.value.code) == (503, "store_unavailable")


# ------------------------------------------------------------------------------- kept by us


def test_what_no_provider_keeps_is_kept_here_and_sent_again(serve: Any, upstream: Any) -> None:
    server = upstream([chat("Hello"), chat_stream(["Fi", "ne"]), chat("Bye")])
    gateway = serve({"a": {"base_url": server.base_url}}, server=KEEPING)
    client = gateway.openai()
    first = client.responses.create(model="a/x", input="hi", store=True)
    assert first.store is True
    with client.responses.stream(
        model="a/x", input="how are you?", store=True, previous_response_id=first.id
    ) as stream:
        second = stream.get_final_response()
    assert (second.previous_response_id, second.store) == (first.id, True)
    assert second.id != first.id
    third = client.responses.create(model="a/x", input="bye", previous_response_id=second.id)
    assert third.store is False
    said = [(m["role"], m["content"]) for m in server.requests[2].json()["messages"]]
    assert [role for role, _ in said] == ["user", "assistant", "user", "assistant", "user"]
    assert [text if isinstance(text, str) else text[0]["text"] for _, text in said] == [
        "hi", "Hello", "how are you?", "Fine", "bye",
    ]  # fmt: skip
    assert "store" not in server.requests[0].json()
    assert client.responses.retrieve(second.id).output_text == "Fine"
    items = client.responses.input_items.list(second.id, order="asc").data
    assert [item.content[0].text for item in items] == ["hi", "Hello", "how are you?"]
    newest = client.responses.input_items.list(second.id, limit=1)
    assert (newest.data[0].content[0].text, newest.has_more) == ("how are you?", True)
    with pytest.raises(openai.BadRequestError, match="background"):
        client.responses.cancel(second.id)
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(third.id)


def test_an_anthropic_provider_is_continued_as_well(serve: Any, upstream: Any) -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    server = upstream(told(message))
    gateway = serve({"a": {"base_url": server.url, "api": "anthropic-messages"}}, server=KEEPING)
    client = gateway.openai()
    first = client.responses.create(model="a/x", input="hi", store=True)
    client.responses.create(model="a/x", input="and?", previous_response_id=first.id)
    roles = [m["role"] for m in server.requests[1].json()["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_without_consent_nothing_is_kept_and_the_field_is_named(serve: Any, upstream: Any) -> None:
    server = upstream([chat("ok")])
    gateway = serve({"a": {"base_url": server.base_url}})
    client = gateway.openai()
    with pytest.raises(openai.BadRequestError, match="store_responses") as caught:
        client.responses.create(model="a/x", input="hi", store=True)
    assert caught.value.param == "store"
    made = client.responses.create(model="a/x", input="hi")
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="a/x", input="and?", previous_response_id=made.id)
    assert caught.value.param == "previous_response_id"
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_nothing_is_kept_unless_the_client_says_so(serve: Any, upstream: Any) -> None:
    gateway = serve({"a": {"base_url": upstream(chat("ok")).base_url}}, server=KEEPING)
    client = gateway.openai()
    for options in ({}, {"store": False}):
        made = client.responses.create(model="a/x", input="hi", **options)
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(made.id)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": 7}, "previous_response_id"),
        ({"previous_response_id": "resp_none"}, "previous_response_id"),
        ({"store": "yes"}, "store"),
        ({"store": True, "input": 7}, "input"),
    ],
)
def test_a_wrong_field_is_named(serve: Any, body: Any, param: str) -> None:
    gateway = serve({}, server=KEEPING)
    given = json.dumps({"model": "demo/echo", "input": "hi", **body}).encode()
    status, headers, answer = ask(f"{gateway.base_url}/responses", given)
    assert (status, headers["x-should-retry"]) == (400, "false")
    assert json.loads(answer)["error"]["param"] == param


@pytest.mark.parametrize("query", ["order=up", "limit=0", "limit=101", "after=nothing"])
def test_a_wrong_page_of_items_is_refused(serve: Any, upstream: Any, query: str) -> None:
    gateway = serve({"a": {"base_url": upstream(chat("ok")).base_url}}, server=KEEPING)
    made = gateway.openai().responses.create(model="a/x", input="hi", store=True)
    url = f"{gateway.base_url}/responses/{made.id}/input_items?{query}"
    status, _, answer = ask(url, method="GET")
    assert status == 400
    assert json.loads(answer)["error"]["param"] == query.partition("=")[0]


# ------------------------------------------------------------------------------------ the store


def row(response_id: str, key: str = "", **more: Any) -> StoredResponse:
    return StoredResponse(
        **{"id": response_id, "key": key, "provider": "a", "model": "x", "expires_at": 100.0} | more
    )


def test_a_response_ends_with_its_time(tmp_path: Path) -> None:
    now = [0.0]
    kept = Responses(tmp_path / "d.db", wall=lambda: now[0])
    kept.add(row("r"))
    assert kept.find("", "r") == row("r")
    now[0] = 100.0
    assert kept.find("", "r") is None
    kept.close()


def test_what_memory_has_no_room_for_is_in_the_database(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    kept = Responses(path, wall=lambda: 0.0, limit=2)
    for number in range(5):
        kept.add(row(f"r{number}", body="{}", input="[]", credential=number))
    kept.remove("", "r3")
    kept.close()
    again = Responses(path, wall=lambda: 0.0)
    found = [again.find("", f"r{number}") for number in range(5)]
    assert [r and r.credential for r in found] == [0, 1, 2, None, 4]
    assert again.find("ann", "r0") is None
    again.close()


def test_memory_is_bounded_by_size() -> None:
    kept = Responses(None, wall=lambda: 0.0, limit_bytes=10_000)
    for number in range(20):
        kept.add(row(f"r{number}", body="x" * 1000))
    assert [n for n in range(20) if kept.find("", f"r{n}")] == list(range(14, 20))
    kept.close()


def test_what_another_process_deletes_is_gone_here(tmp_path: Path) -> None:
    path = tmp_path / "d.db"
    here, there = (Responses(path, wall=lambda: 0.0) for _ in range(2))
    here.add(row("r"))
    here.close()  # written
    assert there.find("", "r") == row("r")
    there.remove("", "r")
    there.close()
    assert here.find("", "r") is None
    here.close()


def test_what_cannot_be_written_is_remembered_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "d.db"
    path.write_bytes(b"no database at all, whatever its name says" * 100)
    kept = Responses(path, wall=lambda: 0.0)
    kept.add(row("r"))
    kept.close()
    assert kept.find("", "r") == row("r")
    assert "cannot be kept beyond this process" in caplog.text
