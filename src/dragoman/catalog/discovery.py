"""What servers tell of their models, read into ours. Pure: bytes in, ModelInfo out.

A server is a stranger: what it says is bounded, a figure that cannot be is left out, and nothing is
concluded from silence.

Sources, all read 2026-11: platform.openai.com/docs/api-reference/models,
platform.claude.com/docs/en/api/models, openrouter.ai/docs/api-reference/list-available-models,
docs.vllm.ai, lmstudio.ai/docs/developer/rest/endpoints, docs.ollama.com/api, llama.cpp
tools/server/README.md, huggingface.github.io/text-generation-inference,
docs.litellm.ai/docs/proxy/model_management, theopenco/llmgateway apps/gateway/src/models,
vercel.com/docs/ai-gateway/models-and-providers, docs.together.ai/reference/models-1,
docs.mistral.ai/api.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from dragoman.catalog.loose_json import (
    Json,
    as_count,
    as_flag,
    as_number,
    as_object,
    as_table,
    as_text,
    as_texts,
    decode,
    entries,
    model_id,
)
from dragoman.catalog.rates import read_litellm_costs, read_pricing
from dragoman.errors import ProtocolError
from dragoman.types.model import ModelInfo

_KINDS = ("text", "image", "audio", "video", "file")
_KIND_NAMES = {"vision": "image", "pdf": "file", "document": "file", "images": "image"}

Parser: TypeAlias = Callable[[bytes, str], tuple[ModelInfo, ...]]


class Probe(Struct, frozen=True):
    """A question to a server besides its list of models. `path` starts at the server's root.

    `ask` makes the body of the question from the model's id; without it, it is a GET.
    """

    path: str
    parse: Parser
    ask: Callable[[str], bytes] | None = None


# ------------------------------------------------------------------------------- lists of models


def parse_models(body: bytes, model: str = "") -> tuple[ModelInfo, ...]:  # noqa: ARG001
    """Read a list of models: `/v1/models` of any kind of server, LM Studio's `/api/v0/models`.

    The order is the server's; an id that comes twice counts once. Of each model, what is stated in
    any of the known spellings: context window (a loaded model's before its greatest), longest
    answer, kinds of input, abilities, prices (per token, made per million).

    Raises: ProtocolError when it is no list of models.
    """
    found: dict[str, ModelInfo] = {}
    listed = entries(body)
    for entry in listed:
        id_ = model_id(entry)
        if id_ and id_ not in found:
            found[id_] = _model(id_, **_facts(entry))
    if listed and not found:
        raise ProtocolError(
            f"of {len(listed)} entries in its list of models none has an id that can be used"
        )
    return tuple(found.values())


def parse_litellm_info(body: bytes, model: str = "") -> tuple[ModelInfo, ...]:  # noqa: ARG001
    """Read LiteLLM's `/model/info`: limits and prices of what its proxy serves.

    Several deployments of one name count with what they agree on. Zero and false stand there for
    what is not known, too, and are taken for that.

    Raises: ProtocolError when it is no such list.
    """
    found: dict[str, ModelInfo] = {}
    for entry in entries(body):
        id_ = as_text(entry.get("model_name"))
        if not id_:
            continue
        info = as_table(entry.get("model_info"))
        told = _model(
            id_,
            context_window=as_count(info, "max_input_tokens"),
            max_tokens=as_count(info, "max_output_tokens"),
            input=frozenset({"text", "image"}) if info.get("supports_vision") is True else None,
            reasoning=as_flag(info, "supports_reasoning") or None,
            tools=as_flag(info, "supports_function_calling") or None,
            json_schema=as_flag(info, "supports_response_schema") or None,
            price=read_litellm_costs(info),
        )
        found[id_] = _agree(found[id_], told) if id_ in found else told
    return tuple(found.values())


# -------------------------------------------------------------------------------------- one model


def parse_ollama_show(body: bytes, model: str) -> tuple[ModelInfo, ...]:
    """Read Ollama's `/api/show`.

    The window is the `num_ctx` that the model is set to; without one, the model's greatest, of
    which the server may use less.

    Raises: ProtocolError when it is no such answer.
    """
    told = as_object(decode(body))
    if not {"model_info", "parameters", "capabilities", "details"} & told.keys():
        raise ProtocolError("the answer tells nothing of the model")
    info = as_table(told.get("model_info"))
    longest = {name: value for name, value in info.items() if name.endswith(".context_length")}
    set_to = re.search(r"(?m)^num_ctx\s+(\d{1,9})\s*$", as_text(told.get("parameters"), 10_000))
    can = as_texts(told.get("capabilities"))
    known = bool(can)
    return (
        _model(
            model,
            context_window=as_number(int(set_to[1])) if set_to else as_count(longest, *longest),
            input=frozenset({"text", "image"} if "vision" in can else {"text"}) if known else None,
            reasoning="thinking" in can if known else None,
            tools="tools" in can if known else None,
        ),
    )


def parse_llamacpp_props(body: bytes, model: str) -> tuple[ModelInfo, ...]:
    """Read llama.cpp's `/props`: the window of one slot, and what the model reads.

    Raises: ProtocolError when it is no such answer.
    """
    told = as_object(decode(body))
    settings = as_table(told.get("default_generation_settings"))
    kinds = as_table(told.get("modalities"))
    reads = frozenset({"text", *_kinds(name for name, can in kinds.items() if can is True)})
    return (
        _model(
            model,
            context_window=as_count(settings, "n_ctx") or as_count(told, "n_ctx"),
            input=reads if kinds else None,
        ),
    )


def parse_tgi_info(body: bytes, model: str) -> tuple[ModelInfo, ...]:
    """Read TGI's `/info`; the server holds one model, whatever it is asked for.

    Raises: ProtocolError when it is no such answer.
    """
    told = as_object(decode(body))
    return (_model(model, context_window=as_count(told, "max_total_tokens")),)


PROBES: tuple[Probe, ...] = (
    Probe("/api/show", parse_ollama_show, lambda model: msgspec.json.encode({"model": model})),
    Probe("/api/v0/models", parse_models),
    Probe("/props", parse_llamacpp_props),
    Probe("/info", parse_tgi_info),
    Probe("/model/info", parse_litellm_info),
)
"""What servers of one's own may be asked, and how the answer is read."""


def merge_discovered(*told: ModelInfo) -> ModelInfo:
    """Put several answers about one model together; of two figures, the first one counts."""
    first = told[0]
    fields = {
        name: next((v for info in told if (v := getattr(info, name)) is not None), None)
        for name in _FIELDS
    }
    return _model(first.id, **fields)


# ---------------------------------------------------------------------------------- what is known

_FIELDS = (
    "name",
    "context_window",
    "max_tokens",
    "input",
    "reasoning",
    "tools",
    "json_schema",
    "price",
)


def _model(id_: str, **fields: Any) -> ModelInfo:
    known = {name: value for name, value in fields.items() if value is not None}
    return ModelInfo(id=id_, **known, sources=dict.fromkeys(known, "discovered"))


def _agree(one: ModelInfo, other: ModelInfo) -> ModelInfo:
    """Keep what two say alike; of two windows, the smaller one."""
    fields = {
        name: value
        for name in _FIELDS
        if (value := getattr(one, name)) is not None and value == getattr(other, name)
    }
    windows = [info.context_window for info in (one, other) if info.context_window]
    if len(windows) == 2:
        fields["context_window"] = min(windows)
    return _model(one.id, **fields)


def _facts(entry: Json) -> dict[str, Any]:
    """Read an entry of a list of models, whoever wrote it."""
    architecture = as_table(entry.get("architecture"))
    best = as_table(entry.get("top_provider"))
    abilities = as_table(entry.get("capabilities"))
    flags = {*as_texts(entry.get("capabilities")), *as_texts(entry.get("tags"))}
    parameters = set(as_texts(entry.get("supported_parameters")))
    name = as_text(entry.get("name") or entry.get("display_name"))
    return {
        "name": name if name and name != model_id(entry) else None,
        "context_window": as_count(entry, "loaded_context_length", "max_model_len")
        or as_count(best, "context_length")
        or as_count(
            entry,
            "context_length",
            "context_window",
            "max_context_length",
            "max_input_tokens",
        ),
        "max_tokens": as_count(best, "max_completion_tokens")
        or as_count(entry, "max_completion_tokens", "max_output_tokens", "max_tokens"),
        "input": _inputs(entry, architecture, abilities),
        "reasoning": _ability(
            {"reasoning", "include_reasoning"} & parameters or "reasoning" in flags,
            as_flag(abilities, "reasoning"),
        ),
        "tools": _ability(
            "tools" in parameters or {"tool_use", "tool-use"} & flags,
            as_flag(abilities, "function_calling"),
            as_flag(entry, "supports_tools"),
        ),
        "json_schema": _ability(
            "structured_outputs" in parameters, as_flag(entry, "structured_outputs")
        ),
        "price": read_pricing(entry),
    }


def _ability(stated: object, *flags: bool | None) -> bool | None:
    """Yes where any says so; no where one says no; else unknown."""
    if stated or True in flags:
        return True
    return False if False in flags else None


def _inputs(entry: Json, architecture: Json, abilities: Json) -> frozenset[str] | None:
    kinds = as_texts(architecture.get("input_modalities")) or as_texts(
        entry.get("input_modalities")
    )
    if kinds:
        return frozenset(_kinds(kinds)) or None
    if entry.get("type") == "vlm":
        return frozenset({"text", "image"})
    if entry.get("type") == "llm" and "max_context_length" in entry:  # LM Studio's word
        return frozenset({"text"})
    sees = _ability(None, as_flag(abilities, "vision"), as_flag(entry, "supports_image_input"))
    if sees is None:
        return None
    return frozenset({"text", "image"} if sees else {"text"})


def _kinds(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        kind = _KIND_NAMES.get(name, name)
        if kind in _KINDS:
            yield kind
