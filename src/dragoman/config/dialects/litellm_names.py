"""What LiteLLM calls the providers that are built in here, where it differs.

Source: BerriAI/litellm, litellm/constants.py and litellm/types/utils.py (read 2026-11)
"""

from __future__ import annotations

from collections.abc import Mapping

OPENAI = "openai"
AZURE = "azure"
ANY_SERVER = "custom"

NAMES: Mapping[str, str] = {
    "openai": OPENAI,
    "azure": AZURE,
    "custom_openai": ANY_SERVER,
    "openai_like": ANY_SERVER,
    "litellm_proxy": "litellm",
    "hosted_vllm": "vllm",
    "vllm": "vllm",
    "lm_studio": "lmstudio",
    "llamafile": "llamacpp",
    "ollama_chat": "ollama",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "nvidia_nim": "nvidia",
    "friendliai": "friendli",
    "featherless_ai": "featherless",
    "vercel_ai_gateway": "vercel",
    "github": "github-models",
    "cohere_chat": "cohere",
    "ai21_chat": "ai21",
    "aiml": "aimlapi",
    "vertex_ai": "vertex",
    "nano-gpt": "nanogpt",
}

BASE_VARIABLES: Mapping[str, str] = {
    "azure": "AZURE_API_BASE",
    "hosted_vllm": "HOSTED_VLLM_API_BASE",
    "litellm_proxy": "LITELLM_PROXY_API_BASE",
}
"""Variables that hold the base URL where `api_base` is not stated."""

TEXT_COMPLETION = frozenset(
    {"text-completion-openai", "azure_text", "text-completion-codestral", "anthropic_text"}
)
"""The old API of prompts without roles."""

MAKERS = ("openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "cohere", "groq")
"""Whose models may be named without a provider; the first that has one counts."""

LISTED: Mapping[str, str] = {
    "openai": OPENAI,
    "anthropic": "anthropic",
    "gemini": "gemini",
    "mistral": "mistral",
    "deepseek": "deepseek",
    "xai": "xai",
    "groq": "groq",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "cerebras": "cerebras",
    "moonshot": "moonshot",
    "together": "together_ai",
    "fireworks": "fireworks_ai",
    "deepinfra": "deepinfra",
}
"""Built-in providers that LiteLLM knows as well, by the prefix that it has for them."""
