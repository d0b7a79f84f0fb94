"""Collect the fragments in changelog.d/ into CHANGELOG.md.

    python scripts/build_changelog.py --check        # are the fragments in order?
    python scripts/build_changelog.py 0.2.0          # write the section of a release

A fragment is `changelog.d/NAME.KIND.md`: what changed, in the words of whom it concerns.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "changelog.d"
CHANGELOG = ROOT / "CHANGELOG.md"
KINDS = ("breaking", "added", "changed", "fixed", "removed", "security")
MARK = "<!-- releases -->\n"


def find_problems(fragments: list[Path]) -> list[str]:
    """Say what is wrong with the fragments' names and texts."""
    problems = [
        f"{path.name}: name it NAME.KIND.md, KIND one of {', '.join(KINDS)}"
        for path in fragments
        if len(path.name.split(".")) != 3 or path.name.split(".")[1] not in KINDS
    ]
    return problems + [
        f"{path.name}: is empty" for path in fragments if not path.read_text().strip()
    ]


def render(version: str, day: datetime.date, fragments: list[Path]) -> str:
    """Render the section of a release: one heading for each kind, one item for each fragment."""
    lines = [f"\n## {version} ({day.isoformat()})\n"]
    for kind in KINDS:
        texts = [path.read_text("utf-8") for path in fragments if path.name.split(".")[1] == kind]
        items = ["- " + text.strip().replace("\n", "\n  ") for text in texts]
        lines += [f"\n### {kind.capitalize()}\n", *items] if items else []
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check, or release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", nargs="?")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    fragments = sorted(FOLDER.glob("*.md"))
    if problems := find_problems(fragments):
        print("\n".join(problems), file=sys.stderr)
        return 1
    if options.version and not options.check:
        before, mark, after = CHANGELOG.read_text("utf-8").partition(MARK)
        today = datetime.datetime.now(datetime.UTC).date()
        section = render(options.version, today, fragments)
        CHANGELOG.write_text(before + mark + section + after, "utf-8")
        for path in fragments:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
