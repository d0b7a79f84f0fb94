"""`providers`, `models`, `explain`, `config`: what they say, for people and for programs."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cli.running import Dragoman

CONFIG = """
default_model = "coder"

[[providers]]
name = "mycorp"
base_url = "https://llm.corp.example?api-version=3&key=query-secret-0123456789"
api_key = "env:CORP_KEY"
headers = { x-team = "search", x-secret = "header-secret-0123456789" }
default_model = "gpt-oss-120b"
limits = { rpm = 600 }
dialect = { drop = ["store"] }
proxy = "http://me:proxy-secret-0123456789@proxy.corp:3128"

  [[providers.models]]
  id = "gpt-oss-120b"
  context_window = 131072
  max_tokens = 8192
  input = ["text", "image"]
  reasoning = true
  cost = { input = 0.5, output = 1.5 }

[[providers]]
name = "literal"
base_url = "http://127.0.0.1:9/v1"
api_key = "literal-secret-0123456789"

[routes.coder]
models = ["mycorp", "literal/small"]
first_token = 4
"""

SECRETS = ("query-secret", "header-secret", "proxy-secret", "literal-secret", "env-secret")
COMMANDS = [
    ["providers", "list"],
    ["providers", "show", "mycorp"],
    ["providers", "show", "literal"],
    ["models", "list"],
    ["models", "info", "coder"],
    ["explain", "coder"],
    ["explain"],
    ["config", "show"],
    ["config", "path"],
    ["config", "check"],
    ["--curl", "-m", "mycorp", "Hello"],
    ["--curl", "-m", "literal/small", "Hello"],
    ["-m", "literal/small", "-v", "-u", "-o", "retries", "0", "Hello"],
    ["--debug", "-m", "literal/small", "-o", "retries", "0", "Hello"],
]


@pytest.fixture
def corp(dragoman: Dragoman) -> Dragoman:
    dragoman.configure(CONFIG)
    dragoman.env["CORP_KEY"] = "env-secret-0123456789"
    return dragoman


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(command: list[str], corp: Dragoman) -> None:
    for arguments in (command, [*command, "--json"]):
        result = corp(*arguments)
        assert result.code in (0, 69)
        shown = result.out + result.err
        assert not [secret for secret in SECRETS if secret in shown]


@pytest.mark.parametrize("command", [c for c in COMMANDS if "--curl" not in c], ids=" ".join)
def test_every_command_speaks_json(command: list[str], corp: Dragoman) -> None:
    assert json.loads(corp(*command, "--json").out)


def test_list_shows_references_as_written_and_no_literals(corp: Dragoman) -> None:
    out = corp("providers", "list").out
    assert "   API Key: env:CORP_KEY\n" in out
    assert "   API Key: (configured directly)\n" in out
    assert out.count("Default Model:") == 1


def test_list_as_json_has_the_promised_fields(corp: Dragoman) -> None:
    first, second = corp("providers", "list", "--json").json()["configured"]
    assert first["name"] == "mycorp"
    assert first["api"] == "openai-completions"
    assert first["api_key_source"] == "env:CORP_KEY"
    assert first["api_key_configured"] is True
    assert first["default_model"] == "gpt-oss-120b"
    assert first["origin"] == "user"
    assert second["api_key_source"] == "(configured directly)"
    assert second["default_model"] is None
    del corp.env["CORP_KEY"]
    again = corp("providers", "list", "--json").json()["configured"]
    assert again[0]["api_key_configured"] is False


def test_without_providers_a_stub_is_offered_that_works(dragoman: Dragoman) -> None:
    result = dragoman("providers", "list")
    first, *rest = result.out.splitlines()
    assert first == "📭 No custom providers configured"
    stub = "\n".join(rest[rest.index("[[providers]]") :])
    dragoman.configure(stub)
    row = dragoman("providers", "list", "--json").json()["configured"][0]
    assert row["name"] == "my-provider"
    assert row["problems"] == []


def test_broken_provider_is_listed_with_its_problem_beside_sound_ones(dragoman: Dragoman) -> None:
    dragoman.configure(
        '[[providers]]\nname = "good"\nbase_url = "http://127.0.0.1:9"\n'
        '[[providers]]\nname = "bad"\nbase_url = "http://127.0.0.1:9"\nretries = "many"\n'
    )
    result = dragoman("providers", "list")
    assert result.code == 0
    assert "📡 good" in result.out
    assert "📡 bad" in result.out
    assert "retries" in result.out.partition("📡 bad")[2]


def test_show_tells_the_url_that_is_called(corp: Dragoman) -> None:
    shown = corp("providers", "show", "mycorp", "--json").json()
    assert shown["calls"].startswith("https://llm.corp.example/v1/chat/completions?api-version=3")
    assert shown["limits"] == {"rpm": 600}
    assert shown["dialect"] == {"drop": ["store"]}
    assert shown["headers"] == {"x-team": "search", "x-secret": "…"}
    assert shown["proxy"] == "http://proxy.corp:3128"
    assert "https://llm.corp.example/v1/chat/completions" in corp("providers", "show", "mycorp").out
    assert corp("providers", "show", "GROQ", "--json").json()["name"] == "groq"


def test_models_are_listed_with_limits_price_and_source(corp: Dragoman) -> None:
    heading, *rows = corp("models", "list", "-p", "mycorp").out.splitlines()
    assert heading.split()[:3] == ["MODEL", "CONTEXT", "ANSWER"]
    assert [row.split() for row in rows] == [
        ["mycorp/gpt-oss-120b", "131k", "8k", "$0.5/$1.5", "image,reasoning", "config"]
    ]
    found = corp("models", "list", "-q", "OSS", "-q", "corp", "--json").json()
    assert [row["ref"] for row in found] == ["mycorp/gpt-oss-120b"]
    assert found[0]["price"]["input"] == 0.5


def test_models_of_providers_without_a_key_are_listed_on_demand(dragoman: Dragoman) -> None:
    usable = {row["provider"] for row in dragoman("models", "list", "--json").json()}
    assert usable == {"demo"}
    every = {row["provider"] for row in dragoman("models", "list", "--all", "--json").json()}
    assert {"openai", "groq", "mistral"} <= every


def test_model_info_tells_where_each_fact_is_from(corp: Dragoman) -> None:
    found = corp("models", "info", "mycorp", "--json").json()
    assert found["context_window"] == 131072
    assert found["sources"]["context_window"] == "config"
    assert "131,072" in corp("models", "info", "mycorp").out


def test_explain_tells_the_chain(corp: Dragoman) -> None:
    found = corp("explain", "--json").json()
    assert found["asked"] == "coder"
    assert [d["ref"] for d in found["deployments"]] == ["mycorp/gpt-oss-120b", "literal/small"]
    assert found["deployments"][0]["first_token"] == 4
    out = corp("explain", "coder").out
    assert "mycorp/gpt-oss-120b" in out
    assert "config.toml:" in out


def test_config_path_says_what_is_read(corp: Dragoman) -> None:
    (corp.cwd / "dragoman.toml").write_text('default_model = "demo/echo"\n')
    rows = corp("config", "path", "--json").json()
    assert [(row["layer"], row["found"], row["trusted"]) for row in rows] == [
        ("system", False, True),
        ("user", True, True),
        ("user", False, True),
        ("project", True, False),
    ]
    assert "not trusted" in corp("config", "path").out


def test_config_check_finds_everything_with_its_place(dragoman: Dragoman) -> None:
    path = dragoman.configure(
        '[[providers]]\nname = "a"\nbase_url = "http://127.0.0.1:9"\ntimeots = 3\n'
        '[[providers]]\nname = "b"\nbase_url = "nonsense"\n'
        '[[providers]]\nname = "c"\nbase_url = "http://127.0.0.1:9"\napi_key = "env:NOT_SET"\n'
    )
    result = dragoman("config", "check")
    assert result.code == 78
    assert f"{path}:4" in result.out
    assert "timeouts" in result.out
    assert f"{path}:7" in result.out
    assert "NOT_SET" in result.out
    found = dragoman("config", "check", "--json")
    assert found.code == 78
    assert found.json()["ok"] is False
    assert len(found.json()["errors"]) == 2
    assert len(found.json()["warnings"]) == 1
    dragoman.configure("")
    assert dragoman("config", "check").code == 0


def test_config_show_has_the_origin_of_every_value(corp: Dragoman) -> None:
    result = corp("config", "show", env={"DRAGOMAN_MODEL": "demo/echo"})
    assert "default_model = demo/echo  # env, variable DRAGOMAN_MODEL" in result.out
    assert "providers.mycorp.limits.rpm = 600  # user, " in result.out
    rows = {row["name"]: row for row in corp("config", "show", "--json").json()}
    assert rows["providers.mycorp.api_key"]["value"] == "env:CORP_KEY"


def test_import_prints_what_works_and_lists_what_does_not_fit(dragoman: Dragoman) -> None:
    folder = dragoman.home / ".config/gptme"
    folder.mkdir(parents=True)
    (folder / "gptme.toml").write_text(
        '[prompt]\nabout_user = "me"\n'
        '[[providers]]\nname = "vllm-local"\nbase_url = "http://localhost:8000/v1"\n'
        'default_model = "meta-llama/Llama-3.1-8B"\n'
    )
    result = dragoman("config", "import", "gptme")
    assert result.code == 0
    assert tomllib.loads(result.out)["providers"][0]["name"] == "vllm-local"
    assert not dragoman.config_file.exists()
    written = dragoman("config", "import", "gptme", "--write")
    assert (written.code, written.out) == (0, "")
    assert stat.S_IMODE(dragoman.config_file.stat().st_mode) == 0o600
    assert "📡 vllm-local" in dragoman("providers", "list").out
    again = dragoman("config", "import", "gptme", "--write")
    assert again.code == 2
    assert "not overwritten" in again.err


def test_import_takes_a_file_of_polpos(dragoman: Dragoman) -> None:
    path = Path(__file__).parent / "cases/examples/polpo-fallback.json"
    result = dragoman("config", "import", str(path))
    assert result.code == 0
    dragoman.configure(result.out)
    found = dragoman("explain", "--json").json()
    assert [d["ref"] for d in found["deployments"]] == [
        "ollama/qwen2.5-coder:32b",
        "anthropic/claude-sonnet-4-6",
    ]


def test_trust_lets_a_projects_file_say_more_until_it_changes(dragoman: Dragoman) -> None:
    project = dragoman.cwd / "dragoman.toml"
    project.write_text(
        '[[providers]]\nname = "p"\nbase_url = "http://127.0.0.1:9"\napi_key = "env:HOME"\n'
    )

    def listed() -> bool:
        return "API Key: env:HOME" in dragoman("providers", "list").out

    assert not listed()
    assert "not trusted" in dragoman("providers", "list").err
    assert dragoman("config", "trust").code == 0
    assert listed()
    project.write_text(project.read_text() + "# changed\n")
    assert not listed()
    dragoman("config", "trust", "dragoman.toml")
    assert listed()
    assert dragoman("config", "trust", "--revoke", "--json").json()["trusted"] is False
    assert not listed()


def test_flags_that_all_share_may_stand_before_and_behind(corp: Dragoman, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[[providers]]\nname = "other"\nbase_url = "http://127.0.0.1:9"\n')
    for arguments in (
        ["--config", str(other), "providers", "list"],
        [f"--config={other}", "providers", "list"],
        ["providers", "--config", str(other), "list"],
        ["providers", "list", "--config", str(other)],
        ["--debug", "--color", "never", "--config", str(other), "providers", "list"],
    ):
        out = corp(*arguments).out
        assert "📡 other" in out
        assert "mycorp" not in out


def test_group_without_a_command_lists(corp: Dragoman) -> None:
    assert corp("providers").out == corp("providers", "list").out
    assert corp("models").out == corp("models", "list").out


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["-h"], ["help"], ["providers", "--help"], ["providers", "list", "-h"],
     ["models", "--help"], ["explain", "--help"], ["config", "import", "--help"],
     ["help", "providers"], ["-m", "x", "--help"]],
    ids=" ".join,
)  # fmt: skip
def test_help_is_there_everywhere(arguments: list[str], dragoman: Dragoman) -> None:
    result = dragoman(*arguments)
    assert (result.code, result.err) == (0, "")
    assert "Usage: dragoman" in result.out


def test_version_is_told(dragoman: Dragoman) -> None:
    assert dragoman("--version").out.startswith("dragoman 0.")


HEAVY = ("http", "asyncio", "yaml", "sqlite3", "ssl", "rich", "msgspec", "dragoman.config",
         "dragoman.engine", "dragoman.client")  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--version"]])
def test_start_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom dragoman.cli import run\n"
        + (f"run({arguments})\n" if arguments else "")
        + f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stderr == "[]\n"
