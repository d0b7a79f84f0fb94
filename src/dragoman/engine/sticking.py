"""Which conversation a request belongs to, so that it may stay where it began.

Nobody remembers anything: the turns of a conversation begin alike, and that is what is told apart.
So every worker, and every gateway of several, comes to the same.
"""

from __future__ import annotations

import hashlib

from dragoman.engine.dialogue import Dialogue
from dragoman.errors import DragomanError
from dragoman.types.message import Text
from dragoman.types.request import ChatRequest


def conversation_of(dialogue: Dialogue) -> str | None:
    """Name the conversation; None for what has no messages, or none that we can read.

    It is what was said up to the first user's message, and by whom: instructions and question.
    """
    try:
        request: ChatRequest | None = getattr(dialogue, "request", None)
    except DragomanError:
        return None  # whoever is asked says what is wrong with it
    if request is None:
        return None
    said = hashlib.blake2b(digest_size=16)
    for message in request.messages:
        texts = [part.text for part in message.parts if isinstance(part, Text)]
        said.update(f"{message.role}\0{len(texts)}\0".encode())
        for text in texts:
            said.update(text.encode("utf-8", "surrogatepass") + b"\0")
        if message.role == "user":
            return said.hexdigest()
    return None
