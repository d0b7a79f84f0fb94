"""What an organisation takes away is a configuration file that holds, and has no secret in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dragoman.config import load
from tests.control.plane import Plane

TOKEN = "sk-canary-0123456789"
SET_UP: dict[str, Any] = {
    "providers/acme": {
        "base_url": "https://llm.example/v1", "token": TOKEN, "limits": {"rpm": 60},
        "models": [{"id": "large", "cost": {"input": 1.5, "output": 2}}],
    },
    "providers/spare": {"base_url": "https://spare.example", "api": "anthropic-messages"},
    "credentials/groq": {"token": TOKEN},
    "credentials/github-models": {"token": TOKEN},
    "routes/smart": {"definition": {"models": ["acme/large", "demo/echo"]}},
    "guardrails/secrets": {"definition": {"kind": "secrets"}},
}  # fmt: skip


def test_the_set_up_is_taken_away_as_a_configuration_that_holds(
    plane: Plane, tmp_path: Path
) -> None:
    plane.organisation("red")
    for path, body in SET_UP.items():
        answer = plane.ask("PUT", f"organisations/red/{path}", body)
        assert answer.status == 200, answer.body
    exported = plane.ask("GET", "organisations/red/export")
    assert exported.status == 200
    assert exported.headers["content-disposition"] == 'attachment; filename="red.toml"'
    text = exported.body.decode()
    assert TOKEN not in text
    assert 'api_key_env = "GITHUB_MODELS_API_KEY"' in text  # a variable that a shell can set
    file = tmp_path / "red.toml"
    file.write_text(text)
    env = {"HOME": str(tmp_path), "ACME_API_KEY": TOKEN, "GROQ_API_KEY": TOKEN}
    config = load(env=env, file=file)
    assert (config.problems, config.notes) == ((), ())
    acme = config.providers["acme"]
    assert (acme.base_url, acme.limits.rpm) == ("https://llm.example/v1", 60)
    assert config.providers["spare"].api == "anthropic-messages"
    assert config.providers["groq"].base_url == "https://api.groq.com/openai/v1"
    assert list(config.routes) == ["smart"]
    assert [one.kind for one in config.guardrails] == ["secrets"]


def test_an_organisation_without_anything_has_a_file_without_anything(plane: Plane) -> None:
    exported = plane.ask("GET", "organisations/default/export")
    assert exported.body.decode().strip().startswith("# What organisation default has set up")
    assert len(exported.body.decode().strip().splitlines()) == 1
