"""Ask a server with its maker's own SDK: what is said to it is given, what it says is printed.

given: `client` (ollama, cohere), `url`, `chat` (arguments, with `stream`) or `embed` (likewise).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

given = json.loads(sys.argv[1])


def ollama(method: str, arguments: dict[str, Any]) -> Iterable[Any]:
    from ollama import Client

    answer = getattr(Client(host=given["url"]), method)(**arguments)
    return answer if arguments.get("stream") else [answer]


def cohere(method: str, arguments: dict[str, Any]) -> Iterable[Any]:
    from cohere import ClientV2

    client = ClientV2(api_key="any", base_url=given["url"])
    if arguments.pop("stream", False):
        return client.chat_stream(**arguments)
    return [getattr(client, method)(**arguments)]


CLIENTS: dict[str, Callable[[str, dict[str, Any]], Iterable[Any]]] = {
    "ollama": ollama,
    "cohere": cohere,
}
method = "embed" if "embed" in given else "chat"
said = CLIENTS[given["client"]](method, given[method])
print(json.dumps([one.model_dump(mode="json", by_alias=True) for one in said]))
