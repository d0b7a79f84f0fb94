"""Bodies opened one level: what is not named keeps every byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.errors import InvalidRequest
from dragoman.types import Dialect
from dragoman.wire import get_format
from dragoman.wire.envelope import _compact_members, _members, _open_one_level, open_envelope

BODY = (
    b'{ "model" : "a\\u002fb",\r\n "temperature":0.70 , "x":{"b":1e5, "model":"inner"},'
    b' "stream" : true, "messages": [ {"role":"user","content":"\xf0\x9f\x8c\x8d"} ] }\n'
)


def test_model_and_stream_are_read() -> None:
    envelope = open_envelope(BODY)
    assert (envelope.model, envelope.stream, envelope.wants_usage) == ("a/b", True, False)
    assert envelope.get("x") == {"b": 100000.0, "model": "inner"}
    assert envelope.get("nothing") is None


def test_the_model_is_changed_and_nothing_else() -> None:
    body = open_envelope(BODY).relayed("new", Dialect())
    assert body == BODY.replace(b'"a\\u002fb"', b'"new"')


def test_usage_is_asked_for_where_the_client_did_not() -> None:
    body = open_envelope(BODY).relayed("new", Dialect(), ask_usage=True)
    added = b',"stream_options":{"include_usage":true} }\n'
    assert body == BODY.replace(b'"a\\u002fb"', b'"new"').replace(b" }\n", added)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('{"include_usage":true}', {"include_usage": True}),
        ('{"include_usage":false,"x":1.50}', {"include_usage": True, "x": 1.5}),
        ("null", {"include_usage": True}),
    ],
)
def test_the_clients_own_stream_options_are_kept(options: str, expected: Any) -> None:
    body = f'{{"model":"m","stream":true,"stream_options":{options}}}'.encode()
    assert json.loads(open_envelope(body).relayed("m", Dialect(), ask_usage=True)) == {
        "model": "m",
        "stream": True,
        "stream_options": expected,
    }


def test_usage_is_not_asked_for_without_a_stream() -> None:
    body = b'{"model":"m"}'
    assert open_envelope(body).relayed("m", Dialect(), ask_usage=True) == body


def test_a_dialect_drops_and_renames() -> None:
    spoken = Dialect(drop=("temperature", "absent"), rename={"x": "y", "absent": "z"})
    body = open_envelope(BODY).relayed("a/b", spoken)
    assert body == (
        b'{ "model" : "a/b" , "y":{"b":1e5, "model":"inner"},'
        b' "stream" : true, "messages": [ {"role":"user","content":"\xf0\x9f\x8c\x8d"} ] }\n'
    )


def test_a_field_is_not_renamed_onto_another() -> None:
    body = b'{"model":"m","max_tokens":1,"max_completion_tokens":2}'
    spoken = Dialect(rename={"max_tokens": "max_completion_tokens"})
    assert open_envelope(body).relayed("m", spoken) == b'{"model":"m","max_completion_tokens":2}'


NAMES = ["model", "a", "b", "c", 'quo"te', "é", "stream_options"]
BODIES = st.permutations(NAMES).flatmap(
    lambda names: st.tuples(
        st.just(names),
        st.lists(st.sampled_from(['1.0', '"x,}"', '{"model": [1 , 2]}', "null", '"\\"\\\\"']),
                 min_size=len(names), max_size=len(names)),
        st.lists(st.sampled_from(["", " ", "\n\t"]), min_size=4, max_size=4),
    )
)  # fmt: skip
CHANGES = st.dictionaries(
    st.sampled_from([*NAMES[1:], "new"]), st.sampled_from([None, b"7", b'{"z":1}'])
)


@given(BODIES, CHANGES, st.sets(st.sampled_from(NAMES[1:])))
def test_any_rewrite_says_what_it_should(
    made: tuple[list[str], list[str], list[str]],
    changes: dict[str, bytes | None],
    renamed: set[str],
) -> None:
    names, values, blanks = made
    one, two, three, four = blanks
    values = [
        '"m"' if name == "model" else value for name, value in zip(names, values, strict=True)
    ]
    members = [
        f"{one}{json.dumps(name)}{two}:{three}{value}{four}"
        for name, value in zip(names, values, strict=True)
    ]
    body = ("{" + ",".join(members) + "}").encode()
    expected = json.loads(body)
    renamed = {name for name in renamed if changes.get(name, b"") is not None}
    for name, value in changes.items():
        if value is None:
            expected.pop(name, None)
        else:
            expected[name] = json.loads(value)
    for name in renamed & set(names):
        expected[f"{name}_new"] = expected.pop(name)
    rename = {name: f"{name}_new" for name in renamed}
    assert json.loads(open_envelope(body).rewritten(changes, rename)) == expected


@pytest.mark.parametrize(
    ("body", "said", "param"),
    [
        (b"", "the body is empty", None),
        (b" \n", "the body is empty", None),
        (b"[]", "not a JSON object", None),
        (b'"x"', "not a JSON object", None),
        (b'{"model":"a"', "not JSON", None),
        (b'{"model":"a"} x', "not JSON", None),
        (b'{"model":"a","x":\'1\'}', "not JSON", None),
        (b'{"model":"a","Model":"b"}', "is written 'model'", "Model"),
        (b'{"model":"a","MAX_TOKENS":9}', "is written 'max_tokens'", "MAX_TOKENS"),
        (b'{"model":"a","N":9}', "is written 'n'", "N"),
        (
            '{"model":"a","max_to\u212aens":9}'.encode(),
            "is written 'max_tokens'",
            "max_to\u212aens",
        ),
        ('{"model":"a","\u017ftream":true}'.encode(), "is written 'stream'", "\u017ftream"),
        (b'{"model":"a","Base_Url":"x"}', "is written 'base_url'", "Base_Url"),
        (b'{"model":"a","model":"b"}', "stands twice", "model"),
        (b'{"model":"a","x":1,"mod\\u0065l":"b"}', "stands twice", "model"),
        (b'{"x":1,"model":"a","x":1}', "stands twice", "x"),
        (b'{"x":1,"model":"a","x":12345}', "stands twice", "x"),
        (b'{"x":1,"y":2,"model":"a","x":2,"y":1}', "stands twice", "x"),
        (b'{"x":"1,\\"y\\":2","y":2,"model":"a","x":"1"}', "stands twice", "x"),
        (b'{"model":"\xff"}', "not UTF-8", None),
        (b'{"model":"a","x":"\xed\xa0\x80"}', "not UTF-8", None),
        ('{"model":"a"}'.encode("utf-16"), "not UTF-8", None),
        (b'{"a":' * 100_000, "nested too deep", None),
        (b'{"model":"\\ud800"}', "lone surrogate", None),
        (b'{"messages":[]}', "model: is missing", "model"),
        (b"{}", "model: is missing", "model"),
        (b'{"model":null}', "model: is missing", "model"),
        (b'{"model":["a"]}', "model: expected a string, got a list", "model"),
        (b'{"model":"a","stream":1}', "stream: expected a boolean, got a number", "stream"),
    ],
)
def test_a_body_that_can_not_be_routed_is_refused(
    body: bytes, said: str, param: str | None
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        open_envelope(body)
    assert said in str(caught.value)
    assert caught.value.param == param
    assert caught.value.code == ("invalid_json" if param is None else "invalid_request")


PIECES = st.sampled_from(["1", "12", '"1"', '","', '"1,\\"x\\":1"', '"x,"', '{"x":1}', '[1,"x",2]'])
MEMBERS = st.lists(st.tuples(st.sampled_from(["x", "y", ",", 'x":1,"y']), PIECES), max_size=5)


@given(MEMBERS)
def test_a_body_is_refused_exactly_when_a_name_stands_twice(members: list[tuple[str, str]]) -> None:
    members = [("model", '"m"'), *members]
    body = "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members) + "}"
    names = [name for name, _ in members]
    if len(set(names)) == len(names):
        assert open_envelope(body.encode()).relayed("m", Dialect()) == body.encode()
    else:
        with pytest.raises(InvalidRequest, match="stands twice"):
            open_envelope(body.encode())


def test_a_byte_order_mark_is_taken_off() -> None:
    assert open_envelope(b'\xef\xbb\xbf{"model":"a"}').relayed("b", Dialect()) == b'{"model":"b"}'


def test_the_request_is_parsed_once_and_only_when_asked_for() -> None:
    client = get_format("openai-completions")
    envelope = open_envelope(b'{"model":"a","messages":[{"role":"user","content":"hi"}]}')
    assert envelope.request(client) is envelope.request(client)
    assert envelope.request(client).messages[0].text == "hi"
    routable = open_envelope(b'{"model":"a","messages":7}')
    with pytest.raises(InvalidRequest, match="messages"):
        routable.request(client)


NAMES = st.sampled_from(["model", "a", "ab", "é", 'x"y', "a\\b", "\u2028", ""])
VALUES = st.sampled_from([1, "x", [1, 2], {"a": {}}, None, "é", '"', 1.5])


@given(
    pairs=st.lists(st.tuples(NAMES, VALUES), max_size=5),
    between=st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " : ")]),
    inside=st.sampled_from([(",", ":"), (", ", ": ")]),
    escaped=st.booleans(),
)
def test_fields_found_by_their_lengths_are_where_a_scan_finds_them(
    pairs: list[tuple[str, object]],
    between: tuple[str, str],
    inside: tuple[str, str],
    escaped: bool,
) -> None:
    texts = [
        json.dumps(name, ensure_ascii=escaped) + between[1] + json.dumps(value, separators=inside)
        for name, value in pairs
    ]
    body = f"{{{between[0].join(texts)}}}".encode()
    fields = _open_one_level(body)
    found = _compact_members(body, fields)
    if found is not None:
        assert len({name for name, _ in pairs}) == len(pairs)
        assert found == list(_members(body, fields))
