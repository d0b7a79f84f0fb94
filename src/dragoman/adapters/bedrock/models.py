"""What families of models take, where Converse has no field of its own for all of them.

Source: the pages of the models in https://docs.aws.amazon.com/bedrock/latest/userguide/, and what
the SDKs of langchain-aws and opencode found out by asking (read 2026-11)
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.adapters.ask import Ask
from dragoman.adapters.frames import Piece
from dragoman.wire.anthropic_messages.thinking import claude_version

NAME = "bedrock-converse"
"""The name under which parts keep what only this API can read back."""

Effort = Literal["claude", "nova", "flat", "nested"]


class Family(Struct, frozen=True):
    """What models whose id holds `sign` take.

    top_k: where it stands in `additionalModelRequestFields`.
    effort: how reasoning is asked for there: `thinking`, `reasoningConfig`, `reasoning_effort`,
        `reasoning.effort`.
    schema: the answer's schema can be sent; else it is told in the instructions.
    cache: cache points are taken. status: a tool's result may say that it is an error.
    stop_path: where the stop sequence is found that ended an answer.
    """

    sign: str = ""
    top_k: tuple[str, ...] = ()
    effort: Effort | None = None
    schema: bool = False
    cache: bool = False
    status: bool = False
    stop_path: str | None = None


_CLAUDE = Family(
    "anthropic.claude", ("top_k",), "claude", True, cache=True, status=True,
    stop_path="/stop_sequence",
)  # fmt: skip
_FAMILIES = (
    _CLAUDE,
    Family("amazon.nova-2", ("inferenceConfig", "topK"), "nova", cache=True, status=True),
    Family("amazon.nova", ("inferenceConfig", "topK"), cache=True, status=True),
    Family("openai.gpt-oss", effort="flat", schema=True),
    Family("openai.", effort="nested", schema=True),
    Family("moonshot", effort="flat", schema=True),
    Family("mistral.mistral-large-3", ("top_k",), schema=True),
    Family("mistral.", ("top_k",)),
    Family("cohere.command", ("k",)),
    Family("qwen.", schema=True),
    Family("deepseek.v3", schema=True),
    Family("google.gemma-3", schema=True),
    Family("minimax.", schema=True),
    Family("nvidia.nemotron", schema=True),
)
_UNKNOWN = Family()

_SCHEMA_SINCE = (4, 5)
"""The version of Claude that began to take a schema for its answer."""


def family_of(ask: Ask) -> Family:
    """Find what a model takes. An ARN that does not name it needs the option `family`."""
    model = (ask.option("family") or ask.model).lower()
    found = next((family for family in _FAMILIES if family.sign in model), _UNKNOWN)
    if found is _UNKNOWN and "claude" in model:
        found = _CLAUDE
    version = claude_version(model)
    if found is _CLAUDE and version is not None and version < _SCHEMA_SINCE:
        return replace(found, schema=False)
    return found


def read_models(answer: Piece) -> list[str]:
    """Read a region's list: what is called by its own id, and through an inference profile."""
    rows = answer.get("modelSummaries")
    ids = [row.get("modelId") for row in rows if isinstance(row, dict)] if rows else []
    return [name for name in ids if isinstance(name, str) and name]
