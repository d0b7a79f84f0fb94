"""Guardrails at the endpoints that hand answers on: transcripts, pictures, sound, ranking."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.server.serving import Served, ask
from tests.upstream.fault import Answer, FaultUpstream, sse

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
