"""What is wrong with a request is told in the client's shape, at every endpoint."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dragoman.errors import InvalidRequest
from dragoman.server.http.multipart import open_form
from dragoman.types import Dialect
from tests.server.serving import Served, ask

CASES = tomllib.loads(Path(__file__).with_name("cases").joinpath("bad-input.toml").read_text())
PATHS = (
    "/v1/embeddings",
    "/v1/completions",
    "/v1/images/generations",
    "/v1/audio/speech",
    "/v1/rerank",
    "/moderations",
    "/v1/images/edits",
    "/v1/audio/transcriptions",
    "/v1/messages/count_tokens",
    "/v1/responses",
)
FORM = "multipart/form-data; boundary=B"


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with Served({"a": {"base_url": "http://127.0.0.1:9/v1"}}) as served:
        yield served


def by_name(case: Mapping[str, Any]) -> str:
    return str(case["name"])


def check(told: tuple[int, Mapping[str, str], bytes], path: str, case: Mapping[str, Any]) -> None:
    status, headers, body = told
    assert status == case.get("status", 400), body
    assert headers["x-should-retry"] == "false"
    assert headers["content-type"] == "application/json"
    said = json.loads(body)
    error = said["error"]
    assert case.get("says", "") in error["message"]
    if "/messages" in path:
        assert said["type"] == "error"
        assert error["type"] in ("invalid_request_error", "not_found_error", "request_too_large")
        return
    assert error.keys() >= {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    for name in ("code", "param"):
        assert name not in case or error[name] == case[name]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("case", CASES["everywhere"], ids=by_name)
def test_a_wrong_body_is_refused_in_shape(
    gateway: Served, path: str, case: Mapping[str, Any]
) -> None:
    body = b"x" * case["size"] if "size" in case else case["body"].encode()
    kind = case.get("kind", "application/json")
    coding = {"content_encoding": case["coding"]} if "coding" in case else {}
    check(ask(f"{gateway.url}{path}", body, content_type=kind, **coding), path, case)


@pytest.mark.parametrize("case", CASES["embeddings"], ids=by_name)
def test_a_wrong_request_for_vectors_names_the_field(
    gateway: Served, case: Mapping[str, Any]
) -> None:
    check(ask(f"{gateway.base_url}/embeddings", case["body"].encode()), "/embeddings", case)


@pytest.mark.parametrize("path", ["/images/edits", "/audio/transcriptions"])
@pytest.mark.parametrize("case", CASES["forms"], ids=by_name)
def test_a_form_that_can_be_read_in_two_ways_is_refused(
    gateway: Served, path: str, case: Mapping[str, Any]
) -> None:
    told = ask(
        f"{gateway.base_url}{path}",
        case["body"].encode("latin-1"),
        content_type=case.get("kind", FORM),
    )
    check(told, path, {"code": "invalid_form", **case})


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_method_is_a_405_in_shape(gateway: Served, path: str, method: str) -> None:
    told = ask(f"{gateway.url}{path}", method=method)
    check(told, path, {"status": 405})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/images",
        "/v1/images/../models",
        "/v1/audio/speech/x",
        "/v1/responses/a/b",
        "/v1/v1/models",
        "/v1/messages/count",
        "/v1/embeddings/",
        "/v1/responses/",
    ],
)
def test_what_is_not_served_is_a_404_in_shape(gateway: Served, path: str) -> None:
    check(ask(f"{gateway.url}{path}", b"{}"), path, {"status": 404})


def test_a_form_keeps_every_byte_but_its_model() -> None:
    files = b"".join(
        b'--B\r\ncontent-disposition: form-data; name="image"; filename="%d"\r\n\r\n\x00--B\r\n'
        % number
        for number in range(2)
    )
    model = b'--B\r\nX: 1\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n'
    form = b"preamble\r\n" + files + model + b"--B--\r\n"
    opened = open_form(form % b"a/x", FORM)
    assert opened.model == "a/x"
    assert opened.relayed("org/m", Dialect()) == form % b"org/m"


@pytest.mark.parametrize(
    "said",
    [
        "boundary=B; boundary=c",
        "boundary=c; Boundary=B",
        'boundary="B"; BOUNDARY="c"',
        "boundary*=utf-8''B",
        "boundary*0=B; boundary*1=c",
        "boundary=B, text/plain",
        'boundary="B\\"c"',
        'boundary=""',
        f"boundary={'B' * 71}",
        "charset=utf-8",
    ],
)
def test_a_form_has_one_boundary(said: str) -> None:
    form = b'--B\r\ncontent-disposition: form-data; name="model"\r\n\r\na/x\r\n--B--\r\n'
    with pytest.raises(InvalidRequest, match="has not one boundary"):
        open_form(form, f"multipart/form-data; {said}")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("boundary=B; charset=latin-1", "boundary=B"),
        ('charset=x;BOUNDARY = "B"', "boundary=B"),
        ("boundary=-=_B:1", 'boundary="-=_B:1"'),
    ],
)
def test_a_form_is_sent_on_with_its_boundary_and_nothing_else(said: str, sent: str) -> None:
    mark = sent.removeprefix("boundary=").strip('"').encode()
    form = b'--%b\r\ncontent-disposition: form-data; name="model"\r\n\r\na/x\r\n--%b--\r\n'
    opened = open_form(form % (mark, mark), f"Multipart/Form-Data; {said}")
    assert opened.content_type == f"multipart/form-data; {sent}"
