"""Reading configuration files: see `dragoman.document.parse`."""

from __future__ import annotations

from dragoman.document.parse import (
    LIST,
    MAX_BYTES,
    Document,
    Place,
    line_column,
    not_a_table,
    parse_document,
    read_document,
    read_file,
)

__all__ = [
    "LIST",
    "MAX_BYTES",
    "Document",
    "Place",
    "line_column",
    "not_a_table",
    "parse_document",
    "read_document",
    "read_file",
]
