"""What to say when a model ref leads nowhere: what was tried, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from dragoman.catalog import find_model
from dragoman.errors import UnknownModel
from dragoman.types.provider import Provider

if TYPE_CHECKING:
    from dragoman.config.config import Config

_SHOWN = 3
_CLOSE = 0.7
_COMPARED = 30_000
"""Characters of all the words that one is compared with."""
_CANDIDATES = 100
"""So many words of the same letters are compared one letter after the other."""
_LONGEST = 200
"""Characters of a ref that are shown and compared: it may come from anybody."""


def nearest(word: str, words: Iterable[str], count: int = _SHOWN) -> list[str]:
    """Find the words that were probably meant, best first, whatever their case.

    Of very many only the first are compared: others' requests wait meanwhile.
    """
    folded: dict[str, str] = {}
    left = _COMPARED
    for name in words:
        left -= len(name)
        if left < 0:
            break
        folded[name.lower()] = name
    return [folded[name] for name in _closest(word[:_LONGEST].lower(), folded, count)]


def _closest(word: str, words: Iterable[str], count: int) -> list[str]:
    """Find what `difflib.get_close_matches` does, in a fraction of its time.

    How alike two words are at most is quickly known. Those that may be most alike are compared
    first, and none any more that cannot be more alike than what was found.
    """
    from difflib import SequenceMatcher

    matcher = SequenceMatcher()
    matcher.set_seq2(word)
    possible: list[tuple[float, str]] = []
    for other in words:
        matcher.set_seq1(other)
        if matcher.real_quick_ratio() >= _CLOSE and (most := matcher.quick_ratio()) >= _CLOSE:
            possible.append((most, other))
    found: list[tuple[float, str]] = []
    for most, other in sorted(possible, reverse=True)[:_CANDIDATES]:
        if len(found) == count and most < found[-1][0]:
            break
        matcher.set_seq1(other)
        if (alike := matcher.ratio()) >= _CLOSE:
            found = sorted([*found, (alike, other)], reverse=True)[:count]
    return [other for _, other in found]


def meant(words: Sequence[str]) -> str:
    """Write what was probably meant behind what is wrong; nothing without any words."""
    return f"; did you mean {' or '.join(words)}?" if words else ""


def cut(ref: str) -> str:
    """Shorten a ref for showing it."""
    return ref if len(ref) <= _LONGEST else f"{ref[:_LONGEST]}…"


def explain_unknown(
    ref: str,
    config: Config,
    endpoint: Provider | None = None,
    *,
    declaring: Sequence[str] = (),
    within: Sequence[str] = (),
) -> UnknownModel:
    """Make the error for a ref that leads nowhere.

    `declaring` are the providers that all declare it; `within` are the routes that led here.
    """
    if not ref:
        return UnknownModel("no model is named", hint="name one: PROVIDER/MODEL")
    shown = repr(cut(ref))
    through = f", in route {within[-1]!r}" if within else ""
    if declaring:
        refs = [f"{name}/{ref}" for name in declaring]
        return UnknownModel(
            f"{shown} is declared by several providers{through}: {', '.join(declaring)}",
            suggestions=refs,
            hint=f"say which: {' or '.join(refs[:_SHOWN])}",
        )
    tried = [f"no route or alias is called {shown}"]
    if ref in within:
        tried = [f"the route {shown} leads back to itself"]
    left = _left(ref)
    tried.append(f"no provider is called {left[:_LONGEST]!r}")
    tried.append(f"no provider declares {shown}")
    suggestions = _suggestions(ref, left, config, endpoint)
    return UnknownModel(
        f"unknown model {shown}{through}: {', '.join(tried)}",
        suggestions=suggestions,
        hint=f"did you mean {' or '.join(suggestions)}?"
        if suggestions
        else "name a provider and a model, as in PROVIDER/MODEL",
    )


def _left(ref: str) -> str:
    """What stands before the first separator, or all of it."""
    ends = [end for end in (ref.find("/"), ref.find(":")) if end > 0]
    return ref[: min(ends)] if ends else ref


def _suggestions(ref: str, left: str, config: Config, endpoint: Provider | None) -> tuple[str, ...]:
    routes = [name for name in config.routes if "*" not in name]
    names = [*config.providers, *((endpoint.name,) if endpoint else ())]
    rest = ref[len(left) :] if len(ref) > len(left) + 1 else ""
    found = [*nearest(ref, routes), *(name + rest for name in nearest(left, names))]
    found += nearest(ref, (f"{provider}/{model}" for provider, model in _declared(config)))
    close = set(nearest(ref, (model for _, model in _declared(config))))
    found += [f"{provider}/{model}" for provider, model in _declared(config) if model in close]
    if len(found) < _SHOWN and len(ref) <= _LONGEST:
        # The name of somebody's model, without whose: the catalog may know.
        known = (p for p in config.providers.values() if p.catalog and p.enabled)
        found += [f"{p.name}/{ref}" for p in known if p.catalog and find_model(p.catalog, ref)]
    return tuple(dict.fromkeys(found))[:_SHOWN]


def _declared(config: Config) -> Iterator[tuple[str, str]]:
    for provider in config.providers.values():
        if provider.enabled:
            for model in provider.models:
                yield provider.name, model
