"""What stands in for abilities that a model or server lacks: layers around its wire format.

    tools, schema   put into words, and read out of the answer        wire/emulation
    stream = false  a whole answer as a stream of one piece           wire/plain
    guard           a stream that repeats itself is ended             wire/repetition

A deployment without aids, which is the usual one, never gets here.
"""

from __future__ import annotations

from typing import Protocol, cast

from dragoman.engine.call import Call
from dragoman.errors import Unsupported
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment
from dragoman.wire.base import WireFormat


class _Asking(Protocol):
    """A dialogue with a request of our own words: all of them but those beside the format's own."""

    request: ChatRequest


def aid(upstream: WireFormat, call: Call, deployment: Deployment, *, plain: bool) -> WireFormat:
    """Put a deployment's aids around its format, for one attempt. `plain`: it can't stream.

    What an aid does not concern goes on as it would without: bytes can be relayed then.

    Raises: Unsupported for tools, where the model is known to call none; then another is asked.
    """
    aids = deployment.aids
    assert aids is not None, "who has none needs no help"
    asked: ChatRequest | None = None
    if (
        aids.refuse_tools
        or aids.emulate_tools
        or aids.emulate_schema
        or aids.repair_arguments
        or aids.think
    ):
        asked = cast("_Asking", call.dialogue).request
    if asked is not None and aids.refuse_tools and asked.tools and not _forbids(asked):
        raise _no_tools(deployment)
    if plain:
        from dragoman.wire.plain import Plain

        upstream = Plain(upstream)
    elif aids.guard is not None:
        from dragoman.wire.repetition import Guarded

        upstream = Guarded(upstream, aids.guard)
    if asked is None:
        return upstream
    from dragoman.wire.emulation import Emulated, has_tool_history

    schema = aids.emulate_schema and asked.output is not None
    with_tools = bool(asked.tools) or has_tool_history(asked.messages)
    tools = aids.emulate_tools and with_tools
    repair = aids.repair_arguments and with_tools
    if not (tools or schema or repair or aids.think):
        return upstream
    return Emulated(
        upstream, asked, tools=tools, schema=schema, repair_arguments=repair, think=aids.think
    )


def _forbids(request: ChatRequest) -> bool:
    return request.tool_choice is not None and request.tool_choice.mode == "none"


def _no_tools(deployment: Deployment) -> Unsupported:
    source = deployment.info.sources.get("tools")
    told = "its configuration says so" if source == "config" else "its server says so"
    error = Unsupported(
        f"{deployment.ref} calls no tools: {told}",
        param="tools",
        hint='set emulate = ["tools"] to have them told in words, or tools = true if it calls them',
    )
    error.failover = "next"
    return error
