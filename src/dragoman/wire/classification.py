"""Which error an upstream's answer is: data, not a ladder.

Law: the HTTP status decides first, then the error's own code or type, then phrases that are known
word for word. What nobody has classified stays a `ServerError` (5xx, or no status) or a
`BadRequest` (4xx). Nothing is ever concluded from a number or a single word in a message.

Source: the vendors' pages on errors, and their servers' source code (read 2026-11).
"""

from __future__ import annotations

import re

from dragoman.errors import (
    AuthFailed,
    BadRequest,
    BillingError,
    ContentFiltered,
    ContextOverflow,
    NotFound,
    Overloaded,
    PermissionDenied,
    RateLimited,
    ServerError,
    UpstreamError,
)
from dragoman.types.http import Headers
from dragoman.wire.error_body import ErrorDetails, bounded, request_id, retry_after

_BY_STATUS: dict[int, type[UpstreamError]] = {
    401: AuthFailed,
    402: BillingError,
    403: PermissionDenied,
    404: NotFound,
    405: NotFound,
    408: ServerError,
    410: NotFound,
    424: ServerError,  # TGI: generation failed
    425: ServerError,
    429: RateLimited,
    498: RateLimited,  # Groq: flex capacity exceeded
    499: ServerError,
    529: Overloaded,
}

_WORDS: dict[type[UpstreamError], tuple[str, ...]] = {
    ContextOverflow: (
        "context_length_exceeded", "context_window_exceeded", "exceed_context_size_error",
        "model_context_window_exceeded", "contextwindowexceedederror", "tokens_limit_reached",
        "max_context_length_exceeded", "prompt_too_long", "input_too_long",
    ),
    ContentFiltered: (
        "content_filter", "content_filtered", "content_policy_violation", "data_inspection_failed",
        "responsibleaipolicyviolation", "contentpolicyviolationerror", "content_moderation",
        "datainspectionfailed", "sensitive_words_detected",
    ),
    BillingError: (
        "insufficient_quota", "billing_error", "billing_hard_limit_reached", "billing_not_active",
        "insufficient_balance", "insufficient_credits", "insufficient_user_quota",
        "exceeded_current_quota_error", "arrearage", "payment_required", "credits_exhausted",
        "billing_disabled", "budget_exceeded",
    ),
    AuthFailed: (
        "invalid_api_key", "authentication_error", "invalid_authentication_error",
        "incorrect_api_key_error", "unauthorized", "unauthenticated", "authenticationerror",
        "api_key_invalid", "api_key_expired", "access_token_expired",
    ),
    NotFound: (
        "model_not_found", "not_found_error", "resource_not_found_error", "deploymentnotfound",
        "unknown_model", "model_not_available", "invalid_model", "notfounderror", "not_found",
        "model_decommissioned",
    ),
    RateLimited: (
        "rate_limit_exceeded", "rate_limit_error", "rate_limit_reached_error", "ratelimitexceeded",
        "too_many_requests", "resource_exhausted", "ratelimiterror",
    ),
    Overloaded: (
        "overloaded_error", "engine_overloaded_error", "overloaded", "slow_down",
        "unavailable_error", "service_unavailable", "server_overloaded", "unavailable",
        "capacity_exceeded", "model_overloaded", "serviceunavailableerror",
    ),
    PermissionDenied: (
        "permission_error", "permission_denied_error", "permission_denied", "access_denied",
        "access_terminated_error",
    ),
    BadRequest: (
        "invalid_request_error", "invalid_request", "badrequesterror", "bad_request",
        "invalid_argument", "validation", "validation_error", "invalid_value", "invalid_prompt",
    ),
    ServerError: (
        "server_error", "api_error", "internal_error", "internal_server_error", "timeout_error",
        "internal", "internalservererror", "upstream_error",
    ),
}  # fmt: skip
_BY_WORD = {word: kind for kind, words in _WORDS.items() for word in words}

