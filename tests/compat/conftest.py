"""Askers of one provider that was written for LiteLLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dragoman import Completion
from dragoman.config import Config
from tests.compat.written import KEY, MODEL, TURNS, Case, take_over
from tests.library.asking import Asker, configure

Ask = Callable[..., Asker]
Table = Callable[..., dict[str, Any]]


def settings(table: dict[str, Any]) -> tuple[Config, dict[str, str]]:
    """Make a configuration of one provider, `a`, and its variables."""
    env = {"KEY": KEY}
    return configure({"a": table}, env=env), env


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which driver."""
    name: str = request.param
    return name


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Write the table of a provider: `table("guide", "MyProviderChatConfig", base_url)`."""

    def make(file: str, name: str, base_url: str = "", **more: Any) -> dict[str, Any]:
        path = take_over(file, tmp_path)
        place = {"base_url": base_url} if base_url else {}
        return {"adapter": f"{path}:{name}", "api_key": "env:KEY", **place, **more}

    return make


@pytest.fixture
def ask(kind: str, table: Table) -> Ask:
    """Ask a provider `a`: `ask("handler", "echo").chat("a/m")`."""

    def make(file: str, name: str, base_url: str = "", **more: Any) -> Asker:
        return Asker(kind, *settings(table(file, name, base_url, **more)))

    return make


def tell(asker: Asker, case: Case, stream: bool) -> dict[str, Any]:
    """Ask, and tell what was answered."""
    params = dict(case.params)
    ref = f"a/{MODEL}"
    if stream:
        streamed = asker.stream(ref, TURNS, **params)
        assert streamed.error is None, streamed.error
        answer: Completion = streamed.completion
    else:
        answer = asker.chat(ref, TURNS, **params)
    usage = answer.usage
    reported = usage is not None and not usage.estimated
    return {
        "text": answer.text,
        "calls": [{"name": c.name, "arguments": c.arguments} for c in answer.tool_calls],
        "end": answer.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens] if reported else None,
    }
