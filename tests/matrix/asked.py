"""What clients ask, each thing said in the three languages: OpenAI chat completions, OpenAI
Responses, Anthropic Messages, in this order. Where a language has no words for it stands why.

`FRAME` is around each of them: the model, and a limit that all languages can say.
"""

from __future__ import annotations

from typing import Any

Said = dict[str, Any] | str

FRAME: tuple[dict[str, Any], ...] = (
    {"model": "asked/model", "max_tokens": 4000},
    {"model": "asked/model", "max_output_tokens": 4000},
    {"model": "asked/model", "max_tokens": 4000},
)

HI = {"role": "user", "content": "hi"}
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjcK"
CAT = "https://example.org/cat.png"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
CHAT_TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "Weather of a city", "parameters": SCHEMA},
}
RESPONSES_TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Weather of a city",
    "parameters": SCHEMA,
}
CLAUDE_TOOL = {"name": "weather", "description": "Weather of a city", "input_schema": SCHEMA}

NO_IMAGE_RESULT = "a result of a tool is text"
NO_ERROR_MARK = "no mark for a tool that failed"
NO_FIELD = "no such field"


def chat(*messages: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": list(messages) or [HI], **fields}


def items(*given: Any, **fields: Any) -> dict[str, Any]:
    return {"input": list(given) or [HI], **fields}


def call(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {
        "id": call_id,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def item(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def use(name: str, given: Any, call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def result(call_id: str, content: Any, **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def output(call_id: str, content: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": content}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def everywhere(**fields: Any) -> tuple[Said, Said, Said]:
    return chat(**fields), items(**fields), chat(**fields)


PARIS, ROME = '{"city":"Paris"}', '{"city":"Rome"}'
CHAT_CALLS = {
    "role": "assistant",
    "content": "Let me look.",
    "tool_calls": [call("weather", PARIS, "call_a"), call("weather", ROME, "call_b")],
}

REQUESTS: dict[str, tuple[Said, Said, Said]] = {
    "text": (chat(), items(), chat()),
    "text in unicode": (
        chat({"role": "user", "content": "Grüße 🌍 \u2028 你好"}),
        items({"role": "user", "content": "Grüße 🌍 \u2028 你好"}),
        chat({"role": "user", "content": "Grüße 🌍 \u2028 你好"}),
    ),
    "several turns": (
        chat(HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "More"}),
        items(HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "More"}),
        chat(HI, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "More"}),
    ),
    "system prompt": (
        chat({"role": "system", "content": "Be brief."}, HI),
        items({"role": "system", "content": "Be brief."}, HI),
        chat(HI, system="Be brief."),
    ),
    "developer message": (
        chat({"role": "developer", "content": "Be brief."}, HI),
        items({"role": "developer", "content": "Be brief."}, HI),
        "no role but system",
    ),
    "instructions amid the history": (
        chat(HI, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on"}),
        items(HI, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on"}),
        chat(HI, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go on"}),
    ),
    "image by URL": (
        chat(user({"type": "image_url", "image_url": {"url": CAT}})),
        items(user({"type": "input_image", "image_url": CAT})),
        chat(user({"type": "image", "source": {"type": "url", "url": CAT}})),
    ),
    "image as data": (
        chat(user({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})),
        items(user({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"})),
        chat(
            user(
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": PNG},
                }
            )
        ),
    ),
    "detail of an image": (
        chat(user({"type": "image_url", "image_url": {"url": CAT, "detail": "low"}})),
        items(user({"type": "input_image", "image_url": CAT, "detail": "low"})),
        NO_FIELD,
    ),
    "PDF as data": (
        chat(
            user(
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": f"data:application/pdf;base64,{PDF}",
                    },
                }
            )
        ),
        items(
            user(
                {
                    "type": "input_file",
                    "filename": "a.pdf",
                    "file_data": f"data:application/pdf;base64,{PDF}",
                }
            )
        ),
        chat(
            user(
                {
                    "type": "document",
                    "title": "a.pdf",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
                }
            )
        ),
    ),
    "PDF by URL": (
        "files come as data or as an id",
        items(user({"type": "input_file", "file_url": "https://example.org/a.pdf"})),
        chat(
            user(
                {
                    "type": "document",
                    "source": {"type": "url", "url": "https://example.org/a.pdf"},
                }
            )
        ),
    ),
    "file by id": (
        chat(user({"type": "file", "file": {"file_id": "file_1"}})),
        items(user({"type": "input_file", "file_id": "file_1"})),
        chat(user({"type": "document", "source": {"type": "file", "file_id": "file_1"}})),
    ),
    "audio": (
        chat(user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})),
        items(user({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}})),
        "no sounds",
    ),
    "tools": (
        chat(tools=[CHAT_TOOL]),
        items(tools=[RESPONSES_TOOL]),
        chat(tools=[CLAUDE_TOOL]),
    ),
    "strict tool": (
        chat(tools=[{"type": "function", "function": {**CHAT_TOOL["function"], "strict": True}}]),
        items(tools=[{**RESPONSES_TOOL, "strict": True}]),
        chat(tools=[{**CLAUDE_TOOL, "strict": True}]),
    ),
    "parallel tool calls and results": (
        chat(
            HI,
            CHAT_CALLS,
            {"role": "tool", "tool_call_id": "call_a", "content": "18°"},
            {"role": "tool", "tool_call_id": "call_b", "content": "25°"},
            tools=[CHAT_TOOL],
        ),
        items(
            HI,
            {"role": "assistant", "content": "Let me look."},
            item("weather", PARIS, "call_a"),
            item("weather", ROME, "call_b"),
            output("call_a", "18°"),
            output("call_b", "25°"),
            tools=[RESPONSES_TOOL],
        ),
        chat(
            HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Let me look."},
                    use("weather", {"city": "Paris"}, "call_a"),
                    use("weather", {"city": "Rome"}, "call_b"),
                ],
            },
            user(result("call_a", "18°"), result("call_b", "25°")),
            tools=[CLAUDE_TOOL],
        ),
    ),
    "call without arguments": (
        chat(
            HI,
            {"role": "assistant", "tool_calls": [call("now", "{}", "call_a")]},
            {"role": "tool", "tool_call_id": "call_a", "content": "noon"},
            tools=[{"type": "function", "function": {"name": "now"}}],
        ),
        items(
            HI,
            item("now", "{}", "call_a"),
            output("call_a", "noon"),
            tools=[{"type": "function", "name": "now", "parameters": None}],
        ),
        chat(
            HI,
            {"role": "assistant", "content": [use("now", {}, "call_a")]},
            user(result("call_a", "noon")),
            tools=[{"name": "now", "input_schema": {"type": "object"}}],
        ),
    ),
    "image in a tool's result": (
        NO_IMAGE_RESULT,
        items(
            HI,
            item("now", "{}", "call_a"),
            output("call_a", [{"type": "input_image", "image_url": CAT}]),
            tools=[RESPONSES_TOOL],
        ),
        chat(
            HI,
            {"role": "assistant", "content": [use("now", {}, "call_a")]},
            user(result("call_a", [{"type": "image", "source": {"type": "url", "url": CAT}}])),
            tools=[CLAUDE_TOOL],
        ),
    ),
    "error as a tool's result": (
        NO_ERROR_MARK,
        NO_ERROR_MARK,
        chat(
            HI,
            {"role": "assistant", "content": [use("now", {}, "call_a")]},
            user(result("call_a", "no such city", is_error=True)),
            tools=[CLAUDE_TOOL],
        ),
    ),
    "tool choice: auto": (
        chat(tools=[CHAT_TOOL], tool_choice="auto"),
        items(tools=[RESPONSES_TOOL], tool_choice="auto"),
        chat(tools=[CLAUDE_TOOL], tool_choice={"type": "auto"}),
    ),
    "tool choice: none": (
        chat(tools=[CHAT_TOOL], tool_choice="none"),
        items(tools=[RESPONSES_TOOL], tool_choice="none"),
        chat(tools=[CLAUDE_TOOL], tool_choice={"type": "none"}),
    ),
    "tool choice: any": (
        chat(tools=[CHAT_TOOL], tool_choice="required"),
        items(tools=[RESPONSES_TOOL], tool_choice="required"),
        chat(tools=[CLAUDE_TOOL], tool_choice={"type": "any"}),
    ),
    "tool choice: one by name": (
        chat(
            tools=[CHAT_TOOL],
            tool_choice={"type": "function", "function": {"name": "weather"}},
        ),
        items(tools=[RESPONSES_TOOL], tool_choice={"type": "function", "name": "weather"}),
        chat(tools=[CLAUDE_TOOL], tool_choice={"type": "tool", "name": "weather"}),
    ),
    "no parallel calls": (
        chat(tools=[CHAT_TOOL], tool_choice="auto", parallel_tool_calls=False),
        items(tools=[RESPONSES_TOOL], tool_choice="auto", parallel_tool_calls=False),
        chat(tools=[CLAUDE_TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ),
    "JSON schema for the answer": (
        chat(
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
            }
        ),
        items(
            text={
                "format": {
                    "type": "json_schema",
                    "name": "answer",
                    "schema": SCHEMA,
                    "strict": True,
                }
            }
        ),
        chat(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
    ),
    "any JSON object for the answer": (
        chat(response_format={"type": "json_object"}),
        items(text={"format": {"type": "json_object"}}),
        "a schema is needed",
    ),
    "reasoning effort": (
        chat(reasoning_effort="high"),
        items(reasoning={"effort": "high"}),
        chat(output_config={"effort": "high"}),
    ),
    "reasoning budget": (
        "an effort is said, no budget",
        "an effort is said, no budget",
        chat(thinking={"type": "enabled", "budget_tokens": 2048}),
    ),
    "reasoning with a signature in the history": (
        "reasoning has no signature",
        items(
            HI,
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": "SECRET",
            },
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "More"},
        ),
        chat(
            HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "SECRET"},
                    {"type": "text", "text": "Hello."},
                ],
            },
            {"role": "user", "content": "More"},
        ),
    ),
    "redacted reasoning in the history": (
        "reasoning is text",
        items(
            HI,
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "SECRET"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "More"},
        ),
        chat(
            HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "redacted_thinking", "data": "SECRET"},
                    {"type": "text", "text": "Hello."},
                ],
            },
            {"role": "user", "content": "More"},
        ),
    ),
    "cache marks": (
        "the server caches by itself",
        "the server caches by itself",
        chat(user({"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}})),
    ),
    "cache marks as routers take them": (
        chat(user({"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}})),
        "the server caches by itself",
        chat(user({"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}})),
    ),
    "cache key": (
        chat(prompt_cache_key="k"),
        items(prompt_cache_key="k"),
        NO_FIELD,
    ),
    "stop sequences": (
        chat(stop=["END", "FIN"]),
        NO_FIELD,
        chat(stop_sequences=["END", "FIN"]),
    ),
    "temperature and top_p": everywhere(temperature=0.5, top_p=0.9),
    "top_k": (NO_FIELD, NO_FIELD, chat(top_k=40)),
    "seed and penalties": (
        chat(seed=7, presence_penalty=0.5, frequency_penalty=0.25),
        NO_FIELD,
        NO_FIELD,
    ),
    "user": (chat(user="u1"), items(user="u1"), chat(metadata={"user_id": "u1"})),
    "metadata": (chat(metadata={"a": "b"}), items(metadata={"a": "b"}), "user_id alone"),
    "refusal in the history": (
        chat(HI, {"role": "assistant", "refusal": "No."}, {"role": "user", "content": "More"}),
        items(
            HI,
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "refusal", "refusal": "No."}],
            },
            {"role": "user", "content": "More"},
        ),
        "a refusal is a stop reason, no part of a message",
    ),
    "tool of the server's": (
        "the model's own searching is another field",
        items(tools=[{"type": "web_search"}]),
        chat(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    ),
    "several answers (n)": (chat(n=2), NO_FIELD, NO_FIELD),
    "logprobs": (
        chat(logprobs=True, top_logprobs=2),
        items(top_logprobs=2, include=["message.output_text.logprobs"]),
        NO_FIELD,
    ),
    "previous_response_id": (NO_FIELD, items(previous_response_id="resp_1"), NO_FIELD),
    "store": (chat(store=True), items(store=True), NO_FIELD),
    "background": (NO_FIELD, items(background=True), NO_FIELD),
    "audio in the answer": (
        chat(modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}),
        NO_FIELD,
        NO_FIELD,
    ),
    "service tier": (
        chat(service_tier="flex"),
        items(service_tier="flex"),
        chat(service_tier="auto"),
    ),
    "standard service tier": (
        chat(service_tier="default"),
        items(service_tier="default"),
        chat(service_tier="standard_only"),
    ),
    "verbosity": (chat(verbosity="low"), items(text={"verbosity": "low"}), NO_FIELD),
    "safety identifier": (
        chat(safety_identifier="u1"),
        items(safety_identifier="u1"),
        "the user's id says as much",
    ),
    "unknown field": everywhere(brand_new={"a": 1.0}),
}
