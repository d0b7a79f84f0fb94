"""What upstreams answer, each thing said in the three languages: OpenAI chat completions, OpenAI
Responses, Anthropic Messages, in this order. Where a language has no words for it stands why.
"""

from __future__ import annotations

from typing import Any

Said = dict[str, Any] | str

CHAT_USAGE = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}
RESPONSES_USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 17,
}
CLAUDE_USAGE = {"input_tokens": 12, "output_tokens": 5}


def chat(reason: str = "stop", *, usage: Any = CHAT_USAGE, **message: Any) -> dict[str, Any]:
    return {"message": message, "finish_reason": reason} | ({"usage": usage} if usage else {})


def items(*output: Any, usage: Any = RESPONSES_USAGE, **fields: Any) -> dict[str, Any]:
    return {"output": list(output), "usage": usage, **fields}


def claude(*content: Any, reason: str = "end_turn", **fields: Any) -> dict[str, Any]:
    return {"content": list(content), "stop_reason": reason, "usage": CLAUDE_USAGE, **fields}


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
        "content": list(content), **fields,
    }  # fmt: skip


def written(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], **fields}


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def incomplete(reason: str, *output: Any) -> dict[str, Any]:
    return items(*output, status="incomplete", incomplete_details={"reason": reason})


def call(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def item(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {
        "id": f"fc_{call_id}", "type": "function_call", "status": "completed",
        "call_id": call_id, "name": name, "arguments": arguments,
    }  # fmt: skip


def use(name: str, given: Any, call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": given}


def thought(summary: list[str], **fields: Any) -> dict[str, Any]:
    sections = [{"type": "summary_text", "text": section} for section in summary]
    return {"id": "rs_1", "type": "reasoning", "summary": sections, **fields}


PARIS, ROME = '{"city":"Paris"}', '{"city":"Rome"}'
CITED = {
    "type": "url_citation", "url": "https://example.org", "title": "Example",
    "start_index": 0, "end_index": 6,
}  # fmt: skip
TOKEN = {"token": "Hello.", "bytes": [72], "logprob": -0.1, "top_logprobs": []}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"q": "x"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}

ANSWERS: dict[str, tuple[Said, Said, Said]] = {
    "text": (
        chat(content="Hello there."),
        items(message(written("Hello there."))),
        claude(text("Hello there.")),
    ),
    "empty answer": (chat(content=""), items(), claude()),
    "unicode": (
        chat(content="Grüße 🌍 \u2028 你好 👩‍🚀"),
        items(message(written("Grüße 🌍 \u2028 你好 👩‍🚀"))),
        claude(text("Grüße 🌍 \u2028 你好 👩‍🚀")),
    ),
    "tool call": (
        chat("tool_calls", tool_calls=[call("weather", PARIS, "call_a")]),
        items(item("weather", PARIS, "call_a")),
        claude(use("weather", {"city": "Paris"}, "call_a"), reason="tool_use"),
    ),
    "text and parallel tool calls, interleaved": (
        chat(
            "tool_calls",
            content="Let me look.",
            tool_calls=[call("weather", PARIS, "call_a"), call("weather", ROME, "call_b")],
        ),
        items(
            message(written("Let me look.")),
            item("weather", PARIS, "call_a"),
            item("weather", ROME, "call_b"),
        ),
        claude(
            text("Let me look."),
            use("weather", {"city": "Paris"}, "call_a"),
            use("weather", {"city": "Rome"}, "call_b"),
            reason="tool_use",
        ),
    ),
    "tool call without arguments": (
        chat("tool_calls", tool_calls=[call("now", "{}", "call_a")]),
        items(item("now", "{}", "call_a")),
        claude(use("now", {}, "call_a"), reason="tool_use"),
    ),
    "reasoning": (
        chat(content="Hello.", reasoning_content="Hm, let me see."),
        items(thought(["Hm, let me see."]), message(written("Hello."))),
        claude(
            {"type": "thinking", "thinking": "Hm, let me see.", "signature": "SECRET"},
            text("Hello."),
        ),
    ),
    "withheld reasoning": (
        "reasoning is text",
        items(thought([], encrypted_content="SECRET"), message(written("Hello."))),
        claude({"type": "redacted_thinking", "data": "SECRET"}, text("Hello.")),
    ),
    "length": (
        chat("length", content="Hello the"),
        incomplete("max_output_tokens", message(written("Hello the"))),
        claude(text("Hello the"), reason="max_tokens"),
    ),
    "context window full": (
        "length says as much",
        "max_output_tokens says as much",
        claude(text("Hello"), reason="model_context_window_exceeded"),
    ),
    "stop sequence": (
        "stop says as much",
        "no stop sequences",
        claude(text("Hello"), reason="stop_sequence", stop_sequence="END"),
    ),
    "content filter": (
        chat("content_filter", content="Hel"),
        incomplete("content_filter", message(written("Hel"))),
        "a refusal says as much",
    ),
    "refusal": (
        chat(refusal="I can't help with that."),
        items(message({"type": "refusal", "refusal": "I can't help with that."})),
        claude(
            reason="refusal",
            stop_details={
                "type": "refusal", "category": None, "explanation": "I can't help with that."
            },
        ),
    ),
    "refusal without words": (
        "a refusal is its words",
        "a refusal is its words",
        claude(reason="refusal"),
    ),
    "pause": ("no such reason", "no such reason", claude(text("One moment"), reason="pause_turn")),
    "unknown reason": (
        chat("made_up", content="Hello."),
        incomplete("made_up", message(written("Hello."))),
        claude(text("Hello."), reason="made_up"),
    ),
    "usage of caches": (
        chat(
            content="Hello.",
            usage={**CHAT_USAGE, "prompt_tokens_details": {"cached_tokens": 8}},
        ),
        items(
            message(written("Hello.")),
            usage={**RESPONSES_USAGE, "input_tokens_details": {"cached_tokens": 8}},
        ),
        claude(
            text("Hello."),
            usage={
                "input_tokens": 4,
                "cache_read_input_tokens": 8,
                "output_tokens": 5,
            },
        ),
    ),
    "usage of writing caches": (
        "caches are read, not written",
        "caches are read, not written",
        claude(
            text("Hello."),
            usage={
                "input_tokens": 4,
                "cache_read_input_tokens": 2,
                "cache_creation_input_tokens": 6,
                "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 1},
                "output_tokens": 5,
            },
        ),
    ),
    "usage of reasoning": (
        chat(
            content="Hello.",
            usage={**CHAT_USAGE, "completion_tokens_details": {"reasoning_tokens": 3}},
        ),
        items(
            message(written("Hello.")),
            usage={**RESPONSES_USAGE, "output_tokens_details": {"reasoning_tokens": 3}},
        ),
        claude(
            text("Hello."),
            usage={**CLAUDE_USAGE, "output_tokens_details": {"thinking_tokens": 3}},
        ),
    ),
    "usage absent": (
        chat(content="Hello.", usage=None),
        items(message(written("Hello.")), usage=None),
        "usage always comes",
    ),
    "citations": (
        chat(
            content="Hello.",
            annotations=[
                {
                    "type": "url_citation",
                    "url_citation": {k: v for k, v in CITED.items() if k != "type"},
                }
            ],
        ),
        items(message(written("Hello.", annotations=[CITED]))),
        claude(
            text(
                "Hello.",
                citations=[
                    {
                        "type": "web_search_result_location",
                        "url": "https://example.org",
                        "title": "Example",
                        "encrypted_index": "E",
                        "cited_text": "Hello",
                    }
                ],
            )
        ),
    ),
    "tool run by the server": (
        "nothing is said of it",
        items(
            {
                "id": "ws_1", "type": "web_search_call", "status": "completed",
                "action": {"type": "search", "query": "x"},
            },
            message(written("Hello.")),
        ),
        claude(SEARCH, FOUND, text("Hello.")),
    ),
    "unknown block": (
        "an answer has no blocks",
        items({"id": "x_1", "type": "made_up", "a": 1}, message(written("Hello."))),
        claude({"type": "made_up", "a": 1}, text("Hello.")),
    ),
    "service tier": (
        {**chat(content="Hello."), "service_tier": "flex"},
        {**items(message(written("Hello."))), "service_tier": "flex"},
        claude(text("Hello."), usage={**CLAUDE_USAGE, "service_tier": "standard"}),
    ),
    "logprobs": (
        {**chat(content="Hello."), "logprobs": {"content": [TOKEN], "refusal": None}},
        items(message(written("Hello.", logprobs=[TOKEN]))),
        "no such field",
    ),
}  # fmt: skip
