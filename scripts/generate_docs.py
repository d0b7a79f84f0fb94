"""Write the parts of docs/ that are made from the code.

    python scripts/generate_docs.py            # write them
    python scripts/generate_docs.py --check    # fail when one is out of date

Whole files: reference/errors.md, cli.md, dialects.md and api.md, gateway/grafana.json. Between two
marks: the tables in providers.md, guides/local-servers.md, guides/conformance.md and
gateway/metrics.md.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from api_page import api_page
from dashboard import dashboard
from dialects_page import dialects_page

from dragoman import errors
from dragoman.catalog import PROVIDERS_FILE
from dragoman.cli.app import ASK, root
from dragoman.cli.terminal.exit_codes import MEANINGS, exit_code
from dragoman.probe.conformance import CASES
from dragoman.server.telemetry.metrics import METRICS

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLES = Path(__file__).with_name("cli_examples.toml")
MARKS = ("<!-- providers: made by scripts/generate_docs.py -->\n", "<!-- /providers -->\n")
METRICS_MARKS = ("<!-- metrics: made by scripts/generate_docs.py -->\n", "<!-- /metrics -->\n")
CASES_MARKS = ("<!-- cases: made by scripts/generate_docs.py -->\n", "<!-- /cases -->\n")
EVERYWHERE = ("config", "color", "debug")
MADE = "<!-- Made by scripts/generate_docs.py; change the code, then run `make generate`. -->\n\n"


def providers_table() -> str:
    """Tabulate the built-in providers."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(PROVIDERS_FILE.read_text("utf-8"))["providers"]
    lines = ["| name | base URL | key | default model |", "|---|---|---|---|"]
    for name, row in sorted(rows.items()):
        label = f"[`{name}`]({row['docs']})" if "docs" in row else f"`{name}`"
        lines.append(
            f"| {label} | {_base_url(row)} | {_key(row)} | {_code(row.get('default_model'))} |"
        )
    return "\n".join(lines) + "\n"


def servers_table() -> str:
    """Tabulate the servers that are looked for on a machine."""
    rows: dict[str, dict[str, Any]] = tomllib.loads(PROVIDERS_FILE.read_text("utf-8"))["providers"]
    lines = ["| server | name | ports |", "|---|---|---|"]
    for name, row in rows.items():
        if probe := row.get("probe"):
            ports = ", ".join(map(str, probe["ports"]))
            lines.append(f"| [{probe['title']}]({row['docs']}) | `{name}` | {ports} |")
    return "\n".join(lines) + "\n"


def _base_url(row: dict[str, Any]) -> str:
    return _code(row.get("base_url")) or "yours"


def _key(row: dict[str, Any]) -> str:
    names = row.get("api_key_env", [])
    text = " or ".join(f"`{name}`" for name in ([names] if isinstance(names, str) else names))
    return text + (" (optional)" if text and row.get("api_key_optional") else "") or "none"


def _code(text: Any) -> str:
    return f"`{text}`" if text else ""


def errors_page() -> str:
    """List every error: where it stands in the tree, what it means, what is done about it."""
    head = inspect.getdoc(errors) or ""
    tree = head[head.index("DragomanError") :].split("\n\n")[0]
    tree = inspect.cleandoc("    " + tree)
    lines = [
        f"# Errors\n\n{MADE}Every error is a `dragoman.DragomanError`; the classes are in",
        "`dragoman.errors`. `str(error)` says what happened, `error.hint` what to do about it, and",
        "`error.attempts` what was tried. The tree is drawn by who is to blame.\n",
        f"```text\n{tree}\n```\n",
        "*Retried*: the same deployment is asked again. *Fallback*: the next one is. *Exit* is the",
        "status of the command.\n",
        "| error | code | HTTP status | retried | fallback | exit |",
        "|---|---|---|---|---|---|",
    ]
    classes = list(_classes(errors.DragomanError))
    lines += [_error_row(kind) for kind in classes]
    lines.append("\n## What they mean\n")
    lines += [f"### {kind.__name__}\n\n{inspect.getdoc(kind)}\n" for kind in classes]
    return "\n".join(lines)


def _classes(kind: type[errors.DragomanError]) -> Iterator[type[errors.DragomanError]]:
    yield kind
    for inner in kind.__subclasses__():
        if inner.__module__ == errors.__name__:
            yield from _classes(inner)


def _error_row(kind: type[errors.DragomanError]) -> str:
    name = kind.__name__
    cells = [
        f"[`{name}`](#{name.lower()})",
        f"`{kind.code}`",
        str(kind.status),
        "yes" if kind.retryable else "no",
        {"never": "no", "next": "yes", "larger_window": "to a larger window"}[kind.failover],
        _exit(kind),
    ]
    if kind is errors.Timeout:
        cells[1], cells[3] = "`PHASE_timeout`", "in the phases `connect` and `first_token`"
    return f"| {' | '.join(cells)} |"


def _exit(kind: type[errors.DragomanError]) -> str:
    if kind is errors.AllAttemptsFailed:
        return "69, or what all attempts agree on"
    return str(int(exit_code(kind.__new__(kind))))


