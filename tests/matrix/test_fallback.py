"""Polpo's fallback example, whose second step is Anthropic, when the first is down or slow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman import Client
from dragoman.config import Config, load
from tests.cli.running import Dragoman
from tests.library.asking import Asker, trail
from tests.matrix import servers
from tests.matrix.answered import claude, text
from tests.upstream.fault import Answer, FaultUpstream, Request, chat_stream

EXAMPLE = Path(__file__).parents[1] / "cli" / "cases" / "examples" / "polpo-fallback.json"
KEY = "sk-ant-0123456789"
ANTHROPIC = "anthropic-messages"
Upstreams = Callable[..., FaultUpstream]
WORDS = "from the fallback"


@pytest.fixture
def dragoman(tmp_path: Path) -> Dragoman:
    """The command, in a home of its own."""
    return Dragoman(tmp_path)


@pytest.fixture(params=["refused", "stalled"])
def primary(request: pytest.FixtureRequest, upstream: Upstreams) -> FaultUpstream:
    """A first step that does not answer."""
    if request.param == "refused":
        return upstream(chat_stream(["never"]), down=True)
    return upstream(chat_stream(["too late"]).stall(5, at=0))


@pytest.fixture
def second(upstream: Upstreams) -> FaultUpstream:
    """A server that answers as Anthropic's does."""

    def answer(request: Request) -> Answer:
        said = claude(text(WORDS))
        if request.json().get("stream"):
            body, kind = servers.streamed(ANTHROPIC, said), "text/event-stream"
        else:
            body, kind = servers.whole(ANTHROPIC, said), "application/json"
        return Answer(200, (("content-type", kind),), body)

    return upstream(answer)


@pytest.fixture
def file(tmp_path: Path, primary: FaultUpstream, second: FaultUpstream) -> Path:
    """The example, with both servers on loopback."""
    example = json.loads(EXAMPLE.read_text("utf-8"))
    example["providers"]["ollama"]["baseUrl"] = primary.base_url
    example["providers"]["anthropic"] = {
        "apiKey": "${ANTHROPIC_API_KEY}",
        "baseUrl": second.base_url,
        "api": ANTHROPIC,
    }
    example["settings"]["orchestratorModel"]["firstToken"] = 0.3
    path = tmp_path / "polpo.json"
    path.write_text(json.dumps(example), "utf-8")
    return path


@pytest.fixture
def config(file: Path) -> Config:
    return load(file=file, env={"HOME": "/nowhere", "ANTHROPIC_API_KEY": KEY})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_the_library_goes_on_to_the_second_step(
    kind: str, stream: bool, config: Config, second: FaultUpstream
) -> None:
    asker = Asker(kind, config, env={"ANTHROPIC_API_KEY": KEY})
    answer = asker.stream(None).completion if stream else asker.chat(None)
    assert answer.text == WORDS
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 5)
    assert trail(answer.exchange)[-1] == "fallback anthropic/claude-sonnet-4-6 ok 200"
    check_request(second.requests[-1])


def test_the_client_as_it_is_goes_on_to_the_second_step(config: Config) -> None:
    with Client(config) as client:
        assert client.chat(None, "hi", api_key=KEY).text == WORDS


def test_the_command_line_goes_on_to_the_second_step(
    dragoman: Dragoman, file: Path, second: FaultUpstream
) -> None:
    dragoman.env["ANTHROPIC_API_KEY"] = KEY
    result = dragoman("--config", str(file), "-v", "Hello")
    assert (result.code, result.out) == (0, f"{WORDS}\n")
    lines = [line for line in result.err.splitlines() if not line.startswith(("   ", "Warning"))]
    assert "ollama/qwen2.5-coder:32b" in lines[0]
    assert "anthropic/claude-sonnet-4-6" in lines[-1]
    assert lines[-1].endswith("← answered")
    check_request(second.requests[-1])


def check_request(request: Request) -> None:
    """The second step is asked in its own language, with its own key."""
    assert request.path == "/v1/messages"
    assert request.header("x-api-key") == KEY
    assert request.header("authorization") is None
    assert request.header("anthropic-version") == "2023-06-01"
    body = request.json()
    assert body["model"] == "claude-sonnet-4-6"
    assert body["max_tokens"] > 0
