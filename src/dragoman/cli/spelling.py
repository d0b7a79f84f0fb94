"""Commands that were almost written."""

from __future__ import annotations

from collections.abc import Iterable

SHORT = 5
"""Names up to this length may be off by one letter only: most short words are near each other."""


def near_command(word: str, commands: Iterable[str]) -> str | None:
    """Find the command that a word is within two letters of; None for a word that is none.

    A word with white space in it is a sentence in quotes.
    """
    if any(character.isspace() for character in word):
        return None
    found = [
        (distance, name)
        for name in commands
        if (distance := edit_distance(word.lower(), name)) <= (1 if len(name) <= SHORT else 2)
    ]
    return min(found)[1] if found else None


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
