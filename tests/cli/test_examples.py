"""The examples of gptme's and Polpo's documentation work here as they stand there."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Dragoman
from tests.upstream.fault import FaultUpstream, chat_stream, tokens
from tests.upstream.proxy import Proxy
from tests.upstream.tls import Authority

CASES = Path(__file__).parent / "cases"
EXAMPLES = CASES / "examples"
REACHED = tomllib.loads((CASES / "reached.toml").read_text())["case"]

OLLAMA = "ollama:qwen2.5-coder:32b"


def provider_variable(name: str, setting: str) -> str:
    plain = "".join(c if c.isalnum() else "_" for c in name.upper())
    return f"DRAGOMAN_PROVIDERS__{plain}__{setting}"


def file_providers(path: Path) -> list[str]:
    """The names of the providers with a URL in an example."""
    if path.suffix == ".toml":
        return [table["name"] for table in tomllib.loads(path.read_text())["providers"]]
    found = json.loads(path.read_text()).get("providers", {})
    return [name for name, table in found.items() if isinstance(table, dict)]


def way_through(path: Path, proxy: Proxy, ca_file: Path) -> dict[str, str]:
    """Variables that send an example's providers through a proxy: their files stay unchanged."""
    variables = {}
    for name in file_providers(path):
        variables[provider_variable(name, "PROXY")] = proxy.url
        variables[provider_variable(name, "TLS__CA_FILE")] = str(ca_file)
    return variables


@pytest.mark.parametrize("case", REACHED, ids=[case["name"] for case in REACHED])
def test_example_reaches_its_server_with_the_right_request(
    case: dict[str, Any],
    dragoman: Dragoman,
    upstream: Callable[..., FaultUpstream],
    tmp_path: Path,
) -> None:
    path = EXAMPLES / case["file"]
    authority = Authority(tmp_path)
    host = case["host"].removesuffix(":443")
    tls = authority.server(host) if case.get("tls") else None
    up = upstream(chat_stream(["Good", " day"], usage=tokens(9, 2)), tls=tls)
    model = ["-m", case["model"]] if "model" in case else []
    with Proxy(hosts={case["host"]: up.port}) as proxy:
        env = {**way_through(path, proxy, authority.ca_file), **case.get("env", {})}
        result = dragoman("--config", str(path), *model, "-s", "Be brief.", "Hello", env=env)
    assert (result.code, result.out) == (0, "Good day\n")
    assert case.get("warns", "") in result.err
    assert bool(result.err) == ("warns" in case)
    assert len(proxy.passed) == 1
    assert proxy.passed[0].target.removeprefix("http://").startswith(case["host"])
    (request,) = up.requests
    assert request.method == "POST"
    assert request.target == case["target"]
    for name, value in case.get("headers", {}).items():
        assert request.header(name) == value
    for name in case.get("absent", []):
        assert request.header(name) is None
    body = request.json()
    assert body["model"] == case["sent_model"]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]
    assert body["stream"] is True


def test_providers_list_has_the_form_that_users_of_gptme_know(dragoman: Dragoman) -> None:
    result = dragoman("--config", str(EXAMPLES / "gptme-providers.toml"), "providers", "list")
    assert (result.code, result.err) == (0, "")
    assert result.out == (CASES / "providers-list.txt").read_text()


def test_providers_list_is_plain_where_the_encoding_has_no_such_symbols(dragoman: Dragoman) -> None:
    env = {"PYTHONIOENCODING": "ascii"}
    path = str(EXAMPLES / "gptme-providers.toml")
    result = dragoman("--config", path, "providers", "list", env=env)
    expected = (CASES / "providers-list.txt").read_text()
    assert result.out == expected.replace("🔌", "*").replace("📡", "-")


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_every_example_is_listed_with_url_key_and_default_model(
    path: Path, dragoman: Dragoman
) -> None:
    env = {"ANTHROPIC_API_KEY": "sk-ant-0123456789", "LITELLM_MASTER_KEY": "sk-0123456789"}
    result = dragoman("--config", str(path), "providers", "list", "--json", env=env)
    assert (result.code, result.err) == (0, "")
    assert [row["name"] for row in result.json()["configured"]] == file_providers(path)
    for row in result.json()["configured"]:
        assert row["base_url"].startswith("http")
        assert row["api_key_source"]
        assert row["problems"] == []
    assert "sk-" not in result.out
    assert "optional-key" not in result.out


def test_a_key_alone_makes_a_built_in_usable_and_is_no_custom_provider(dragoman: Dragoman) -> None:
    path = str(EXAMPLES / "polpo-fallback.json")
    result = dragoman(
        "--config", path, "providers", "list", env={"ANTHROPIC_API_KEY": "sk-ant-0123456789"}
    )
    custom, built_in = result.out.split("built-in provider(s) with a key:")
    assert "Found 1 custom provider(s):" in custom
    assert "📡 ollama" in custom
    assert "📡 anthropic" in built_in
    assert "API Key: ${ANTHROPIC_API_KEY}" in built_in


@pytest.fixture
def chain(dragoman: Dragoman, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Polpo's fallback example, with both servers on loopback and a chat model behind it."""

    def arguments(primary: str, fallback: str) -> list[str]:
        example = json.loads((EXAMPLES / "polpo-fallback.json").read_text())
        example["providers"]["ollama"]["baseUrl"] = primary
        example["providers"]["anthropic"] = {
            "apiKey": "${ANTHROPIC_API_KEY}",
            "baseUrl": fallback,
            "api": "openai-completions",
        }
        example["settings"]["orchestratorModel"]["firstToken"] = 1
        path = tmp_path / "chain.json"
        path.write_text(json.dumps(example))
        dragoman.env["ANTHROPIC_API_KEY"] = "sk-ant-0123456789"
        return ["--config", str(path), "-v", "Hello"]

    return arguments


def test_refused_primary_is_answered_for_by_the_fallback_and_the_trace_says_why(
    dragoman: Dragoman,
    upstream: Callable[..., FaultUpstream],
    chain: Callable[[str, str], list[str]],
) -> None:
    dead = upstream(chat_stream(["never"]), down=True)
    up = upstream(chat_stream(["from the fallback"], model="claude-sonnet-4-6"))
    result = dragoman(*chain(dead.base_url, up.base_url))
    assert (result.code, result.out) == (0, "from the fallback\n")
    first, second = result.err.splitlines()
    assert "ollama/qwen2.5-coder:32b" in first
    assert "refused" in first
    assert first.endswith("→ next")
    assert "anthropic/claude-sonnet-4-6" in second
    assert " 200 " in second
    assert second.endswith("← answered")
    assert up.requests[0].json()["model"] == "claude-sonnet-4-6"


def test_stalled_primary_is_answered_for_by_the_fallback_and_the_trace_says_why(
    dragoman: Dragoman,
    upstream: Callable[..., FaultUpstream],
    chain: Callable[[str, str], list[str]],
) -> None:
    slow = upstream(chat_stream(["too late"]).stall(4, at=0))
    up = upstream(chat_stream(["from the fallback"], model="claude-sonnet-4-6"))
    result = dragoman(*chain(slow.base_url, up.base_url))
    assert (result.code, result.out) == (0, "from the fallback\n")
    first, second = result.err.splitlines()
    assert "no first token within 1 s" in first
    assert first.endswith("→ next")
    assert second.endswith("← answered")
    slow.requests[0].wait_closed()
    assert slow.requests[0].json()["model"] == OLLAMA.partition(":")[2]
