"""The command line. What a command needs is imported when it runs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from dragoman.cli.terminal.exit_codes import Exit


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `dragoman` with these arguments, else the process's own, and end the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["__complete"]:
        from dragoman.cli.completion.complete import main as complete

        complete(given[1] if len(given) > 1 else "", given[2:])
        sys.exit(0)
    try:
        code = run(given)
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except BrokenPipeError:
        code = Exit.BROKEN_PIPE
    except OSError as error:
        code = _tell_system_error(error)
    if code in (Exit.BROKEN_PIPE, Exit.UNEXPECTED):
        # The interpreter flushes once more on its way out: that must not fail again.
        _discard_output()
    sys.exit(int(code))


def run(arguments: Sequence[str]) -> Exit:
    """Run `dragoman` and tell its errors. Returns: the exit status.

    Raises: KeyboardInterrupt, and OSError for output that nobody takes.
    """
    import click

    from dragoman.cli.app import root
    from dragoman.cli.session import Session
    from dragoman.cli.terminal.failure import (
        error_object,
        print_error,
        print_lines,
        print_usage_error,
        tell_programs,
        usage_object,
    )
    from dragoman.errors import DragomanError

    session = Session()
    console = session.terminal.err
    try:
        with root.make_context("dragoman", list(arguments), obj=session) as context:
            code = root.invoke(context)
        return code if isinstance(code, Exit) else Exit.OK
    except click.exceptions.Exit:
        return Exit.OK
    except click.UsageError as error:
        tell_programs(session, arguments, usage_object(error))
        print_usage_error(console, error)
        return Exit.USAGE
    except DragomanError as error:
        _trace(session.debug)
        tell_programs(session, arguments, error_object(error))
        return print_error(console, error)
    except BrokenPipeError:
        raise
    except OSError as error:
        _trace(session.debug)
        said, _, todo = _explain_system_error(error)
        found = {"code": "system_error", "message": said, "hint": todo, "exit_code": 1}
        with contextlib.suppress(OSError):  # it may be standard output that is of no use
            tell_programs(session, arguments, found)
        raise
    except Exception as error:
        _trace(session.debug)
        what = f"this is a bug in dragoman: {type(error).__name__}"
        fix = None if session.debug else "run it again with --debug, and report what it prints"
        internal = {"code": "internal_error", "message": what, "exit_code": int(Exit.INTERNAL)}
        tell_programs(session, arguments, internal)
        print_lines(console, what, None, fix)
        return Exit.INTERNAL
    finally:
        session.terminal.close()


def _trace(debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()


def _tell_system_error(error: OSError) -> Exit:
    """Tell what the system refuses, such as room on a full disk, where it still can be told."""
    what, why, fix = _explain_system_error(error)
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(f"Error: {what}\n  Why: {why}\n  Fix: {fix}\n")
        sys.stderr.flush()
    return Exit.UNEXPECTED


def _explain_system_error(error: OSError) -> tuple[str, str, str]:
    return (
        f"the system says: {error.strerror or error}",
        f"it is about {error.filename or 'the place that output goes to'}",
        "make room or give yourself the right to write there, then run it again",
    )


def _discard_output() -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(null, descriptor)
