"""The page about dialects: every flag, what it is by default, and which built-in has it and why.

Made of `config/fields.py` and `catalog/providers.toml`: a flag's reason is the comment behind it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from dragoman.catalog import PROVIDERS_FILE
from dragoman.config.fields import DIALECT

_SECTION = re.compile(r"\[providers\.([a-z0-9-]+)\.dialect\]")
_LINE = re.compile(r"([a-z_]+) = (.*?)\s*(?:# (.*))?")

HEAD = """# Dialects

{made}Providers speak the same languages with differences: one wants the limit on the answer under
another name, one knows no `stream_options`, one insists on text as a string. Such a difference is
data: a flag in the `dialect` table of a provider.

```toml
[[providers]]
name = "mycompany"
base_url = "https://llm.mycompany.example/v1"
dialect = {{ max_tokens_field = "max_completion_tokens", drop = ["store"] }}
```

A provider of whom nothing is known gets what every server takes: instructions as `system`,
`max_tokens`, no `strict`, none of the fields that only OpenAI knows. A base URL at the host of a
built-in provider brings that provider's dialect along (`dragoman explain` says so); a preset brings
it too. A server on your own machine is known by its port alone, so it gets a dialect only where its
preset is named. What your table says comes before all of it.

## What is learned

A server that refuses a request with 400 or 422, and names the field that it does not know, is asked
once more without the field, or with the name that it asked for; the caller gets the answer, and a
warning that says what changed. A server that then names another field is mended again, three times
in all. The same happens through the gateway, in relayed bytes as well, and before a stream begins.

What helped is remembered for 30 days for that provider, host and model, in
`~/.cache/dragoman/dialects/`, so that the next request is right at once, in every process.
`dragoman dialects` lists it, with the line that makes it permanent; `dragoman explain` tells it of
a model; `dragoman dialects forget PROVIDER/MODEL` deletes it.

```console
$ dragoman dialects
Nothing was learned: no server has refused a request for a field.
```

| what the server says | what is done |
|---|---|
| a field is unknown or unsupported | it is left out, with a warning each time |
| `max_tokens` is called otherwise | it is sent under the other name |
| the role `developer` is unknown | instructions are sent as `system` |
| the role `system` is unknown | instructions are sent in the user's message |
| text must be a string | parts of text are joined |
| a tool's `strict` is unknown | it is left out |
| reasoning in the history is unknown | it is left out |

What a request is about is never left out: messages, tools, the answer's format, `stop`, `n`, limits
and safety settings. Then the server's refusal is the answer, as before. `learn = false` in a
provider's table turns all of it off. An attempt that was mended is in the record, as an attempt
that failed followed by a retry, and does not count against the provider.

## Another model than the one asked for

When an answer names another model than the one that was asked, the exchange carries a warning: in
`dragoman logs show`, in the header `x-dragoman-warnings`, on the terminal with `-v`. Another
spelling is no other model: case, a path before the name, a date behind it where the request named
none, `latest`. Providers that choose a model on purpose say so with `routers`:

```toml
[[providers]]
name = "corp"
base_url = "https://router.mycompany.example/v1"
dialect = {{ routers = ["auto", "smart-*"] }}   # ["*"]: all of them
```

## Flags

| flag | default | what it does |
|---|---|---|
"""


def dialects_page(made: str) -> str:
    """Write the page; `made` is what every generated page says of itself."""
    lines = [
        f"| `{field.name}` | {_default(field.default)} | {_choices(field.doc, field.choices)} |"
        for field in DIALECT
    ]
    text = HEAD.format(made=made) + "\n".join(lines) + "\n\n"
    text += (
        "## Built-in providers\n\nThose that are not listed take what every server takes.\n\n"
        "| provider | flag | why |\n|---|---|---|\n"
    )
    return text + "\n".join(_rows()) + "\n"


def _default(text: str) -> str:
    return f"`{text}`" if text and text != "none" else "none"


def _choices(doc: str, choices: tuple[str, ...]) -> str:
    return f"{doc} One of {', '.join(f'`{one}`' for one in choices)}." if choices else doc


def _rows() -> list[str]:
    reasons = _reasons(PROVIDERS_FILE.read_text("utf-8"))
    rows: Mapping[str, Any] = tomllib.loads(PROVIDERS_FILE.read_text("utf-8"))["providers"]
    return [
        f"| `{name}` | `{flag} = {reasons[name, flag][0]}` | {_why(reasons[name, flag][1], row)} |"
        for name, row in sorted(rows.items())
        for flag in row.get("dialect", {})
    ]


def _why(reason: str, row: Mapping[str, Any]) -> str:
    return reason.replace("<", "&lt;") or f"as [its documentation]({row['docs']}) has it"


def _reasons(text: str) -> dict[tuple[str, str], tuple[str, str]]:
    """Read each flag of each row as it is written, with the comment behind it."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    name = None
    for line in text.splitlines():
        if line.startswith("["):
            section = _SECTION.fullmatch(line)
            name = section[1] if section else None
        elif name is not None and (said := _LINE.fullmatch(line)):
            found[name, said[1]] = (said[2], said[3] or "")
    return found
