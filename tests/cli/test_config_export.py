"""`config import` and `config export`, as they are used: files, pipes, and what is told."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from tests.cli.running import Dragoman

OURS = """
[[providers]]
name = "mine"
base_url = "http://127.0.0.1:9/v1"
api_key = "sk-canary"
retries = 1

  [[providers.models]]
  id = "m"
  cost = { input = 0.15, output = 2.5 }

[aliases]
quick = "mine/m"
"""
TOOLS = ("gptme", "polpo", "pi", "litellm", "llm", "llmgateway")


@pytest.fixture
def ours(dragoman: Dragoman) -> Dragoman:
    dragoman.configure(OURS)
    return dragoman


@pytest.mark.parametrize("tool", TOOLS)
def test_export_prints_the_file_and_tells_what_is_not_in_it(ours: Dragoman, tool: str) -> None:
    result = ours("config", "export", "--to", tool)
    assert result.code == 0
    assert "mine" in result.out
    assert "Not said in " in result.err
    assert "canary" not in result.out + result.err


def test_what_was_exported_can_be_imported(ours: Dragoman) -> None:
    path = ours.cwd / "config.yaml"
    result = ours("config", "export", "--to", "litellm", str(path))
    assert (result.code, result.out) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yaml.safe_load(path.read_text())["model_list"][0]["model_name"] == "mine/m"
    back = ours("config", "import", str(path), "--kind", "litellm")
    assert back.code == 0
    assert "cost = { input = 0.15, output = 2.5 }" in back.out
    assert 'quick = "mine/m"' in back.out


def test_export_overwrites_nothing(ours: Dragoman) -> None:
    path = ours.cwd / "there.json"
    path.write_text("mine\n")
    result = ours("config", "export", "--to", "pi", str(path))
    assert result.code == 2
    assert "not overwritten" in result.err
    assert path.read_text() == "mine\n"
    assert ours("config", "export", "--to", "pi", "/nowhere/there.json").code == 2


def test_export_has_json_for_programs(ours: Dragoman) -> None:
    found = ours("config", "export", "--to", "gptme", "--json").json()
    assert found["kind"] == "gptme"
    assert 'name = "mine"' in found["text"]
    assert any("MINE_API_KEY" in line for line in found["lost"])


def test_export_says_what_it_cannot_do(dragoman: Dragoman) -> None:
    result = dragoman("config", "export", "--to", "gptme")
    assert result.code == 78
    assert "nothing to export" in result.err
    dragoman.configure(OURS)
    result = dragoman("config", "export", "--to", "aider")
    assert result.code == 78
    assert all(tool in result.err for tool in TOOLS)
    assert dragoman("config", "export").code == 2


def test_litellms_file_is_served_as_it_is(dragoman: Dragoman, tmp_path: Path) -> None:
    path = tmp_path / "litellm.yaml"
    path.write_text(
        "model_list:\n- model_name: echo\n  litellm_params:\n    model: openai/m\n"
        "    api_base: http://127.0.0.1:9/v1\n    api_key: os.environ/CORP_KEY\n"
    )
    found = dragoman("--config", str(path), "explain", "echo", "--json").json()
    assert [d["ref"] for d in found["deployments"]] == ["local-9/m"]
    result = dragoman("--config", str(path), "-m", "echo", "Hi")
    assert result.code == 78
    assert "CORP_KEY" in result.err
    assert f"{path}:6:" in result.err
