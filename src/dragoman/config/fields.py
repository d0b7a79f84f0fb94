"""Every setting, once: the table that checks files, and that the schema and the docs come from.

A row is a setting: its name, its kind, what it does, its default. A name may be written in
camelCase as well.
"""

from __future__ import annotations

from dragoman.config.aid_fields import MODEL_AIDS, PROVIDER_AIDS
from dragoman.config.field import KINDS as KINDS
from dragoman.config.field import Field as Field
from dragoman.config.field import camel as camel
from dragoman.config.gateway_fields import CACHE as CACHE
from dragoman.config.gateway_fields import GUARDRAIL as GUARDRAIL
from dragoman.config.gateway_fields import LEDGER as LEDGER
from dragoman.config.limit_fields import CEILINGS
from dragoman.config.route_fields import CONDITION as CONDITION
from dragoman.config.route_fields import OVERFLOWS as OVERFLOWS
from dragoman.config.route_fields import ROUTE as ROUTE
from dragoman.config.route_fields import SHADOW as SHADOW
from dragoman.config.route_fields import STEP as STEP
from dragoman.config.route_fields import WHENS as WHENS

APIS = ("openai-completions", "openai-responses", "anthropic-messages")
AUTHS = ("bearer", "x-api-key", "api-key", "none")
INPUTS = ("text", "image", "audio", "video", "file")

TIMEOUTS = (
    Field("connect", "seconds", "Until the connection stands.", "5"),
    Field("first_token", "seconds", "From the request until the first content.", "60"),
    Field("idle", "seconds", "Between two pieces of content.", "120"),
    Field("total", "seconds", "For the whole request.", "1800"),
    Field("warm_up", "number", "Added to `first_token` while a local model may still load.", "0"),
)

LIMITS = (
    Field("rpm", "count", "Requests a minute.", "no limit", least=1),
    Field("tpm", "count", "Tokens a minute.", "no limit", least=1),
    Field("concurrency", "count", "Requests at a time.", "no limit", least=1),
)

CHECK = (
    Field("interval", "seconds", "Seconds between two questions, 5 at least.", "30"),
    Field("timeout", "seconds", "For an answer, 30 at most.", "5"),
)

TLS = (
    Field("ca_file", "path", "The certificates to trust, in PEM form.", "the system's"),
    Field("client_cert", "path", "A certificate that tells the server who we are."),
    Field("client_key", "path", "Its key, when it is in a file of its own."),
    Field("verify", "flag", "Check the server's certificate. Leave it on.", "true"),
)

DIALECT = (
    Field(
        "max_tokens_field",
        "choice",
        "What the limit on the answer is called.",
        "max_tokens",
        choices=("max_tokens", "max_completion_tokens"),
    ),
    Field(
        "system_role",
        "choice",
        "The role under which instructions are sent.",
        "system",
        choices=("system", "developer", "user"),
    ),
    Field("stream_usage", "flag", "Ask for usage in streams.", "true"),
    Field("strict_tools", "flag", "Send a tool's `strict`.", "false"),
    Field(
        "vendor_fields",
        "flag",
        "Send fields that few servers but the vendor's own know (`prompt_cache_key`, `store`,"
        " `service_tier`, `verbosity`) also where the caller speaks another language.",
        "false",
    ),
    Field("parallel_tool_calls", "flag", "Send `parallel_tool_calls`.", "true"),
    Field(
        "json_schema",
        "choice",
        "How a schema for the answer is sent: as such, as JSON mode with the schema in the"
        " instructions, or in the instructions alone.",
        "native",
        choices=("native", "object", "none"),
    ),
    Field(
        "reasoning",
        "choice",
        "How an effort is sent.",
        "effort",
        choices=(
            "effort",
            "nested",
            "enable_thinking",
            "chat_template_kwargs",
            "thinking",
            "none",
        ),
    ),
    Field("reasoning_as_text", "flag", "Replay reasoning in the history as text.", "false"),
    Field("reasoning_field", "text", "Replay reasoning in the history under this name.", "none"),
    Field(
        "think_tags",
        "think_tags",
        'Take `<think>` text out of the content; "open" when the prompt opens the tag.',
        "false",
    ),
    Field("tool_result_name", "flag", "Send the function's name with a tool result.", "false"),
    Field(
        "assistant_after_tool_result",
        "flag",
        "Put an assistant message between a tool result and a user message.",
        "false",
    ),
    Field("content_as_string", "flag", "Send text as one string, not as parts.", "false"),
    Field(
        "usage_excludes_reasoning",
        "flag",
        "Completion tokens are reported without reasoning tokens.",
        "false",
    ),
    Field("drop", "texts", "Top-level fields that are never sent.", "none"),
    Field("rename", "text_map", "Top-level fields that are sent under another name.", "none"),
    Field(
        "routers",
        "texts",
        "Models that choose another one to answer, so that nobody is warned when it does;"
        " `*` stands for any text.",
        "none",
    ),
)

