"""The models that can be asked, as OpenAI's API lists them, or as Anthropic's does.

What is listed: routes and aliases, then what is configured, declared or discovered of providers
that can be used. The catalog alone lists nothing: hundreds of models that nobody has asked about
are no answer to "what is there?".

Source: https://platform.openai.com/docs/api-reference/models,
https://platform.claude.com/docs/en/api/models/list,
https://openrouter.ai/docs/api-reference/list-available-models (read 2026-11)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qs

from msgspec import Struct

from dragoman.config.presence import is_usable
from dragoman.errors import ConfigError, Forbidden, UnknownModel
from dragoman.registry import Registry
from dragoman.server.admission.snapshot import Admission
from dragoman.server.http.messages import JSON_HEADERS, Reply, Request
from dragoman.types.model import ModelInfo, Price
from dragoman.wire.fields import refuse
from dragoman.wire.json_text import encode

T = TypeVar("T")

CREATED = 0
"""When a model was made: nobody tells us, and both APIs want a time. Anthropic's says that it "may
be set to an epoch value if the release date is unknown"."""
_EPOCH = "1970-01-01T00:00:00Z"

PAGE = 20
PAGE_LIMIT = 1000
AT_ONCE = 100
"""Models that are written down before all others' requests go on."""
_PER_TOKEN = Decimal(1_000_000)


class _Row(Struct, frozen=True):
    """A model that can be asked: its id here, what is known of it, and who answers."""

    id: str
    info: ModelInfo
    owner: str


async def list_models(request: Request, reply: Reply, admission: Admission) -> None:
    """List the models that can be asked. Raises: InvalidRequest for a wrong page."""
    rows = in_turns(_rows(admission))
    if _is_anthropic(request):
        body = encode(_page([row async for row in rows], request.query))
    else:
        data = b",".join([encode(_openai(row)) async for row in rows])
        body = b'{"object":"list","data":[' + data + b"]}"
    await reply.send(200, JSON_HEADERS, body)


async def in_turns(rows: Iterable[T]) -> AsyncIterator[T]:
    """Yield rows, and let others have their turn now and then: a tenant may declare many models."""
    for count, row in enumerate(rows, 1):
        yield row
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)


async def show_model(request: Request, reply: Reply, admission: Admission) -> None:
    """Show one model, under the id that it was asked for by. Raises: UnknownModel."""
    ref = request.path.removeprefix("/v1").removeprefix("/models/")
    row = _find(ref, admission)
    shown = _anthropic(row) if _is_anthropic(request) else _openai(row)
    await reply.send(200, JSON_HEADERS, encode(shown))


def _is_anthropic(request: Request) -> bool:
    return "anthropic-version" in request.headers


def _find(ref: str, admission: Admission) -> _Row:
    registry = admission.snapshot.registry
    for deployment in registry.resolve(ref).deployments:
        if is_usable(deployment.provider, admission.snapshot.around.secrets.env):
            return _Row(ref, deployment.info, deployment.provider.name)
    raise UnknownModel(
        f"the model '{ref[:200]}' cannot be asked: its provider has no key, or is not configured",
        hint="GET /v1/models lists those that can",
    )


def _rows(admission: Admission) -> Iterator[_Row]:
    snapshot = admission.snapshot
    registry, env = snapshot.registry, snapshot.around.secrets.env
    usable = {name for name, found in registry.config.providers.items() if is_usable(found, env)}
    seen: set[str] = set()
    for name in registry.config.routes:
        if "*" not in name and (row := _route(name, registry, usable)):
            seen.add(name)
            yield row
    for provider, info in registry.models(catalog=False):
        ref = f"{provider.name}/{info.id}"
        if provider.name in usable and ref not in seen:
            yield _Row(ref, info, provider.name)


def _route(name: str, registry: Registry, usable: set[str]) -> _Row | None:
    """Describe a route by the first deployment that can answer; None when none can."""
    try:
        deployments = registry.resolve(name).deployments
    except (UnknownModel, ConfigError, Forbidden):
        return None  # it leads nowhere: whoever asks for it is told why
    for deployment in deployments:
        if deployment.provider.name in usable:
            return _Row(name, deployment.info, deployment.provider.name)
    return None


# ------------------------------------------------------------------------------ OpenAI's shape


def _openai(row: _Row) -> Mapping[str, Any]:
    """Write a model as OpenAI does, with what OpenRouter adds; unknown fields are left out."""
    info = row.info
    shown: dict[str, Any] = {
        "id": row.id,
        "object": "model",
        "created": CREATED,
        "owned_by": row.owner,
        "name": info.name or row.id,
    }
    if info.context_window is not None:
        shown["context_length"] = info.context_window
    if info.max_tokens is not None:
        shown["max_output_tokens"] = info.max_tokens
    if info.input is not None:
        shown["architecture"] = {"input_modalities": sorted(info.input)}
    if pricing := _pricing(info.price):
        shown["pricing"] = pricing
    shown["supported_parameters"] = _parameters(info)
    return shown


def _pricing(price: Price | None) -> Mapping[str, str]:
    """Write prices as OpenRouter does: USD per token, as text. Unknown ones are left out."""
    if price is None or price.source == "demo":
        return {}
    per_million = {
        "prompt": price.input,
        "completion": price.output,
        "input_cache_read": price.cache_read,
        "input_cache_write": price.cache_write,
        "internal_reasoning": price.reasoning,
    }
    found = {
        name: f"{amount / _PER_TOKEN:f}"
        for name, amount in per_million.items()
        if amount is not None
    }
    if price.request is not None:
        found["request"] = f"{price.request:f}"
    return found


def _parameters(info: ModelInfo) -> list[str]:
    """List what a request may set; an ability that is unknown is permitted, and so it is listed."""
    parameters = ["max_tokens", "stop", "temperature", "top_p"]
    if info.tools is not False:
        parameters += ["tool_choice", "tools"]
    if info.json_schema is not False:
        parameters += ["response_format", "structured_outputs"]
    if info.reasoning:
        parameters += ["include_reasoning", "reasoning", "reasoning_effort"]
    return sorted(parameters)


# --------------------------------------------------------------------------- Anthropic's shape


def _anthropic(row: _Row) -> Mapping[str, Any]:
    """Write a model as Anthropic does. What can be asked is active, as far as we know."""
    info = row.info
    return {
        "type": "model",
        "id": row.id,
        "display_name": info.name or row.id,
        "created_at": _EPOCH,
        "lifecycle": "active",
        "max_input_tokens": info.context_window,
        "max_tokens": info.max_tokens,
        "capabilities": None,
    }


def _page(rows: list[_Row], query: str) -> Mapping[str, Any]:
    """Cut a page out: `limit` behind `after_id`, or before `before_id`."""
    asked = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    limit = _limit(asked.get("limit"))
    ids = [row.id for row in rows]
    first, last = 0, len(rows)
    if after := asked.get("after_id"):
        first = _place(ids, after, "after_id") + 1
    if before := asked.get("before_id"):
        last = _place(ids, before, "before_id")
    backwards = bool(before) and not after
    page = rows[first:last][-limit:] if backwards else rows[first:last][:limit]
    return {
        "data": [_anthropic(row) for row in page],
        "has_more": len(page) < last - first,
        "first_id": page[0].id if page else None,
        "last_id": page[-1].id if page else None,
    }


def _limit(text: str | None) -> int:
    if text is None:
        return PAGE
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= PAGE_LIMIT):
        refuse("limit", f"expected a whole number from 1 to {PAGE_LIMIT}")
    return int(text)


def _place(ids: list[str], wanted: str, name: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        refuse(name, "there is no such model in the list")
