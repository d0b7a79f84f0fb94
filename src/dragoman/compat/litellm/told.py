"""One call as LiteLLM tells it to a provider's hooks: by keyword, in its order.

    validate_environment → get_complete_url → transform_request → sign_request

Parameters come as OpenAI has them and pass `get_supported_openai_params` and `map_openai_params`.
What a provider's table says in `body`, and fields that only this provider knows, are among
`optional_params`; its `options` are in `litellm_params`.

Source: BerriAI/litellm, litellm/llms/custom_httpx/llm_http_handler.py and utils.py,
get_optional_params (read 2026-11, release 1.106)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dragoman.adapters.ask import Ask
from dragoman.compat.litellm.base_config import BaseConfig
from dragoman.compat.litellm.hooks import call_hook, expect
from dragoman.compat.litellm.surroundings import Encoding, Logging
from dragoman.errors import Unsupported

_NOT_CHECKED = frozenset({"user"})
"""Parameters that LiteLLM passes whether a provider says that it knows them or not."""
_REFUSED = frozenset({"tools", "functions"})
"""What an answer would be another one without."""


def overrides(config: Any, *names: str) -> bool:
    """Tell whether a class has one of these hooks of its own."""
    kind = config if isinstance(config, type) else type(config)
    return any(getattr(kind, n, None) is not getattr(BaseConfig, n, None) for n in names)


class Told:
    """What hooks are told of a call, and what they said."""

    def __init__(self, config: Any, ask: Ask) -> None:
        self.config = config
        self.ask = ask
        self.whose = ask.provider.name
        self.model = ask.model
        self.messages: list[Any] = []
        self.optional_params: dict[str, Any] = {}
        self.litellm_params: dict[str, Any] = {
            "custom_llm_provider": self.whose,
            "api_base": ask.base_url or None,
            "model": ask.model,
            **ask.options,
        }
        self.headers: dict[str, Any] = {}
        self.url = ""
        self.data: Any = None
        self.json_mode = False
        self.fake = False
        self.encoding = Encoding()
        self.logging = Logging(ask.model, self.messages, self.whose)
        self.logging.litellm_params.update(self.litellm_params)

    def hook(self, name: str, **fields: Any) -> Any:
        """Call a hook. Raises: DragomanError."""
        return call_hook(self.whose, getattr(self.config, name), **fields)

    def say_request(self) -> Any:
        """Have the body said. Raises: DragomanError."""
        ask = self.ask
        body = dict(ask.openai)
        ask.extra_sent = True
        for name in ("model", "stream", "stream_options"):
            body.pop(name, None)
        self.messages = self.logging.messages = body.pop("messages")
        self._map(body)
        extra_body = self.optional_params.pop("extra_body", None)
        self.json_mode = bool(self.optional_params.pop("json_mode", False))
        wants_fake = bool(self.optional_params.pop("fake_stream", False))
        self.fake = ask.stream and (wants_fake or self._fakes_streams())
        self.say_place()
        data = self.hook(
            "transform_request",
            model=self.model,
            messages=self.messages,
            optional_params=self.optional_params,
            litellm_params=self.litellm_params,
            headers=self.headers,
        )
        expect(self.whose, "transform_request", data, Mapping | bytes | str, "a mapping")
        if isinstance(data, Mapping):
            data = dict(data)
            if isinstance(extra_body, Mapping):
                data |= self.hook(
                    "transform_extra_body",
                    extra_body=extra_body,
                    request=data,
                    model=self.model,
                    litellm_params=self.litellm_params,
                )
            if self.fake:
                data.pop("stream", None)
            elif ask.stream and self.config.supports_stream_param_in_request_body:
                data["stream"] = True
        self.data = data
        return data

    def _fakes_streams(self) -> bool:
        hook = "should_fake_stream"
        return bool(self.hook(hook, model=self.model, stream=True, custom_llm_provider=self.whose))

    def say_place(self) -> None:
        """Have headers and URL said. Raises: DragomanError."""
        ask = self.ask
        shared = {
            "api_key": ask.api_key or None,
            "api_base": ask.base_url or None,
            "model": self.model,
            "optional_params": self.optional_params,
            "litellm_params": self.litellm_params,
        }
        headers: dict[str, Any] = {}
        said = self.hook("validate_environment", headers=headers, messages=self.messages, **shared)
        self.headers = dict(
            expect(self.whose, "validate_environment", said, Mapping, "the headers")
        )
        stream = True if ask.stream else None
        url = self.hook("get_complete_url", stream=stream, **shared)
        self.url = str(expect(self.whose, "get_complete_url", url, str, "a URL"))

    def _map(self, body: dict[str, Any]) -> None:
        """Have the parameters said as the provider calls them; what it does not know is told."""
        extra = {n: body.pop(n) for n in self.ask.whole_request.extra if n in body}
        if self.ask.stream:
            body["stream"] = True
        if overrides(self.config, "get_supported_openai_params"):
            self._check(body, set(self.hook("get_supported_openai_params", model=self.model) or ()))
        mapped = self.hook(
            "map_openai_params",
            non_default_params=body,
            optional_params={},
            model=self.model,
            drop_params=False,
        )
        expect(self.whose, "map_openai_params", mapped, Mapping, "a mapping")
        self.optional_params = {**mapped, **extra}
        self.logging.optional_params = self.optional_params

    def _check(self, body: dict[str, Any], supported: set[str]) -> None:
        for old, new in (
            ("max_tokens", "max_completion_tokens"),
            ("max_completion_tokens", "max_tokens"),
        ):
            if old in body and old not in supported and new in supported:
                body[new] = body.pop(old)
        for name in [n for n in body if n not in supported | _NOT_CHECKED]:
            if name in _REFUSED:
                raise Unsupported(
                    f"{self.whose}: its adapter knows no {name}",
                    hint='have them told in words: emulate = ["tools"]',
                )
            del body[name]
            if name not in ("stream", "tool_choice", "parallel_tool_calls"):
                self.ask.warn(f"{name} is not sent: the adapter of {self.whose} does not know it")
