"""An upstream that fails at every byte of its streams."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from dragoman.types.event import Event, PartStart
from dragoman.types.message import Reasoning, Refusal, Text
from tests.chaos.asking import ENDINGS, ask
from tests.chaos.streams import LANGUAGES, Recorded, failures, read, recorded, said
from tests.server.serving import Served
from tests.upstream.fault import FaultUpstream, Request, Script, chat_stream
from tests.upstream.script import Answer

CLIENTS = 8
BACKUP = "from the second provider"
EVENTS = (("content-type", "text/event-stream"),)


def offsets(*, full: bool) -> Mapping[str, float]:
    """Cut 50 streams at every byte: before content the next answers, after it one error."""
    streams = list(recorded())[: 50 if full else 9]
    by_name = {f"{stream.language}.{stream.name}": stream for stream in streams}

    def answer(request: Request) -> Script:
        name, _, at = str(request.json()["model"]).rpartition("@")
        return Answer(headers=EVENTS, body=by_name[name].body).cut(at=int(at))

    figures = {"cuts": 0, "fallbacks": 0, "errors": 0}
    with (
        FaultUpstream(answer, record=False) as first,
        FaultUpstream(chat_stream([BACKUP]), record=False) as second,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        providers = {
            language: {"base_url": first.base_url, "api": language, "retries": 0}
            for language in LANGUAGES
        }
        backup = {"base_url": second.base_url}
        routes = {
            f"cut-{language}/*": {"models": [f"{language}/*", "backup/m"]} for language in LANGUAGES
        }
        with Served({**providers, "backup": backup}, routes=routes) as gateway:
            gateway.forgive()
            for number, stream in enumerate(streams):
                step = 1 if full else max(len(stream.body) // 12, 1)
                places = range(0, len(stream.body), step)
                clients = [LANGUAGES[(number + turn) % 3] for turn in range(len(places))]
                model = f"cut-{stream.language}/{stream.language}.{stream.name}"
                called, fallen = second.received, figures["fallbacks"]
                asked = partial(_ask, gateway.url, model)
                answers = pool.map(asked, clients, places)
                for at, client, out in zip(places, clients, answers, strict=True):
                    _judge(stream, at, client, out, figures)
                # Each of those answers was asked for once, and no other was.
                assert second.received - called == figures["fallbacks"] - fallen, stream.name
    return figures


def _ask(url: str, model: str, client: str, at: int) -> bytes:
    return ask(url, client, f"{model}@{at}", stream=True)[1]


def _judge(stream: Recorded, at: int, client: str, out: bytes, figures: dict[str, int]) -> None:
    events = read(client, [out])
    text, failed = said(events), failures(events)
    told = (stream.language, stream.name, at, client, out[-400:])
    figures["cuts"] += 1
    if text == BACKUP:
        figures["fallbacks"] += 1
        assert not failed, told
    elif failed:
        figures["errors"] += 1
        assert stream.text.startswith(text), told
        assert text or _has_whole_part(events), told
        assert ENDINGS[client] not in out, told
        assert len(re.findall(rb'"error"\s*:\s*\{|"type":\s*"error"|response\.failed"', out)) >= 1
    else:  # all that matters had come
        assert text == stream.text, told


def _has_whole_part(events: Iterable[Event]) -> bool:
    return any(
        isinstance(event, PartStart) and not isinstance(event.part, Text | Reasoning | Refusal)
        for event in events
    )
