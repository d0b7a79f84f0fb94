"""A file of somebody's that has a provider, and what adding another made of it."""

from __future__ import annotations

import tomllib

from tests.cli.running import Dragoman, Result

KEY = "sk-1234567890abcdef"
KEPT = """\
# My own file: every word of it stays.
default_model = "mine/m"    # the good one

# A server at home
[providers.mine]
base_url = "http://127.0.0.1:9/v1"  # rarely on

"""


def saved(dragoman: Dragoman) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads(dragoman.config_file.read_text()).get(
        "providers", {}
    )
    return found


def steps_of(result: Result) -> dict[str, str]:
    """The lines of the test, by their label."""
    lines = [line for line in result.out.splitlines() if line.startswith(" ") and line[1:2] != " "]
    return {line.split()[0]: line[11:] for line in lines}
