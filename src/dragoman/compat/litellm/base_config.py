"""`BaseConfig`: what a LiteLLM provider's class derives from. A class of it is an adapter here.

No method is abstract, and `super().__init__()` need not be called: a hook that is left out does
what LiteLLM's does, or what an OpenAI-like server wants.

Source: https://docs.litellm.ai/docs/provider_registration (read 2026-11); BerriAI/litellm,
litellm/llms/base_llm/chat/transformation.py (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dragoman.compat.litellm.exceptions import BaseLLMException

if TYPE_CHECKING:
    from dragoman.adapters.adapter import Adapter

JSON_TOOL = "json_tool_call"


class BaseConfig:
    """Override what differs; all hooks are called by keyword, with those that they take.

    Example:
        class MyProviderChatConfig(BaseConfig):
            def get_complete_url(self, api_base, model, **rest):
                return f"{api_base}/{model}"
    """

    @staticmethod
    def __dragoman_adapter__(found: Any) -> type[Adapter]:
        """Make an adapter of a class, or of an object of it."""
        from dragoman.compat.litellm.config_adapter import adapt_config

        return adapt_config(found)

    @classmethod
    def get_config(cls) -> dict[str, Any]:
        """List the class's own settings: attributes that are no functions."""
        return {
            name: value
            for name, value in vars(cls).items()
            if not name.startswith("_")
            and value is not None
            and not callable(value)
            and not isinstance(value, classmethod | staticmethod | property)
        }

    # -- where to, and as whom

    def validate_environment(
        self, headers: dict[str, Any], api_key: str | None = None, **rest: Any
    ) -> Mapping[str, Any]:
        """Say the headers; raise when something is missing."""
        del rest
        key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        return {"Content-Type": "application/json", **key, **headers}

    def get_complete_url(self, api_base: str | None = None, **rest: Any) -> str:
        """Say the URL that is posted to: the base URL as it is written."""
        del rest
        if not api_base:
            raise ValueError("api_base is required: give the provider a base_url")
        return api_base

    def sign_request(self, headers: dict[str, Any], **rest: Any) -> tuple[Any, bytes | None]:
        """Say headers and body as they are sent; a body of None is left as it is."""
        del rest
        return headers, None

    # -- what is asked

    def get_supported_openai_params(self, model: str) -> list[str]:
        """List the parameters that the API knows. Left out, it knows all of them."""
        del model
        return []

    def map_openai_params(
        self, non_default_params: dict[str, Any], optional_params: dict[str, Any], **rest: Any
    ) -> dict[str, Any]:
        """Say the parameters as the API calls them."""
        del rest
        return {**optional_params, **non_default_params}

    def transform_request(
        self, model: str, messages: list[Any], optional_params: dict[str, Any], **rest: Any
    ) -> Any:
        """Say the body."""
        del rest
        return {"model": model, "messages": messages, **optional_params}

    def transform_extra_body(self, extra_body: Mapping[str, Any], **rest: Any) -> Mapping[str, Any]:
        """Say what of `extra_body` comes on top of the body."""
        del rest
        return extra_body

    def should_fake_stream(
        self, model: str | None, stream: bool | None, custom_llm_provider: str | None = None
    ) -> bool:
        """Whether a stream is a whole answer, told in one piece."""
        del model, stream, custom_llm_provider
        return False

    @property
    def supports_stream_param_in_request_body(self) -> bool:
        """Whether a body says `stream`."""
        return True

    # -- what is answered

    def transform_response(self, raw_response: Any, model_response: Any, **rest: Any) -> Any:
        """Read a whole answer into `model_response`."""
        del rest
        return {**model_response.model_dump(), **raw_response.json()}

    def get_model_response_iterator(
        self, streaming_response: Any, sync_stream: bool, json_mode: bool | None = False
    ) -> Any:
        """Give what reads the lines of a stream; None where nothing does."""
        del streaming_response, sync_stream, json_mode
        return None

    @property
    def has_custom_stream_wrapper(self) -> bool:
        """Whether the class fetches and reads streams itself, in a stream wrapper."""
        return False

    @property
    def custom_llm_provider(self) -> str | None:
        """What LiteLLM calls the provider."""
        return None

    def get_error_class(self, error_message: str, status_code: int, headers: Any) -> Exception:
        """Make the error of an answer that is none."""
        return BaseLLMException(status_code=status_code, message=error_message, headers=headers)

    # -- for hooks to call

    def translate_developer_role_to_system_role(self, messages: list[Any]) -> list[Any]:
        """Call instructions `system`."""
        return [{**m, "role": "system"} if m.get("role") == "developer" else m for m in messages]

    def is_thinking_enabled(self, non_default_params: Mapping[str, Any]) -> bool:
        """Whether the caller wants thinking."""
        thinking = non_default_params.get("thinking")
        kind = thinking.get("type") if isinstance(thinking, Mapping) else None
        effort = non_default_params.get("reasoning_effort")
        return thinking is True or kind == "enabled" or effort is not None

    def is_max_tokens_in_request(self, non_default_params: Mapping[str, Any]) -> bool:
        """Whether the caller limits the answer."""
        return any(n in non_default_params for n in ("max_tokens", "max_completion_tokens"))

    def get_json_schema_from_pydantic_object(self, response_format: Any) -> Any:
        """Take a response format as it is: classes have become schemas before they come here."""
        return response_format

    def _add_tools_to_optional_params(
        self, optional_params: dict[str, Any], tools: list[Any]
    ) -> dict[str, Any]:
        optional_params["tools"] = [*optional_params.get("tools", ()), *tools]
        return optional_params

    def add_tools_to_optional_params(
        self, optional_params: dict[str, Any], tools: list[Any]
    ) -> dict[str, Any]:
        """Add tools."""
        return self._add_tools_to_optional_params(optional_params, tools)

    def _add_response_format_to_tools(
        self,
        optional_params: dict[str, Any],
        value: Mapping[str, Any],
        is_response_format_supported: bool,
        enforce_tool_choice: bool = True,
    ) -> dict[str, Any]:
        """Ask for a schema by way of a tool that must be called."""
        schema = value.get("response_schema") or (value.get("json_schema") or {}).get("schema")
        if is_response_format_supported:
            optional_params["response_format"] = value
        elif schema:
            tool = {"type": "function", "function": {"name": JSON_TOOL, "parameters": schema}}
            self._add_tools_to_optional_params(optional_params, [tool])
            if enforce_tool_choice:
                choice = {"type": "function", "function": {"name": JSON_TOOL}}
                optional_params["tool_choice"] = choice
            optional_params["json_mode"] = True
        return optional_params


class OpenAIGPTConfig(BaseConfig):
    """A provider that is nearly OpenAI."""

    def get_complete_url(self, api_base: str | None = None, **rest: Any) -> str:
        """Say the URL that is posted to."""
        base = super().get_complete_url(api_base=api_base, **rest).rstrip("/")
        return base if base.endswith("/chat/completions") else f"{base}/chat/completions"


OpenAILikeChatConfig = OpenAIGPTConfig


class BaseEmbeddingConfig(BaseConfig):
    """A provider of vectors.

    `transform_embedding_request` and `transform_embedding_response` are for a subclass to say; a
    `BaseConfig` that has them serves vectors as well.
    """
