"""`<think>` text inside the content, split off as reasoning, wherever the tags are cut.

Law: the opening tag counts only where the content begins, since an answer may well speak of the
tag; the first closing tag after it ends the reasoning. White space around tags is no text.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from dragoman.wire.cut_tag import half_tag
from dragoman.wire.parts import TextKind

ThinkTags: TypeAlias = bool | Literal["open"]
"""See `Dialect.think_tags`."""

_OPEN, _CLOSE = "<think>", "</think>"
_MAX_BLANK = 1024  # who sends more white space than that before a tag sends none


class ThinkSplitter:
    """Cuts content into reasoning and text.

    `mode` True looks for the opening tag; "open" is for servers whose prompt template has opened
    it, so that only the closing tag is seen.
    """

    __slots__ = ("_fresh", "_held", "_state")

    def __init__(self, mode: ThinkTags) -> None:
        self._state: Literal["start", "start_open", "reasoning", "text"] = (
            "start_open" if mode == "open" else "start"
        )
        self._held = ""
        self._fresh = False  # directly behind a tag: white space is dropped

    def feed(self, content: str) -> list[tuple[TextKind, str]]:
        """Take more content; return what it is, none of it empty."""
        content = self._held + content
        self._held = ""
        if self._state in ("start", "start_open"):
            text = content.lstrip()
            if _OPEN.startswith(text) and len(text) < len(_OPEN) and len(content) < _MAX_BLANK:
                self._held = content
                return []
            if text.startswith(_OPEN):
                content = text[len(_OPEN) :]
                self._enter("reasoning")
            elif self._state == "start_open":
                self._enter("reasoning")
            else:
                self._state = "text"
        pieces: list[tuple[TextKind, str]] = []
        if self._state == "reasoning":
            thought, tag, rest = content.partition(_CLOSE)
            if not tag:
                keep = half_tag(thought, _CLOSE)
                self._held = thought[len(thought) - keep :]
                thought = thought[: len(thought) - keep]
            self._put("reasoning", thought, pieces)
            if not tag:
                return pieces
            self._enter("text")
            content = rest
        self._put("text", content, pieces)
        return pieces

    def close(self) -> list[tuple[TextKind, str]]:
        """Return what was held back in case it became a tag."""
        pieces: list[tuple[TextKind, str]] = []
        self._put("text" if self._state in ("start", "text") else "reasoning", self._held, pieces)
        self._held = ""
        return pieces

    def _enter(self, state: Literal["reasoning", "text"]) -> None:
        self._state = state
        self._fresh = True

    def _put(self, kind: TextKind, text: str, pieces: list[tuple[TextKind, str]]) -> None:
        if self._fresh:
            text = text.lstrip()
            self._fresh = not text
        if text:
            pieces.append((kind, text))
