"""The vocabulary: what everything else is said in. Frozen structs, no behaviour, no I/O."""

from __future__ import annotations

from dragoman.types.completion import Completion
from dragoman.types.credential import Credential, CredentialSource, Secret
from dragoman.types.event import (
    DeltaKind,
    Event,
    Failure,
    Finish,
    FinishReason,
    PartDelta,
    PartEnd,
    PartStart,
    Start,
)
from dragoman.types.exchange import Attempt, CostSource, Exchange, Outcome
from dragoman.types.http import ConnectOptions, Headers, HttpRequest, Url, parse_url
from dragoman.types.message import (
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
    assistant,
    system,
    tool_result,
    user,
)
from dragoman.types.model import ModelInfo, Price, Tier
from dragoman.types.provider import Api, Auth, Dialect, Limits, Provider, Timeouts, Tls
from dragoman.types.request import (
    ChatRequest,
    ForeignTool,
    JsonObject,
    JsonSchema,
    ReasoningOptions,
    Tool,
    ToolChoice,
)
from dragoman.types.route import Deployment, Route, RouteStep
from dragoman.types.usage import Usage

__all__ = [
    "Api",
    "Attempt",
    "Auth",
    "ChatRequest",
    "Completion",
    "ConnectOptions",
    "CostSource",
    "Credential",
    "CredentialSource",
    "DeltaKind",
    "Deployment",
    "Dialect",
    "Event",
    "Exchange",
    "Failure",
    "Finish",
    "FinishReason",
    "ForeignTool",
    "Headers",
    "HttpRequest",
    "JsonObject",
    "JsonSchema",
    "Limits",
    "Media",
    "Message",
    "ModelInfo",
    "Outcome",
    "Part",
    "PartDelta",
    "PartEnd",
    "PartStart",
    "Price",
    "Provider",
    "Reasoning",
    "ReasoningOptions",
    "Refusal",
    "Role",
    "Route",
    "RouteStep",
    "Secret",
    "Start",
    "Text",
    "Tier",
    "Timeouts",
    "Tls",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolResult",
    "Unknown",
    "Url",
    "Usage",
    "assistant",
    "parse_url",
    "system",
    "tool_result",
    "user",
]
