"""What hooks of LiteLLM's are handed beside the request: a log that takes anything, a tokenizer.

Source: BerriAI/litellm, litellm/litellm_core_utils/litellm_logging.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

Hook = TypeVar("Hook", bound=Callable[..., Any])

verbose_logger = logging.getLogger("dragoman.compat.litellm")

_WORDS = re.compile(r"\w{1,4}|[^\w\s]")


class Logging:
    """The `logging_obj`: takes note of nothing, because the engine keeps the records."""

    def __init__(self, model: str, messages: Any, provider: str) -> None:
        self.model = model
        self.messages = messages
        self.custom_llm_provider = provider
        self.stream_options: Any = None
        self.optional_params: dict[str, Any] = {}
        self.litellm_params: dict[str, Any] = {}
        self.litellm_call_id = ""
        self.model_call_details: dict[str, Any] = {
            "model": model,
            "messages": messages,
            "custom_llm_provider": provider,
            "litellm_params": self.litellm_params,
        }

    def pre_call(self, *args: Any, **fields: Any) -> None:
        """Be told of a request."""

    post_call = success_handler = failure_handler = pre_call

    async def async_success_handler(self, *args: Any, **fields: Any) -> None:
        """Be told of an end."""

    async_failure_handler = async_success_handler


class Encoding:
    """The tokenizer: it guesses, and remembers that it was asked, so that usage says so."""

    def __init__(self) -> None:
        self.used = False

    def encode(self, text: Any, **ignored: Any) -> list[int]:
        """Cut a text into about as many tokens as a model would."""
        del ignored
        self.used = True
        return list(range(len(_WORDS.findall(str(text)))))


def track_llm_api_timing(*args: Any, **fields: Any) -> Callable[[Hook], Hook]:
    """Decorate a stream wrapper with nothing: the engine times it."""
    del args, fields

    def same(hook: Hook) -> Hook:
        return hook

    return same


def get_secret_str(secret_name: str, default_value: str | None = None) -> str | None:
    """Look up a variable of the environment. In tables, a key may come from elsewhere, too."""
    return os.environ.get(secret_name.removeprefix("os.environ/")) or default_value


get_secret = get_secret_str


def print_verbose(*args: Any, **fields: Any) -> None:
    """Say nothing."""
