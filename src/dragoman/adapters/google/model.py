"""What a model's name tells: what differs between generations is decided here alone."""

from __future__ import annotations

import re

NAME = "gemini"
"""The key in `meta` of what only this API can read back, and the format of its own blocks."""

_NUMBER = re.compile(r"gemini-(\d+(?:\.\d+)?)")

_NEWEST = 99.0


def generation(model: str) -> float:
    """Read the generation: 2.5 of `gemini-2.5-flash`; an alias is the newest, another's model 0."""
    if "gemini" not in model:
        return 0.0
    found = _NUMBER.search(model)
    return float(found[1]) if found else _NEWEST


def signs_calls(model: str) -> bool:
    """Whether calls in the history must carry their signatures.

    Source: https://ai.google.dev/gemini-api/docs/thought-signatures (read 2026-11)
    """
    return generation(model) >= 3


def takes_levels(model: str) -> bool:
    """Whether thinking has levels; before, there were budgets alone.

    Source: https://ai.google.dev/gemini-api/docs/thinking (read 2026-11)
    """
    return generation(model) >= 3


def takes_pictures_in_results(model: str) -> bool:
    """Whether a function's result may hold pictures.

    Source: https://ai.google.dev/gemini-api/docs/function-calling (read 2026-11)
    """
    return generation(model) >= 3
