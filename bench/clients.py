"""The libraries that are compared: each one call, and one stream read to its end.

`python -m bench.clients NAME KIND COUNT BASE_URL` runs in a process of its own and prints JSON:
seconds of CPU of that process for COUNT calls, warm-up and import excluded, and its peak memory.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Say something about interpreters, in sixty words or so, please."},
]
BODY = {"model": "bench", "messages": MESSAGES}
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOG", "ERROR")

Sync = Callable[[], object]
Async = Callable[[], Awaitable[object]]


def dragoman_config(base_url: str) -> Any:
    from dragoman.config import load

    providers = {"bench": {"base_url": base_url, "api_key": "k"}}
    return load(overrides={"providers": providers})


def dragoman_sync(base_url: str) -> Sync:
    from dragoman import Client

    client = Client(dragoman_config(base_url))
    return lambda: client.chat("bench/bench", MESSAGES).text


def dragoman_async(base_url: str) -> Async:
    from dragoman import AsyncClient

    client = AsyncClient(dragoman_config(base_url))

    async def call() -> object:
        return (await client.chat("bench/bench", MESSAGES)).text

    return call


def dragoman_stream(base_url: str) -> Sync:
    from dragoman import Client

    client = Client(dragoman_config(base_url))
    return lambda: "".join(client.stream("bench/bench", MESSAGES).text_deltas())


def openai_sync(base_url: str) -> Sync:
    import openai

    client = openai.OpenAI(base_url=base_url, api_key="k")
    create: Any = client.chat.completions.create
    return lambda: create(**BODY).choices[0].message.content


def openai_async(base_url: str) -> Async:
    import openai

    client = openai.AsyncOpenAI(base_url=base_url, api_key="k")
    create: Any = client.chat.completions.create

    async def call() -> object:
        return (await create(**BODY)).choices[0].message.content

    return call


def openai_stream(base_url: str) -> Sync:
    import openai

    client = openai.OpenAI(base_url=base_url, api_key="k")
    create: Any = client.chat.completions.create
    options = {"include_usage": True}
    return lambda: _join(create(**BODY, stream=True, stream_options=options))


def litellm_sync(base_url: str) -> Sync:
    import litellm

    completion: Any = litellm.completion
    more = {"model": "openai/bench", "messages": MESSAGES, "api_base": base_url, "api_key": "k"}
    return lambda: completion(**more).choices[0].message.content


def litellm_async(base_url: str) -> Async:
    import litellm

    completion: Any = litellm.acompletion
    more = {"model": "openai/bench", "messages": MESSAGES, "api_base": base_url, "api_key": "k"}

    async def call() -> object:
        return (await completion(**more)).choices[0].message.content

    return call


def litellm_stream(base_url: str) -> Sync:
    import litellm

    completion: Any = litellm.completion
    more = {"model": "openai/bench", "messages": MESSAGES, "api_base": base_url, "api_key": "k"}
    options = {"include_usage": True}
    return lambda: _join(completion(**more, stream=True, stream_options=options))


def anyllm_sync(base_url: str) -> Sync:
    import any_llm

    client: Any = any_llm.AnyLLM.create("openai", api_key="k", api_base=base_url)
    return lambda: client.completion(**BODY).choices[0].message.content


def anyllm_async(base_url: str) -> Async:
    import any_llm

    client: Any = any_llm.AnyLLM.create("openai", api_key="k", api_base=base_url)

    async def call() -> object:
        return (await client.acompletion(**BODY)).choices[0].message.content

    return call


def anyllm_stream(base_url: str) -> Sync:
    import any_llm

    client: Any = any_llm.AnyLLM.create("openai", api_key="k", api_base=base_url)
    return lambda: _join(client.completion(**BODY, stream=True))


def httpx2_sync(base_url: str) -> Sync:
    import httpx2

    client: Any = httpx2.Client(headers={"authorization": "Bearer k"})
    url = f"{base_url}/chat/completions"
    return lambda: client.post(url, json=BODY).json()["choices"][0]["message"]["content"]


def httpx2_async(base_url: str) -> Async:
    import httpx2

    client: Any = httpx2.AsyncClient(headers={"authorization": "Bearer k"})
    url = f"{base_url}/chat/completions"

    async def call() -> object:
        answer = await client.post(url, json=BODY)
        return answer.json()["choices"][0]["message"]["content"]

    return call


def httpx2_stream(base_url: str) -> Sync:
    """The least that reads a stream: lines, and JSON of each."""
    import httpx2

    client: Any = httpx2.Client(headers={"authorization": "Bearer k"})
    url = f"{base_url}/chat/completions"

    def call() -> object:
        text = ""
        with client.stream("POST", url, json={**BODY, "stream": True}) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    choices = json.loads(line[6:])["choices"]
                    text += (choices[0]["delta"].get("content") or "") if choices else ""
        return text

    return call


def _join(chunks: Any) -> str:
    return "".join((chunk.choices[0].delta.content or "") for chunk in chunks if chunk.choices)


@contextmanager
def cpu_seconds() -> Iterator[list[float]]:
    """Measure this process's CPU time, user and system, all threads."""
    taken: list[float] = []
    gc.collect()
    before = time.process_time()
    yield taken
    taken.append(time.process_time() - before)


def measure(name: str, kind: str, count: int, base_url: str) -> dict[str, float]:
    """Run one library `count` times; give CPU ms a call and peak memory in MB."""
    call = globals()[f"{name}_{kind}"](base_url)
    warm_up = max(3, count // 10)
    with cpu_seconds() as taken:
        if kind == "async":

            async def loop() -> None:
                for _ in range(warm_up):
                    await call()
                before = time.process_time()
                for _ in range(count):
                    await call()
                taken.append(time.process_time() - before)

            asyncio.run(loop())
        else:
            for _ in range(warm_up):
                call()
            before = time.process_time()
            for _ in range(count):
                call()
            taken.append(time.process_time() - before)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"cpu_ms": taken[0] / count * 1000, "peak_mb": peak_kib / 1024}


if __name__ == "__main__":
    name, kind, count, base_url = sys.argv[1:]
    print(json.dumps(measure(name, kind, int(count), base_url)))
