"""Guardrails where answers are handed on: transcripts, pictures, ranking, texts, what is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, FaultUpstream, chat, sse

StartUpstream = Callable[..., FaultUpstream]
SECRET = "sk-abcdefghijklmnopqrstuvwxyz"
SAID = f"the key is {SECRET}, really"
CLEAN = "the key is [secret removed], really"
SOUND = ("a.wav", b"RIFF\x00\xff\xfe")


def told(value: Any, kind: str = "application/json") -> Answer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(headers=(("content-type", kind),), body=body)


def served(serve: Any, up: FaultUpstream, **rule: Any) -> Served:
    rules = [{"name": "g", "kind": "secrets", **rule}]
    gateway: Served = serve({"a": {"base_url": up.base_url}}, guardrails=rules)
    return gateway


def deltas(*pieces: str) -> Answer:
    events: list[dict[str, Any]] = [
        {"type": "transcript.text.delta", "delta": one, "logprobs": []} for one in pieces
    ]
    return sse([*events, {"type": "transcript.text.done", "text": "".join(pieces)}], done=False)


def test_a_transcript_is_looked_at_in_every_form(serve: Any, upstream: StartUpstream) -> None:
    words = [{"word": word, "start": 0.0, "end": 1.0} for word in SAID.split()]
    whole = {"text": SAID, "language": "en", "duration": 1.0, "words": words, "segments": []}
    server = upstream([
        told({"text": SAID}), told(whole), told(SAID.encode(), "text/plain; charset=utf-8"),
        deltas("the key is s", "k-abcdefghij", "klmnopqrstuvwxyz", ", really"),
    ])  # fmt: skip
    gateway = served(serve, server, where=["out"])
    create = gateway.openai().audio.transcriptions.create
    assert create(model="a/m", file=SOUND).text == CLEAN
    verbose = create(model="a/m", file=SOUND, response_format="verbose_json")
    assert verbose.text == CLEAN
    assert SECRET not in verbose.model_dump_json()
    assert create(model="a/m", file=SOUND, response_format="text") == CLEAN
    events = list(create(model="a/m", file=SOUND, stream=True))
    said = "".join(event.delta for event in events if event.type == "transcript.text.delta")
    assert said == CLEAN
    assert events[-1].text == CLEAN  # type: ignore[union-attr]
    exchange = gateway.seen.wait(4)
    assert exchange.warnings == ["guardrail g: redacted, in the answer: secret (1)"]


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_refused_is_an_error_for_the_sdk(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    server = upstream(deltas("the key ", SECRET, " !") if stream else told({"text": SAID}))
    gateway = served(serve, server, action="deny")
    create = gateway.openai().audio.transcriptions.create
    with pytest.raises(openai.APIError, match="refused the answer"):
        list(create(model="a/m", file=SOUND, stream=stream))  # type: ignore[call-overload]
    assert gateway.seen.wait().findings[0].what == "secret"


def test_shadow_changes_nothing_and_tells(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(told({"text": SAID}))
    gateway = served(serve, server, mode="shadow", action="deny", strict=True)
    made = gateway.openai().audio.transcriptions.create(model="a/m", file=SOUND)
    assert made.text == SAID
    warnings = gateway.seen.wait().warnings
    assert warnings == [
        "guardrail g: would have refused, in the request: media (1)",
        "guardrail g: would have refused, in the answer: secret (1)",
    ]


def test_what_pictures_and_ranking_say_is_looked_at_and_media_go_through(
    serve: Any, upstream: StartUpstream
) -> None:
    picture = {"b64_json": "aGk=", "revised_prompt": SAID}
    ranked = {"results": [{"index": 0, "relevance_score": 1.0, "document": {"text": SAID}}]}
    server = upstream([told({"created": 1, "data": [picture]}), told(ranked)])
    gateway = served(serve, server, where=["out"])
    made = gateway.openai().images.generate(model="a/m", prompt="a cat").data[0]
    assert (made.b64_json, made.revised_prompt) == ("aGk=", CLEAN)
    body = json.dumps({"model": "a/m", "query": "q", "documents": ["d"]}).encode()
    _, _, answer = ask(f"{gateway.base_url}/rerank", body)
    assert json.loads(answer)["results"][0]["document"]["text"] == CLEAN


def test_sound_passes_unless_a_guardrail_is_strict(serve: Any, upstream: StartUpstream) -> None:
    server = upstream(told(b"\x00\xff" * 100, "audio/mpeg"))
    speak: dict[str, Any] = {"model": "a/m", "voice": "alloy", "input": "hi"}
    loose = served(serve, server)
    assert loose.openai().audio.speech.create(**speak).content == b"\x00\xff" * 100
    strict = served(serve, server, strict=True)
    with pytest.raises(openai.BadRequestError, match="cannot be looked at"):
        strict.openai().audio.speech.create(**speak)
    assert server.received == 1


def test_an_answer_that_nobody_can_read_is_refused_by_a_strict_one(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(told(b"\x00\xff" * 100, "application/octet-stream"))
    gateway = served(serve, server, strict=True, where=["out"])
    with pytest.raises(openai.BadRequestError, match="cannot be looked at"):
        gateway.openai().audio.transcriptions.create(model="a/m", file=SOUND)


def test_texts_of_forms_are_looked_at_and_files_refused_by_strict_ones(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream(told({"text": "hi"}))
    gateway = served(serve, server)
    create = gateway.openai().audio.transcriptions.create
    create(model="a/m", file=SOUND, prompt=f"it says {SECRET}")
    body = server.requests[0].body
    assert SECRET.encode() not in body
    assert b"it says [secret removed]\r\n" in body
    assert SOUND[1] in body
    strict = served(serve, server, strict=True, where=["in"])
    with pytest.raises(openai.BadRequestError, match="refused the request"):
        strict.openai().audio.transcriptions.create(model="a/m", file=SOUND)
    picture: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    with pytest.raises(openai.BadRequestError, match="refused the request"):
        strict.openai().chat.completions.create(
            model="a/m", messages=[{"role": "user", "content": [picture]}]
        )
    assert server.received == 1


# ----------------------------------------------------------------------------- text completions


def completed(*texts: str) -> Answer:
    choices = [
        {"index": at, "text": text, "finish_reason": "stop", "logprobs": None}
        for at, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return told({"id": "c", "object": "text_completion", "created": 1, "model": "m",
                 "choices": choices, "usage": usage})  # fmt: skip


def pieces(*texts: str) -> Answer:
    """A stream of two choices that say the same, one after the other."""
    head = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": at, "text": text, "finish_reason": None, "logprobs": None}]}
        for text in texts
        for at in (0, 1)
    ]
    ends = [{"index": at, "text": "", "finish_reason": "stop", "logprobs": None} for at in (0, 1)]
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    return sse([*chunks, {**head, "choices": ends}, {**head, "choices": [], "usage": usage}])


CUT = ("the key is s", "k-abcdefghij", "klmnopqrstuvwxyz", ", really")


def complete(gateway: Served, *, stream: bool) -> list[str]:
    """Complete a text with OpenAI's client: what each choice says."""
    create = gateway.openai().completions.create
    if not stream:
        return [choice.text for choice in create(model="a/m", prompt="hi", n=2).choices]
    said = ["", ""]
    for chunk in create(model="a/m", prompt="hi", n=2, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.text
    return said


@pytest.mark.parametrize("stream", [False, True])
def test_text_completions_are_looked_at(serve: Any, upstream: StartUpstream, stream: bool) -> None:
    server = upstream(pieces(*CUT).paced(7) if stream else completed(SAID, SAID))
    gateway = served(serve, server)
    assert complete(gateway, stream=stream) == [CLEAN, CLEAN]
    exchange = gateway.seen.wait()
    assert exchange.warnings == ["guardrail g: redacted, in the answer: secret (2)"]
    assert exchange.outcome == "ok"
    assert exchange.usage is not None
    assert exchange.usage.total_tokens == 7


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_completion_that_is_refused_is_an_error_and_paid_for(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    server = upstream(pieces(*CUT) if stream else completed(SAID, SAID))
    gateway = served(serve, server, action="deny")
    with pytest.raises(openai.APIError, match="refused the answer"):
        complete(gateway, stream=stream)
    exchange = gateway.seen.wait()
    assert exchange.findings[0].action == "deny"
    assert exchange.attempts[0].usage is not None


def test_what_was_found_before_a_client_left_a_text_completion_is_written_down(
    serve: Any, upstream: StartUpstream
) -> None:
    answer = pieces(*CUT)
    server = upstream(answer.hold(threading.Event(), at=answer.body.index(b'"stop"')))
    gateway = served(serve, server)
    said = ""
    with gateway.openai().completions.create(model="a/m", prompt="hi", stream=True) as stream:
        while "[secret" not in said:
            said += next(stream).choices[0].text
    exchange = gateway.seen.wait()
    assert exchange.outcome == "client_closed"
    (warning,) = exchange.warnings
    assert warning.startswith("guardrail g: redacted, in the answer: secret")


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_completion_in_shadow_is_as_it_was(
    serve: Any, upstream: StartUpstream, stream: bool
) -> None:
    server = upstream(pieces(*CUT) if stream else completed(SAID, SAID))
    gateway = served(serve, server, action="deny", mode="shadow")
    assert complete(gateway, stream=stream) == [SAID, SAID]
    warnings = gateway.seen.wait().warnings
    assert warnings == ["guardrail g: would have refused, in the answer: secret (2)"]


def test_a_text_completion_that_breaks_off_keeps_back_what_could_be_a_match(
    serve: Any, upstream: StartUpstream
) -> None:
    whole = pieces("Once upon a time ", *CUT)
    gateway = served(serve, upstream(whole.cut(at=whole.body.index(b"klmn"))))
    said: list[str] = []
    with pytest.raises(openai.APIError):
        said.extend(
            chunk.choices[0].text
            for chunk in gateway.openai().completions.create(model="a/m", prompt="", stream=True)
        )
    assert "".join(said[::2]) == "Once upon a time "


# ------------------------------------------------------------------ responses that were made before


def response(text: str) -> Answer:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return told({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
                 "model": "m", "output": [{**item, "content": content}], "instructions": SAID,
                 "error": None, "tools": [], "parallel_tool_calls": True, "tool_choice": "auto",
                 "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}})  # fmt: skip


def items(text: str) -> Answer:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "id": "msg_0", "role": "user", "status": "completed"}
    return told({"object": "list", "data": [{**item, "content": content}], "has_more": False,
                 "first_id": "msg_0", "last_id": "msg_0"})  # fmt: skip


def remembering(serve: Any, up: FaultUpstream, **rule: Any) -> Served:
    provider = {"base_url": up.base_url, "api": "openai-responses", "retries": 0}
    gateway: Served = serve({"a": provider}, guardrails=[{"name": "g", "kind": "secrets", **rule}])
    gateway.openai().responses.create(model="a/m", input="hi")
    return gateway


def test_what_a_provider_keeps_is_looked_at_when_it_is_shown(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream([response("fine"), response(SAID), items(SAID)])
    gateway = remembering(serve, server)
    client = gateway.openai()
    shown = client.responses.retrieve("resp_1")
    assert (shown.output_text, shown.instructions) == (CLEAN, CLEAN)
    (item,) = client.responses.input_items.list("resp_1")
    assert item.content[0].text == CLEAN  # type: ignore[union-attr]
    gateway.seen.wait(3)
    assert [len(exchange.findings) for exchange in gateway.seen.exchanges] == [0, 1, 1]


def test_what_a_provider_keeps_is_refused_when_it_may_not_be_shown(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream([response("fine"), response(SAID), items(SAID)])
    client = remembering(serve, server, action="deny", where=["out"]).openai()
    with pytest.raises(openai.BadRequestError, match="refused the answer"):
        client.responses.retrieve("resp_1")
    with pytest.raises(openai.BadRequestError, match="refused the answer"):
        client.responses.input_items.list("resp_1")


def test_what_a_provider_keeps_is_shown_as_it_is_in_shadow(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream([response("fine"), response(SAID)])
    gateway = remembering(serve, server, action="deny", mode="shadow")
    assert gateway.openai().responses.retrieve("resp_1").output_text == SAID
    assert gateway.seen.wait(2).findings[0].mode == "shadow"


def test_what_a_provider_keeps_is_not_streamed_where_answers_are_looked_at(
    serve: Any, upstream: StartUpstream
) -> None:
    server = upstream([response("fine")])
    client = remembering(serve, server).openai()
    with pytest.raises(openai.BadRequestError, match="guardrails look at responses") as caught:
        client.responses.retrieve("resp_1", stream=True)
    assert caught.value.param == "stream"
    assert server.received == 1


@pytest.mark.parametrize("action", ["redact", "deny"])
def test_what_is_kept_here_is_looked_at_by_the_guardrails_of_today(
    serve: Any, upstream: StartUpstream, tmp_path: Path, action: str
) -> None:
    server = upstream([chat(SAID), chat("fine")])
    kept: dict[str, Any] = {"server": {"store_responses": True}, "database": tmp_path / "d.db"}
    provider = {"a": {"base_url": server.base_url}}
    before = serve(provider, **kept)
    made = before.openai().responses.create(model="a/m", input=SAID, store=True).id
    rules = [{"name": "g", "kind": "secrets", "action": action}]
    client = serve(provider, guardrails=rules, **kept).openai()
    if action == "deny":
        for look in (client.responses.retrieve, client.responses.input_items.list):
            with pytest.raises(openai.BadRequestError, match="refused the answer"):
                look(made)
        with pytest.raises(openai.BadRequestError, match="refused the request"):
            client.responses.create(model="a/m", input="and?", previous_response_id=made)
        assert server.received == 1
        return
    assert client.responses.retrieve(made).output_text == CLEAN
    assert client.responses.input_items.list(made).data[0].content[0].text == CLEAN  # type: ignore[union-attr]
    client.responses.create(model="a/m", input="and?", previous_response_id=made)
    assert server.requests[1].body.count(b"[secret removed]") == 2
    assert SECRET.encode() not in server.requests[1].body


# ---------------------------------------------------------------------------- what is too deep


def deep(levels: int) -> bytes:
    """An object in an object in an object, and in the last a secret, with an escape."""
    secret = SECRET.replace("s", "\\u0073", 1)
    return b'{"a":' * levels + f'"{secret}"'.encode() + b"}" * levels


def deepened(answer: Answer, levels: int) -> Answer:
    """Put that where an answer says DEEP."""
    return Answer(headers=answer.headers, body=answer.body.replace(b'"DEEP"', deep(levels)))


COUNTED = {"input_tokens": 1, "output_tokens": 1}
TOO_DEEP: dict[str, tuple[str, dict[str, Any], Answer]] = {
    "a text completion": (
        "/completions",
        {"prompt": "hi"},
        told({"choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}], "x": "DEEP"}),
    ),
    "a piece of one": (
        "/completions",
        {"prompt": "hi", "stream": True},
        sse([{"choices": [{"index": 0, "text": "hi", "x": "DEEP", "finish_reason": "stop"}]}]),
    ),
    "beside a piece of one": (
        "/completions",
        {"prompt": "hi", "stream": True},
        sse([{"choices": [{"index": 0, "text": "hi", "finish_reason": "stop"}], "x": "DEEP"}]),
    ),
    "a ranking": (
        "/rerank",
        {"query": "q", "documents": ["d"]},
        told({"results": [{"index": 0, "relevance_score": 1.0}], "x": "DEEP"}),
    ),
    "a block": (
        "/messages",
        {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
        told({"type": "message", "id": "m", "role": "assistant", "model": "m", "usage": COUNTED,
              "content": [{"type": "thing", "x": "DEEP"}], "stop_reason": "end_turn"}),
    ),
    "an item": (
        "/responses",
        {"input": "hi"},
        told({"id": "r", "object": "response", "status": "completed", "model": "m",
              "output": [{"type": "thing", "id": "i", "x": "DEEP"}], "usage": COUNTED}),
    ),
}  # fmt: skip
LANGUAGES = {"/messages": "anthropic-messages", "/responses": "openai-responses"}


@pytest.mark.parametrize("levels", [400, 900, 5000])
@pytest.mark.parametrize("what", TOO_DEEP)
def test_what_is_too_deep_to_be_looked_at_is_the_upstreams_fault_and_goes_nowhere(
    serve: Any, upstream: StartUpstream, what: str, levels: int
) -> None:
    path, body, answer = TOO_DEEP[what]
    api = LANGUAGES.get(path, "openai-completions")
    provider = {"base_url": upstream(deepened(answer, levels)).base_url, "api": api, "retries": 0}
    gateway = serve({"a": provider}, guardrails=[{"name": "g", "kind": "secrets"}])
    asked = json.dumps({"model": "a/m", **body}).encode()
    status, _, said = ask(f"{gateway.base_url}{path}", asked)
    assert status == 502, said
    assert SECRET[1:].encode() not in said
    assert gateway.seen.wait().outcome == "error"


def test_a_stream_that_becomes_too_deep_breaks_off_with_an_error(
    serve: Any, upstream: StartUpstream
) -> None:
    first = {"choices": [{"index": 0, "text": "Once upon a time "}]}
    then = {"choices": [{"index": 0, "text": "!", "x": "DEEP", "finish_reason": "stop"}]}
    whole = deepened(sse([first, then]), 400)
    released = threading.Event()
    gateway = served(serve, upstream(whole.hold(released, at=whole.body.index(b"\n\n") + 2)))
    with gateway.openai().completions.create(model="a/m", prompt="", stream=True) as stream:
        assert next(stream).choices[0].text.startswith("Once")
        released.set()
        with pytest.raises(openai.APIError, match="nested too deep"):
            list(stream)
    assert gateway.seen.wait().outcome == "truncated"


def test_what_is_kept_and_too_deep_is_neither_shown_nor_sent_again(
    serve: Any, upstream: StartUpstream, tmp_path: Path
) -> None:
    kept: dict[str, Any] = {"server": {"store_responses": True}, "database": tmp_path / "d.db"}
    provider = {"a": {"base_url": upstream([chat("fine")]).base_url}}
    item: Any = {"type": "message", "role": "user", "content": "hi", "x": json.loads(deep(400))}
    before = serve(provider, **kept)
    made = before.openai().responses.create(model="a/m", input=[item], store=True).id
    client = serve(provider, guardrails=[{"name": "g", "kind": "secrets"}], **kept).openai()
    with pytest.raises(openai.APIStatusError, match="nested too deep"):
        client.responses.input_items.list(made)
    with pytest.raises(openai.BadRequestError, match="nested too deep"):
        client.responses.create(model="a/m", input="and?", previous_response_id=made)
