"""Write docs/reference/languages.md out of the matrix of the tests.

python scripts/generate_languages.py            # write it
python scripts/generate_languages.py --check    # fail when it is out of date
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.matrix import failed, outcomes  # noqa: E402 - the tests are no package that is installed
from tests.matrix.crossing import APIS  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "languages.md"
SHORT = {
    "openai-completions": "Chat",
    "openai-responses": "Responses",
    "anthropic-messages": "Messages",
}
PAIRS = [(one, other) for one in APIS for other in APIS if one != other]
HEAD = """# What crosses between languages

<!-- Made by scripts/generate_languages.py out of tests/matrix; then run `make generate`. -->

A client that speaks one language, an upstream that speaks another: *Chat* is OpenAI's chat
completions (`openai-completions`), *Responses* is OpenAI's Responses (`openai-responses`),
*Messages* is Anthropic's (`anthropic-messages`). What this means is told in
[Languages](../explanation/languages.md).

✓ crosses whole, streamed or not. A number stands for what becomes of it instead,
[below](#reasons). — the language on the left of the arrow has no words for it. Where both sides
speak the same language everything crosses: bytes are sent on as they came.

The upstreams here know all of their language, as the vendors' own do. One of which nothing is known
is sent less, with a warning for what is left out: its `dialect` says what it takes.
"""
REQUESTS = "## Requests\n\nFrom the client's language → to the upstream's.\n"
ANSWERS = "## Answers\n\nFrom the upstream's language → to the client's.\n"


class Footnotes:
    """Numbers reasons: the same for the same."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, reasons: list[str]) -> str:
        """Say what becomes of a cell."""
        numbers = [self._numbers.setdefault(r, len(self._numbers) + 1) for r in reasons]
        return ", ".join(map(str, numbers)) or "✓"

    @property
    def lines(self) -> list[str]:
        """The reasons, each with its number."""
        return [f"| {n} | {r} |" for r, n in self._numbers.items()]


def table(kind: str, notes: Footnotes) -> list[str]:
    """Tabulate all behaviours of a kind."""
    expected = outcomes.expected()
    arrows = [f"{SHORT[one]} → {SHORT[other]}" for one, other in PAIRS]
    lines = [f"| | {' | '.join(arrows)} |", "|---|" + ":-:|" * len(arrows)]
    for behaviour, said in outcomes.TABLES[kind].items():
        cells = []
        for one, other in PAIRS:
            can_say = not isinstance(said[APIS.index(one)], str)
            found = outcomes.reasons(expected, kind, behaviour, one, other) if can_say else []
            cells.append(notes.cell(found) if can_say else "—")
        lines.append(f"| {behaviour} | {' | '.join(cells)} |")
    return lines


def unsayable() -> list[str]:
    """Say why a language has no words for something."""
    lines = ["| | language | why |", "|---|---|---|"]
    for kind, behaviours in outcomes.TABLES.items():
        for behaviour, said in behaviours.items():
            for api, words in zip(APIS, said, strict=True):
                if isinstance(words, str):
                    lines.append(f"| {behaviour} ({kind}) | {SHORT[api]} | {words} |")
    return lines


def page() -> str:
    """Write the page."""
    notes = Footnotes()
    errors = ", ".join([*failed.ERRORS, *failed.BROKEN])
    lines = [HEAD, REQUESTS, *table("requests", notes), "", ANSWERS, *table("answers", notes), ""]
    lines += ["## Errors\n", f"These reach a client of any language in its own shape: {errors}."]
    theirs = ", ".join(sorted(failed.NOT_THE_CLIENTS))
    lines += [f"What only the operator can mend ({theirs}) is told as a server's error.\n"]
    lines += ["## Reasons\n", "| | what becomes of it |", "|---|---|", *notes.lines, ""]
    lines += ["## What a language has no words for\n", *unsayable(), ""]
    return "\n".join(lines)


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = page()
    if not parser.parse_args().check:
        PAGE.write_text(text, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != text:
        print(f"{PAGE.relative_to(ROOT)} is out of date: make generate", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
