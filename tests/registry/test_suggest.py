"""What may have been meant, among very many names."""

from __future__ import annotations

from collections.abc import Iterator

from dragoman.suggest import nearest


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
