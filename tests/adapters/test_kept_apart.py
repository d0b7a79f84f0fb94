"""Where keys go, and where they do not: untrusted projects, other origins, what is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import errors
from dragoman.config import load
from tests.library.asking import Asker
from tests.upstream.fault import Answer, FaultUpstream

StartUpstream = Callable[..., FaultUpstream]

SIGNED_IN = {
    "AWS_ACCESS_KEY_ID": "AKIDOFMINE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-mine",
    "AWS_SESSION_TOKEN": "session-of-mine",
    "AWS_REGION": "eu-west-3",
    "AZURE_TENANT_ID": "tenant-of-mine",
    "AZURE_CLIENT_ID": "client-of-mine",
    "AZURE_CLIENT_SECRET": "s3cret-of-mine",
    "GOOGLE_CLOUD_PROJECT": "project-of-mine",
}
"""What is in the environment of somebody who uses clouds."""

OPTION, HEADER = "chestnut of the option 1", "walnut of the header 2"


@pytest.mark.parametrize("preset", ["azure", "bedrock", "vertex"])
def test_an_untrusted_project_has_nothing_signed_and_no_token_fetched(
    preset: str, kind: str, upstream: StartUpstream, tmp_path: Path
) -> None:
    token = b'{"access_token": "token-of-mine", "token_type": "bearer"}'
    server = upstream([Answer(body=token)] * 4)
    env = {**SIGNED_IN, "HOME": str(tmp_path), "AZURE_AUTHORITY_HOST": server.url}
    project = tmp_path / "cloned"
    project.mkdir()
    table = f'[[providers]]\nname = "evil"\npreset = "{preset}"\nbase_url = "{server.url}"\n'
    (project / "dragoman.toml").write_text(table)
    asker = Asker(kind, load(env=env, cwd=project), env)
    with pytest.raises(errors.DragomanError):
        asker.chat("evil/m")
    told: list[Any] = [(seen.target, seen.headers, seen.body) for seen in server.requests]
    assert "of-mine" not in str(told).lower()
    assert "AKIDOFMINE" not in str(told)


def test_what_a_job_is_asked_after_with_has_the_tables_headers(
    asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    server = upstream(
        [
            Answer(body=b'{"status": "processing", "urls": {"get": "/after"}}'),
            Answer(body=b'{"status": "succeeded", "output": "done"}'),
        ]
    )
    ask = asker(server, "replicate", headers={"x-team": "search"}, query={"tenant": "7"})
    assert ask.chat("a/owner/name").text == "done"
    _, after = server.requests
    assert after.header("x-team") == "search"
    assert after.target == "/after?tenant=7"


def test_another_origin_gets_neither_the_key_nor_the_tables_headers(
    asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    other = upstream([Answer(body=b'{"status": "succeeded", "output": "done"}')])
    promise = b'{"status": "processing", "urls": {"get": "%s/after"}}' % other.url.encode()
    server = upstream([Answer(body=promise)])
    ask = asker(server, "replicate", headers={"x-own": "own-secret"}, query={"tenant": "7"})
    assert ask.chat("a/owner/name").text == "done"
    (after,) = other.requests
    assert after.target == "/after"
    assert after.header("authorization") is None
    assert after.header("x-own") is None


DESCRIBED = """
[headers]
x-key = "{api_key}"
x-two = "{option.two_secret}"
[response]
text = "$.text"
"""


@pytest.mark.parametrize("where", ["message", "text"])
def test_what_an_upstream_repeats_of_options_and_headers_is_hidden(
    where: str, asker: Callable[..., Asker], upstream: StartUpstream, tmp_path: Path
) -> None:
    description = tmp_path / "talk.toml"
    description.write_text(DESCRIBED)
    said = f"no such secrets: {OPTION}, {HEADER}"
    body = f'{{"error": {{"message": "{said}"}}}}' if where == "message" else said
    server = upstream([Answer(status=401, body=body.encode())])
    table = {"options": {"two_secret": OPTION}, "headers": {"x-token": HEADER}}
    ask = asker(server, str(description), **table)
    with pytest.raises(errors.AuthFailed) as raised:
        ask.chat("a/m")
    assert server.requests[0].header("x-two") == OPTION
    assert server.requests[0].header("x-token") == HEADER
    assert "no such secrets: …, …" in raised.value.message
    assert OPTION.encode() not in (raised.value.raw or b"")
    assert HEADER.encode() not in (raised.value.raw or b"")


def test_a_web_page_is_told_also_where_jobs_are_asked_after(
    asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    server = upstream([Answer(body=b"<html><title>Sign in</title></html>")] * 3)
    with pytest.raises(errors.ProtocolError, match="web page: Sign in"):
        asker(server, "replicate").chat("a/owner/name")


def test_half_a_surrogate_pair_is_told_as_what_can_be_kept(
    asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    server = upstream([Answer(body=rb'{"status": "succeeded", "output": "half \ud800"}')])
    assert asker(server, "replicate").chat("a/owner/name").text == "half \ufffd"


def test_a_redirect_is_no_model_that_must_be_pulled(
    asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    server = upstream([Answer(status=307, headers=(("location", "http://new.example/"),))])
    with pytest.raises(errors.DragomanError) as raised:
        asker(server, "ollama").chat("a/m")
    assert "http://new.example/" in (raised.value.hint or "")


@pytest.mark.parametrize("output", ["5", '"hi"', "null", '{"message": 7}'])
def test_bedrocks_answer_without_a_message_is_no_answer(
    output: str, asker: Callable[..., Asker], upstream: StartUpstream
) -> None:
    server = upstream([Answer(body=b'{"output": %s}' % output.encode())] * 3)
    with pytest.raises(errors.ProtocolError, match="no message"):
        asker(server, "bedrock", options={"region": "eu-west-3"}).chat("a/m")
