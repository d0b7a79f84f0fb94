"""The page of the first minute shows what somebody new sees today."""

from __future__ import annotations

import re

from tests.cli.first_minute import STEPS, differences, read_page, record


def test_recording_is_what_happens() -> None:
    seen = record()
    wrong = differences(read_page(), seen)
    assert wrong == [], "make it anew with python -m tests.cli.first_minute:\n" + "\n".join(wrong)


def test_recording_has_all_that_somebody_new_needs() -> None:
    page = read_page()
    assert [line for line in page.splitlines() if line.startswith("$ ")] == [
        f"$ {step}" for step in STEPS
    ]
    first = page[: page.index(f"$ {STEPS[1]}")]
    assert "demo/echo" in first
    assert "dragoman providers add" in first
    assert re.search(r"mycorp/\S+ · 16 in · 12 out · first token .* · \$0\.0000", page)
    assert re.search(r"^mycorp/\S+ +2 ", page[page.index("$ dragoman usage") :], re.MULTILINE)


def test_only_times_may_differ() -> None:
    page = read_page()
    slower = re.sub(r"\b\d+ ms", "987 ms", page)
    assert differences(page, slower) == []
    assert differences(page, page.replace("Saved to", "Kept in"))
    assert differences(page, page.replace(" in · ", " inn · "))
