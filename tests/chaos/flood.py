"""Many requests at the same moment, from one event loop."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from urllib.parse import urlsplit

LONG_S = 120.0
BODY = json.dumps(
    {"model": "mine/m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10}
).encode()


def flood(url: str, key: str, count: int) -> Counter[int]:
    """Ask so often, all at once; count the statuses. 0 is a connection that broke."""
    return asyncio.run(_flood(url, key, count))


async def _flood(url: str, key: str, count: int) -> Counter[int]:
    at = urlsplit(url)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n"
        f"content-type: application/json\r\nauthorization: Bearer {key}\r\n"
        f"content-length: {len(BODY)}\r\n\r\n"
    ).encode()
    ready = asyncio.Event()
    waiting = 0

    async def one() -> int:
        nonlocal waiting
        try:
            async with asyncio.timeout(LONG_S):
                reader, writer = await asyncio.open_connection(at.hostname, at.port)
                waiting += 1
                if waiting == count:
                    ready.set()
                await ready.wait()
                try:
                    writer.write(head + BODY)
                    answer = await reader.read()
                finally:
                    writer.close()
        except OSError:
            waiting += 1
            if waiting == count:
                ready.set()
            return 0
        return int(answer.split(b" ", 2)[1]) if answer else 0

    return Counter(await asyncio.gather(*(one() for _ in range(count))))
