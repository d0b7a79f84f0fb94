"""What every script here does: read the models to ask from its argument, print what they said.

The argument: `url` (without `/v1`), `models`, and whether to try `tools`. What is printed: for each
model `whole` (an answer), `stream` (its pieces) and `call` (a tool's name and its arguments).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

QUESTION = "Say hello"
TOOL_QUESTION = "Look up Paris"
TOOL = "look_up"
TOOL_TEXT = "Look up a city."
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
}
MAX_TOKENS = 16

Ask = Callable[[str, str], Any]
"""Asks a model at a URL."""


def tell(whole: Ask, stream: Ask, call: Ask) -> None:
    """Ask all models in the three ways, and print what they said."""
    given = json.loads(sys.argv[1])
    said = {}
    for model in given["models"]:
        ways = {"whole": whole, "stream": stream, **({"call": call} if given["tools"] else {})}
        said[model] = {name: way(given["url"], model) for name, way in ways.items()}
    print(json.dumps(said))
