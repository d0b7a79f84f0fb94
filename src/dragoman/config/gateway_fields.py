"""Settings of what the gateway does beside asking: see `fields.py`."""

from __future__ import annotations

from typing import get_args

from dragoman.config.field import Field
from dragoman.types.content import ContentMode
from dragoman.types.guardrail import (
    PERSONAL_KINDS,
    Direction,
    GuardrailAction,
    GuardrailKind,
    GuardrailMode,
)

LEDGER = (
    Field("requests_days", "count", "Days that rows of requests are kept; 0 is for ever.", "0"),
    Field("audit_days", "count", "Days that the audit log is kept; 0 is for ever.", "0"),
    Field(
        "content",
        "choice",
        "Whether what is said is kept, of organisations that do not decide it for themselves.",
        "off",
        choices=get_args(ContentMode),
    ),
    Field(
        "content_days", "count", "Days that what was said is kept, at most; 0 is for ever.", "30"
    ),
    Field(
        "content_limit",
        "count",
        "Bytes that are kept of a request, and of an answer.",
        "65536",
        least=1,
    ),
)

CACHE = (
    Field("enabled", "flag", "Answer the same request from memory.", "false"),
    Field("ttl", "seconds", "How long an answer is kept.", "3600"),
    Field("size", "count", "Bytes of answers that a worker keeps.", "67108864", least=1),
    Field("entry_size", "count", "Bytes of the largest answer that is kept.", "1048576", least=1),
)

GUARDRAIL = (
    Field("name", "text", "What warnings and records call it.", required=True),
    Field("kind", "choice", "What it looks for.", required=True, choices=get_args(GuardrailKind)),
    Field(
        "action",
        "choice",
        "Take out what it finds, or refuse.",
        "redact; deny for `size`",
        choices=get_args(GuardrailAction),
    ),
    Field(
        "where",
        "texts",
        "In requests, in answers, or both.",
        "both",
        choices=get_args(Direction),
    ),
    Field(
        "mode",
        "choice",
        "`shadow` changes and refuses nothing, and tells what would have been done.",
        "enforce",
        choices=get_args(GuardrailMode),
    ),
    Field("patterns", "texts", "For `pattern`: regular expressions, as RE2 reads them."),
    Field("words", "texts", "For `words`: words and phrases, in capitals or not."),
    Field(
        "entities",
        "texts",
        "For `personal`: what is looked for.",
        "all",
        choices=PERSONAL_KINDS,
    ),
    Field("max_tokens", "count", "For `size`: tokens of text, estimated."),
    Field("max_bytes", "count", "For `size`: bytes of text."),
    Field("replacement", "text", "What stands instead.", "`[… removed]`"),
    Field("strict", "flag", "Refuse what cannot be looked at: media and files.", "`false`"),
)
