"""What each cell of the matrix comes to, as a table that people have read.

`outcomes.json` has the cells that do not cross whole, by kind, behaviour and `from>to`. `NOTES` say
why something differs where no warning tells the caller: it means the same, or as near as can be.

After a change: `python -m tests.matrix.outcomes`, and read what it wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.matrix.answered import ANSWERS
from tests.matrix.asked import REQUESTS
from tests.matrix.crossing import Outcome, answer, ask, cells, cross_answer, cross_request

FILE = Path(__file__).parent / "outcomes.json"
Table = dict[str, dict[str, dict[str, Outcome]]]

TABLES: dict[str, dict[str, Any]] = {"requests": REQUESTS, "answers": ANSWERS}

CHAT, RESPONSES, CLAUDE = "openai-completions", "openai-responses", "anthropic-messages"

NOTES: dict[tuple[str, str], str] = {
    # (behaviour, the language on the other side)
    ("system prompt", CHAT): "sent under the provider's role for instructions",
    ("developer message", RESPONSES): "sent as instructions",
    ("developer message", CLAUDE): "sent as the system prompt",
    ("instructions amid the history", RESPONSES): "sent as a developer message",
    ("instructions amid the history", CHAT): "sent under the provider's role for instructions",
    ("call without arguments", RESPONSES): "a schema of no properties is filled in",
    ("call without arguments", CLAUDE): "a schema of no properties is filled in",
    ("image in a tool's result", CHAT): "the image follows as the user's",
    ("error as a tool's result", CHAT): "the result's text says that it is an error",
    ("error as a tool's result", RESPONSES): "the result's text says that it is an error",
    ("JSON schema for the answer", CHAT): "the schema is given a name",
    ("JSON schema for the answer", RESPONSES): "the schema is given a name",
    ("JSON schema for the answer", CLAUDE): "a schema has no name, and is always strict",
    ("safety identifier", CLAUDE): "sent as the user's id",
    ("refusal in the history", CLAUDE): "the words are sent as text",
    ("content filter", CLAUDE): "told as a refusal",
    ("refusal", CHAT): "told by its words; the reason is `stop`",
    ("refusal", RESPONSES): "told by its words, which are its reason here",
    ("refusal", CLAUDE): "the words are text, the reason is `refusal`",
    ("refusal without words", CHAT): "told as a content filter",
    ("refusal without words", RESPONSES): "told as a content filter",
    ("usage of writing caches", CHAT): "kept for an hour or five minutes: both count as written",
    ("usage of writing caches", RESPONSES): "for an hour or five minutes: both count as written",
    ("usage absent", CLAUDE): "counts are required: they are zero",
}


def actual() -> Table:
    """Run every cell; keep what does not cross whole. Streams and whole answers must agree."""
    table: Table = {}
    for kind, behaviours in TABLES.items():
        for behaviour, one, other in cells(behaviours):
            outcomes = [run(kind, behaviour, one, other, stream=mode) for mode in (False, True)]
            if outcomes[0] != outcomes[1]:
                outcomes[0] = {"whole": outcomes[0], "stream": outcomes[1]}
            if outcomes[0]:
                rows = table.setdefault(kind, {}).setdefault(behaviour, {})
                rows[f"{one}>{other}"] = outcomes[0]
    return table


def run(kind: str, behaviour: str, one: str, other: str, *, stream: bool) -> Outcome:
    """Run one cell, from one language to the other."""
    if kind == "requests":
        body = ask(behaviour, one, stream=stream)
        return cross_request(behaviour, body, one, other)[0]
    body = answer(behaviour, one, stream=stream)
    return cross_answer(behaviour, body, one, other, stream=stream)[0]


def expected() -> Table:
    """Read the table."""
    table: Table = json.loads(FILE.read_text("utf-8"))
    return table


def reasons(table: Table, kind: str, behaviour: str, one: str, other: str) -> list[str]:
    """Say why a cell does not cross whole; nothing for one that does."""
    outcome = table.get(kind, {}).get(behaviour, {}).get(f"{one}>{other}", {})
    outcome = outcome.get("stream", outcome)
    if "refused" in outcome:
        return [f"refused: {outcome['refused']}"]
    said = list(outcome.get("warnings", []))
    if outcome.get("differs") and (note := NOTES.get((behaviour, other))):
        said.append(note)
    return said


if __name__ == "__main__":
    FILE.write_text(json.dumps(actual(), ensure_ascii=False, indent=1) + "\n", "utf-8")
