"""Commands that were almost written are recognised; words of everyday prompts are not."""

from __future__ import annotations

import pytest

from dragoman.cli.spelling import edit_distance, near_command

COMMANDS = ("providers", "models", "explain", "config", "help", "chat", "logs", "keys", "run")


@pytest.mark.parametrize(
    ("word", "command"),
    [
        ("providers", "providers"),
        ("provider", "providers"),
        ("provders", "providers"),
        ("Modles", "models"),
        ("mode", "models"),
        ("expalin", "explain"),
        ("explian", "explain"),
        ("confg", "config"),
        ("hlep", "help"),
        ("chatt", "chat"),
        ("log", "logs"),
        ("key", "keys"),
    ],
)
def test_misspelt_command_is_recognised(word: str, command: str) -> None:
    assert near_command(word, COMMANDS) == command


@pytest.mark.parametrize(
    "word",
    ["hello", "hi", "what", "that", "why", "fun", "they", "explore", "contain",
     "model trains", "keys\tand", "", "\u00fcber", "summarise", "a" * 10_000],
)  # fmt: skip
def test_everyday_word_is_no_misspelt_command(word: str) -> None:
    assert near_command(word, COMMANDS) is None


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [("", "", 0), ("ab", "ab", 0), ("ab", "ba", 1), ("ab", "b", 1), ("abc", "axc", 1),
     ("abc", "acbd", 2), ("", "ab", 2), ("abc", "xyz", 3)],
)  # fmt: skip
def test_distance_counts_letters_and_swaps(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance
