"""The package's source, for tests that read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "dragoman"


@cache
def parse(path: Path) -> ast.Module:
    """Parse a source file, once."""
    return ast.parse(path.read_text("utf-8"), str(path))


def list_sources() -> list[Path]:
    """List the package's source files."""
    return sorted(PACKAGE.rglob("*.py"))


def walk_literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that is no docstring or other bare expression."""
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value