TIER = (
    Field("above", "count", "Prompt tokens beyond which these prices hold.", required=True),
    Field("input", "money", "Prompt tokens."),
    Field("output", "money", "Completion tokens."),
    Field("cache_read", "money", "Prompt tokens read from the provider's cache."),
    Field("cache_write", "money", "Prompt tokens written to it."),
    Field("cache_write_1h", "money", "Those kept for an hour."),
)

COST = (
    Field("input", "money", "Prompt tokens.", "unknown"),
    Field("output", "money", "Completion tokens.", "unknown"),
    Field("cache_read", "money", "Prompt tokens read from the provider's cache.", "unknown"),
    Field("cache_write", "money", "Prompt tokens written to it.", "unknown"),
    Field("cache_write_1h", "money", "Those kept for an hour.", "as `cache_write`"),
    Field("reasoning", "money", "Reasoning tokens.", "as `output`"),
    Field("request", "money", "Each request: USD, not per million."),
    Field("tiers", "tables", "Other prices for long prompts.", fields=TIER),
)

MODEL = (
    Field("id", "text", "What the server calls it, exactly.", required=True, open=True),
    Field("name", "text", "What people call it.", open=True),
    Field(
        "context_window",
        "count",
        "Tokens of prompt and answer together.",
        "the catalog's, else 200000",
        least=1,
    ),
    Field(
        "max_tokens",
        "count",
        "Tokens of the answer, at most.",
        "the catalog's, else 8192",
        least=1,
    ),
    Field(
        "input",
        "texts",
        "What it reads: " + ", ".join(INPUTS) + ".",
        'the catalog\'s, else ["text"]',
        choices=INPUTS,
    ),
    Field("reasoning", "flag", "It thinks before it answers.", "the catalog's, else false"),
    Field("tools", "flag", "It calls tools.", "unknown: permitted"),
    Field("json_schema", "flag", "It answers by a schema.", "unknown: permitted"),
    Field(
        "cost",
        "table",
        "USD per million tokens. All zero means that it is free.",
        "the catalog's, else 0",
        fields=COST,
    ),
    Field("free", "flag", "It costs nothing, on purpose.", "false"),
    Field("cost_per_hour", "money", "As the provider's, for this model alone.", "the provider's"),
    Field(
        "on_overflow",
        "choice",
        "What to do with a prompt that does not fit.",
        "the provider's",
        choices=OVERFLOWS,
    ),
    *MODEL_AIDS,
    Field("body", "any_table", "Fields to add to each request."),
)

