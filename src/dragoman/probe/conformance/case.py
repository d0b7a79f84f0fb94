"""What a case is, what it finds, and what a run tells of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from msgspec import Struct

if TYPE_CHECKING:
    from dragoman.probe.conformance.subject import Subject

Verdict: TypeAlias = Literal["ok", "warning", "failed", "unsupported", "skipped"]
"""As it should be; usable, with something to know; broken; not offered; not found out."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


class Found(Struct, frozen=True):
    """What a case saw. `dialect` is what the provider's dialect should say, as far as it showed."""

    verdict: Verdict
    detail: str = ""
    fix: str | None = None
    dialect: Mapping[str, Any] = {}


Examine: TypeAlias = "Callable[[Subject], Found]"
"""Find one thing out. Raises: DragomanError when the provider says no."""


class Case(Struct, frozen=True, kw_only=True):
    """One question, and what asks it: its docstring's first line says what is expected.

    `needed`: who offers what it stands on must offer this too, so a refusal is a failure; a refusal
    of anything else means that it is not offered. `after`: cases without which this one can say
    nothing. `apis`: the formats that know it. `large`: only when asked for, because it costs many
    tokens.
    """

    name: str
    examine: Examine
    needed: bool = False
    after: tuple[str, ...] = ()
    apis: frozenset[str] | None = None
    large: bool = False

    @property
    def about(self) -> str:
        """What is expected, in a line."""
        return (self.examine.__doc__ or "").partition("\n")[0].rstrip(".")


class Result(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A case, tried. `seconds` is how long it took, `code` the error's stable word, if any."""

    name: str
    verdict: Verdict
    about: str = ""
    detail: str = ""
    fix: str | None = None
    seconds: float | None = None
    needed: bool = False
    code: str | None = None
    dialect: Mapping[str, Any] = {}
