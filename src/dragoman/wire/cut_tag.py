"""Tags in a text that comes in pieces: half a tag at the end of one is none yet."""

from __future__ import annotations


def half_tag(text: str, tag: str) -> int:
    """Count the characters at the end of the text that may be the beginning of the tag."""
    for size in range(min(len(text), len(tag) - 1), 0, -1):
        if text.endswith(tag[:size]):
            return size
    return 0