PROVIDER = (
    Field(
        "name",
        "text",
        "What it is called in `name/model`: letters, digits, `_`, `.` and `-`.",
        required=True,
        open=True,
    ),
    Field("preset", "text", "Take a built-in provider's settings under another name.", open=True),
    Field(
        "base_url",
        "url",
        "Where it is. Required, unless the name is built in, or `preset` or `adapter` knows.",
        open=True,
        also=("baseURL",),
    ),
    Field(
        "api",
        "choice",
        "The language that it speaks.",
        "openai-completions",
        choices=APIS,
        open=True,
    ),
    Field(
        "adapter",
        "text",
        "What speaks to it where no language does: an adapter's name, or `file.py:Class` or"
        " `file.toml` beside this file.",
    ),
    Field("options", "secret_map", "What its adapter wants to know; values may be references."),
    Field(
        "auth",
        "choice",
        "The header that carries the key.",
        "what the language uses",
        choices=AUTHS,
    ),
    Field(
        "api_key",
        "secret",
        "The key: `env:NAME`, `file:PATH`, `keyring:NAME`, `cmd:COMMAND`, `${NAME}`, or the key"
        " itself.",
    ),
    Field("api_keys", "secrets", "Several keys, used in turn."),
    Field(
        "api_key_env",
        "variables",
        "The variable that holds the key; of several, the first that is set.",
        "`NAME_API_KEY`, of the provider's name",
    ),
    Field("api_key_optional", "flag", "No error when `api_key_env` is not set.", "false"),
    Field("headers", "secret_map", "Headers to send; values may be references."),
    Field("query", "secret_map", "Query parameters to send; values may be references."),
    Field("body", "any_table", "Fields to add to each request."),
    Field("default_model", "text", "The model when only the provider is named.", open=True),
    Field("models", "models", "Its models, and what is known of them.", fields=MODEL, open=True),
    Field(
        "model_defaults",
        "flag",
        "A model that is described without limits or a price has the documented ones; false: they"
        " are unknown.",
        "true",
        open=True,
    ),
    Field("models_only", "flag", "Refuse models that are not in `models`.", "false", open=True),
    Field("timeouts", "table", "Seconds to wait.", fields=TIMEOUTS, open=True),
    Field(
        "retries",
        "count",
        "How often to ask the same again before the next is asked.",
        "2",
        open=True,
    ),
    Field("limits", "table", "What it may be asked of us.", fields=LIMITS, open=True),
    Field(
        "learn",
        "flag",
        "Mend a request that it refuses for a field, ask once more, and remember it.",
        "true",
    ),
    Field("dialect", "table", "Where it departs from its language.", fields=DIALECT, open=True),
    Field("tls", "table", "Certificates; paths start at this file.", fields=TLS),
    Field("proxy", "secret", "The HTTP proxy to go through.", "`HTTPS_PROXY`, `NO_PROXY`"),
    Field("free", "flag", "All its models cost nothing, on purpose.", "false", open=True),
    Field(
        "cost_per_hour",
        "money",
        "USD for an hour of the machine behind it: a request costs by the time that it took, shared"
        " by as many as `limits.concurrency` lets in.",
    ),
    Field(
        "privacy",
        "texts",
        "The classes that it belongs to: `local`, `eu`, any name. Keys and routes may be kept to"
        " one.",
        "none",
    ),
    Field(
        "check",
        "switch",
        "The gateway asks it for its models now and then, to know whether it is there.",
        "true if it is `free`",
        fields=CHECK,
    ),
    Field(
        "on_overflow",
        "choice",
        "What to do with a prompt that does not fit.",
        "error; truncate in chat and for Polpo's files",
        choices=OVERFLOWS,
        open=True,
    ),
    *PROVIDER_AIDS,
    Field("image_model", "text", "Where requests with images go instead.", open=True),
    Field("enabled", "flag", "Use it; false keeps it in the file only.", "true"),
    Field(
        "catalog",
        "text",
        "Whose models and prices hold here: a built-in provider's name.",
        "its own, while the host is the same",
    ),
    Field("docs", "text", "Its documentation.", internal=True),
    Field("checked", "text", "When this was read there last.", internal=True),
    Field("base_url_env", "variables", "A variable that holds the base URL.", internal=True),
    Field(
        "host_env",
        "variables",
        "A variable with a host, host and port, or URL to use in the base URL.",
        internal=True,
    ),
    Field("probe", "any_table", "How to find it on this machine.", internal=True),
)

