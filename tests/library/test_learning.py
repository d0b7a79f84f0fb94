"""A request that is refused for a field is mended, asked once more, and the lesson remembered."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dragoman.config.learned import KEPT_S, MOST_FILES, DialectFolder, Learned
from dragoman.engine.learning import LOOK_AGAIN_S, Learning
from dragoman.errors import BadRequest
from dragoman.wire.repair import Repair
from tests.library.asking import Asker, configure, trail
from tests.upstream.fault import Answer, FaultUpstream, Request, chat, chat_stream

Start = Callable[..., FaultUpstream]

UNSUPPORTED = {
    "message": "Unsupported parameter: 'max_tokens' is not supported with this model."
    " Use 'max_completion_tokens' instead.",
    "type": "invalid_request_error",
    "param": "max_tokens",
    "code": "unsupported_parameter",
}


def refusal(error: Any, status: int = 400) -> Answer:
    """An answer that refuses."""
    body = json.dumps({"error": error}).encode()
    return Answer(status, (("content-type", "application/json"),), body)


def strict(*unknown: str) -> Callable[[Request], Answer]:
    """A server that knows none of these fields, and names one at a time."""

    def answer(request: Request) -> Answer:
        body = request.json()
        for name in unknown:
            if name in body:
                return refusal({"message": f"Unknown parameter: '{name}'.", "param": name})
        return chat_stream(["Hel", "lo"]) if body.get("stream") else chat("Hello")

    return answer


def asker(kind: str, server: FaultUpstream, **fields: Any) -> Asker:
    """Ask `a/x` at this server."""
    table = {"base_url": server.base_url, "models": [{"id": "x"}], "retries": 0, **fields}
    return Asker(kind, configure({"a": table}))


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


def test_a_field_is_renamed_and_the_answer_comes(kind: str, upstream: Start) -> None:
    server = upstream([refusal(UNSUPPORTED), chat("Hello", model="x")])
    answer = asker(kind, server).chat("a/x", max_tokens=7)
    assert answer.text == "Hello"
    first, second = (request.json() for request in server.requests)
    assert first["max_tokens"] == 7
    assert "max_tokens" not in second
    assert second["max_completion_tokens"] == 7
    assert trail(answer.exchange) == ["first a/x error 400 bad_request", "retry a/x ok 200"]
    assert answer.warnings == (
        (
            "a/x refused the request as it was: from now on max_tokens is sent as"
            " max_completion_tokens"
        ),
    )


def test_what_was_learned_is_remembered_and_told_once(kind: str, upstream: Start) -> None:
    server = upstream([refusal(UNSUPPORTED), chat("one", model="x"), chat("two", model="x")])
    first, second = asker(kind, server).chat_often(2, "a/x", max_tokens=7)
    assert len(server.requests) == 3
    assert "max_completion_tokens" in server.requests[2].json()
    assert first.warnings
    assert second.warnings == ()
    assert len(second.attempts) == 1


def test_it_holds_for_streams(kind: str, upstream: Start) -> None:
    server = upstream(strict("seed"))
    streamed = asker(kind, server).stream("a/x", seed=3)
    assert streamed.error is None
    assert streamed.completion.text == "Hello"
    assert trail(streamed.exchange) == ["first a/x error 400 bad_request", "retry a/x ok 200"]
    assert any("seed is left out" in warning for warning in streamed.exchange.warnings)


def test_a_server_that_names_one_field_at_a_time_is_asked_until_it_answers(
    kind: str, upstream: Start
) -> None:
    server = upstream(strict("seed", "user"))
    answer = asker(kind, server).chat("a/x", seed=3, user="u")
    assert answer.text == "Hello"
    assert len(server.requests) == 3


def test_the_same_complaint_again_is_an_error(kind: str, upstream: Start) -> None:
    server = upstream(refusal({"message": "Unknown parameter: 'seed'."}))
    with pytest.raises(BadRequest, match="Unknown parameter"):
        asker(kind, server).chat("a/x", seed=3)
    assert len(server.requests) == 2


def test_a_server_that_refuses_both_names_is_not_asked_for_ever(kind: str, upstream: Start) -> None:
    def neither(request: Request) -> Answer:
        name = "max_tokens" if "max_tokens" in request.json() else "max_completion_tokens"
        return refusal({**UNSUPPORTED, "message": f"Unknown parameter: '{name}'.", "param": name})

    server = upstream(neither)
    with pytest.raises(BadRequest):
        asker(kind, server).chat("a/x", max_tokens=7)
    assert len(server.requests) == 2


def test_what_did_not_help_is_not_remembered(kind: str, upstream: Start) -> None:
    server = upstream(refusal({"message": "Unknown parameter: 'seed'."}))
    asking = asker(kind, server)
    for _ in range(2):
        with pytest.raises(BadRequest):
            asking.chat("a/x", seed=3)
    assert server.requests[2].json()["seed"] == 3


@pytest.mark.parametrize("name", ["tools", "response_format", "messages", "stop", "n"])
def test_what_a_request_is_about_is_refused_not_dropped(
    kind: str, upstream: Start, name: str
) -> None:
    server = upstream(refusal({"message": f"Unknown parameter: '{name}'.", "param": name}))
    given = {"body": {name: [{"type": "x"}]}} if name not in ("messages", "tools") else {}
    with pytest.raises(BadRequest):
        asker(kind, server).chat("a/x", **given)
    assert len(server.requests) == 1


def test_learning_can_be_turned_off(kind: str, upstream: Start) -> None:
    server = upstream(strict("seed"))
    with pytest.raises(BadRequest):
        asker(kind, server, learn=False).chat("a/x", seed=3)
    assert len(server.requests) == 1


def test_a_mended_request_is_no_failure_of_the_provider(kind: str, upstream: Start) -> None:
    server = upstream(strict("seed"))
    asking = asker(kind, server)
    asking.chat("a/x", seed=3)
    assert asking.around.health.cooling(asking.around.clock()) == set()


def test_a_role_is_changed_where_it_stands(kind: str, upstream: Start) -> None:
    def gemma(request: Request) -> Answer:
        roles = [message["role"] for message in request.json()["messages"]]
        if "system" in roles:
            return refusal({"message": "System role not supported", "code": 400})
        return chat("Hello")

    server = upstream(gemma)
    answer = asker(kind, server).chat("a/x", system="Be brief.")
    assert answer.text == "Hello"
    sent = server.requests[1].json()["messages"]
    assert "Be brief." in json.dumps([m for m in sent if m["role"] == "user"])


def test_a_field_of_the_providers_own_table_is_dropped_as_well(kind: str, upstream: Start) -> None:
    server = upstream(strict("top_k"))
    assert asker(kind, server, body={"top_k": 4}).chat("a/x").text == "Hello"
    assert "top_k" not in server.requests[1].json()


def test_a_credential_that_a_refusal_repeats_is_not_kept(
    kind: str, upstream: Start, tmp_path: Path
) -> None:
    secret = "correct horse battery staple"
    said = {"message": f"Unknown parameter: 'seed'. Your key is {secret}."}
    server = upstream([refusal(said), chat("Hello")])
    asking = asker(kind, server, api_key=secret)
    asking.around.learning = Learning(DialectFolder({"XDG_CACHE_HOME": str(tmp_path)}))
    answer = asking.chat("a/x", seed=3)
    (kept,) = tmp_path.rglob("*.json")
    for text in (kept.read_text(), str(answer.warnings), str(answer.attempts)):
        assert secret not in text
    assert "Your key is …" in kept.read_text()


# -- what lasts


def lesson(model: str = "x", at: float = 1000.0) -> Learned:
    """Something learned."""
    return Learned(
        provider="a",
        origin="http://h",
        model=model,
        at=at,
        repairs=(Repair("drop", "seed"),),
    )


def test_another_process_knows_what_one_has_learned(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    one, other = Learning(DialectFolder(env)), Learning(DialectFolder(env))
    key = ("a", "http://h", "x")
    assert other.find(key, 1000.0) == ()
    assert one.learn(key, [Repair("drop", "seed")], "no", 1000.0) is None
    assert other.find(key, 1000.0 + LOOK_AGAIN_S - 1) == ()
    assert other.find(key, 1000.0 + LOOK_AGAIN_S) == (Repair("drop", "seed"),)
    DialectFolder(env).forget(lesson())
    assert one.find(key, 1000.0 + LOOK_AGAIN_S) == ()


def test_what_was_learned_holds_for_one_model_at_one_place(tmp_path: Path) -> None:
    learning = Learning(DialectFolder({"XDG_CACHE_HOME": str(tmp_path)}))
    learning.learn(("a", "http://h", "x"), [Repair("drop", "seed")], "", 0.0)
    for key in (("b", "http://h", "x"), ("a", "http://i", "x"), ("a", "http://h", "y")):
        assert learning.find(key, 0.0) == ()


def test_old_lessons_are_forgotten(tmp_path: Path) -> None:
    learning = Learning(DialectFolder({"XDG_CACHE_HOME": str(tmp_path)}))
    key = ("a", "http://h", "x")
    learning.learn(key, [Repair("drop", "seed")], "", 1000.0)
    assert learning.find(key, 1000.0 + KEPT_S - 1)
    assert learning.find(key, 1000.0 + KEPT_S + 1) == ()


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    folder = DialectFolder({"XDG_CACHE_HOME": str(tmp_path)})
    for number in range(MOST_FILES + 20):
        folder.save(lesson(f"m{number}"))
    assert len(folder.all()) == MOST_FILES


def test_many_writers_leave_whole_files(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}

    def learn(number: int) -> None:
        DialectFolder(env).save(lesson(f"m{number % 5}", at=float(number)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(learn, range(200)))
    assert [one.model for one in DialectFolder(env).all()] == ["m0", "m1", "m2", "m3", "m4"]
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        b'{"provider":"a","origin":"http://h","model":"other","at":1,"repairs":[]}',
        (
            b'{"provider":"a","origin":"http://h","model":"x","at":1000,'
            b'"repairs":[{"kind":"drop","name":"messages"}]}'
        ),
    ],
)
def test_a_broken_or_forbidding_file_is_nothing(tmp_path: Path, text: bytes) -> None:
    folder = DialectFolder({"XDG_CACHE_HOME": str(tmp_path)})
    folder.save(lesson())
    (file,) = folder.path.iterdir()
    file.write_bytes(text)
    assert folder.load("a", "http://h", "x") is None
    assert folder.all() == () or folder.all()[0].model == "other"


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    learning = Learning(DialectFolder({"XDG_CACHE_HOME": str(blocked)}))
    key = ("a", "http://h", "x")
    assert learning.learn(key, [Repair("drop", "seed")], "", 0.0) is not None
    assert learning.find(key, LOOK_AGAIN_S * 2) == (Repair("drop", "seed"),)


def test_a_name_of_a_model_leads_to_no_other_folder(tmp_path: Path) -> None:
    folder = DialectFolder({"XDG_CACHE_HOME": str(tmp_path)})
    folder.save(lesson("../../etc/\x1b[31m" + "x" * 500))
    (file,) = folder.path.iterdir()
    assert file.parent == tmp_path / "dragoman" / "dialects"
    assert file.name.isprintable()