_MODEL = r"^(?:the )?(?:requested )?model:? ?\S{1,200}"

_PHRASES: tuple[tuple[type[UpstreamError], str], ...] = tuple(
    (kind, "|".join(phrases))
    for kind, phrases in (
        (
            ContextOverflow,
            (
                r"maximum context length (?:is|of) [0-9]",  # OpenAI, vLLM, OpenRouter, SGLang
                r"model maximum context length: [0-9]",  # Fireworks
                r"exceeds? the (?:model's )?context (?:window|length)\b",  # OpenAI, Ollama
                r"prompt is too long: [0-9]",  # Anthropic
                r"input length and `?max_tokens`? exceed context limit",  # Anthropic
                r"input token count\b.{0,40}\bexceeds the maximum",  # Gemini
                r"input token count is [0-9]+ but (?:the )?model .{0,5}supports up to",  # Vertex
                r"maximum prompt length is [0-9]+ but",  # xAI
                r"please reduce the length of (?:the messages|either one|your prompt)",  # Groq
                r"exceeds? the available context size",  # llama.cpp
                r"greater than the context length",  # LM Studio
                r"when context the overflows",  # LM Studio
                r"too large for model with [0-9]+ maximum context length",  # Mistral
                r"context window exceeds limit",  # MiniMax
                r"exceeded model token limit",  # Moonshot
                r"tokens \+ `max_new_tokens` must be <=",  # TGI
                r"`inputs` must have less than [0-9]+ tokens",  # TGI
                r"is longer than the (?:maximum model length|model's context length)",  # vLLM
                r"prompt exceeds max length",  # Zhipu
                r"range of input length should be \[",  # DashScope
                r"input is too long for requested model",  # Bedrock
                r"^input tokens exceeded: number of input tokens exceeds",  # Bedrock, Nova
                r"^too many input tokens\. max input tokens: [0-9]",  # Bedrock, Titan
                r"too many tokens: .{0,40}tokens in the prompt",  # Cohere
                r"request too large for model .{1,100}tokens per (?:minute|day)",  # Groq, 413
            ),
        ),
        (
            ContentFiltered,
            (
                r"content management policy",  # Azure
                r"rejected (?:by|as a result of) (?:the|our) safety system",  # OpenAI
                r"^content exists risk",  # DeepSeek
                r"(?:input|output) data may contain inappropriate content",  # DashScope
                r"requires moderation on .{1,100}your input was flagged",  # OpenRouter
                r"\bblocked by content filtering policy",  # Anthropic
                r"violat(?:es|ed|ing) (?:our|the) (?:usage|content) polic",
            ),
        ),
        (
            BillingError,
            (
                r"exceeded your current quota",  # OpenAI
                r"credit balance is too low",  # Anthropic
                r"reached your specified api usage limits",  # Anthropic
                r"^insufficient (?:balance|credits|account balance)",  # DeepSeek, OpenRouter
                r"requires more credits",  # OpenRouter
                r"billing hard limit",
            ),
        ),
        (
            AuthFailed,
            (
                r"api key not valid",  # Gemini says so with 400
                r"^incorrect api key provided",  # xAI says so with 400
                r"^invalid api key",
            ),
        ),
        (
            NotFound,
            (
                rf"{_MODEL} (?:does not exist|(?:is |was |could )?not (?:be )?found)",
                rf"{_MODEL} has been (?:decommissioned|deprecated|removed|retired)",
                rf"{_MODEL} is not (?:available|supported)(?:\.|,? or\b|$)",
                r"^model not exist",  # DeepSeek says so with 400
                r"^(?:/[\w/]{1,60}: )?(?:invalid|unknown|no such) model(?: name)?\b",  # LiteLLM
                r"is not a valid model id",  # OpenRouter
            ),
        ),
        (
            Overloaded,
            (
                r"\boverloaded\b",
                r"^loading model",  # llama.cpp
                r"\bis currently loading\b",  # Hugging Face
                r"\bat (?:full )?capacity\b",
                r"no (?:available|healthy) (?:workers?|instances?|upstream|capacity)",
                r"experiencing high demand",
                r"server (?:is )?(?:too )?busy",
            ),
        ),
    )
)

