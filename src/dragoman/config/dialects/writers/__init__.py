"""Our configuration as other tools' files: one file for each tool, `write(source) -> text`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOOLS: Mapping[str, str] = MappingProxyType(
    {
        "gptme": "config.toml",
        "polpo": "polpo.json",
        "pi": "models.json",
        "litellm": "config.yaml",
        "llm": "extra-openai-models.yaml",
        "llmgateway": "llmgateway.json",
    }
)
"""The tools that can be written for, and what they call their file."""
