"""What OpenTelemetry's conventions call providers, where that differs from their names here.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/ (read 2026-11)
"""

from __future__ import annotations

_NAMES = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex": "gcp.vertex_ai",
    "xai": "x_ai",
}


def provider_name(name: str) -> str:
    """Name a provider as the conventions do; one that they do not know has its own name."""
    return _NAMES.get(name, name)
