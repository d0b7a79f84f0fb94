"""A page of a list: which one is asked for, and what is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

LIMIT = 50
LIMIT_MAX = 200


class Page(Struct, frozen=True):
    """So many items, after that whose key is `after`; from the beginning where it is None.

    Whoever reads a page asks for `limit + 1` rows, and cuts them with `cut`.
    """

    limit: int = LIMIT
    after: str | None = None


class Slice(Struct, Generic[T], frozen=True):
    """Items of a list, in order. `after` is what the next page begins behind; None at the end."""

    items: Sequence[T]
    after: str | None = None


def every(read: Callable[[Page], Slice[T]]) -> Iterator[T]:
    """Yield all items of a list, by reading one page after the other."""
    page = Page(LIMIT_MAX)
    while True:
        part = read(page)
        yield from part.items
        if part.after is None:
            return
        page = Page(LIMIT_MAX, part.after)


def cut(items: Sequence[T], page: Page, key: Callable[[T], str]) -> Slice[T]:
    """Cut what was read to the size of the page; one item more says that there is a next."""
    if len(items) <= page.limit:
        return Slice(items)
    return Slice(items[: page.limit], key(items[page.limit - 1]))
