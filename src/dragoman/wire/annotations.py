"""Citations and log probabilities as both of OpenAI's APIs have them.

Chat completions wrap a citation's fields in an object of its own and count characters from the
beginning of the whole content; Responses have them flat, and count from the beginning of the text.

Source: https://platform.openai.com/docs/guides/tools-web-search (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dragoman.types.message import Citation
from dragoman.wire.json_text import mended
from dragoman.wire.parts import own_meta

_PAGE = "url_citation"
_MODELLED = ("type", "url", "title", "start_index", "end_index")


def split_annotations(
    found: Any, format_name: str, before: int = 0
) -> tuple[tuple[Citation, ...], list[Any]]:
    """Part citations of pages, in either shape, from what else there is.

    `before` is how many characters stand before the text.
    """
    citations: list[Citation] = []
    others: list[Any] = []
    for annotation in mended(found) if isinstance(found, list) else ():
        citation = _read(annotation, format_name, before)
        if citation is None:
            others.append(annotation)
        else:
            citations.append(citation)
    return tuple(citations), others


def _read(annotation: Any, format_name: str, before: int) -> Citation | None:
    if not isinstance(annotation, dict) or annotation.get("type") != _PAGE:
        return None
    fields = annotation.get(_PAGE, annotation)
    if not isinstance(fields, dict) or not isinstance(url := fields.get("url"), str) or not url:
        return None
    title = fields.get("title")
    more = {name: value for name, value in fields.items() if name not in _MODELLED}
    return Citation(
        url,
        title if isinstance(title, str) else None,
        max(_place(fields, "start_index") - before, 0),
        max(_place(fields, "end_index") - before, 0),
        own_meta(format_name, more),
    )


def _place(fields: Mapping[str, Any], name: str) -> int:
    place = fields.get(name)
    return place if type(place) is int else 0


def citation_fields(citation: Citation, format_name: str, before: int = 0) -> dict[str, Any]:
    """Write the fields of a citation, which are the same in both APIs."""
    return {
        "start_index": citation.start + before,
        "end_index": citation.end + before,
        "url": citation.url,
        "title": citation.title or "",
        **(citation.meta or {}).get(format_name, {}),
    }


def write_logprobs(tokens: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write log probabilities for Responses, where nothing of them may be missing or null."""
    return [
        {
            **token,
            "bytes": _bytes(token),
            "top_logprobs": [
                {**one, "bytes": _bytes(one)} for one in read_logprobs(token.get("top_logprobs"))
            ],
        }
        for token in tokens
    ]


def _bytes(token: Mapping[str, Any]) -> Any:
    found = token.get("bytes")
    return list(str(token.get("token")).encode("utf-8", "replace")) if found is None else found


def read_logprobs(found: Any) -> tuple[Mapping[str, Any], ...]:
    """Read the log probabilities of tokens, which are objects; anything else is none."""
    if type(found) is not list:
        return ()
    return tuple(mended(token) for token in found if isinstance(token, dict))
