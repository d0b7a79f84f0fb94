"""Measuring an answer says what reading it says, or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.types.provider import Dialect
from dragoman.wire import get_format

CASES = Path(__file__).parent / "cases"
LANGUAGES = ("openai-completions", "openai-responses", "anthropic-messages")


def answers(language: str) -> list[Path]:
    every = (CASES / language).glob("*.completion.json")
    return sorted(path.with_name(path.name.replace(".completion", "")) for path in every)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_measured_is_what_is_read(language: str) -> None:
    wire = get_format(language)
    measured = 0
    for path in answers(language):
        body = path.read_bytes()
        found = wire.measure_response(body, Dialect())
        if found is None:
            continue
        measured += 1
        read = wire.parse_response(body, Dialect())
        assert (found.finish_reason, found.usage, found.model) == (
            read.finish_reason,
            read.usage,
            read.model,
        ), path.name
    assert measured >= 3


ODD = (
    b"",
    b"<html>busy</html>",
    b'{"error": {"message": "no"}}',
    b'{"choices": [], "usage": {}}',
    b"[" * 100_000,
    b'{"type": "error", "error": {"type": "overloaded_error", "message": "no"}}',
    b'{"object": "response", "status": "failed", "output": [], "usage": null}',
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("body", ODD)
def test_what_is_odd_is_left_to_the_reader(language: str, body: bytes) -> None:
    assert get_format(language).measure_response(body, Dialect()) is None


USAGES = (
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 12},
    {"prompt_tokens": -5, "completion_tokens": 3, "total_tokens": -2},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "prompt_cache_hit_tokens": 2},
    {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 10,
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
    {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 9},
    },
    {"prompt_tokens": "5", "completion_tokens": 3, "total_tokens": 8},
    {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8, "cost": 0.25},
)


@pytest.mark.parametrize("usage", USAGES)
@pytest.mark.parametrize("dialect", [Dialect(), Dialect(usage_excludes_reasoning=True)])
def test_usage_is_the_same_however_it_is_read(usage: dict[str, object], dialect: Dialect) -> None:
    message = {"role": "assistant", "content": "hi"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    body = json.dumps({"model": "m", "choices": choices, "usage": usage}).encode()
    wire = get_format("openai-completions")
    found = wire.measure_response(body, dialect)
    assert found is not None
    assert found.usage == wire.parse_response(body, dialect).usage
