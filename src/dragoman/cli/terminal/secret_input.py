"""Take a key from a person or a pipe: hidden, and never from the command line."""

from __future__ import annotations

import re
import sys

from dragoman.cli.flags import WrongUsage
from dragoman.types.credential import Secret

MAX_CHARACTERS = 16 * 1024
_UNFIT = re.compile(r"[^\x20-\x7e]")


PIPE = "pipe it in: dragoman keys set NAME < FILE"


def read_key(prompt: str, missing: str = PIPE) -> Secret:
    """Read a key: from the pipe if there is one, else from the person, hidden.

    Raises: WrongUsage for none, with `missing` as the fix, or for what no HTTP header can carry.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        return ask_key(prompt)
    raw = b"" if sys.stdin is None else sys.stdin.buffer.read(MAX_CHARACTERS + 1)
    return _checked(raw.decode("utf-8", errors="replace"), missing)


def ask_key(prompt: str, *, optional: bool = False) -> Secret:
    """Ask a person; what they type is not shown. `optional`: an empty answer is one.

    Raises: WrongUsage.
    """
    import getpass

    try:
        text = getpass.getpass(f"{prompt}: ")
    except EOFError:
        text = ""
    return Secret("") if optional and not text.strip() else _checked(text)


def _checked(text: str, missing: str = PIPE) -> Secret:
    key = text.strip()
    if not key:
        raise WrongUsage("no key was given", hint=missing)
    if len(key) > MAX_CHARACTERS:
        raise WrongUsage("that is too long for a key", hint="the key alone, on one line")
    if _UNFIT.search(key):
        raise WrongUsage(
            "the key has a line break, or a character that no HTTP header can carry",
            hint="the key alone, on one line; was it copied with a typographic quote or dash?",
        )
    return Secret(key)
