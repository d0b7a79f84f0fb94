"""Options of a prompt that say which form the answer takes, and the templates of prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import Options, WrongUsage, check_apart

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.cli.ask.output import Output
    from dragoman.cli.terminal.streams import Terminal

shaping = Options(
    click.option("--schema", metavar="FILE|FIELDS", help="JSON of this shape: 'name, age int'."),
    click.option("--schema-multi", metavar="FILE|FIELDS", help="A list of such."),
    click.option("-x", "--extract", is_flag=True, help="Of the answer, only the first code block."),
    click.option("--xl", "extract_last", is_flag=True, help="Only the last code block."),
    click.option("--jsonl", is_flag=True, help="Every event as a line of JSON, for programs."),
    click.option("-t", "--template", metavar="NAME", help="A prompt that was saved."),
    click.option(
        "-p",
        "--param",
        multiple=True,
        nargs=2,
        metavar="KEY VALUE",
        help="What its {KEY} stands for.",
    ),
    click.option("--save", metavar="NAME", help="Save this as a template; send nothing."),
)


def check_shape(asked: Asked) -> None:
    """Refuse what does not go together. Raises: WrongUsage."""
    exclusive = (
        ("--json", asked.json, "--jsonl", asked.jsonl),
        ("--schema", asked.schema, "--schema-multi", asked.schema_multi),
        ("--schema", asked.schema or asked.schema_multi, "--extract", asked.extract),
        ("--schema", asked.schema or asked.schema_multi, "--xl", asked.extract_last),
        ("--extract", asked.extract, "--xl", asked.extract_last),
        ("--jsonl", asked.jsonl, "--extract", asked.extract or asked.extract_last),
        ("--save", asked.save, "--template", asked.template),
        ("--save", asked.save, "--continue", asked.resume or asked.cid),
    )
    for pair in exclusive:
        check_apart(*pair)
    if asked.param and not asked.template:
        raise WrongUsage("-p fills a template: name it with -t")


def make_output(asked: Asked, terminal: Terminal) -> Output:
    """Make what shows the answer."""
    from dragoman.cli.ask.output import Output

    reasoning = not asked.hide_reasoning
    if asked.jsonl:
        from dragoman.cli.ask.event_lines import EventLines

        return EventLines(terminal)
    if asked.extract or asked.extract_last:
        from dragoman.cli.ask.extract import ExtractOutput

        return ExtractOutput(
            terminal, quiet=asked.json, reasoning=reasoning, last=asked.extract_last
        )
    return Output(terminal, quiet=asked.json, reasoning=reasoning)


def read_shape(asked: Asked) -> dict[str, Any] | None:
    """Read the schema that is asked for, if one is. Raises: as `read_schema`."""
    if asked.schema is None and asked.schema_multi is None:
        return None
    from dragoman.cli.ask.schema_option import read_schema

    if asked.schema is not None:
        return read_schema(asked.schema)
    return read_schema(asked.schema_multi or "", several=True)
