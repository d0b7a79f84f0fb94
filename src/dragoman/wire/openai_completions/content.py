"""What stands in the content of an answer, alike in whole answers and in deltas."""

from __future__ import annotations

from typing import Any

from dragoman.types.message import Media, Meta
from dragoman.wire.data_url import split_data_url
from dragoman.wire.openai_completions.schema import NAME, REASONING_FIELDS, Delta
from dragoman.wire.parts import TextKind


def split_content(content: Any) -> list[tuple[TextKind, str]]:
    """Read content: text, or a list of blocks (Mistral sends its thinking as one)."""
    if isinstance(content, str):
        return [("text", content)] if content else []
    pieces: list[tuple[TextKind, str]] = []
    for block in content if isinstance(content, list) else ():
        if isinstance(block, str):
            pieces.append(("text", block))
        elif isinstance(block, dict):
            pieces.extend(_block(block))
    return [piece for piece in pieces if piece[1]]


def _block(block: dict[str, Any]) -> list[tuple[TextKind, str]]:
    kind = block.get("type")
    if kind in ("thinking", "reasoning"):
        thought = block.get("thinking") or block.get("text") or block.get("reasoning")
        return [("reasoning", text) for _, text in split_content(thought)]
    if kind == "refusal" and isinstance(block.get("refusal"), str):
        return [("refusal", block["refusal"])]
    text = block.get("text")
    return [("text", text)] if isinstance(text, str) else []


def find_reasoning(delta: Delta) -> str:
    """Find what was thought, under whichever name, each text once."""
    for name in REASONING_FIELDS:
        value = getattr(delta, name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and (pieces := split_content(value)):
            return "".join(text for _, text in pieces)
    return ""


class ReasoningDetails:
    """OpenRouter's `reasoning_details`: to be sent back whole, so pieces are put together.

    Source: https://openrouter.ai/docs/use-cases/reasoning-tokens (read 2026-11)
    """

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: list[dict[str, Any]] = []

    def __bool__(self) -> bool:
        return bool(self._items)

    def meta(self) -> Meta:
        """What has come so far, as it would be in a whole answer, for a part to carry."""
        return {NAME: {"reasoning_details": [merged(item) for item in self._items]}}

    def add(self, details: list[Any]) -> None:
        """Take more."""
        for item in details:
            if isinstance(item, dict):
                last = self._items[-1] if self._items else {}
                same = [last.get(key) == item.get(key) for key in ("type", "index")]
                if not last or not all(same) or item.get("type") == "reasoning.encrypted":
                    self._items.append({})
                merge(self._items[-1], item)


def readable(details: list[Any]) -> str:
    """Find in `reasoning_details` what people may read."""
    items = [item for item in details if isinstance(item, dict)]
    shown = [item.get(name) for item in items for name in _SHOWN]
    return "".join(text for text in shown if isinstance(text, str))


_SHOWN = ("text", "summary")
_GROWING = frozenset({"data", "transcript", *_SHOWN})  # texts that come in pieces


def merge(kept: dict[str, Any], more: Any) -> None:
    """Add a piece of an object (log probabilities, sound) to what there is; `merged` ends it."""
    for name, value in more.items() if isinstance(more, dict) else ():
        before = kept.get(name)
        if name in _GROWING and isinstance(value, str):
            kept.setdefault(name, _Pieces()).append(value)
        elif isinstance(value, list) and isinstance(before, list):
            before.extend(value)
        elif value is not None or name not in kept:
            kept[name] = list(value) if isinstance(value, list) else value


def merged(kept: dict[str, Any]) -> dict[str, Any]:
    """Join what `merge` has put together."""
    return {
        name: "".join(value) if isinstance(value, _Pieces) else value
        for name, value in kept.items()
    }


class _Pieces(list[str]):
    """Text that is still coming: joined once, since joining it piece by piece is quadratic."""


def image_parts(images: Any) -> list[Media]:
    """Read the pictures that a model made (OpenRouter's `images`)."""
    parts = []
    for image in images if isinstance(images, list) else ():
        inner = image.get("image_url") if isinstance(image, dict) else None
        url = inner.get("url") if isinstance(inner, dict) else inner
        if isinstance(url, str) and url:
            parts.append(image_part(url))
    return parts


def image_part(url: str, detail: str | None = None) -> Media:
    """Make a picture out of its URL, `data:` or other."""
    found = split_data_url(url)
    if found is None:
        return Media(kind="image", url=url, detail=detail)
    return Media(kind="image", media_type=found[0] or "image/png", data=found[1], detail=detail)
