"""Three languages, any to any: what crosses, what is told to be lost, what is refused."""

from __future__ import annotations

import json

import pytest

from dragoman.errors import DragomanError, ServerError
from dragoman.wire import get_format
from tests.matrix import crossing, outcomes
from tests.matrix.answered import ANSWERS
from tests.matrix.asked import REQUESTS
from tests.matrix.crossing import APIS, view
from tests.matrix.failed import BROKEN, ERRORS, NOT_THE_CLIENTS

EXPECTED = outcomes.expected()
ASKED = list(crossing.cells(REQUESTS))
ANSWERED = list(crossing.cells(ANSWERS))
SIZES = (1, 7, 64)


def test_there_are_behaviours_enough() -> None:
    assert len(REQUESTS) + len(ANSWERS) + len(ERRORS) + len(BROKEN) >= 80
    assert set(EXPECTED) == {"requests", "answers"}
    for kind, table in outcomes.TABLES.items():
        assert EXPECTED[kind].keys() <= table.keys()


@pytest.mark.parametrize(("behaviour", "client", "upstream"), ASKED)
def test_a_request_crosses_as_the_table_says(behaviour: str, client: str, upstream: str) -> None:
    check("requests", behaviour, client, upstream)


@pytest.mark.parametrize(("behaviour", "upstream", "client"), ANSWERED)
def test_an_answer_crosses_as_the_table_says(behaviour: str, upstream: str, client: str) -> None:
    check("answers", behaviour, upstream, client)


def check(kind: str, behaviour: str, one: str, other: str) -> None:
    told = EXPECTED[kind].get(behaviour, {}).get(f"{one}>{other}", {})
    for mode in crossing.MODES:
        found = outcomes.run(kind, behaviour, one, other, stream=mode == "stream")
        assert found == told.get(mode, told), mode


@pytest.mark.parametrize("kind", outcomes.TABLES)
def test_nothing_is_lost_without_a_word(kind: str) -> None:
    """What differs is in a warning that the caller gets, or the docs say why none is needed."""
    silent = [
        (behaviour, cell)
        for behaviour, rows in EXPECTED[kind].items()
        for cell in rows
        if not outcomes.reasons(EXPECTED, kind, behaviour, *cell.split(">"))
    ]
    assert silent == []


def test_every_note_is_needed() -> None:
    used = {
        (behaviour, cell.split(">")[1])
        for rows in EXPECTED.values()
        for behaviour, found in rows.items()
        for cell, outcome in found.items()
        if outcome.get("stream", outcome).get("differs")
    }
    assert outcomes.NOTES.keys() <= used


@pytest.mark.parametrize(("behaviour", "client", "upstream"), ASKED)
def test_a_request_there_and_back_is_the_same(behaviour: str, client: str, upstream: str) -> None:
    body = crossing.ask(behaviour, client, stream=False)
    outcome, there = crossing.cross_request(behaviour, body, client, upstream)
    if client == upstream:
        assert there == body.replace(b'"asked/model"', b'"m"')
    elif not outcome:
        outcome, back = crossing.cross_request(behaviour, there, upstream, client)
        asked = get_format(client).parse_request(body)
        assert outcome or view(get_format(client).parse_request(back)) == view(asked)


@pytest.mark.parametrize(("behaviour", "upstream", "client"), ANSWERED)
def test_an_answer_there_and_back_is_the_same(behaviour: str, upstream: str, client: str) -> None:
    for mode in crossing.MODES:
        check_way_back(behaviour, upstream, client, stream=mode == "stream")


def check_way_back(behaviour: str, upstream: str, client: str, *, stream: bool) -> None:
    body = crossing.answer(behaviour, upstream, stream=stream)
    outcome, there = crossing.cross_answer(behaviour, body, upstream, client, stream=stream)
    if client == upstream:
        assert there == body
    elif not outcome:
        outcome, back = crossing.cross_answer(behaviour, there, client, upstream, stream=stream)
        said = crossing.read_answer(body, upstream, stream=stream)
        assert outcome or view(crossing.read_answer(back, upstream, stream=stream)) == view(said)


@pytest.mark.parametrize(("behaviour", "upstream", "client"), ANSWERED)
def test_a_stream_adds_up_to_the_whole_answer(behaviour: str, upstream: str, client: str) -> None:
    read = []
    for stream in (False, True):
        body = crossing.answer(behaviour, upstream, stream=stream)
        out = crossing.cross_answer(behaviour, body, upstream, client, stream=stream)[1]
        read.append(view(crossing.read_answer(out, client, stream=stream)))
    assert read[0] == read[1]


@pytest.mark.parametrize(("behaviour", "upstream", "client"), ANSWERED)
def test_what_comes_out_never_depends_on_how_the_bytes_came(
    behaviour: str, upstream: str, client: str
) -> None:
    body = crossing.answer(behaviour, upstream, stream=True)
    for size in SIZES:
        if client == upstream:
            assert crossing.relayed(body, client, size) == body
        else:
            whole = crossing.translated(body, upstream, client)
            assert crossing.translated(body, upstream, client, size) == whole


PAIRS = [(client, upstream) for client in APIS for upstream in APIS]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("behaviour", ERRORS)
def test_an_error_keeps_its_meaning(behaviour: str, client: str, upstream: str) -> None:
    status, body = crossing.error_answer(behaviour, upstream)
    error = get_format(upstream).parse_error(status, {}, body)
    told, written = get_format(client).render_error(error)
    read = get_format(client).parse_error(told, {}, written)
    expected = ServerError if behaviour in NOT_THE_CLIENTS else type(error)
    assert type(read) is expected
    assert error.message in read.message
    assert json.loads(written)["error"]["message"]


@pytest.mark.parametrize(("client", "upstream"), PAIRS)
@pytest.mark.parametrize("behaviour", BROKEN)
def test_a_broken_stream_never_looks_whole(behaviour: str, client: str, upstream: str) -> None:
    body = crossing.broken_stream(behaviour, upstream)
    with pytest.raises(DragomanError) as said:
        crossing.read_answer(body, upstream, stream=True)
    if client == upstream:
        out = crossing.relayed(body, client)
    else:
        out = crossing.translated(body, upstream, client)[0]
    with pytest.raises(DragomanError) as heard:
        crossing.read_answer(out, client, stream=True)
    assert said.value.message in heard.value.message
    assert heard.value.partial is not None
    assert said.value.partial is not None
    assert heard.value.partial.text == said.value.partial.text
    assert b"[DONE]" not in out
