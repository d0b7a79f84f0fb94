"""The settings of what stands in for abilities: of a provider, a model and a route."""

from __future__ import annotations

from dragoman.config.field import Field

EMULATED = ("tools", "schema")
AUTOS = ("price", "latency", "quality")

GUARD = (
    Field(
        "characters", "count", "How much of the text's end one block must fill.", "2000", least=200
    ),
    Field("repeats", "count", "How often it must stand there, at least.", "8", least=3),
)


def _aids(emulate: str, off: str, on: str, *, trusted: bool) -> tuple[Field, ...]:
    """The settings that providers and models share, with what holds where nothing is said."""
    return (
        Field(
            "emulate",
            "texts",
            "What it cannot do and is asked for in words: " + ", ".join(EMULATED) + ".",
            emulate,
            choices=EMULATED,
            open=trusted,
        ),
        Field(
            "repair_arguments",
            "flag",
            "Repair the arguments of its own tool calls where they are broken JSON.",
            off,
            open=trusted,
        ),
        Field(
            "stream",
            "flag",
            "It can stream; if not, who wants a stream gets the answer in one piece.",
            on,
            open=trusted,
        ),
        guard(off),
    )


def guard(default: str) -> Field:
    """The setting of the guard against repetition."""
    doc = "End a stream that says the same over and over."
    return Field("repetition_guard", "switch", doc, default, fields=GUARD, open=True)


def quality(default: str) -> Field:
    """The setting of a model's class."""
    doc = "Your own class of it for `auto` routes, from 1 to 5, the best."
    return Field("quality", "count", doc, default, least=1, most=5)


PROVIDER_AIDS = _aids("nothing", "false", "true", trusted=True)
MODEL_AIDS = (
    *_aids("the provider's", "the provider's", "the provider's", trusted=False),
    quality(""),
)
AUTO = Field(
    "auto",
    "choice",
    "Order the models anew for each request: the cheapest, the quickest or the best first.",
    "as they are written",
    choices=AUTOS,
)
