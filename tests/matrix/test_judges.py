"""The official SDKs, from PyPI and from npm, make of every cell what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from dragoman.types import Completion
from tests.matrix import crossing, judges
from tests.matrix.answered import ANSWERS
from tests.matrix.failed import BROKEN
from tests.matrix.judges import Cell, Made

JUDGES = {"python": judges.judge_in_python, "node": judges.judge_in_node}


def rendered(behaviour: str, upstream: str, client: str, *, stream: bool) -> bytes:
    body = crossing.answer(behaviour, upstream, stream=stream)
    return crossing.cross_answer(behaviour, body, upstream, client, stream=stream)[1]


def answers() -> list[tuple[Cell, Completion]]:
    """Every answer for every client, with what it means."""
    found = []
    for behaviour, upstream, client in crossing.cells(ANSWERS):
        if upstream == client:
            continue
        for stream in (False, True):
            body = rendered(behaviour, upstream, client, stream=stream)
            name = f"{behaviour}: {upstream} > {client}{' streamed' if stream else ''}"
            meant = crossing.read_answer(body, client, stream=stream)
            found.append((Cell(name, client, stream, body), meant))
    return found


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_sdks_read_every_answer(judge: Callable[[Sequence[Cell]], list[Made]]) -> None:
    cells = answers()
    assert len(cells) > 200
    wrong = []
    for (cell, meant), made in zip(cells, judge([cell for cell, _ in cells]), strict=True):
        expected = {
            "text": meant.text,
            "refusal": "" if cell.api == "anthropic-messages" else meant.refusal or "",
            "calls": [[call.id, call.name, call.arguments] for call in meant.tool_calls],
            "ending": meant.raw_finish_reason,
            "usage": meant.usage and [meant.usage.prompt_tokens, meant.usage.completion_tokens],
        }
        if made != expected:
            wrong.append((cell.name, made, expected))
    assert wrong == []


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
def test_sdks_hear_of_every_broken_stream(judge: Callable[[Sequence[Cell]], list[Made]]) -> None:
    cells = []
    for behaviour in BROKEN:
        for upstream in crossing.APIS:
            for client in crossing.APIS:
                body = crossing.broken_stream(behaviour, upstream)
                same = upstream == client
                out = (
                    crossing.relayed(body, client)
                    if same
                    else crossing.translated(body, upstream, client)[0]
                )
                cells.append(Cell(f"{behaviour}: {upstream} > {client}", client, True, out))
    silent = [
        (cell.name, made)
        for cell, made in zip(cells, judge(cells), strict=True)
        if not made.get("error")
    ]
    assert silent == []
