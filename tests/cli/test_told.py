"""What is told beside an answer: tokens and cost, JSON, reasoning, attempts, the request."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.running import Dragoman
from tests.curl import needs_curl
from tests.upstream.fault import FaultUpstream, chat_stream, delta_stream, error

Upstream = Callable[..., FaultUpstream]


def test_usage_line_is_on_stderr(dragoman: Dragoman, up: FaultUpstream) -> None:
    result = dragoman("-u", "Hello")
    assert result.out == "Good day\n"
    name, prompt, answer, first, _, cost = result.err.strip().split(" · ")
    assert (name, prompt, answer) == ("up/m1", "18 in", "13 out")
    assert first.startswith("first token ")
    assert cost == "$0.0015"


def test_json_is_one_object_with_all_that_is_known(dragoman: Dragoman, up: FaultUpstream) -> None:
    result = dragoman("--json", "Hello")
    assert result.err == ""
    found = result.json()
    expected = {
        "text": "Good day", "finish_reason": "stop", "model": "m1", "provider": "up",
        "cost": 0.00148, "cost_source": "config", "tool_calls": [],
        "warnings": ["up/m1 answered as another model: test-model"],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert found["usage"]["prompt_tokens"] == 18
    assert found["usage"]["completion_tokens"] == 13
    assert [attempt["outcome"] for attempt in found["attempts"]] == ["ok"]
    assert found["attempts"][0]["status"] == 200
    assert found["request_id"].startswith("req_")
    assert "error" not in found
    whole = dragoman("--json", "--no-stream", "Hello").json()
    assert {name: whole[name] for name in expected} == expected


def test_reasoning_goes_to_stderr_unless_hidden(dragoman: Dragoman, upstream: Upstream) -> None:
    thinking = delta_stream([{"reasoning_content": "Let me see."}, {"content": "42"}])
    server = upstream(thinking)
    arguments = ["--base-url", server.base_url, "-m", "m", "Hello"]
    result = dragoman(*arguments)
    assert (result.out, result.err) == ("42\n", "Let me see.\n")
    assert (dragoman("-R", *arguments).out, dragoman("-R", *arguments).err) == ("42\n", "")


def test_trace_tells_every_attempt(dragoman: Dragoman, upstream: Upstream) -> None:
    busy = upstream([error(429, retry_after_ms=20, message="slow down"), error(500)])
    good = upstream(chat_stream(["Hi"], model="y"))
    dragoman.configure(
        f'[[providers]]\nname = "busy"\nbase_url = "{busy.base_url}"\nretries = 1\n'
        f'[[providers]]\nname = "good"\nbase_url = "{good.base_url}"\n'
    )
    result = dragoman("-m", "busy/x", "-m", "good/y", "-v", "Hello")
    assert (result.code, result.out) == (0, "Hi\n")
    lines = [line for line in result.err.splitlines() if not line.startswith("   ")]
    assert [line.split()[:2] for line in lines] == [
        ["1", "busy/x"],
        ["2", "busy/x"],
        ["3", "good/y"],
    ]
    assert "429 rate limited" in lines[0]
    assert lines[0].endswith("→ again after 20 ms")
    assert "(retry)" in lines[1]
    assert "500 server error" in lines[1]
    assert lines[1].endswith("→ next")
    assert lines[2].endswith("← answered")
    assert "slow down" in result.err


def test_trace_of_a_failure_ends_with_the_last_attempt(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    dead = upstream(chat_stream(["never"]), down=True)
    result = dragoman("--base-url", dead.base_url, "-m", "x", "-v", "-o", "retries", "0", "Hello")
    assert result.code == 69
    assert "→ gave up" in result.err.splitlines()[0]


def test_curl_shows_the_request_and_sends_nothing(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(chat_stream(["no"]))
    dragoman.configure(
        f'[[providers]]\nname = "corp"\nbase_url = "{server.base_url}?version=2"\n'
        'api_key = "env:CORP_KEY"\n'
        'headers = { x-team = "search", x-token = "env:CORP_TOKEN" }\n'
        'dialect = { max_tokens_field = "max_completion_tokens", drop = ["seed"] }\n'
    )
    env = {"CORP_KEY": "sk-very-secret-0123", "CORP_TOKEN": "token-very-secret-0123"}
    result = dragoman(
        "-m", "corp/m1", "--curl", "-o", "max_tokens", "9", "-o", "seed", "1", "It's", env=env
    )
    assert result.code == 0
    assert server.requests == []
    assert "very-secret" not in result.out + result.err
    assert f"curl -N '{server.base_url}/chat/completions?version=2' \\" in result.out
    assert '-H "authorization: Bearer $CORP_KEY"' in result.out
    assert '-H "x-token: $CORP_TOKEN"' in result.out
    assert "-H 'x-team: search'" in result.out
    assert "max_tokens is sent as max_completion_tokens" in result.err
    assert "seed" in result.err
    assert not dragoman.database.exists()


def test_curl_shows_no_secret_that_an_adapter_puts_anywhere(dragoman: Dragoman) -> None:
    path = dragoman.configure(
        '[[providers]]\nname = "talk"\nbase_url = "http://h"\nadapter = "talk.toml"\n'
        'options = { pass = "env:TALK_PASS" }\n'
    )
    path.with_name("talk.toml").write_text(
        '[headers]\nx-two = "two {option.pass}"\n[request]\nq = "{last}"\nby = "{option.pass}"\n'
    )
    env = {"TALK_PASS": "very secret words"}
    result = dragoman("-m", "talk/m1", "--curl", "Hello", env=env)
    assert result.code == 0, result.err
    assert "very secret" not in result.out + result.err
    assert '"q":"Hello"' in result.out


@needs_curl
def test_curl_command_does_what_it_says(dragoman: Dragoman, up: FaultUpstream) -> None:
    arguments = ["-o", "temperature", "0.5", 'It\'s "so" $HOME `x`']
    command = dragoman("--curl", *arguments).out
    assert "very" not in command
    ran = dragoman.shell(command.replace("curl", "curl -s", 1))
    assert ran.code == 0, ran.err
    dragoman(*arguments)
    by_curl, by_us = up.requests
    assert by_curl.body == by_us.body
    assert by_curl.target == by_us.target
