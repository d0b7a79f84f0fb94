"""Cases about what an answer can be held to, shown, and made of: schemas, pictures, reasoning."""

from __future__ import annotations

import re

from dragoman.errors import BadRequest
from dragoman.probe.abilities import (
    CHECK_SCHEMA,
    LONG_TOKENS,
    SCHEMA_QUESTION,
    SHORT_TOKENS,
    decode,
    judge_schema,
    picture_question,
)
from dragoman.probe.conformance.case import Case, Found
from dragoman.probe.conformance.subject import Subject

_THINK = re.compile(r"</?think(?:ing)?>")
_EMBEDS = re.compile(r"(?i)embed|\bbge\b|minilm|\be5\b|\bgte\b")
_RIDDLE = "What is 17 times 23? Answer with the number."


def examine_schema(subject: Subject) -> Found:
    """An answer keeps to a JSON Schema."""
    refused: BadRequest | None = None
    found = None
    try:
        told = judge_schema(subject.chat(SCHEMA_QUESTION, output=CHECK_SCHEMA))
        found = Found(told.verdict, told.detail, told.fix)
    except BadRequest as error:
        refused = error
    if found is not None and found.verdict == "ok":
        return found
    if subject.tries_dialects and subject.provider.dialect.json_schema == "native":
        for way in ("object", "none"):
            try:
                dialect = subject.dialect(json_schema=way)
                told = judge_schema(
                    subject.chat_with(dialect, SCHEMA_QUESTION, output=CHECK_SCHEMA)
                )
            except BadRequest:
                continue
            if told.verdict == "ok":
                how = "JSON mode" if way == "object" else "the instructions alone"
                detail = f"not kept to as asked for; with {how} it is"
                return Found("warning", detail, dialect={"json_schema": way})
    if refused is not None:
        raise refused
    assert found is not None
    return found


def examine_json(subject: Subject) -> Found:
    """An answer is a JSON object when one is asked for."""
    answer = subject.chat('Answer with the JSON object {"ok": true}.', output="json")
    if isinstance(decode(answer.text), dict):
        return Found("ok", "a JSON object")
    if answer.finish_reason == "length":
        return Found("warning", f"accepted; cut off after {LONG_TOKENS} tokens")
    return Found("warning", "accepted, and not kept to")


def examine_images(subject: Subject) -> Found:
    """A picture is taken."""
    answer = subject.chat([picture_question()], max_tokens=SHORT_TOKENS)
    return Found("ok", "seen" if "red" in answer.text.lower() else "accepted")


def examine_reasoning(subject: Subject) -> Found:
    """An effort is taken, and what the model thinks stands apart from what it says."""
    try:
        answer = subject.chat(_RIDDLE, reasoning="low", max_tokens=4 * LONG_TOKENS)
        refused = None
    except BadRequest as error:
        answer, refused = subject.whole, error
    told = answer.usage.reasoning_tokens if answer.usage else None
    if (mixed := _THINK.search(answer.text)) is not None:
        opened = "<think>" in answer.text
        return Found(
            "failed",
            f"what it thinks stands in what it says ({mixed[0]})",
            dialect={"think_tags": True if opened else "open"} if subject.tries_dialects else {},
        )
    if refused is not None:
        known = subject.tries_dialects and subject.provider.dialect.reasoning != "none"
        return Found(
            "unsupported",
            f"an effort is refused: {refused.message}",
            dialect={"reasoning": "none"} if known else {},
        )
    if answer.reasoning:
        return Found("ok", "a part of its own")
    if told:
        return Found("ok", f"{told} tokens, not shown")
    return Found("unsupported", "an effort is accepted; no reasoning came")


def examine_embeddings(subject: Subject) -> Found:
    """A text becomes a vector."""
    known = [*subject.provider.models, *subject.models, subject.model or ""]
    model = next((name for name in known if _EMBEDS.search(name)), None)
    if model is None:
        return Found("unsupported", "it lists no model for embeddings")
    answer = subject.embed(model, "A text.")
    if len(answer.vectors) != 1 or not answer.vectors[0]:
        return Found("failed", f"{len(answer.vectors)} vectors came for one text")
    return Found("ok", f"{model}: {len(answer.vectors[0])} numbers")


CASES = (
    Case(name="schema", examine=examine_schema, after=("chat",)),
    Case(name="json", examine=examine_json, after=("chat",)),
    Case(name="images", examine=examine_images, after=("chat",)),
    Case(name="reasoning", examine=examine_reasoning, after=("chat",)),
    Case(name="embeddings", examine=examine_embeddings),
)
