"""What may have been meant, among very many names."""

from __future__ import annotations

import difflib
import time
from collections.abc import Callable, Iterator

import pytest

from dragoman.suggest import nearest

LIKE = [f"big/vendor-{number % 97}/model-name-{number}-instruct" for number in range(800)]


def test_of_very_many_names_only_the_first_are_compared() -> None:
    looked_at = 0

    def names() -> Iterator[str]:
        nonlocal looked_at
        for looked_at in range(100_000):
            yield f"m{looked_at}"

    assert nearest("m12x", names())[0] == "m12"
    assert looked_at < 20_000


def test_a_catalogue_of_usual_size_is_compared_whole() -> None:
    names = [f"maker/some-model-{number}" for number in range(1000)]
    assert nearest("maker/some-modle-999", names)[0] == "maker/some-model-999"


def cpu_s(done: Callable[[], object]) -> float:
    """The least of several, in which nobody else took the processor's caches."""
    times = []
    for _ in range(5):
        began = time.process_time()
        done()
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize(
    "word", ["vendr-3/model-name-49999-instrct", "big/vendr-3/model-name-777-instrct", "", "gpt"]
)
def test_those_that_are_most_alike_are_found(word: str) -> None:
    assert nearest(word, LIKE) == difflib.get_close_matches(word, LIKE, 3, 0.7)


@pytest.mark.parametrize(
    "word", ["big/vendr-3/model-name-777-instrct", "tcurtsni-99999-eman-ledom/3-rodnev"]
)
def test_many_that_are_all_alike_take_little_time(word: str) -> None:
    usual = cpu_s(lambda: difflib.get_close_matches(word, LIKE, 3, 0.7))
    assert cpu_s(lambda: nearest(word, LIKE)) < usual / 2
