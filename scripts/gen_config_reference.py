"""Write docs/reference/config.md and config.schema.json from the table of settings.

python scripts/gen_config_reference.py            write both
python scripts/gen_config_reference.py --check    fail when either is out of date
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dragoman.config import fields
from dragoman.config.aid_fields import GUARD
from dragoman.config.fields import Field
from dragoman.config.schema import build_schema

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
HEAD = """# Configuration: every setting

This page is made from the table that checks the files (`scripts/gen_config_reference.py`). How
the files work together is told in [Configuration](../configuration.md); editors find the same
as a schema in [config.schema.json](config.schema.json).

Every name may be written in camelCase as well (`baseUrl`). `${VAR}` and `${VAR:-default}` inside
any string stand for a variable, `$$` for a dollar sign. Numbers and booleans may be given as
strings.
"""
SECTIONS = (
    ("Top level", "", fields.TOP),
    (
        "A provider",
        "One table under `[[providers]]`, or `[providers.NAME]`.",
        fields.PROVIDER,
    ),
    (
        "A model",
        (
            "One entry of a provider's `models`. An entry that is only a string lists the id; one"
            " that is a table describes the model, and what neither it nor the catalog says has the"
            " default below."
        ),
        fields.MODEL,
    ),
    ("cost", "USD per million tokens, unless something else is said.", fields.COST),
    ("cost.tiers", "Prices of requests with long prompts.", fields.TIER),
    ("timeouts", "Seconds.", fields.TIMEOUTS),
    ("limits", "Requests beyond a limit wait for their turn.", fields.LIMITS),
    ("check", "Of a provider: `true` means these defaults.", fields.CHECK),
    (
        "repetition_guard",
        "`true` means these defaults. A block without white space must fill four times as much.",
        GUARD,
    ),
    ("tls", "", fields.TLS),
    (
        "dialect",
        "The defaults suit a server that nothing is known of; built-in providers bring their own.",
        fields.DIALECT,
    ),
    (
        "A route",
        (
            "One table under `[routes.NAME]`; a string or a list is short for its models. A name"
            " that ends in `*` stands for all that begin like it."
        ),
        fields.ROUTE,
    ),
    ("An entry of a route", "A model ref, or a table:", fields.STEP),
    (
        "when",
        "Of an entry of a route: what must hold of a request, all of it.",
        fields.CONDITION,
    ),
    ("shadow", "Of a route: who gets a copy of its requests.", fields.SHADOW),
    ("server", "Where `dragoman serve` listens, and its limits.", fields.SERVER),
    ("server.cache", "The response cache of `dragoman serve`.", fields.CACHE),
    ("server.ledger", "What is kept, and how long.", fields.LEDGER),
    ("guardrails", "One table under `[[guardrails]]`.", fields.GUARDRAIL),
    ("gateway", "Who may use the gateway.", fields.GATEWAY),
    ("gateway.keys", "One table under `[[gateway.keys]]`.", fields.GATEWAY_KEY),
)
TYPES = {
    "secret": "string or reference",
    "secrets": "list of strings or references",
    "secret_map": "table of strings or references",
    "variables": "variable, or list",
    "text": "string",
    "url": "URL",
    "path": "path",
    "flag": "true, false",
    "count": "whole number",
    "number": "number",
    "seconds": "seconds",
    "money": "USD",
    "texts": "list of strings",
    "grants": "list of addresses",
    "networks": "list of addresses",
    "text_map": "table of strings",
    "think_tags": 'true, false, "open"',
    "any_table": "table",
    "share": "number, or percentage",
    "hours": "`HH:MM-HH:MM`",
    "switch": "true, false, or table, below",
    "table": "table, below",
    "tables": "list of tables, below",
    "models": "list or table, below",
    "providers": "list or table, below",
    "routes": "table, below",
    "aliases": "table of model refs",
    "steps": "list, below",
    "model": "model ref, or a route",
}


def row(field: Field) -> str:
    """Write one setting as a row of a Markdown table."""
    kind = " ".join(f"`{word}`" for word in field.choices) or TYPES[field.kind]
    default = "**required**" if field.required else field.default
    return f"| `{field.name}` | {kind} | {default} | {field.doc} |"


def reference() -> str:
    """Write the page."""
    pages = [HEAD]
    for title, text, known in SECTIONS:
        rows = [row(field) for field in known if not field.internal]
        head = f"## {title}\n\n" + (f"{text}\n\n" if text else "")
        table = "| setting | value | default | what it does |\n|---|---|---|---|\n"
        pages.append(head + table + "\n".join(rows) + "\n")
    return "\n".join(pages)


def main() -> int:
    """Write the files, or compare them."""
    texts = {
        FOLDER / "config.md": reference(),
        FOLDER / "config.schema.json": json.dumps(build_schema(), indent=2) + "\n",
    }
    if "--check" not in sys.argv[1:]:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text)
        return 0
    stale = [p for p, text in texts.items() if not p.is_file() or p.read_text() != text]
    for path in stale:
        print(f"{path} is out of date: run scripts/gen_config_reference.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
