"""What clients of OpenAI's APIs say in headers to the server itself.

Source: https://platform.openai.com/docs/api-reference/authentication (read 2026-11)
"""

from __future__ import annotations

OPENAI_HEADERS = ("openai-organization", "openai-project", "openai-beta")
