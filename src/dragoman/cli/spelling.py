"""Commands that were almost written."""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST = 2
"""Names up to this length are written right: `do` begins a prompt, and is no `db`."""
SHORT = 5
"""Names up to this length may be off by one letter only, which is not the first: most short words
are near each other (`what` and `chat`, `hello` and `help`)."""


def near_command(word: str, commands: Iterable[str]) -> str | None:
    """Find the command that a word is within two letters of; None for a word that is none.

    A word with white space in it is a sentence in quotes.
    """
    if any(character.isspace() for character in word):
        return None
    found = [(edit_distance(word.lower(), name), name) for name in commands]
    near = [(distance, name) for distance, name in found if _is_near(word.lower(), name, distance)]
    return min(near)[1] if near else None


def _is_near(word: str, name: str, distance: int) -> bool:
    if len(name) <= SHORTEST:
        return distance == 0
    if len(name) <= SHORT:
        return distance <= 1 and word[:1] == name[:1]
    return distance <= 2


def edit_distance(one: str, other: str) -> int:
    """Count the letters to insert, delete, replace or swap with a neighbour.

    Precedent: the optimal string alignment distance.
    """
    if abs(len(one) - len(other)) > 2:
        return 3
    before: list[int] = []
    above = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return above[-1]
