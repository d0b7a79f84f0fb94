"""The documentation does what it says: every example is tried, every link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import curl
from tests.docs.page import KINDS, list_steps, read_blocks
from tests.docs.reader import Reader, matches

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TRIED = [page for page in PAGES if any(list_steps(read_blocks(page)))]

LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([\w.-]+))?\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+?)(?: \{ #([\w.-]+) \})?$", re.MULTILINE)


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", TRIED, ids=name)
def test_what_a_page_shows_is_what_happens(page: Path, reader: Reader) -> None:
    steps = list(list_steps(read_blocks(page)))
    if not curl.IS_HERE and any("curl " in step.command for step in steps):
        pytest.skip(curl.NOT_HERE)
    problems = list(reader.follow(steps))
    assert not problems, "\n\n".join(problems)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page: Path) -> None:
    unknown = [f"line {b.line}: {b.kind!r}" for b in read_blocks(page) if b.kind not in KINDS]
    assert unknown == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for path, anchor in LINK.findall(FENCED.sub("", page.read_text("utf-8"))):
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(path)
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target):
            broken.append(f"{path}#{anchor}")
    assert broken == []


def _anchors(page: Path) -> set[str]:
    """What headings of a page can be linked to, as the site makes them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text("utf-8")))
    return {given or _slug(text) for text, given in headings}


def _slug(text: str) -> str:
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower())


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        ("a 12 ms", "a  0.3 s", True),
        ("first\n…\nlast", "first\n1\n2\nlast", True),
        ("first\n…\nlast", "first\nlast", True),
        ("id … end", "id 42 end", True),
        ("a", "a\nb", False),
        ("a\n…", "b", False),
        ("  indented", "indented", False),
    ],
)
def test_output_is_compared_by_what_matters(expected: str, output: str, same: bool) -> None:
    assert matches(expected, output) is same
