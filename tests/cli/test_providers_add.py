"""Adding a provider: one line completes, tests and keeps it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.adding import KEPT, KEY, saved, steps_of
from tests.cli.running import Dragoman
from tests.probe.servers import provider
from tests.upstream.answers import (
    empty,
    error,
)
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.llama import LlamaServer

Upstream = Callable[..., FaultUpstream]


def test_url_is_completed_tested_and_kept(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure(KEPT)
    server = upstream(provider("gpt-oss", "qwen3", key=KEY))
    arguments = ["mycorp", "--base-url", server.url, "--key-env", "CORP_KEY"]
    result = dragoman("providers", "add", *arguments, env={"CORP_KEY": KEY})
    assert (result.code, result.err) == (0, "")
    steps = steps_of(result)
    assert steps["URL"] == f"{server.url}  →  {server.url}/v1   (found /v1/models)"
    assert steps["auth"] == "✓ $CORP_KEY accepted"
    assert steps["models"].startswith("✓ 2 found: gpt-oss, qwen3, ")
    assert all(steps[name].startswith("✓") for name in ("chat", "stream", "tools", "images"))
    assert result.out.endswith(
        "Saved to ~/.config/dragoman/config.toml.\n"
        "Its default model is gpt-oss, one of 2; another is asked with -m mycorp/MODEL.\n"
        'Try:  dragoman -m mycorp "hi"\n'
    )
    text = dragoman.config_file.read_text()
    assert text.startswith(KEPT)
    assert saved(dragoman)["mycorp"] == {
        "base_url": f"{server.url}/v1",
        "api_key": "env:CORP_KEY",
        "default_model": "gpt-oss",
    }
    assert KEY not in text + result.out


def test_added_provider_answers(dragoman: Dragoman, llama_server: LlamaServer) -> None:
    added = dragoman("providers", "add", llama_server.url)
    assert added.code == 0, added.err
    assert 'Try:  dragoman -m llamacpp "hi"' in added.out
    assert saved(dragoman)["llamacpp"] == {
        "preset": "llamacpp",
        "base_url": llama_server.base_url,
        "default_model": llama_server.model,
    }
    answer = dragoman("-o", "max_tokens", "4", "hi")
    assert answer.code == 0
    assert answer.out.strip()


def test_key_goes_from_the_pipe_into_the_store(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(provider("m", key=KEY))
    arguments = ["mine", "--base-url", server.url, "--key-stdin"]
    result = dragoman("providers", "add", *arguments, stdin=f"{KEY}\n".encode())
    assert result.code == 0, result.err
    assert (
        "~/.local/share/dragoman/credentials.json, as plain text that only you can read"
        in result.out
    )
    assert KEY not in result.out + result.err + dragoman.config_file.read_text()
    assert dragoman("-m", "mine/m", "hi").code == 0
    assert dragoman("providers", "test", "mine").code == 0


def test_person_at_a_terminal_is_asked_for_a_missing_key(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(provider("m", key=KEY))
    running = dragoman.at_terminal("providers", "add", "mine", "--base-url", server.url)
    running.wait_for("Key for mine", err=True)
    running.type(f"{KEY}\n")
    result = running.result()
    assert result.code == 0, result.err
    assert KEY not in result.out + result.err
    assert dragoman("-m", "mine/m", "hi").code == 0


def test_ctrl_c_at_the_key_leaves_nothing(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(provider("m", key=KEY))
    running = dragoman.at_terminal("providers", "add", "mine", "--base-url", server.url)
    running.wait_for("Key for mine", err=True)
    running.interrupt_at_prompt()
    result = running.result()
    assert result.code == 130
    assert "Traceback" not in result.err
    assert not dragoman.config_file.exists()


def test_known_server_of_this_machine_lends_its_name_and_dialect(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    def ollama(request: Request) -> object:
        if request.path == "/api/version":
            return error(200, {"version": "0.12.3"})
        return provider("llama3.2:3b")(request)

    server = upstream(ollama)
    host = server.url.removeprefix("http://127.0.0.1:")
    found = dragoman("providers", "add", "ollama", env={"OLLAMA_HOST": f"127.0.0.1:{host}"})
    assert found.code == 0, found.err
    assert saved(dragoman)["ollama"] == {"preset": "ollama", "default_model": "llama3.2:3b"}
    again = dragoman("providers", "add", f"localhost:{host}")
    assert again.code == 0, again.err
    assert f"local-{host}" in saved(dragoman)
    assert saved(dragoman)[f"local-{host}"]["preset"] == "ollama"


@pytest.mark.parametrize(
    ("url", "name", "settings"),
    [
        ("https://api.groq.com", "groq", {"preset": "groq"}),
        ("api.mistral.ai/v1", "mistral", {"preset": "mistral"}),
        ("https://llm.corp.example/v1", "corp", {"base_url": "https://llm.corp.example/v1"}),
        ("http://10.1.2.3:8000/v1", "10-1-2-3-8000", {"base_url": "http://10.1.2.3:8000/v1"}),
        ("http://localhost:8123/v1", "local-8123", {"base_url": "http://localhost:8123/v1"}),
        ("https://[::1]:8443", "local-8443", {"base_url": "https://[::1]:8443"}),
    ],
)
def test_url_names_itself(
    url: str, name: str, settings: dict[str, str], dragoman: Dragoman
) -> None:
    result = dragoman("providers", "add", url, "--no-test")
    assert result.code == 0, result.err
    assert saved(dragoman) == {name: settings}
    assert f"dragoman providers test {name}" in result.out


def test_without_a_test_nobody_is_asked(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(empty(500))
    arguments = ["x", "--base-url", server.base_url, "--api", "anthropic-messages", "--no-test"]
    result = dragoman("providers", "add", *arguments, "--default-model", "m")
    assert result.code == 0
    assert server.received == 0
    assert saved(dragoman)["x"] == {
        "base_url": server.base_url,
        "api": "anthropic-messages",
        "default_model": "m",
    }


def test_busy_provider_is_kept(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(provider("m", chat=error(429, message="slow down")))
    result = dragoman("providers", "add", "mine", "--base-url", server.url)
    assert result.code == 0
    assert steps_of(result)["chat"].startswith("! 429: slow down")
    assert "mine" in saved(dragoman)


def test_abilities_that_lack_do_not_keep_a_provider_out(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    lacking = provider("m", tools=error(400), images=error(400, message="text only"))
    result = dragoman("providers", "add", "mine", "--base-url", upstream(lacking).url)
    assert result.code == 0
    assert steps_of(result)["images"].startswith("✗ 400: text only")


def test_built_in_name_at_another_host_is_told(dragoman: Dragoman, upstream: Upstream) -> None:
    result = dragoman("providers", "add", "groq", "--base-url", upstream(provider("m")).url)
    assert result.code == 0
    assert "It takes the place of the built-in groq." in result.out


def test_named_file_is_written_in_place_of_the_users(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(provider("m"))
    for how in (["--config", "other.toml"], []):
        env = {} if how else {"DRAGOMAN_CONFIG": "third.toml"}
        result = dragoman("providers", "add", "x", "--base-url", server.url, *how, env=env)
        assert result.code == 0, result.err
    assert not dragoman.config_file.exists()
    assert {path.name for path in dragoman.cwd.iterdir()} == {"other.toml", "third.toml"}


def test_plain_terminal_gets_plain_marks(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(provider("m", images=error(400)))
    env = {"PYTHONIOENCODING": "ascii"}
    result = dragoman("providers", "add", "x", "--base-url", server.url, env=env)
    assert result.code == 0
    assert result.out.isascii()
    assert "?" not in result.out
    assert steps_of(result)["reach"].startswith("ok")
    assert steps_of(result)["images"].startswith("x 400")
