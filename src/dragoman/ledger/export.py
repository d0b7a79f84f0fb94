"""Rows as CSV and as JSON lines, for spreadsheets and programs.

Law: no cell of a CSV begins with what a spreadsheet takes for a formula. Others decide what models,
keys and errors are called, and who opens the file trusts it.
Source: https://owasp.org/www-community/attacks/CSV_Injection (read 2026-11)
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from unicodedata import normalize

import msgspec

Format: TypeAlias = Literal["json", "csv", "jsonl"]
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; header=present",  # text: who sends it says in which charset
    "jsonl": "application/jsonl; charset=utf-8",
}
_FORMULA = ("=", "+", "-", "@")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f\u200b\u2060\ufeff]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def write_rows(
    form: Format, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], *, head: bool = True
) -> str:
    """Write rows, one a line; CSV with its line of names where `head` says so.

    What is unknown is an empty cell, or null. JSON keeps texts as they are.
    """
    if form == "jsonl":
        return "".join(f"{_ENCODER.encode(dict(row)).decode()}\n" for row in rows)
    written = io.StringIO()
    writer = csv.writer(written)
    if head:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row[name]) for name in columns])
    return written.getvalue()


def _cell(value: Any) -> Any:
    """Write a cell; a text that looks like a formula gets an apostrophe, and is a text."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _is_formula(value):
        return f"'{value}"
    return value


def _is_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula.

    They look past blanks; where East Asian text is written, wide signs are as good as narrow ones.
    """
    before = _UNSEEN.match(text)
    assert before is not None, "it matches nothing, too"
    first = normalize("NFKC", text[before.end() : before.end() + 1])
    return first.startswith(_FORMULA) or _CONTROL.search(before[0]) is not None
