"""A provider: who can be called, and how. Data, one table of a configuration each."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from dragoman.errors import ConfigError
from dragoman.types.credential import CredentialSource
from dragoman.types.model import Emulated, ModelInfo, RepetitionGuard
from dragoman.types.model import OnOverflow as OnOverflow

Api: TypeAlias = Literal["openai-completions", "openai-responses", "anthropic-messages"]
Auth: TypeAlias = Literal["bearer", "x-api-key", "api-key", "none"]
EgressPolicy: TypeAlias = Literal["local", "operator", "organisation"]

ORGANISATION = "organisation"
"""The origin of providers and routes that stand in no configuration: an organisation wrote them."""


class Dialect(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A provider's deviations from its wire format. The defaults suit a server we know nothing of.

    max_tokens_field: the name under which the limit on the answer is sent.
    system_role: what instructions are called in messages.
    stream_usage: ask for usage in streams (`stream_options.include_usage`).
    strict_tools: send a tool's `strict`.
    vendor_fields: send what a caller of another language says in fields that few servers but the
        vendor's own know (`prompt_cache_key`, `store`, `service_tier`, `verbosity` and the like).
    parallel_tool_calls: send `parallel_tool_calls`.
    json_schema: how a schema for the answer is sent: `native`, `object` (JSON mode and the schema
        in the instructions), `none` (instructions alone).
    reasoning: how an effort is sent: `effort` (`reasoning_effort`), `nested` (`reasoning.effort`),
        `enable_thinking`, `chat_template_kwargs`, `thinking` (`thinking.type`), `none`.
    reasoning_as_text: replay reasoning in the history as text; otherwise it is left out.
    reasoning_field: replay reasoning in the history under this name, for servers that want it back.
    think_tags: split `<think>` text from the content; `open` when the template opens it itself.
    tool_result_name: send the function's name with a tool result.
    assistant_after_tool_result: put an assistant message between a tool result and a user message.
    content_as_string: send text as one string, never as a list of parts.
    usage_excludes_reasoning: completion tokens come without reasoning tokens; add them.
    drop: top-level fields never sent. rename: top-level fields sent under another name.
    routers: models that choose another one to answer, so that this is no surprise; `*` is any text.
    """

    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    system_role: Literal["system", "developer", "user"] = "system"
    stream_usage: bool = True
    strict_tools: bool = False
    vendor_fields: bool = False
    parallel_tool_calls: bool = True
    json_schema: Literal["native", "object", "none"] = "native"
    reasoning: Literal[
        "effort", "nested", "enable_thinking", "chat_template_kwargs", "thinking", "none"
    ] = "effort"
    reasoning_as_text: bool = False
    reasoning_field: str | None = None
    think_tags: bool | Literal["open"] = False
    tool_result_name: bool = False
    assistant_after_tool_result: bool = False
    content_as_string: bool = False
    usage_excludes_reasoning: bool = False
    drop: tuple[str, ...] = ()
    rename: Mapping[str, str] = field(default_factory=dict)
    routers: tuple[str, ...] = ()


class Timeouts(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Seconds. `warm_up` is added to the first `first_token` of a model that may be cold."""

    connect: float = 5.0
    first_token: float = 60.0
    idle: float = 120.0
    total: float = 1800.0
    warm_up: float = 0.0


class Limits(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What we may ask of a provider: requests and tokens a minute, requests at a time."""

    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None


NO_LIMITS = Limits()


class Tls(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Files are absolute paths. `client_key` is for a certificate that comes without its key."""

    ca_file: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    verify: bool = True


class Check(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How a provider is asked now and then whether it is there: every so many seconds."""

    interval: float = 30.0
    timeout: float = 5.0


class Provider(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Who can be called.

    `base_url` is as written, for people and for the URL rules (`dragoman.endpoint`). Its secrets
    are sources, resolved when the provider is used: `credentials` in order of preference, the
    first that yields counts, unless `rotate` (several keys, each a deployment of its own).
    `headers` and `query` values, and an adapter's `options`, may hold references too. `place` is
    the file and line of its table, `origin` the layer (`built-in`, `system`, `user`, `project`,
    `file`, `env`, `call`, `organisation`).
    `overrides` names the built-in of the same name that it replaces. `problems` are raised when it
    is used, so that one broken provider leaves the others alone. `emulate` is what is asked for in
    words, `stream` whether it can stream at all, `learn` whether a request that it refuses for a
    field is mended and asked again. `dialect_of` is the built-in whose dialect it has by its URL.
    `trusted` is False for one of a project's file that nobody has agreed to: it has no credentials,
    and its adapter is told no variable and no file.

    `privacy` names the classes that it belongs to. `check` says how it is watched, None: not at
    all. `cost_per_hour` is USD for an hour of the machine behind it, shared by as many requests as
    its limit on concurrency lets in. `organisation_id` is whose it is; None: the operator's.
    """

    name: str
    base_url: str
    api: Api = "openai-completions"
    adapter: str | None = None
    options: Mapping[str, CredentialSource] = field(default_factory=dict)
    auth: Auth | None = None
    credentials: tuple[CredentialSource, ...] = ()
    rotate: bool = False
    headers: Mapping[str, CredentialSource] = field(default_factory=dict)
    query: Mapping[str, CredentialSource] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    default_model: str | None = None
    models: Mapping[str, ModelInfo] = field(default_factory=dict)
    models_only: bool = False
    timeouts: Timeouts = Timeouts()
    retries: int = 2
    limits: Limits = Limits()
    dialect: Dialect = Dialect()
    tls: Tls = Tls()
    proxy: CredentialSource | None = None
    free: bool = False
    on_overflow: OnOverflow | None = None
    emulate: tuple[Emulated, ...] = ()
    repair_arguments: bool = False
    stream: bool = True
    learn: bool = True
    repetition_guard: RepetitionGuard | None = None
    image_model: str | None = None
    egress: EgressPolicy = "local"
    privacy: tuple[str, ...] = ()
    check: Check | None = None
    cost_per_hour: Decimal | None = None
    organisation_id: str | None = None
    enabled: bool = True
    built_in: bool = False
    catalog: str | None = None
    overrides: str | None = None
    preset: str | None = None
    dialect_of: str | None = None
    origin: str = "built-in"
    trusted: bool = True
    place: str | None = None
    docs: str | None = None
    problems: tuple[ConfigError, ...] = ()
