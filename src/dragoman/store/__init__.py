"""The local database: what was asked, what answered, for how much."""

from __future__ import annotations

from dragoman.store.conversations import (
    Conversation,
    Settings,
    Turn,
    conversation_of,
    find_conversation,
    replayable,
)
from dragoman.store.database import StoreError, UnwritableRow, database_path
from dragoman.store.ledger import Ledger

__all__ = [
    "Conversation",
    "Ledger",
    "Settings",
    "StoreError",
    "Turn",
    "UnwritableRow",
    "conversation_of",
    "database_path",
    "find_conversation",
    "replayable",
]
