"""A request written for Converse.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html (read 2026-11)
"""

from __future__ import annotations

import re
from typing import Any, cast

from dragoman.adapters.ask import Ask
from dragoman.adapters.bedrock.history import History, Warn, cache_point
from dragoman.adapters.bedrock.models import NAME, Family, family_of
from dragoman.adapters.bedrock.thinking import Additional, render_reasoning, settle
from dragoman.errors import Unsupported
from dragoman.types.provider import Dialect
from dragoman.types.request import ChatRequest, ForeignTool, JsonObject, Tool
from dragoman.wire.anthropic_messages.json_schema import fit_schema
from dragoman.wire.beside import warn_of_marks
from dragoman.wire.extra import refuse_foreign_files
from dragoman.wire.json_text import decode, encode_text

_ANY_OBJECT = "Answer with one JSON object and nothing else."
_BY_SCHEMA = "Answer with JSON and nothing else. It must be valid against this JSON Schema:\n"
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
_MAX_METADATA = 16


def render_request(ask: Ask) -> dict[str, Any]:
    """Write the body for `ask.model`. What can't be said is in `ask.warnings`.

    Raises: Unsupported for what can't be left out.
    """
    return _Writer(ask, family_of(ask), ask.warn).write()


class _Writer:
    def __init__(self, ask: Ask, family: Family, warn: Warn) -> None:
        self._request: ChatRequest = ask.request
        self._model = ask.option("family") or ask.model
        self._dialect: Dialect = ask.provider.dialect
        self._family = family
        self._warn = warn
        self._additional = Additional()

    def write(self) -> dict[str, Any]:
        request, family = self._request, self._family
        refuse_foreign_files(request, (NAME,))
        self._refuse()
        if not family.cache:
            warn_of_marks(request, NAME, self._warn)
        history = History(
            request.messages,
            family,
            reasoning_as_text=self._dialect.reasoning_as_text,
            warn=self._warn,
        )
        body: dict[str, Any] = {}
        self._output(history, body)
        body["messages"] = history.render()
        if history.system:
            body["system"] = history.system
        self._tools(history, body)
        told: list[str] = []  # of the thinking that is asked for, if it is
        thinks = render_reasoning(
            request, self._model, self._dialect, family, self._additional, told.append
        )
        if thinks:
            thinks = settle(body, self._additional, history.calls_without_thought, self._warn)
            told = told if thinks else []
        for sentence in told:
            self._warn(sentence)
        self._inference(body, thinks)
        self._metadata(body)
        if fields := self._additional.fields:
            body["additionalModelRequestFields"] = fields
        return body

    def _refuse(self) -> None:
        request = self._request
        if (request.n or 1) > 1:
            raise Unsupported("Bedrock gives one answer to a request", param="n")
        for name in ("logprobs", "top_logprobs"):
            if getattr(request, name):
                raise Unsupported(f"{name}: Bedrock has no log probabilities", param=name)

    # -- tools

    def _tools(self, history: History, body: dict[str, Any]) -> None:
        """Write the tools and the choice among them.

        A history that calls tools is refused without definitions: so tools that are not offered
        any more are defined all the same.
        """
        request, choice = self._request, self._request.tool_choice
        if request.parallel_tool_calls is False:
            self._warn("parallel_tool_calls is not sent: this API does not know it")
        forbidden = choice is not None and choice.mode == "none"
        tools = [block for tool in request.tools for block in self._tool(tool)]
        if forbidden and not history.called:
            return
        if not tools:
            names = dict.fromkeys(history.called)
            tools = [_spec(name, {"inputSchema": {"json": {"type": "object"}}}) for name in names]
            forbidden = forbidden or bool(tools)
            if choice is not None and choice.mode != "none":
                self._warn("tool_choice is not sent: there are no tools")
            choice = None
        if not tools:
            return
        if forbidden:
            self._warn("that no tool may be called is not sent: this API has no word for it")
        body["toolConfig"] = {"tools": tools}
        if choice is not None and choice.mode != "none":
            body["toolConfig"]["toolChoice"] = {
                "auto": {"auto": {}},
                "required": {"any": {}},
                "tool": {"tool": {"name": choice.name}},
            }[choice.mode]

    def _tool(self, tool: Tool | ForeignTool) -> list[dict[str, Any]]:
        if isinstance(tool, ForeignTool):
            if tool.format == NAME:
                return [cast("dict[str, Any]", decode(tool.raw.encode()))]
            self._warn(f"a tool that only {tool.format} knows is left out")
            return []
        fields: dict[str, Any] = {"description": tool.description} if tool.description else {}
        schema = dict(tool.parameters or {})
        fields["inputSchema"] = {"json": {"type": "object", **schema}}
        if tool.strict:
            if self._dialect.strict_tools:
                fields["strict"] = True
            else:
                self._warn("a tool's `strict` is not sent: few models take it (strict_tools)")
        return [_spec(tool.name, fields), *cache_point(tool.meta, self._family)]

    # -- the answer's shape

    def _output(self, history: History, body: dict[str, Any]) -> None:
        """Write the schema, or ask for it in the instructions."""
        output = self._request.output
        if output is None:
            return
        if isinstance(output, JsonObject):
            history.system.append({"text": _ANY_OBJECT})
            self._warn("a JSON object is asked for in the instructions: this API wants a schema")
        elif not self._family.schema or self._dialect.json_schema != "native":
            history.system.append({"text": _BY_SCHEMA + encode_text(output.schema)})
            self._warn("the schema is told in the instructions: this model takes none")
        else:
            told = {"description": output.description} if output.description else {}
            schema = {
                "schema": encode_text(fit_schema(output.schema, self._warn)),
                "name": output.name,
                **told,
            }
            structure = {"jsonSchema": schema}
            body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": structure}}

    # -- how it is sampled

    def _inference(self, body: dict[str, Any], thinks: bool) -> None:
        request, family = self._request, self._family
        config: dict[str, Any] = {
            "maxTokens": request.max_tokens,
            "temperature": request.temperature,
            "topP": request.top_p,
        }
        top_k = request.top_k
        for name in self._additional.unwanted(self._model, config, top_k, thinks):
            self._warn(f"{name} is not sent: this model does not take it together with the rest")
            if name == "top_k":
                top_k = None
            else:
                config[name] = None
        config = {name: value for name, value in config.items() if value is not None}
        stop = [text for text in request.stop if text]
        if stop:
            config["stopSequences"] = stop
            if family.stop_path:
                body["additionalModelResponseFieldPaths"] = [family.stop_path]
        if config:
            body["inferenceConfig"] = config
        if top_k is not None and family.top_k:
            self._additional.put(family.top_k, top_k)
        elif top_k is not None:
            self._warn("top_k is not sent: it is not known where this model takes it")

    def _metadata(self, body: dict[str, Any]) -> None:
        metadata = self._request.metadata
        if not metadata:
            return
        fits = len(metadata) <= _MAX_METADATA and all(
            isinstance(value, str) and name and _METADATA.fullmatch(name)
            for name, value in metadata.items()
        )
        fits = fits and all(_METADATA.fullmatch(value) for value in metadata.values())
        if fits:
            body["requestMetadata"] = dict(metadata)
        else:
            self._warn("metadata is not sent: this API takes 16 short texts of plain characters")


def _spec(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"toolSpec": {"name": name, **fields}}