_CLIENT = frozenset({ContextOverflow, ContentFiltered})
_REFINED: dict[int, frozenset[type[UpstreamError]]] = {
    400: _CLIENT | {BillingError, AuthFailed, NotFound, RateLimited, Overloaded, PermissionDenied},
    403: frozenset({ContentFiltered, BillingError, RateLimited}),
    413: frozenset({ContextOverflow}),
    422: _CLIENT | {BillingError, NotFound},
    429: frozenset({BillingError, Overloaded}),
    500: _CLIENT | {Overloaded},
    503: frozenset({Overloaded}),
}
"""Which errors a status may turn out to be: servers use these for more than one thing."""

_EVERY = frozenset(_WORDS)
_SAYS_RETRY = re.compile(r"\b(?:retry|try again)\b", re.IGNORECASE)


def classify(
    status: int | None, details: ErrorDetails, headers: Headers, body: bytes
) -> UpstreamError:
    """Make the error that an answer is. `status` is None for one inside a 200. Never raises."""
    effective = status if status is not None else details.status
    delay = retry_after(headers)
    if delay is None:
        delay = details.retry_after
    kind = _kind(effective, details, delay)
    error = kind(
        details.message or _silent(effective),
        status=effective if kind is BadRequest and effective in (400, 413, 422) else None,
        retry_after=delay,
        request_id=request_id(headers) or details.request_id,
        raw=bounded(body),
    )
    error.upstream_status = status
    error.upstream_code = details.code
    error.upstream_type = details.type
    error.param = details.param
    if not details.is_api:
        error.own_words = _foreign(effective) if details.message else error.message
    if effective is not None and 300 <= effective < 400:
        error.hint = _moved(headers)
    return error


def _kind(status: int | None, details: ErrorDetails, delay: float | None) -> type[UpstreamError]:
    if status is None:
        return _by_word(details, _EVERY) or _by_phrase(details, _EVERY) or ServerError
    if 300 <= status < 400:
        return NotFound
    if status == 409:
        return ServerError if _SAYS_RETRY.search(details.message) else BadRequest
    plain = _BY_STATUS.get(status) or (BadRequest if 400 <= status < 500 else ServerError)
    allowed = _REFINED.get(status, frozenset())
    if status == 503 and delay is not None:
        return Overloaded
    if kind := _by_word(details, allowed):
        return kind
    kind = _by_phrase(details, allowed)
    if status == 429 and kind is BillingError and delay is not None:
        return plain  # Gemini's per-minute limits speak of quota and billing too, and of a delay.
    return kind or plain


def _by_word(
    details: ErrorDetails, allowed: frozenset[type[UpstreamError]]
) -> type[UpstreamError] | None:
    for word in (details.code, details.type):
        kind = _BY_WORD.get(word.lower()) if word else None
        if kind in allowed and not (
            kind in (BadRequest, ServerError) and _by_phrase(details, allowed)
        ):
            return kind
    return None


def _by_phrase(
    details: ErrorDetails, allowed: frozenset[type[UpstreamError]]
) -> type[UpstreamError] | None:
    for kind, phrase in _PHRASES:
        if kind in allowed and re.search(phrase, details.message, re.IGNORECASE):
            return kind
    return None


def _silent(status: int | None) -> str:
    return "the upstream reported an error without a word" + (f" (HTTP {status})" if status else "")


def _foreign(status: int | None) -> str:
    return "the upstream reported an error, not as an LLM's API does" + (
        f" (HTTP {status})" if status else ""
    )


def _moved(headers: Headers) -> str:
    where = headers.get("location", "")[:200]
    return "Redirects are not followed." + (
        f" Set the base URL to where it leads: {where}" if where else ""
    )
