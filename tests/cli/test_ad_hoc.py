"""A server that is not set up can be asked, and gets no key but the one that is named."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat_stream

Upstream = Callable[..., FaultUpstream]


def test_any_url_can_be_asked_without_setting_it_up(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    env = {"MY_KEY": "sk-0123456789abcdef"}
    result = dragoman(
        "--base-url", server.url, "-m", "org/model:7b", "--key-env", "MY_KEY", "Hello", env=env
    )
    assert (result.code, result.out, result.err) == (0, "Hi\n", "")
    (request,) = server.requests
    assert request.target == "/v1/chat/completions"
    assert request.json()["model"] == "org/model:7b"
    assert request.header("authorization") == "Bearer sk-0123456789abcdef"


def test_ad_hoc_server_gets_nobodys_key(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    env = {"OPENAI_API_KEY": "sk-0123456789abcdef", "LOCALHOST_API_KEY": "x" * 20}
    assert dragoman("--base-url", server.base_url, "-m", "gpt-4o", "Hello", env=env).code == 0
    assert server.requests[0].header("authorization") is None


def test_key_on_the_command_line_is_a_reference(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["Hi"]))
    (dragoman.cwd / "key").write_text("sk-from-a-file\n")
    key = f"file:{dragoman.cwd / 'key'}"
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    assert dragoman("--key", key, *arguments).code == 0
    assert server.requests[0].header("authorization") == "Bearer sk-from-a-file"
    result = dragoman("--key", "sk-a-literal-key", *arguments)
    assert result.code == 2
    assert "sk-a-literal-key" not in result.err
    result = dragoman("--key-env", "NOT_SET", *arguments)
    assert result.code == 78
    assert "NOT_SET" in result.err
