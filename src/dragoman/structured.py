"""Answers that are data: a type's schema goes out, a value of the type comes back.

Providers differ in what they enforce, so there is a ladder: the format's own schema field
(`native`), a tool that the model must call with the value (`tool`), the schema in the instructions
(`prompt`). A rung that the provider refuses, or on which the model keeps failing, leads to the
next. The result says which rung held.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.errors import BadRequest, ContentFiltered, ContextOverflow, SchemaMismatch
from dragoman.schema_check import find_problem
from dragoman.types.completion import Completion
from dragoman.types.message import system, tool_result, user
from dragoman.types.request import ChatRequest, JsonSchema, Tool, ToolChoice
from dragoman.wire.json_repair import find_json, repair_json

T = TypeVar("T")
Via: TypeAlias = Literal["native", "tool", "prompt"]
LADDER: tuple[Via, ...] = ("native", "tool", "prompt")


class Parsed(Struct, Generic[T], frozen=True):
    """A value, the answer that it came in, and how the schema was kept.

    `repaired`: the model's JSON was broken, and was mended before it was read.
    """

    value: T
    completion: Completion
    via: Via
    repaired: bool = False


class Shape(Struct, Generic[T], frozen=True):
    """A JSON Schema, and how to read a value that it admits. `read` raises ValueError."""

    name: str
    schema: Mapping[str, Any]
    read: Callable[[str], T]


def shape_of(kind: Any) -> Shape[Any]:
    """Work out the shape of a type, or of a JSON Schema given as a dict.

    Pydantic models speak for themselves; msgspec Structs, dataclasses, TypedDicts, unions and the
    like go by msgspec. What a schema given as a dict admits is `schema_check`'s to say.
    """
    if isinstance(kind, Mapping):
        return Shape(str(kind.get("title", "answer")), kind, partial(_read_checked, kind))
    name = getattr(kind, "__name__", "answer")
    if hasattr(kind, "model_json_schema"):
        return Shape(name, kind.model_json_schema(), kind.model_validate_json)
    decoder = msgspec.json.Decoder(kind)
    return Shape(name, _inlined(msgspec.json.schema(kind)), decoder.decode)


def _read_checked(schema: Mapping[str, Any], text: str) -> Any:
    """Read JSON that the schema admits. Raises: ValueError."""
    value = msgspec.json.decode(text)
    if problem := find_problem(value, schema):
        raise ValueError(problem)
    return value


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put the top-level `$ref` in place: providers want an object at the root."""
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        return schema
    definitions = schema.get("$defs", {})
    root = dict(definitions[ref.rsplit("/", 1)[1]])
    others = {name: value for name, value in definitions.items() if not ref.endswith(f"/{name}")}
    uses_itself = ref in msgspec.json.encode(root).decode()
    if uses_itself:
        others = definitions
    return {**root, "$defs": others} if others else root


def ladder(
    request: ChatRequest, shape: Shape[T], first: Via = "native"
) -> Generator[ChatRequest, Completion, Parsed[T]]:
    """Ask until a value comes back; yields requests, is sent completions or thrown errors.

    On each rung the model gets one chance to mend what it said.

    Raises: SchemaMismatch, with the last answer as its `partial`.
    """
    problem: Exception | None = None
    completion: Completion | None = None
    for via in LADDER[LADDER.index(first) :]:
        asked = _on_rung(request, shape, via)
        try:
            for _ in range(2):
                completion = yield asked
                try:
                    found = _payload(completion, via)
                    said = (completion.text, *(c.arguments for c in completion.tool_calls))
                    repaired = not any(found in text for text in said)
                    return Parsed(shape.read(found), completion, via, repaired)
                except ValueError as error:
                    problem = error
                    asked = _with_complaint(asked, completion, error)
        except (ContentFiltered, ContextOverflow):
            raise
        except BadRequest as error:
            if via == LADDER[-1]:
                raise
            problem = error
    mismatch = SchemaMismatch(
        f"the answer is not what the schema asks for: {problem}",
        hint="try a larger model, or a simpler schema",
    )
    mismatch.partial = completion
    raise mismatch


def _on_rung(request: ChatRequest, shape: Shape[T], via: Via) -> ChatRequest:
    if via == "native":
        return replace(request, output=JsonSchema(shape.schema, name=shape.name))
    if via == "tool":
        tool = Tool(shape.name, description="Give the answer.", parameters=shape.schema)
        return replace(
            request,
            output=None,
            tools=(*request.tools, tool),
            tool_choice=ToolChoice("tool", shape.name),
        )
    schema = msgspec.json.encode(shape.schema).decode()
    order = f"Answer with JSON alone, no other text, that this JSON Schema admits:\n{schema}"
    return replace(request, output=None, messages=(system(order), *request.messages))


def _payload(completion: Completion, via: Via) -> str:
    """Find the JSON in an answer, repaired if need be. Raises: ValueError when there is none.

    What a limit cut off is left as it is: nothing is invented.
    """
    if completion.refusal is not None:
        raise ValueError(f"the model refused: {completion.refusal}")
    is_whole = completion.finish_reason != "length"
    if via == "tool" and completion.tool_calls:
        arguments = completion.tool_calls[0].arguments
        return repair_json(arguments) if is_whole else arguments
    text = completion.text.strip()
    if not text:
        raise ValueError("the answer is empty")
    return find_json(text) if is_whole else text


def _with_complaint(asked: ChatRequest, completion: Completion, error: Exception) -> ChatRequest:
    if completion.tool_calls:
        results = tuple(
            tool_result(call.id, f"not valid: {error}. Call it again.", is_error=True)
            for call in completion.tool_calls
        )
        return replace(asked, messages=(*asked.messages, completion.message, *results))
    complaint = user(f"That is not valid: {error}. Answer again, with the corrected JSON alone.")
    said = (completion.message,) if completion.parts else ()
    return replace(asked, messages=(*asked.messages, *said, complaint))