def cli_page() -> str:
    """Print the help of every command, and an example, which the tests of the docs run."""
    examples: dict[str, Any] = tomllib.loads(EXAMPLES.read_text("utf-8"))
    lines = [
        f"# Command line: every option\n\n{MADE}How to use them is told in",
        "[Command line](../cli.md). Every command takes `--help`, `--config FILE`, `--color` and",
        "`--debug`.\n",
        "## Exit status\n\n| status | meaning |\n|---|---|",
        *(f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()),
        "",
    ]
    for path, command in _commands("dragoman", root, list(examples)):
        context = click.Context(command, info_name=path)
        lines.append(f"## {path}\n\n{_help(command)}\n")
        lines.append(f"```text\n{_usage(command, context)}\n```\n")
        if isinstance(command, click.Group):
            names = command.list_commands(context)
            lines += [f"Commands: {', '.join(f'[{n}](#{_anchor(path, n)})' for n in names)}\n"]
        if rows := list(_option_rows(command)):
            lines += ["| option | what it does |", "|---|---|", *rows, ""]
        lines += _example(path, examples.pop(path, None), isinstance(command, click.Group))
    if examples:
        raise SystemExit(f"{EXAMPLES.name} knows commands that there are not: {list(examples)}")
    return "\n".join(lines)


def _commands(
    path: str, command: click.Command, order: list[str]
) -> Iterator[tuple[str, click.Command]]:
    """Yield commands, those of a group in the order of their examples: one needs the one before."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        names = [f"{path} {name}" for name in command.list_commands(context)]
        if " " in path:
            names.sort(key=lambda name: order.index(name) if name in order else -1)
        for full in names:
            inner = command.get_command(context, full.removeprefix(f"{path} "))
            if inner and not inner.hidden:
                yield from _commands(full, inner, order)


def _example(path: str, example: Any, is_group: bool) -> list[str]:
    """An example of a command, or where there are some; a group may do without."""
    if isinstance(example, str):
        return [f"```console\n{example.strip()}\n```\n"]
    if isinstance(example, dict):
        return [f"Examples: [{example['page'].removeprefix('../')}]({example['page']})\n"]
    if not is_group:
        raise SystemExit(f"{path} has no example: write one into {EXAMPLES}")
    return []


def _anchor(path: str, name: str) -> str:
    return f"{path} {name}".replace(" ", "-")


def _help(command: click.Command) -> str:
    """The help text; what it keeps as it is (after \\b) as a block of code."""
    text = inspect.cleandoc(command.help or "")
    before, _, kept = text.partition("\b\n")
    return before.strip() + (f"\n\n```text\n{inspect.cleandoc(kept)}\n```" if kept else "")


def _usage(command: click.Command, context: click.Context) -> str:
    """The ways to call a command, without the word that click puts before them."""
    lines = command.get_usage(context).splitlines()
    return "\n".join(line.removeprefix("Usage:").strip() for line in lines)


def _option_rows(command: click.Command) -> Iterator[str]:
    """Yield the options; those of a prompt stand with the program itself."""
    params = list(command.params)
    if command is root:
        context = click.Context(root)
        ask = root.get_command(context, ASK)
        mine = [param for param in params if param.name not in EVERYWHERE]
        params = [*(ask.params if ask else ()), *mine]
    for param in params:
        everywhere = param.name in EVERYWHERE and command is not root
        if isinstance(param, click.Option) and not param.hidden and not everywhere:
            names = ", ".join([*param.opts, *param.secondary_opts])
            value = "" if param.is_flag else f" {' '.join(_metavar(param))}"
            option = f"{names}{value}".replace("|", "\\|")
            yield f"| `{option}` | {param.help or ''} |"


def _metavar(param: click.Option) -> Iterator[str]:
    if param.metavar or not isinstance(param.type, click.Choice):
        yield param.metavar or param.type.name.upper()
    else:
        yield "/".join(map(str, param.type.choices))


def between_marks(path: Path, text: str, marks: tuple[str, str] = MARKS) -> str:
    """Replace what stands between the marks of a page."""
    before, start, rest = path.read_text("utf-8").partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not start or not end:
        raise SystemExit(f"{path} has lost its marks")
    return f"{before}{start}\n{text}\n{end}{after}"


def metrics_table() -> str:
    """Tabulate what is counted for Prometheus."""
    lines = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    for metric in METRICS:
        name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{name}` | {metric.kind} | {labels} | {metric.doc} |")
    return "\n".join(lines) + "\n"


def cases_table() -> str:
    """Tabulate what a provider is examined for."""
    lines = ["| case | what should be | must be |", "|---|---|---|"]
    for case in CASES:
        needed = "yes" if case.needed else ""
        lines.append(f"| `{case.name}` | {case.about} | {needed} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    providers = DOCS / "providers.md"
    servers = DOCS / "guides" / "local-servers.md"
    metrics = DOCS / "gateway" / "metrics.md"
    conformance = DOCS / "guides" / "conformance.md"
    made = {
        DOCS / "reference" / "errors.md": errors_page(),
        DOCS / "reference" / "cli.md": cli_page(),
        DOCS / "reference" / "dialects.md": dialects_page(MADE),
        DOCS / "reference" / "api.md": api_page(MADE),
        providers: between_marks(providers, providers_table()),
        servers: between_marks(servers, servers_table()),
        metrics: between_marks(metrics, metrics_table(), METRICS_MARKS),
        conformance: between_marks(conformance, cases_table(), CASES_MARKS),
        DOCS / "gateway" / "grafana.json": dashboard(),
    }
    stale = [p for p, text in made.items() if not p.exists() or p.read_text("utf-8") != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(DOCS.parent)} is out of date: make generate", file=sys.stderr)
        else:
            path.write_text(made[path], "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
