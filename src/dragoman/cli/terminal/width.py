"""How wide text is at a terminal, and tables that fit its window."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from msgspec import Struct

from dragoman.cli.terminal.streams import Console, one_line

PIPE_WIDTH = 1_000_000
"""A pipe has no window: nothing is shortened there."""
GAP = 2
# Below U+0300, the first of the combining characters, all that is printed takes one cell.
_MAYBE_ODD = re.compile("[^\x00-\u02ff]")


class Column(Struct, frozen=True):
    """A column: its heading, and what may happen to it in a narrow window.

    `drop`: it is left out when there is no room, the highest number first; 0: never. `shrink`: it
    takes the room that is left, down to `least` cells.
    """

    heading: str
    right: bool = False
    drop: int = 0
    shrink: bool = False
    least: int = 12


def window_width(console: Console) -> int:
    """Say how many cells a line has: `$COLUMNS`, else the window's, else 80; a pipe has no end."""
    if not console.tty:
        return PIPE_WIDTH
    if (named := os.environ.get("COLUMNS", "")).isdigit() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(console.stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def cell_width(text: str) -> int:
    """Count the cells that text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return len(text) + sum(_width(character) - 1 for character in _MAYBE_ODD.findall(text))


def shorten(text: str, width: int, mark: str = "…") -> str:
    """Cut text to a number of cells; the mark says that something is missing."""
    if cell_width(text) <= width:
        return text
    room = width - len(mark)
    if room < 0:
        return mark[:width]
    kept, used = [], 0
    for character in text:
        used += _width(character)
        if used > room:
            break
        kept.append(character)
    return "".join(kept).rstrip() + mark


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill text up to a number of cells."""
    fill = " " * max(0, width - cell_width(text))
    return fill + text if right else text + fill


def table_lines(
    console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int
) -> Iterator[str]:
    """Write a table that fits; its cells are made safe to print, its headings dim.

    What has no room is dropped or shortened, as the columns permit; the rest is never cut.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    kept = list(range(len(columns)))
    widths = [
        max([cell_width(columns[i].heading), *(cell_width(row[i]) for row in cells)]) for i in kept
    ]
    while (over := _total(kept, widths) - width) > 0:
        if _shrink(columns, kept, widths, over):
            break
        droppable = [i for i in kept if columns[i].drop]
        if not droppable:
            break
        kept.remove(max(droppable, key=lambda i: columns[i].drop))
    mark = console.symbol("…", "~")
    head = [column.heading for column in columns]
    for number, row in enumerate([head, *cells]):
        line = (" " * GAP).join(
            pad(shorten(row[i], widths[i], mark), widths[i], right=columns[i].right) for i in kept
        )
        yield line.rstrip() if number else console.style(line.rstrip(), "dim")


def _total(kept: Sequence[int], widths: Sequence[int]) -> int:
    return sum(widths[i] for i in kept) + GAP * (len(kept) - 1)


def _shrink(columns: Sequence[Column], kept: list[int], widths: list[int], over: int) -> bool:
    """Take what is too much from the columns that give way, the last first; False: not enough."""
    giving = [i for i in reversed(kept) if columns[i].shrink]
    if sum(max(0, widths[i] - columns[i].least) for i in giving) < over:
        return False
    for i in giving:
        taken = min(over, max(0, widths[i] - columns[i].least))
        widths[i] -= taken
        over -= taken
    return True


@lru_cache(4096)
def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Me", "Mn"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
