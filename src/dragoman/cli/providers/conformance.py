"""`dragoman conformance`: every case that callers count on, tried at one provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from dragoman.probe.conformance import Case, Conformance, Report


@click.command("conformance")
@click.argument("name", metavar="PROVIDER")
@click.option("-m", "--model", metavar="MODEL", help="The model to try, as the server calls it.")
@click.option(
    "--case", "names", multiple=True, metavar="NAME", help="Try this case; may be repeated."
)
@click.option("--large", is_flag=True, help="Try a prompt of 100 000 characters as well.")
@click.option(
    "--badge",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw a badge (SVG), and print the Markdown for it.",
)
@click.option("--write", is_flag=True, help="Put the dialect that it found into your file.")
@as_json
@shared
@click.pass_obj
def conformance(
    session: Session,
    /,
    name: str,
    model: str | None,
    names: tuple[str, ...],
    large: bool,
    badge: Path | None,
    write: bool,
    json: bool,
) -> Exit:
    """Examine a provider: all that callers count on, a line each, with what was seen.

    It asks the model some thirty times, for a few tokens each. Ctrl-C leaves what was found until
    then. The exit status is 0 when nothing failed.

    \b
    dragoman conformance ollama -m llama3.2
    dragoman conformance mycorp --badge conformance.svg
    dragoman conformance mycorp --write
    """
    from dragoman.cli.providers.providers import find_provider
    from dragoman.probe.conformance import Conformance

    provider = find_provider(session.config().providers, name)
    if provider.problems:
        raise provider.problems[0]
    cases = _cases(names, large)
    own = model.removeprefix(f"{provider.name}/") if model else None
    with Conformance(provider, env=session.env, model=own) as examination:
        interrupted = _examine(session, examination, cases, json=json)
        report = examination.report(cases)
    if json:
        from dragoman.cli.providers.conformance_lines import report_object
        from dragoman.cli.terminal.json_output import print_json

        print_json(session.terminal.out, report_object(examination.provider, report))
    if interrupted:
        return Exit.INTERRUPTED
    if badge is not None:
        _draw(session, badge, report, json=json)
    if write:
        from dragoman.cli.providers.conformance_write import write_dialect

        if code := write_dialect(session, provider, report.dialect):
            return code
    return _status(examination, report)


def _cases(names: tuple[str, ...], large: bool) -> tuple[Case, ...]:
    from dragoman.probe.conformance import CASES, find_cases

    try:
        return find_cases(names, large=large)
    except KeyError as error:
        known = ", ".join(case.name for case in CASES)
        raise WrongUsage(f"there is no case {error.args[0]!r}", hint=f"there are {known}") from None


def _examine(
    session: Session, examination: Conformance, cases: tuple[Case, ...], *, json: bool
) -> bool:
    """Try the cases, and print each unless JSON is wanted. Returns: whether Ctrl-C ended it."""
    from dragoman.cli.providers.conformance_lines import print_head, print_results, print_summary

    try:
        if json:
            for _ in examination.run(cases):
                continue
            return False
        print_head(session.terminal, examination)
        print_results(session.terminal, cases, examination.run(cases))
    except KeyboardInterrupt:
        interrupted = True
    else:
        interrupted = False
    if not json:
        print_summary(session.terminal, examination.report(cases))
    return interrupted


def _draw(session: Session, file: Path, report: Report, *, json: bool) -> None:
    """Write the badge. Raises: OSError."""
    from dragoman.probe.conformance import badge_line, badge_svg

    file.write_text(badge_svg(report), encoding="utf-8")
    console = session.terminal.err if json else session.terminal.out
    console.line(f"\n{badge_line(report, file.as_posix())}")


def _status(examination: Conformance, report: Report) -> Exit:
    if report.ok:
        return Exit.OK
    return Exit.UNEXPECTED if examination.error is None else exit_code(examination.error)
