"""Fields that requests to both of OpenAI's APIs have, that mean the same, and nobody models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from dragoman.types.message import Meta
from dragoman.types.request import ChatRequest

FAMILY = ("openai-completions", "openai-responses")

_SHARED = (
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "stream_options",
)

LOGPROBS = "message.output_text.logprobs"
"""How Responses are asked for log probabilities."""

_TIERS = {"auto": "auto", "standard_only": "default"}
"""Anthropic's tiers, and what OpenAI calls them.
Source: https://platform.claude.com/docs/en/api/service-tiers (read 2026-11)"""


def take_shared(request: ChatRequest, format_name: str) -> tuple[dict[str, Any], ChatRequest]:
    """Take what can be said in `format_name` out of a request that came in another language.

    Returns: the fields, and the request without them.
    """
    if request.format == format_name or request.format is None:
        return {}, request
    taken: dict[str, Any] = {}
    if request.format in FAMILY:
        taken = {name: request.extra[name] for name in _SHARED if name in request.extra}
    elif (tier := request.extra.get("service_tier")) in _TIERS:
        taken["service_tier"] = _TIERS[tier]
    return taken, without(request, taken)


def take_include(request: ChatRequest) -> ChatRequest:
    """Leave out `include` where it asks for log probabilities alone, which are modelled."""
    asked = request.extra.get("include")
    return without(request, ("include",)) if asked == [LOGPROBS] else request


def take_tier(request: ChatRequest) -> tuple[str | None, ChatRequest]:
    """Take a tier that Anthropic has as well out of a request in a language of OpenAI's."""
    tier = request.extra.get("service_tier") if request.format in FAMILY else None
    for theirs, ours in _TIERS.items():
        if tier == ours:
            return theirs, without(request, ("service_tier",))
    return None, request


def find_tier(meta: Meta | None) -> str | None:
    """Find the tier by which an answer says that it was served, in whichever API's words."""
    for name, fields in (meta or {}).items():
        more = fields.get("more_usage")
        tier = fields if name in FAMILY else more if isinstance(more, dict) else {}
        if isinstance(said := tier.get("service_tier"), str):
            return said if name in FAMILY else {"standard": "default"}.get(said, said)
    return None


def kin_tier(meta: Meta | None, warn: Callable[[str], None]) -> dict[str, str]:
    """Write the tier of an answer of OpenAI's as Anthropic's usage says it."""
    tier = find_tier({name: fields for name, fields in (meta or {}).items() if name in FAMILY})
    if tier is None:
        return {}
    if (said := {"default": "standard", "priority": "priority"}.get(tier)) is None:
        warn(f"the service tier {tier!r} is left out: this API has none like it")
        return {}
    return {"service_tier": said}


def without(request: ChatRequest, names: Any) -> ChatRequest:
    """Leave fields out of a request's `extra`."""
    if not names:
        return request
    rest = {name: value for name, value in request.extra.items() if name not in names}
    return replace(request, extra=rest)
