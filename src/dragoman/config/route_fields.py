"""Settings of routes: see `fields.py`."""

from __future__ import annotations

from dragoman.config.aid_fields import AUTO, guard, quality
from dragoman.config.conditions import DAYS
from dragoman.config.field import Field

OVERFLOWS = ("error", "truncate", "fallback")
WHENS = ("always", "image", "overflow")

CONDITION = (
    Field("image", "flag", "It holds pictures, or holds none.", "either"),
    Field("stream", "flag", "It asks for a stream, or for a whole answer.", "either"),
    Field("tools", "flag", "It brings tools, or brings none.", "either"),
    Field("tokens_from", "count", "Its prompt has so many tokens or more, about."),
    Field("tokens_below", "count", "Its prompt has fewer tokens, about.", least=1),
    Field("headers", "text_map", "It has these headers, with these values."),
    Field("metadata", "text_map", "Its `metadata` has these entries."),
    Field("users", "texts", "Its `user` is one of these.", "anybody"),
    Field("hours", "hours", "The time of day in UTC: `08:00-18:30`.", "any"),
    Field("days", "texts", "The day of the week in UTC.", "any", choices=DAYS),
)

SHADOW = (
    Field("model", "text", "The model ref that gets a copy.", required=True),
    Field("percent", "number", "Of how many of a hundred requests.", "100", most=100),
)

STEP = (
    Field("model", "text", "A model ref.", required=True, open=True, also=("ref",)),
    Field("weight", "share", "Its share of the traffic among neighbours with one: 3, or `30%`."),
    Field("first_token", "seconds", "Seconds until the first content; then the next is asked."),
    Field("retries", "count", "How often to ask it again.", "the provider's"),
    Field(
        "when",
        "occasion",
        "Only for requests with images, or for prompts too long for the others; or a table of what"
        " must hold of a request, all of it.",
        "always",
        choices=WHENS,
        fields=CONDITION,
    ),
    quality("the model's"),
)

ROUTE = (
    Field("name", "text", "The public name, where routes are a list.", internal=True),
    Field("primary", "text", "The model ref to ask first.", also=("model",)),
    Field("fallbacks", "steps", "The model refs to ask then, in order.", fields=STEP),
    Field("models", "steps", "Primary and fallbacks in one list.", fields=STEP),
    Field("first_token", "seconds", "Too slow counts as failed: the next is asked.", "60"),
    Field("hedge_after", "seconds", "Start the next after so long; keep who speaks first."),
    Field("image_model", "text", "Where requests with images go if the model reads only text."),
    Field(
        "on_overflow",
        "choice",
        "What to do with a prompt that does not fit.",
        "the provider's",
        choices=OVERFLOWS,
    ),
    AUTO,
    guard("the model's"),
    Field("sticky", "flag", "Keep a conversation with the deployment that began it.", "false"),
    Field("usage_cost", "flag", "Put the cost into the usage of answers.", "false"),
    Field("privacy", "text", "Ask providers of this class alone, whatever fails.", guards=True),
    Field(
        "shadow",
        "table",
        "The gateway sends a copy of its requests there, and throws the answers away.",
        fields=SHADOW,
    ),
    Field("body", "any_table", "Fields to add to each request."),
)
