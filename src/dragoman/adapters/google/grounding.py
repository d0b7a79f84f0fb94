"""Citations: what `groundingMetadata` and `citationMetadata` say a text rests on.

Source: https://ai.google.dev/gemini-api/docs/google-search and
https://ai.google.dev/api/generate-content#CitationMetadata (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dragoman.types.message import Citation

_PAGES = ("web", "maps", "retrievedContext")


def read_citations(candidate: dict[str, Any], text: str) -> tuple[Citation, ...]:
    """List the pages that a candidate names, with the places of `text` that rest on them.

    Places are counted in bytes there and in characters here.
    """
    grounding = candidate.get("groundingMetadata")
    cited = candidate.get("citationMetadata")
    if not (isinstance(grounding, dict) or isinstance(cited, dict)):
        return ()
    data = text.encode("utf-8", "replace")
    found = [*_grounded(grounding, data), *_quoted(cited, data)]
    return tuple(dict.fromkeys(found))


def _grounded(grounding: Any, data: bytes) -> Iterator[Citation]:
    if not isinstance(grounding, dict):
        return
    pages = [_page(chunk) for chunk in _list(grounding.get("groundingChunks"))]
    used: set[int] = set()
    for support in _list(grounding.get("groundingSupports")):
        segment = support.get("segment") if isinstance(support, dict) else None
        if not isinstance(segment, dict):
            continue
        start, end = _places(segment, data)
        for index in _list(support.get("groundingChunkIndices")):
            page = pages[index] if type(index) is int and 0 <= index < len(pages) else None
            if page is not None:
                used.add(index)
                yield Citation(*page, start, end)
    for index, page in enumerate(pages):
        if page is not None and index not in used:
            yield Citation(*page)


def _quoted(cited: Any, data: bytes) -> Iterator[Citation]:
    if not isinstance(cited, dict):
        return
    # AI Studio's word, then Google Cloud's.
    for source in _list(cited.get("citationSources") or cited.get("citations")):
        if isinstance(source, dict) and isinstance(uri := source.get("uri"), str) and uri:
            title = source.get("title")
            yield Citation(uri, title if isinstance(title, str) else None, *_places(source, data))


def _page(chunk: Any) -> tuple[str, str | None] | None:
    """Find URL and title of what a chunk comes from."""
    for kind in _PAGES:
        page = chunk.get(kind) if isinstance(chunk, dict) else None
        if isinstance(page, dict) and isinstance(uri := page.get("uri"), str) and uri:
            title = page.get("title")
            return uri, title if isinstance(title, str) else None
    return None


def _places(segment: dict[str, Any], data: bytes) -> tuple[int, int]:
    return _characters(segment.get("startIndex"), data), _characters(segment.get("endIndex"), data)


def _characters(place: Any, data: bytes) -> int:
    if type(place) is not int or place <= 0:
        return 0
    return len(data[:place].decode("utf-8", "ignore"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
