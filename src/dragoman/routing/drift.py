"""Whether the model that answered is the one that was asked: the drift alarm.

Law: another spelling is no other model. Case, the path or provider before a name, a date or build
number behind it, `latest`, a file's ending and the variant behind a colon are spelling; a tag or a
date is not, where both names have one. Whatever is left must be the same.

Sources: `model` in answers of these servers, as their API pages show it (read 2026-11):
platform.openai.com/docs/api-reference/chat/object, platform.claude.com/docs/en/api/messages,
docs.mistral.ai/api, openrouter.ai/docs/api-reference/overview, docs.ollama.com/openai.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache

from dragoman.wire.error_body import one_line

_ENDING = re.compile(r"\.(?:gguf|safetensors|bin)$")
_DATE = re.compile(r"[-@](?:20\d\d-?[01]\d-?[0-3]\d|[0-3]\d-20\d\d|[0-3]\d-[0-3]\d)(?=$|[-:@])")
_BUILD = re.compile(r"[-@](?:\d{3,8}|v\d+(?:[:.]\d+)?)$")
_STAGE = re.compile(r"-(?:preview|exp|experimental|beta)$")
_QUANT = re.compile(r"[-._](?:i?q\d\w*|bf16|f16|fp16)$")
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
_LATEST = "latest"
MAX_NAME = 256
_SAYS = " answered as another model: "


def is_other_model(asked: str, answered: str | None, routers: Iterable[str] = ()) -> bool:
    """Tell whether another model than the one that was asked has answered.

    Nothing is concluded from an answer that names none. `routers` are patterns of models that
    choose on purpose.
    """
    if not answered or answered == asked:
        return False
    if any(fnmatchcase(asked, pattern) for pattern in routers):
        return False
    return _differ(asked[:MAX_NAME], answered[:MAX_NAME])


@lru_cache(maxsize=256)
def find_drift(ref: str, asked: str, answered: str, routers: tuple[str, ...] = ()) -> str | None:
    """Write the warning that `ref`, which is `asked` there, was answered by another model."""
    return drift_warning(ref, answered) if is_other_model(asked, answered, routers) else None


def drift_warning(ref: str, answered: str) -> str:
    """Say it."""
    return f"{ref}{_SAYS}{one_line(answered[:MAX_NAME])}"


def is_drift(warning: str) -> bool:
    """Tell whether a warning is about another model: of interest to who looks closely."""
    return _SAYS in warning


def _differ(asked: str, answered: str) -> bool:
    one, its_tag = _split(asked)
    other, other_tag = _split(answered)
    if its_tag and other_tag and its_tag != other_tag:
        return True
    if _LATEST in one.split("-"):
        wanted = [word for word in _WORD.findall(one) if word != _LATEST]
        return not set(wanted) <= set(_WORD.findall(other))
    if one == other:
        return False
    stem, mark = _stem(one)
    other_stem, other_mark = _stem(other)
    apart = mark and other_mark and not (mark.endswith(other_mark) or other_mark.endswith(mark))
    return stem != other_stem or bool(apart)


def _split(name: str) -> tuple[str, str]:
    """Take a name apart: without its path, and its tag, where that says anything."""
    last = name.lower().removeprefix("ft:").replace("\\", "/").rpartition("/")[2]
    plain, _, tag = _ENDING.sub("", last).partition(":")
    return plain, "" if tag == _LATEST else tag


def _stem(name: str) -> tuple[str, str]:
    """Take off what may stand behind a name and means the same model.

    Returns: the rest, and the digits of its date or build: two that differ are two models.
    """
    mark = ""
    before = None
    while before != name:
        before = name
        for pattern in (_DATE, _BUILD):
            for found in pattern.findall(name):
                mark = mark or re.sub(r"\D", "", found)
            name = pattern.sub("", name)
        name = _QUANT.sub("", _STAGE.sub("", name))
    return name, mark