SERVER = (
    Field("host", "text", "The address to listen at.", "127.0.0.1"),
    Field("port", "count", "The port; 0 takes a free one.", "4400"),
    Field("workers", "count", "Processes that answer.", "1", least=1),
    Field(
        "public_url",
        "url",
        "Where people reach it: for links, and for signing in elsewhere. With https:// cookies are"
        " kept to https.",
    ),
    Field(
        "allowed_hosts",
        "texts",
        "Names, besides those of this machine, under which it may be asked while no key is needed.",
        "none",
    ),
    Field(
        "allowed_origins",
        "texts",
        "Web pages (`https://host`) that may ask: they are told so (CORS).",
        "none",
    ),
    Field(
        "egress_allow",
        "grants",
        "Addresses inside that organisations' own providers may be at: `10.0.0.5:8443`,"
        " `192.168.0.0/16`. https stays required.",
        "none",
    ),
    Field(
        "trusted_proxies",
        "networks",
        "Who stands before the gateway and says in `X-Forwarded-For` for whom it asks.",
        "none",
    ),
    Field("body_limit", "count", "Bytes of a request's body, at most.", "33554432", least=1),
    Field(
        "in_flight",
        "count",
        "Requests of a worker at a time; beyond them and a short queue it answers 503.",
        "2000",
        least=1,
    ),
    Field("hold", "seconds", "How long a stream's 200 is held back for a true status.", "15"),
    Field("client_write", "seconds", "How long a client may take to read what it is sent.", "30"),
    Field("drain", "seconds", "How long requests may go on when the server stops.", "600"),
    Field("log", "flag", "Keep a row of every request, without what was said.", "true"),
    Field("store_responses", "flag", "Keep responses if clients send `store: true`.", "false"),
    Field("store_responses_ttl", "seconds", "How long they are kept.", "86400"),
    Field("cache", "table", "Answers that are kept for the same request.", fields=CACHE),
    Field("ledger", "table", "What is kept of requests, and how long.", fields=LEDGER),
)

GATEWAY_KEY = (
    Field("name", "text", "Whose it is: what logs and usage call it.", required=True),
    Field("key", "secret", "The key: `env:NAME`, `file:PATH`, `cmd:COMMAND` …", required=True),
    *CEILINGS,
)

GATEWAY = (
    Field(
        "keys",
        "tables",
        "Who may ask: with one of these, every request needs one of them.",
        fields=GATEWAY_KEY,
    ),
    *CEILINGS,
)

TOP = (
    Field("default_model", "model", "The model when none is named.", open=True),
    Field("image_model", "model", "Where requests with images to a text model go.", open=True),
    Field(
        "on_overflow",
        "choice",
        "What to do with a prompt that does not fit.",
        "error",
        choices=OVERFLOWS,
        open=True,
    ),
    Field("providers", "providers", "Who can be called.", fields=PROVIDER, open=True),
    Field("routes", "routes", "Names for several models, with a policy.", fields=ROUTE, open=True),
    Field("aliases", "aliases", "Other names for models.", open=True),
    Field(
        "log", "flag", "Keep what the command line asks and is answered, on this machine.", "true"
    ),
    Field(
        "server", "table", "Where the gateway listens, and its limits.", fields=SERVER, guards=True
    ),
    Field("gateway", "table", "Who may use the gateway.", fields=GATEWAY, guards=True),
    Field(
        "guardrails",
        "tables",
        "What may not go to models through the gateway, or come back; in this order.",
        fields=GUARDRAIL,
        guards=True,
    ),
    Field("$schema", "text", "Where editors find the schema of this file.", internal=True),
)


def table(fields: tuple[Field, ...]) -> dict[str, Field]:
    """Index fields by every spelling that a file may use."""
    found = _TABLES.get(id(fields))
    if found is None:
        found = {}
        for field in fields:
            for spelling in (field.name, field.alias, *field.also):
                found[spelling] = field
        _TABLES[id(fields)] = found
    return found


_TABLES: dict[int, dict[str, Field]] = {}

GUARDING = frozenset(field.name for field in TOP if field.guards)
