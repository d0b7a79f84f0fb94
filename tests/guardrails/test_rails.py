"""What guardrails find, wherever a text is cut, and how long that takes at most."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.errors import ConfigError
from dragoman.guardrails.built_in import word_patterns
from dragoman.guardrails.rails import Rails
from dragoman.guardrails.window import Window
from dragoman.types.guardrail import Guardrail

CASES = tomllib.loads((Path(__file__).parent / "cases" / "found.toml").read_text())["case"]


def rails_of(case: dict[str, Any], **more: Any) -> Rails:
    given = {n: v for n, v in case.items() if n not in ("text", "says")}
    given |= {n: tuple(v) for n, v in given.items() if isinstance(v, list)}
    return Rails([Guardrail(name="g", **given, **more)])


def told(rails: Rails, pieces: Sequence[str]) -> str:
    screen = rails.screen()
    return "".join([*(screen.feed(0, piece) for piece in pieces), screen.close(0)])


def cut(text: str, random: Random) -> list[str]:
    pieces = []
    while text:
        size = random.choice([1, 1, 2, 3, 5, 20, 200])
        pieces.append(text[:size])
        text = text[size:]
    return pieces


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_it_finds_what_it_is_for_and_nothing_else(case: dict[str, Any]) -> None:
    assert told(rails_of(case), [case["text"]]) == case["says"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:30])
def test_a_text_is_told_the_same_wherever_it_is_cut(case: dict[str, Any]) -> None:
    rails = rails_of(case)
    assert told(rails, list(case["text"])) == case["says"]
    for seed in range(40):
        assert told(rails, cut(case["text"], Random(seed))) == case["says"]


EVERYTHING = Rails(
    [
        Guardrail(name="s", kind="secrets"),
        Guardrail(name="p", kind="personal"),
        Guardrail(name="w", kind="words", words=("foo bar", "foo", "b")),
        Guardrail(name="r", kind="pattern", patterns=(r"\bab[0-9]{2,8}\b", "z{3,5}$", "[0-9]a")),
    ]
)
SCRAPS = st.sampled_from(
    [
        *("foo", " ", "bar", "b", "ab12", "zzz", "1", "22", "a", "@x.org", "bob", "\n", ".", "é"),
        *("4111 1111", " 1111 1111", "DE89 3704 0044 0532 0130 00", "+49 30 123456", "-----BEGIN "),
        *("RSA PRIVATE KEY-----", "sk-abcdefghij", "klmnopqrstuvwx", "-----END PRIVATE KEY-----"),
    ]
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(SCRAPS, max_size=40), st.integers(0, 2**32))
def test_all_checks_together_are_indifferent_to_chunking(scraps: list[str], seed: int) -> None:
    text = "".join(scraps)
    whole = EVERYTHING.screen()
    said = whole.feed(0, text) + whole.close(0)
    pieces = EVERYTHING.screen()
    parts = [pieces.feed(0, piece) for piece in cut(text, Random(seed))]
    assert "".join(parts) + pieces.close(0) == said
    assert pieces.findings == whole.findings


def test_nothing_of_a_match_goes_out_before_it_is_known_to_be_one() -> None:
    screen = Rails([Guardrail(name="s", kind="secrets")]).screen()
    out = [screen.feed(0, letter) for letter in "my key: sk-abcdefghijklmnopqrstuvwxyz"]
    assert "sk" not in "".join(out)
    assert screen.close(0).endswith("[secret removed]")


def test_plain_text_is_hardly_held_back() -> None:
    screen = EVERYTHING.screen()
    text = "This is a story about a man who had three dogs, and one of them was old. " * 3
    out = "".join(screen.feed(0, letter) for letter in text)
    assert len(text) - len(out) < 80


@pytest.mark.parametrize("pieces", [["a secret: FALCON now"], list("a secret: FALCON now")])
def test_a_refusal_stops_before_the_match(pieces: list[str]) -> None:
    screen = Rails([Guardrail(name="w", kind="words", words=("falcon",), action="deny")]).screen()
    said = "".join(screen.feed(0, piece) for piece in pieces) + screen.close(0)
    assert (said, screen.blocked is not None) == ("a secret: ", True)
    assert screen.feed(1, "more") == ""


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_text_that_is_too_long_ends_at_the_limit(size: int) -> None:
    screen = Rails([Guardrail(name="s", kind="size", max_bytes=10)]).screen()
    text = "0123456789abc"
    said = "".join(screen.feed(0, text[at : at + size]) for at in range(0, len(text), size))
    assert said == "0123456789"
    assert screen.blocked is not None


def test_in_shadow_mode_nothing_changes_and_all_is_told() -> None:
    rails = rails_of({"kind": "secrets"}, mode="shadow", action="deny")
    text = "sk-abcdefghijklmnopqrstuvwxyz"
    screen = rails.screen()
    assert screen.feed(0, text) + screen.close(0) == text
    (finding,) = screen.findings
    assert finding.sentence == "guardrail g: would have refused, in the answer: secret (1)"


EVIL = ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(x+x+)+y", "([a-z]+)*0"]


@pytest.mark.parametrize("pattern", EVIL)
def test_patterns_that_explode_elsewhere_do_not_here(pattern: str) -> None:
    rails = Rails([Guardrail(name="p", kind="pattern", patterns=(pattern,), where=("in",))])
    rails.inspect({"messages": [{"role": "user", "content": "ax" * 50_000}]})


NO_CARDS = {"apart": "1 " * 30_000, "in one": "1" * 60_000, "dashes": "1-" * 30_000}


@pytest.mark.parametrize("digits", NO_CARDS.values(), ids=NO_CARDS.keys())
def test_digits_that_are_no_card_are_looked_at_once(digits: str) -> None:
    began = time.thread_time()
    inspected = Rails([Guardrail(name="p", kind="personal", entities=("card",))]).inspect(
        {"messages": [{"role": "user", "content": digits}]}
    )
    assert inspected.changed == {}
    assert time.thread_time() - began < 4, "each digit was looked at again with all that follow"


@pytest.mark.parametrize("before", [*range(20), 31, 40])
def test_a_card_is_found_wherever_it_stands_in_a_run_of_digits(before: int) -> None:
    text = "0 " * before + "4111 1111 1111 1111" + " 0" * 40
    told = Rails([Guardrail(name="p", kind="personal", entities=("card",))]).screen().whole(text)
    assert "card removed" in told
    assert "4111 1111" not in told


def test_what_stands_before_a_match_is_gathered_only_for_a_refusal() -> None:
    window = Window(word_patterns(["foo"])[0], lambda: "bar")
    assert window.feed("a foo " * 1000) + window.close() == "a bar " * 1000
    assert window.before == "", "to gather it for each match takes quadratic time"


WRONG = {
    "(?=a)": "cannot be used",
    r"(a)\1": "cannot be used",
    "a*": "matches the empty text",
    "a+": "has no bound",
    "a" * 3000: "characters, at most",
    "(": "cannot be used",
}


@pytest.mark.parametrize("pattern", WRONG, ids=lambda pattern: pattern[:10])
def test_a_pattern_that_cannot_be_kept_within_bounds_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match=WRONG[pattern]) as caught:
        Rails([Guardrail(name="p", kind="pattern", patterns=(pattern,))])
    assert "guardrail 'p'" in str(caught.value)


@pytest.mark.parametrize("replacement", ['"', "\\", "\n", "x" * 101])
def test_a_replacement_that_would_break_json_is_refused(replacement: str) -> None:
    with pytest.raises(ConfigError, match="replacement"):
        Rails([Guardrail(name="s", kind="secrets", replacement=replacement)])


REQUESTS = tomllib.loads((Path(__file__).parent / "cases" / "requests.toml").read_text())["case"]


@pytest.mark.parametrize("case", REQUESTS, ids=lambda case: case["name"])
def test_all_texts_of_a_request_are_looked_at_and_nothing_else(case: dict[str, Any]) -> None:
    rails = Rails([Guardrail(name="w", kind="words", words=("falcon",), replacement="bird")])
    inspected = rails.inspect(case["fields"])
    assert {**case["fields"], **inspected.changed} == case["becomes"]


ARGUMENTS = st.recursive(
    st.sampled_from(["falcon", "a\nfalcon\t", 'he said "falcon"', "\\falcon", "é\U0001f600", ""])
    | st.integers(-5, 5)
    | st.booleans()
    | st.none()
    | st.just(4111111111111111),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["falcon", "é", "b"]), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ARGUMENTS, st.booleans(), st.integers(0, 2**32))
def test_json_stays_json_and_says_the_same_wherever_it_is_cut(
    value: Any, escaped: bool, seed: int
) -> None:
    rails = Rails(
        [
            Guardrail(name="w", kind="words", words=("falcon",), replacement="bird"),
            Guardrail(name="p", kind="personal", entities=("card",), replacement="card"),
        ]
    )
    text = json.dumps(value, ensure_ascii=escaped)
    screen = rails.screen()
    parts = [screen.feed(0, piece, json=True) for piece in cut(text, Random(seed))]
    said = "".join(parts) + screen.close(0)
    assert said == rails.screen().whole(text, json=True) or json.loads(text) == json.loads(said)
    expected = json.dumps(value, ensure_ascii=False).replace("falcon", "bird")
    assert json.loads(said) == json.loads(expected.replace("4111111111111111", '"card"'))


@pytest.mark.parametrize("field", ["input", "prompt"])
@pytest.mark.parametrize("tokens", [[1, 2], [[1, 2], [3]], ["text", [1]]])
def test_tokens_are_refused_by_strict_guardrails(field: str, tokens: list[Any]) -> None:
    for strict in (True, False):
        rails = rails_of({"kind": "secrets"}, strict=strict)
        assert (rails.inspect({field: tokens}).blocked is not None) is strict


def test_a_transcript_spelled_by_tokens_is_emptied() -> None:
    screen = Rails([Guardrail(name="s", kind="secrets")]).screen()
    choice = {"text": "hi", "logprobs": {"tokens": ["hi"]}, "token_ids": [1]}
    assert screen.answer({"choices": [choice]}) == {
        "choices": [{"text": "hi", "logprobs": None, "token_ids": []}]
    }
