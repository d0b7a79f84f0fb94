"""Lists by pages: `?limit=&cursor=` → `{"items": […], "next": cursor or null}`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from litestar.params import Parameter
from msgspec import Struct

from dragoman.errors import InvalidRequest
from dragoman.types.paging import LIMIT, LIMIT_MAX, Page, Slice

T = TypeVar("T")
S = TypeVar("S")

CURSOR_LIMIT = 1000


class Listed(Struct, Generic[T], frozen=True):
    """A page of a list; `next` is the cursor of the one behind it, null at the end."""

    items: list[T]
    next: str | None


Limit = Annotated[int, Parameter(ge=1, le=LIMIT_MAX, description="How many at most")]
Cursor = Annotated[
    str | None, Parameter(max_length=CURSOR_LIMIT, description="`next` of the page before")
]


def read_page(limit: Limit = LIMIT, cursor: Cursor = None) -> Page:
    """Read which page is asked for. Raises: InvalidRequest."""
    return Page(limit, None if cursor is None else _read(cursor))


def listed(slice_: Slice[S], show: Callable[[S], T]) -> Listed[T]:
    """Show a slice as an answer, each item by `show`."""
    after = slice_.after
    return Listed([show(item) for item in slice_.items], None if after is None else _write(after))


def _write(after: str) -> str:
    return base64.urlsafe_b64encode(after.encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        text = ""
    if not text.isprintable() or not text:
        raise InvalidRequest(
            "this cursor is none", param="cursor", hint="take `next` of the page before, as it is"
        )
    return text
