"""Which aids a deployment needs: what configuration says a model or server cannot do by itself."""

from __future__ import annotations

from msgspec import structs

from dragoman.types.model import ModelInfo, RepetitionGuard
from dragoman.types.provider import Provider
from dragoman.types.route import Aids

_NONE = Aids()


def find_aids(provider: Provider, info: ModelInfo) -> Aids | None:
    """Work out a model's aids; None where there are none, which is usual.

    What is said of the model comes before what is said of its provider. A model whose own table
    says `tools = true` needs no help of its provider's with them; one that is said to call none, by
    its own table or by its server, is never sent any. The catalog may be out of date: what it says
    refuses nothing.
    """
    emulate = provider.emulate if info.emulate is None else info.emulate
    tools, schema = "tools" in emulate, "schema" in emulate
    if info.emulate is None:
        tools = tools and not (info.tools and info.sources.get("tools") == "config")
        schema = schema and not (info.json_schema and info.sources.get("json_schema") == "config")
    known = info.sources.get("tools") in ("config", "discovered")
    repair = provider.repair_arguments if info.repair_arguments is None else info.repair_arguments
    aids = Aids(
        emulate_tools=tools,
        emulate_schema=schema,
        repair_arguments=repair,
        stream=provider.stream if info.stream is None else info.stream,
        refuse_tools=info.tools is False and known and not tools,
        think=provider.dialect.think_tags if _is_other(provider) else False,
        guard=_guard(info.repetition_guard or provider.repetition_guard),
    )
    return None if aids == _NONE else aids


def _is_other(provider: Provider) -> bool:
    """Whether nobody but us looks for tags of thoughts in what it says."""
    return provider.adapter is not None or provider.api != "openai-completions"


def add_guard(aids: Aids | None, guard: RepetitionGuard | None) -> Aids | None:
    """Put a route's guard in the place of the deployment's, if it has one."""
    if guard is None:
        return aids
    changed = structs.replace(aids or _NONE, guard=_guard(guard))
    return None if changed == _NONE else changed


def _guard(guard: RepetitionGuard | None) -> RepetitionGuard | None:
    return guard if guard is not None and guard.characters else None
