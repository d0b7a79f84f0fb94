"""`dragoman __complete SHELL …`: what may stand where the cursor is, a line each.

    VALUE<tab>what it is        a candidate
    :files                      and files, which the shell knows better

bash and PowerShell hand over the line up to the cursor, zsh and fish its words. This runs at every
press of Tab: it reads an index (`completion_index`) and imports neither click nor the
configuration, unless the index is out of date.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

INDEX = "completion.json"
FILES = ":files"
MOST = 2_000
"""More candidates than this are of no use to anybody."""
ASK = "ask"
"""The command that a prompt runs, as in `app`."""


def main(shell: str, given: Sequence[str]) -> None:
    """Print candidates. Nothing that is wrong here is told: a person is typing."""
    words = split_line(given[0] if given else "") if shell in ("bash", "powershell") else given
    if shell == "fish":  # a current word that looks like an option stands behind `--`
        words = [*words[:-2], words[-1]] if len(words) > 1 and words[-2] == "--" else words
    index = load_index()
    current = words[-1] if words else ""
    strip = _kept_by_bash(current) if shell == "bash" else 0
    lines = [
        line if line == FILES else line[strip:] for line in islice(candidates(index, words), MOST)
    ]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def split_line(line: str) -> list[str]:
    """Split a line into words, the last of them as far as it is written, without the program."""
    text = line
    for closing in ("", "'", '"'):
        try:
            words = shlex.split(text + closing)
        except ValueError:
            continue
        if not closing and (not line or line[-1].isspace()):
            words.append("")
        return words[1:]
    return [""]


def _kept_by_bash(word: str) -> int:
    """Count what bash leaves standing: it takes a colon and an equals sign for ends of words."""
    return max(word.rfind(":"), word.rfind("=")) + 1


# ------------------------------------------------------------------------------------ candidates


def candidates(index: Mapping[str, Any], words: Sequence[str]) -> Iterator[str]:
    """Yield what the last word may become."""
    *before, current = words or [""]
    node = index["commands"]
    positional = 0
    named = False
    rest = iter(before)
    for word in rest:
        if word == "--":
            return
        option = _find_option(node, index, word.partition("=")[0])
        if option is not None:
            takes = 0 if "=" in word else option["takes"]
            left = [next(rest, None) for _ in range(takes)]
            if None in left:
                yield from _values(index, option["kinds"][left.index(None)], current)
                return
        elif not named and word in node.get("commands", {}):
            node = node["commands"][word]
            named = "commands" not in node
            positional = 0
        elif not word.startswith("-"):
            named = True
            positional += 1
    if current.startswith("-") and current != "-":
        yield from _options(node, index, current)
        return
    if not named:
        yield from _commands(node, current)
    kinds = node.get("arguments", [])
    if kinds:
        yield from _values(index, kinds[min(positional, len(kinds) - 1)], current)


def _find_option(node: Mapping[str, Any], index: Mapping[str, Any], word: str) -> Any:
    for options in (node["options"], index["commands"]["options"]):
        for option in options:
            if word in option["names"]:
                return option
    return None


def _options(node: Mapping[str, Any], index: Mapping[str, Any], current: str) -> Iterator[str]:
    name, equals, start = current.partition("=")
    if equals:
        option = _find_option(node, index, name)
        if option is not None and option["takes"] == 1:
            for line in _values(index, option["kinds"][0], start):
                yield line if line == FILES else f"{name}={line}"
        return
    for option in node["options"]:
        for name in option["names"]:
            if name.startswith(current) and (name.startswith("--") or len(current) < 2):
                yield f"{name}\t{option['help']}"


def _commands(node: Mapping[str, Any], current: str) -> Iterator[str]:
    for name, inner in node.get("commands", {}).items():
        if name.startswith(current):
            yield f"{name}\t{inner['help']}"


def _values(index: Mapping[str, Any], kind: Any, current: str) -> Iterator[str]:
    """Yield values of a kind: a list of words, or the name of a list that the index has."""
    if kind == "file":
        yield FILES
        return
    known = kind if isinstance(kind, list) else index["values"].get(kind, [])
    found = [value for value in known if value.startswith(current)]
    if kind == "model" and "/" not in current and len(found) > 50:
        # Providers first; their models when one of them is chosen.
        found = list(dict.fromkeys(f"{value.partition('/')[0]}/" for value in found))
    yield from found


# ------------------------------------------------------------------------------------- the index


def load_index() -> Mapping[str, Any]:
    """Read the index; make it anew when something that it was made from has changed."""
    path = index_file()
    try:
        index: Mapping[str, Any] = json.loads(path.read_bytes())
        if index["stamp"] == stamp(index["files"]):
            return index
    except (OSError, ValueError, KeyError, TypeError):
        pass
    from dragoman.cli.completion.index import build_index

    return build_index(path)


def index_file() -> Path:
    """Say where the index is, as `config.files.cache_folder` would."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if base and Path(base).is_absolute():
        return Path(base) / "dragoman" / INDEX
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "dragoman" / INDEX
    return Path(os.environ.get("HOME") or Path.home()) / ".cache" / "dragoman" / INDEX


def stamp(files: Sequence[str]) -> list[Any]:
    """Take down what the index depends on: files, the project, which keys there are, ourselves."""
    names = sorted(name for name in os.environ if "KEY" in name or "TOKEN" in name)
    places = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DRAGOMAN_CONFIG", "DRAGOMAN_MODEL")
    return [
        _newest_source(),
        names,
        [os.environ.get(name) for name in places],
        _project(),
        [_changed_at(file) for file in files],
    ]


def _newest_source() -> int:
    """When the newest of the command's own files was changed."""
    return max(file.stat().st_mtime_ns for file in Path(__file__).parents[1].glob("**/*.py"))


def _project() -> str | None:
    folder = Path.cwd()
    for place in (folder, *folder.parents):
        if (place / "dragoman.toml").exists():
            return str(place)
    return None


def _changed_at(file: str) -> int | None:
    try:
        return os.stat(file).st_mtime_ns  # noqa: PTH116
    except OSError:
        return None
