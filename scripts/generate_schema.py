"""Write src/dragoman/store/schema.py, SQLite's statements, out of the migrations.

python scripts/generate_schema.py            # write it
python scripts/generate_schema.py --check    # fail when it is out of date
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from dragoman.store.tables import METADATA

ROOT = Path(__file__).parent.parent
STORE = ROOT / "src" / "dragoman" / "store"
MODULE = STORE / "schema.py"
HEAD = '''"""The tables of a SQLite file, step by step. `PRAGMA user_version` counts the steps.

Made by scripts/generate_schema.py out of migrations/ and tables/; then run `make generate`. What
the tables mean is told in tables/.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Mapping
'''


class _Statements:
    """What alembic writes to: each call is a statement."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def write(self, statement: str) -> None:
        """Take one."""
        lines = (line.replace("\t", "    ").rstrip() for line in statement.strip().splitlines())
        self.found.append("\n".join(lines).rstrip(";"))

    def flush(self) -> None:
        """Do nothing: nothing is held back."""


def steps() -> list[list[str]]:
    """Write what each migration does to a SQLite file, in order."""
    script = ScriptDirectory(STORE / "migrations")
    revisions = reversed(list(script.walk_revisions()))
    made = []
    for revision in revisions:
        statements = _Statements()
        context = MigrationContext.configure(
            dialect_name="sqlite", opts={"as_sql": True, "output_buffer": statements}
        )
        with Operations.context(context):
            revision.module.upgrade()
        made.append(statements.found)
        if revision.revision != f"{len(made):04}":
            raise SystemExit(f"{revision.path}: its revision is not {len(made):04}")
    return made


def render() -> str:
    """Write the module."""
    made = steps()
    lines = [HEAD, f"VERSION = {len(made)}", ""]
    lines.append("MIGRATIONS: tuple[tuple[str, ...], ...] = (")
    for step in made:
        if len(step) == 1 and "\n" not in step[0]:
            lines.append(f'    ("{step[0]}",),')
            continue
        lines.append("    (")
        for statement in step:
            text = statement.splitlines()
            if len(text) == 1:
                lines.append(f'        "{text[0]}",')
            else:
                lines += ['        """', *(f"        {line}" for line in text), '        """,']
        lines.append("    ),")
    lines += [")", '"""The statements that lead from each version to the next."""', ""]
    lines.append("TABLES: Mapping[str, tuple[str, ...]] = {")
    for table in METADATA.sorted_tables:
        lines.append(f'    "{table.name}": (')
        lines += [f'        "{column.name}",' for column in table.columns]
        lines.append("    ),")
    lines += ["}", '"""Each table with its columns; what a table refers to comes before it."""', ""]
    return "\n".join(lines)


def main() -> int:
    """Run. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    made = render()
    if parser.parse_args().check:
        if MODULE.read_text() != made:
            print(f"{MODULE.relative_to(ROOT)} is out of date: run `make generate`")
            return 1
        return 0
    MODULE.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
