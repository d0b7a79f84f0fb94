"""Adapters: what a provider needs that speaks none of the three languages, or not quite.

    from dragoman.adapters import Adapter

    class Acme(Adapter):
        provider = {"base_url": "https://api.acme.example", "api_key_env": "ACME_KEY"}
        ...

`docs/guides/adapters.md` shows a whole one.
"""

from __future__ import annotations

from dragoman.adapters.adapter import Adapter, Aside, AuthFlow, Body, Follow
from dragoman.adapters.answer import Answer
from dragoman.adapters.ask import Ask, flat_text, instructions, turns
from dragoman.adapters.find import register
from dragoman.adapters.frames import Piece
from dragoman.endpoint import encode_segment
from dragoman.types.http import HttpAnswer, HttpRequest

__all__ = [
    "Adapter",
    "Answer",
    "Aside",
    "Ask",
    "AuthFlow",
    "Body",
    "Follow",
    "HttpAnswer",
    "HttpRequest",
    "Piece",
    "encode_segment",
    "flat_text",
    "instructions",
    "register",
    "turns",
]
