"""References to variables inside a string: `${VAR}`, `${VAR:-default}`, and `$$` for a dollar.

As in a shell, the default counts when the variable is unset or empty, and `${VAR}` of an empty
variable is empty. A dollar that is followed by neither `{` nor `$` stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_REFERENCE = re.compile(
    r"\$(?:(?P<dollar>\$)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-(?:[^}$]|\$(?!\{))*)?\}"
    r"|(?P<open>\{))"
)


class MissingVariable(ValueError):
    """A variable is referred to and not set; `variable` is its name."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"${{{variable}}} is not set")
        self.variable = variable


class MalformedReference(ValueError):
    """A `${` does not begin a reference."""

    def __init__(self) -> None:
        super().__init__("has a '${' that is not a reference of the form ${VAR} or ${VAR:-default}")


def interpolate(text: str, env: Mapping[str, str]) -> str:
    """Replace the references in `text` by what `env` says.

    Raises: MissingVariable; MalformedReference (nested and unclosed references, and names that no
    variable can have).
    """
    if "$" not in text:
        return text

    def replace(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        name, default = match["name"], match["default"]
        if name is None:
            raise MalformedReference
        value = env.get(name)
        if default is not None:
            return value or default[2:]
        if value is None:
            raise MissingVariable(name)
        return value

    return _REFERENCE.sub(replace, text)


def has_reference(value: object) -> bool:
    """Tell whether a string, or any string inside lists and tables, has a `${` or a `$$`."""
    if isinstance(value, str):
        return "${" in value or "$$" in value
    if isinstance(value, Mapping):
        return any(has_reference(item) for item in value.values())
    return isinstance(value, list) and any(has_reference(item) for item in value)


def variables(text: str) -> list[str]:
    """List the variables that `text` refers to, in order."""
    return [match["name"] for match in _REFERENCE.finditer(text) if match["name"]]
