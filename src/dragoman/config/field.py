"""What a setting is: one row of the tables in `fields.py`.

`kinds.py` reads the simple kinds, `walk.py` and `shapes.py` the others.
"""

from __future__ import annotations

import re
from typing import NamedTuple

KINDS = (
    "text",  # a string, not empty
    "secret",  # a string: a literal, a reference (env: file: keyring: cmd:) or a template
    "secrets",  # a list of those
    "secret_map",  # names to strings, numbers or references
    "variables",  # the name of a variable, or a list of names
    "url",  # an absolute http(s) URL
    "path",  # a file, relative to the configuration file
    "choice",  # one of `choices`
    "flag",  # true or false
    "count",  # a whole number, at least `least`, at most `most`
    "number",  # a number, at least `least`
    "seconds",  # a number greater than 0
    "money",  # USD, at least 0
    "texts",  # a list of strings; one string is a list of one
    "grants",  # a list of addresses, addresses with a port, and networks
    "networks",  # a list of addresses and networks
    "text_map",  # names to strings
    "think_tags",  # true, false or "open"
    "any_table",  # a table whose content is not ours to judge
    "hours",  # a time of day, from when to when
    "share",  # a number, or a percentage as text
    "occasion",  # one of `choices`, or a table of `fields`
    "switch",  # true, false or a table of `fields`
    "table",  # a table of `fields`
    "tables",  # a list of tables of `fields`
    "models",  # a list of ids and tables, or a table of tables by id
    "providers",  # a list of tables with names, or a table of tables by name
    "routes",  # a table of routes by name
    "aliases",  # names to model refs
    "steps",  # a list of model refs and tables
    "model",  # a model ref; or several, with fallbacks: then it is a route
)


class Field(NamedTuple):
    """One setting.

    `also` are other spellings than camelCase; `open` says that a project file may set it before
    it is trusted; `internal` that it is meant for the built-in catalog; `guards` that a gateway
    is not run with a mistake in it: who may ask, how much or what would not hold.
    """

    name: str
    kind: str
    doc: str
    default: str = ""
    choices: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    least: float = 0
    most: float | None = None
    also: tuple[str, ...] = ()
    open: bool = False
    internal: bool = False
    required: bool = False
    guards: bool = False

    @property
    def alias(self) -> str:
        """The name in camelCase."""
        return camel(self.name)


def camel(name: str) -> str:
    """Turn `base_url` into `baseUrl`."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
