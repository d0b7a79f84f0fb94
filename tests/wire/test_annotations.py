"""Citations and log probabilities keep their places, from one of OpenAI's APIs to the other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.types import Citation, Completion, Dialect, Reasoning, Text
from dragoman.wire import get_format
from dragoman.wire.whole import accumulate, events_of

CHAT, RESPONSES, CLAUDE = map(
    get_format, ("openai-completions", "openai-responses", "anthropic-messages")
)
PAGE = Citation("https://example.org/a", "A", 2, 5, {CHAT.name: {"content": "said there"}})
OTHER = Citation("https://example.org/b", None, 0, 4)
TWO_TEXTS = Completion(
    parts=(Text("Hello.", None, (PAGE,)), Reasoning("Hm."), Text("More.", None, (OTHER,))),
    finish_reason="stop",
    id="1",
)
TOKEN = {"token": "Hé", "logprob": -0.25}


def written(form: Any, completion: Completion, *, stream: bool) -> bytes:
    if not stream:
        body: bytes = form.render_response(completion).body
        return body
    renderer = form.stream_renderer("m")
    return b"".join(renderer.render(event) for event in events_of(completion))


def read(form: Any, body: bytes, *, stream: bool) -> Completion:
    if not stream:
        completion: Completion = form.parse_response(body, Dialect())
        return completion
    parser = form.stream_parser(Dialect())
    return accumulate(parser.feed(body) + parser.close())


def texts(completion: Completion) -> list[Text]:
    return [part for part in completion.parts if isinstance(part, Text)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_chat_completions_count_from_the_beginning_of_all_that_is_said(stream: bool) -> None:
    body = written(CHAT, TWO_TEXTS, stream=stream)
    assert b'"start_index":2,"end_index":5,"url":"https://example.org/a"' in body
    assert b'"start_index":6,"end_index":10,"url":"https://example.org/b"' in body
    assert b'"content":"said there"' in body
    cited = [c for text in texts(read(CHAT, body, stream=stream)) for c in text.citations]
    if stream:
        assert [(c.url, c.start, c.end) for c in cited] == [(PAGE.url, 2, 5), (OTHER.url, 0, 4)]
    else:  # the two texts are one
        assert {(c.url, c.start, c.end) for c in cited} == {(PAGE.url, 2, 5), (OTHER.url, 6, 10)}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_responses_count_from_the_beginning_of_each_text(stream: bool) -> None:
    body = written(RESPONSES, TWO_TEXTS, stream=stream)
    heard = texts(read(RESPONSES, body, stream=stream))
    assert [[(c.url, c.start, c.end) for c in text.citations] for text in heard] == [
        [(PAGE.url, 2, 5)], [(OTHER.url, 0, 4)],
    ]  # fmt: skip
    assert (b"response.output_text.annotation.added" in body) == stream


def test_what_a_citation_of_claudes_rests_on_is_the_whole_text() -> None:
    citation = {"type": "web_search_result_location", "url": "https://e.x", "title": "T",
                "encrypted_index": "E", "cited_text": "words"}  # fmt: skip
    places = [citation, {"type": "char_location", "cited_text": "words", "document_index": 0}]
    block = {"type": "text", "text": "Hello.", "citations": places}
    answer = {"content": [block], "stop_reason": "end_turn", "usage": {}}
    completion = CLAUDE.parse_response(json.dumps(answer).encode(), Dialect())
    assert texts(completion)[0].citations == (Citation("https://e.x", "T", 0, 6),)
    rendered = CHAT.render_response(completion)
    assert rendered.warnings == ("the citations of anthropic-messages are left out",)
    assert json.loads(CLAUDE.render_response(completion).body)["content"] == [block]


def test_citations_before_or_without_words_are_kept() -> None:
    page = {"type": "url_citation", "url_citation": {"url": "https://e.x", "end_index": 2}}
    frames = [{"annotations": [page]}, {"content": "Hello"}]
    early = read(CHAT, streamed(frames), stream=True)
    assert texts(early)[0].citations == (Citation("https://e.x", None, 0, 2),)
    silent = read(CHAT, streamed(frames[:1]), stream=True)
    assert silent.meta is not None
    assert silent.meta[CHAT.name]["annotations"][0]["url_citation"]["url"] == "https://e.x"


def streamed(deltas: list[dict[str, Any]]) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    frames = [b"data: %b\n\n" % json.dumps({"choices": [choice]}).encode() for choice in choices]
    return b"".join([*frames, b"data: [DONE]\n\n"])


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_log_probabilities_are_whole_where_nothing_of_them_may_be_missing(stream: bool) -> None:
    answer = Completion(parts=(Text("Hé", None, (), (TOKEN,)),), finish_reason="stop", id="1")
    body = written(RESPONSES, answer, stream=stream)
    assert texts(read(RESPONSES, body, stream=stream))[0].logprobs == (
        {**TOKEN, "bytes": [72, 195, 169], "top_logprobs": []},
    )
    body = written(CHAT, answer, stream=stream)
    assert texts(read(CHAT, body, stream=stream))[0].logprobs == (TOKEN,)


def test_log_probabilities_of_words_that_do_not_come_stay_with_the_answer() -> None:
    choice = {"message": {"refusal": "No."}, "finish_reason": "stop",
              "logprobs": {"content": [TOKEN], "refusal": [TOKEN]}}  # fmt: skip
    completion = read(CHAT, json.dumps({"choices": [choice]}).encode(), stream=False)
    assert completion.meta is not None
    assert completion.meta[CHAT.name]["logprobs"] == {"content": [TOKEN], "refusal": [TOKEN]}
    assert RESPONSES.render_response(completion).warnings == (
        "the logprobs of openai-completions are left out",
    )
