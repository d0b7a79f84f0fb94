"""The database: what was asked, what answered, for how much."""

from __future__ import annotations

from dragoman.store.conversations import (
    Conversation,
    Settings,
    Turn,
    conversation_of,
    find_conversation,
    replayable,
)
from dragoman.store.database import (
    Place,
    StoreError,
    UnwritableRow,
    database_path,
    database_place,
)
from dragoman.store.ledger import Ledger

__all__ = [
    "Conversation",
    "Ledger",
    "Place",
    "Settings",
    "StoreError",
    "Turn",
    "UnwritableRow",
    "conversation_of",
    "database_path",
    "database_place",
    "find_conversation",
    "replayable",
]
