"""How a failure is told: what, why, how to fix it; a line each, never a traceback unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dragoman.cli.terminal.exit_codes import Exit, exit_code
from dragoman.cli.terminal.fixes import fix_for
from dragoman.cli.terminal.streams import Console, one_line
from dragoman.errors import DragomanError

if TYPE_CHECKING:
    import click

    from dragoman.cli.session import Session

MAX_CHARACTERS = 600
"""A line longer than this is not read; `--json` has all of it."""


def explain(error: DragomanError) -> tuple[str, str | None, str | None]:
    """Split an error into what happened, why, and the fix, a line each."""
    fix = fix_for(error)
    return (
        _shorten(one_line(error.message)),
        _origin(error),
        _shorten(one_line(fix)) if fix else None,
    )


def print_error(console: Console, error: DragomanError) -> Exit:
    """Print an error in up to three lines. Returns: the exit status that goes with it."""
    what, why, fix = explain(error)
    print_lines(console, what, why, fix)
    return exit_code(error)


def print_lines(console: Console, what: str, why: str | None, fix: str | None) -> None:
    """Print what happened, why, and the fix."""
    console.line(f"{console.style('Error:', 'red', 'bold')} {what}")
    if why:
        console.line(f"  {console.style('Why:', 'dim')} {why}")
    if fix:
        console.line(f"  {console.style('Fix:', 'green')} {fix}")


def print_usage_error(console: Console, error: click.UsageError) -> None:
    """Print what is wrong with the command line, and where it is explained."""
    what, fix = _explain_usage(error)
    print_lines(console, what, None, fix)


def usage_object(error: click.UsageError) -> Mapping[str, Any]:
    """Describe what is wrong with the command line for programs."""
    what, fix = _explain_usage(error)
    return {"code": "wrong_usage", "message": what, "hint": fix, "exit_code": int(Exit.USAGE)}


def tell_programs(session: Session, arguments: Sequence[str], error: Mapping[str, Any]) -> None:
    """Print an error as JSON on stdout, where that was asked for and no answer has told it yet.

    `--json` gets an object with `error`, `--jsonl` the last line of its lines.
    """
    options = arguments[: list(arguments).index("--")] if "--" in arguments else arguments
    if session.answered_json or not {"--json", "--jsonl"} & set(options):
        return
    from dragoman.cli.terminal.json_output import ENCODER, print_json

    out = session.terminal.out
    if "--jsonl" in options:
        out.line(ENCODER.encode({"type": "answer", "error": error}).decode())
    else:
        print_json(out, {"error": error})


def _explain_usage(error: click.UsageError) -> tuple[str, str]:
    """Say what is wrong, and what to do, a line each."""
    path = error.ctx.command_path.strip() if error.ctx is not None else "dragoman"
    if error.ctx is not None and type(error).__name__ == "NoArgsIsHelpError":
        commands = getattr(error.ctx.command, "commands", {})
        return f"{path} needs a command", f"one of {', '.join(sorted(commands))}: {path} --help"
    message = error.format_message()
    fix = getattr(error, "hint", None) or f"see {path.removesuffix(' ask')} --help"
    named = message[1:2].isupper()  # a variable's name, not the beginning of a sentence
    what = one_line(message if named else message[:1].lower() + message[1:]).rstrip(".")
    return _shorten(what), _shorten(one_line(fix))


def error_object(error: DragomanError) -> Mapping[str, Any]:
    """Describe an error for programs."""
    found = {
        "code": error.code,
        "message": error.message,
        "why": getattr(error, "why", None),
        "hint": fix_for(error),
        "provider": error.provider,
        "model": error.model,
        "status": getattr(error, "upstream_status", None),
        "retry_after": error.retry_after,
        "exit_code": int(exit_code(error)),
    }
    return {name: value for name, value in found.items() if value is not None}


def _origin(error: DragomanError) -> str | None:
    """Say who said so, where that is known and the message does not say it already."""
    if why := getattr(error, "why", None):
        return _shorten(one_line(why))
    if error.provider is None:
        return None
    ref = f"{error.provider}/{error.model}" if error.model else error.provider
    status = getattr(error, "upstream_status", None)
    facts = [
        f"{ref} answered {status}" if status else f"asked {ref}",
        f"its code {one_line(code)}" if (code := getattr(error, "upstream_code", None)) else "",
        f"request {one_line(error.request_id)}" if error.request_id else "",
    ]
    return _shorten(", ".join(fact for fact in facts if fact))


def _shorten(line: str) -> str:
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"
