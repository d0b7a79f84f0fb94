"""From checked tables to guardrails; what is wrong with one is reported, and it is still there.

A guardrail that cannot be compiled stops the gateway from starting: without it, what it is to keep
back would pass.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from dragoman.config.walk import Report, Table
from dragoman.document.parse import Place
from dragoman.errors import ConfigError
from dragoman.types.guardrail import Guardrail

_LISTS = ("patterns", "words", "entities", "where")


def build_guardrails(top: Table, report: Report, *, hurried: bool = False) -> tuple[Guardrail, ...]:
    """Build the entries of `[[guardrails]]`, in their order."""
    if "guardrails" not in top:
        return ()
    place = top["guardrails"].place
    found: list[Guardrail] = []
    for number, entry in enumerate(top["guardrails"].value):
        here = Place(place.document, (*place.path, number))
        if "name" not in entry or "kind" not in entry:
            # Reported; it is kept as one that cannot be compiled, so that nothing passes it.
            found.append(Guardrail(name=f"guardrails[{number}]", kind="pattern", place=str(here)))
            continue
        guardrail = build_guardrail(entry, str(here), hurried=hurried)
        if any(other.name == guardrail.name for other in found):
            report.bar(
                ConfigError(
                    f"guardrail '{guardrail.name}' stands twice",
                    place=str(here),
                    hint="Rename one.",
                )
            )
        found.append(guardrail)
        if (error := find_fault(guardrail)) is not None:
            report.bar(error)
    return tuple(found)


def build_guardrail(entry: Table, place: str | None, *, hurried: bool = False) -> Guardrail:
    """Build one guardrail of a table that has been checked."""
    given: dict[str, Any] = {name: value.value for name, value in entry.items()}
    given |= {name: tuple(given[name]) for name in _LISTS if name in given}
    return Guardrail(place=place, hurried=hurried, **given)


def find_fault(guardrail: Guardrail) -> ConfigError | None:
    """Say why a guardrail cannot be compiled; None where nobody here can tell."""
    if find_spec("re2") is None:
        return None  # the command line needs no guardrails; the gateway will say so
    from dragoman.guardrails.check import compile_guardrail

    try:
        compile_guardrail(guardrail)
    except ConfigError as error:
        return error
    return None
