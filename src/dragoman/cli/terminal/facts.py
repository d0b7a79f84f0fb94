"""Nested facts as lines for people: a name and a value, aligned, tables indented."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from dragoman.cli.terminal.streams import Console, printable


def print_facts(console: Console, facts: Mapping[str, Any], indent: str = "") -> None:
    """Print what is known; what is None or empty is left out."""
    known = {name: value for name, value in facts.items() if value not in (None, "", [], {}, ())}
    width = max((len(_title(name)) for name in known), default=0)
    for name, value in known.items():
        title = console.style(f"{_title(name):<{width}}", "dim")
        if isinstance(value, Mapping):
            console.line(f"{indent}{title}")
            print_facts(console, value, indent + "  ")
        elif isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value):
            console.line(f"{indent}{title}")
            for item in value:
                print_facts(console, item, indent + "  ")
                console.line()
        else:
            console.line(f"{indent}{title}  {text_of(value)}")


def text_of(value: Any) -> str:
    """Write a value for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(text_of(item) for item in value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return f"{value:g}"
    return printable(str(value))


def _title(name: str) -> str:
    return name.replace("_", " ")
