"""`-o NAME VALUE`: the options of a request, their kinds, and what was probably meant."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dragoman.cli.flags import WrongUsage

BODY = "body."
"""What follows goes into the request's body as it is."""


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _seconds(text: str) -> float:
    value = _number(text)
    if value <= 0:
        raise ValueError(text)
    return value


def _flag(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError(text)
    return value


def _effort(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _overflow(text: str) -> str:
    if text not in ("error", "truncate", "fallback"):
        raise ValueError(text)
    return text


Reader = Callable[[str], Any]

_NUMBER = (_number, "a number")
_WHOLE = (int, "a whole number")
_SECONDS = (_seconds, "a number of seconds")
_FLAG = (_flag, "true or false")
_TEXT = (str, "text")

OPTIONS: Mapping[str, tuple[Reader, str]] = {
    "temperature": _NUMBER,
    "max_tokens": _WHOLE,
    "top_p": _NUMBER,
    "top_k": _WHOLE,
    "stop": _TEXT,
    "seed": _WHOLE,
    "presence_penalty": _NUMBER,
    "frequency_penalty": _NUMBER,
    "reasoning": (_effort, "an effort (low, medium, high) or a number of tokens"),
    "output": _TEXT,
    "logprobs": _FLAG,
    "top_logprobs": _WHOLE,
    "user": _TEXT,
    "metadata": (_object, "a JSON object"),
    "idle": _SECONDS,
    "retries": _WHOLE,
    "hedge_after": _SECONDS,
    "on_overflow": (_overflow, "error, truncate or fallback"),
}
"""Name → how its value is read, and what it takes. The names are those of `dragoman.params`."""


def read_options(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Make parameters of a call from names and values. `stop` may come several times.

    Raises: WrongUsage, with the name that was probably meant.
    """
    found: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for given, text in pairs:
        name = given.strip().replace("-", "_")
        if given.startswith(BODY) and len(given) > len(BODY):
            body[given.removeprefix(BODY)] = _json_or_text(text)
            continue
        value = _read(name, given, text)
        if name == "stop":
            found.setdefault("stop", []).append(value)
        else:
            found[name] = value
    if body:
        found["body"] = body
    return found


def _read(name: str, given: str, text: str) -> Any:
    if name not in OPTIONS:
        raise WrongUsage(f"there is no option {given!r}", hint=_suggestion(name))
    reader, takes = OPTIONS[name]
    try:
        return reader(text)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise WrongUsage(f"{given} takes {takes}, not {text!r}") from None


def _suggestion(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.6)
    if near:
        return f"did you mean -o {near[0]}?"
    return f"the options are {', '.join(OPTIONS)}; -o {BODY}{name} sends a field as it is"


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
