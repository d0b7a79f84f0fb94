"""Who signed a thought, so that its signature goes back to nobody else.

Two providers may speak the same format and each refuse the other's signatures; so may two families
of models at one provider.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from dragoman.types.completion import Completion
from dragoman.types.event import Event, PartEnd
from dragoman.types.message import Message, Part, Reasoning
from dragoman.types.request import ChatRequest

_FAMILY = re.compile(r"[a-z]+")


def name_signer(provider: str, model: str) -> str:
    """Name the provider and the family of the model: `acme/claude` for `acme`'s `claude-x-4`."""
    found = _FAMILY.search(model.rpartition("/")[2].lower())
    return f"{provider}/{found[0] if found else model}"


def sign_part(part: Part, signer: str | None) -> Part:
    """Write on a thought, if it is one, who signed it."""
    if signer is None or not isinstance(part, Reasoning) or not part.meta:
        return part
    return replace(part, signer=signer)


def sign_events(events: Sequence[Event], signer: str | None) -> Sequence[Event]:
    """Write on all thoughts that have been told who signed them."""
    if signer is None or not any(type(event) is PartEnd for event in events):
        return events
    return [
        PartEnd(event.index, sign_part(event.part, signer)) if type(event) is PartEnd else event
        for event in events
    ]


def sign_completion(completion: Completion, signer: str) -> Completion:
    """Write on all thoughts of an answer who signed them."""
    if not any(isinstance(part, Reasoning) for part in completion.parts):
        return completion
    return replace(completion, parts=tuple(sign_part(p, signer) for p in completion.parts))


def forget_signatures(request: ChatRequest, signer: str) -> tuple[ChatRequest, tuple[str, ...]]:
    """Take out of a history what others than `signer` have signed; return warnings as well.

    Where nobody knows who signed, the signature stays: it came in the provider's own language.
    """
    others: dict[str, None] = {}

    def keep(part: Part) -> Part:
        if not isinstance(part, Reasoning) or part.signer in (None, signer):
            return part
        others[f"a signature of {part.signer} is left out: {signer} can't read it"] = None
        return Reasoning(part.text)

    messages = tuple(_kept(message, keep) for message in request.messages)
    return (replace(request, messages=messages), tuple(others)) if others else (request, ())


def _kept(message: Message, keep: Callable[[Part], Part]) -> Message:
    if not any(isinstance(part, Reasoning) for part in message.parts):
        return message
    parts = (keep(part) for part in message.parts)
    return replace(message, parts=tuple(p for p in parts if p != Reasoning("")))
