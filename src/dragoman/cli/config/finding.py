"""What `dragoman doctor` finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from dragoman.cli.terminal.exit_codes import Exit
from dragoman.errors import DragomanError

Verdict = Literal["ok", "failed", "warning", "none"]


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `none`: it is not there, and need not be.

    `facts` is for programs; `code` the exit status if this is the first that failed.
    """

    subject: str
    name: str = ""
    verdict: Verdict = "ok"
    detail: str = ""
    fix: str | None = None
    facts: Mapping[str, Any] = {}
    code: Exit = Exit.UNEXPECTED


def failed(
    subject: str,
    error: DragomanError,
    code: Exit = Exit.CONFIG,
    facts: Mapping[str, Any] = {},
) -> Check:
    """Say what an error says, of what was looked at."""
    return Check(
        subject=subject,
        verdict="failed",
        detail=error.message,
        fix=error.hint,
        facts=facts,
        code=code,
    )
