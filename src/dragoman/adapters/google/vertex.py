"""Google Cloud's Vertex AI: Gemini, and other makers' models, by the maker's own language.

    gemini-3-flash, google/…       generateContent
    anthropic/claude-…             rawPredict, in the language of Anthropic's Messages
    meta/…, deepseek-ai/… and so on  the OpenAI-compatible endpoint

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference,
…/partner-models/claude/use-claude, …/start/openai, …/start/express-mode/overview (read 2026-11);
compared with Google's and Anthropic's own libraries in tests/adapters/test_vertex_sdk.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from dragoman.adapters.adapter import AuthFlow, Body
from dragoman.adapters.ask import EMBEDDINGS, Ask
from dragoman.adapters.frames import Piece
from dragoman.adapters.google.account import (
    Account,
    parse_account,
)
from dragoman.adapters.google.gemini import Gemini, as_list, read_vector, versioned
from dragoman.adapters.oauth import Tokens
from dragoman.endpoint import encode_segment
from dragoman.errors import ConfigError, InvalidRequest, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpRequest, parse_url
from dragoman.types.provider import Api
from dragoman.types.usage import Usage
from dragoman.wire import get_format
from dragoman.wire.json_text import decode
from dragoman.wire.tokens import TokenReader

HOST = "https://aiplatform.googleapis.com"
OWN_HOSTS = ".googleapis.com"
ANTHROPIC_VERSION = "vertex-2023-10-16"
"""What Anthropic's page on Vertex AI has. Its library sends 2026-10-21, as of which sampling
parameters are refused (read 2026-11)."""

LISTING_VERSION = "v1beta1"
"""The only version that lists models."""

READ_AGAIN_S = 60.0
"""How old what was read of a credentials file may be: keys are replaced while we run."""

_MULTI_REGIONS = frozenset({"us", "eu"})
_PUBLISHERS: Mapping[str, Api | None] = {"google": None, "anthropic": "anthropic-messages"}
"""Whose models speak which language; None is Gemini's. All others: the compatible endpoint."""
_BEGINNINGS = (("claude", "anthropic"),)
"""Whose a model is that is named without its publisher; all others are Google's."""


class _Spoken(Struct, frozen=True):
    """A model as it is spoken to; `api` None is Gemini's own language."""

    publisher: str
    model: str
    api: Api | None


class Vertex(Gemini):
    """Speaks to Vertex AI: with a service account, a user's credentials, a token, or a key.

    Options: `project`, `location` (`global` if nothing says otherwise), `credentials` (a path, or
    what a file holds). An instance keeps its tokens.
    """

    name = "vertex"
    version: ClassVar[str] = "v1"

    def __init__(self) -> None:
        self._tokens = Tokens()
        self._accounts: dict[str, tuple[float, Account]] = {}

    # -- where to

    def get_complete_url(self, ask: Ask) -> str:
        """Say the model's URL, in its project and location. Raises: ConfigError."""
        spoken = find_publisher(ask.model)
        place = self._place(ask)
        base = versioned(_base(ask) if place else ask.base_url.rstrip("/"), self.version)
        if spoken.api == "openai-completions":
            if not place:
                raise _no_project(ask)
            endpoint = "embeddings" if ask.endpoint == EMBEDDINGS else "chat/completions"
            return f"{base}/{place}endpoints/openapi/{endpoint}"
        path = (
            f"publishers/{encode_segment(spoken.publisher)}/models/{encode_segment(spoken.model)}"
        )
        return f"{base}/{place}{path}:{self.verb(ask)}"

    def verb(self, ask: Ask) -> str:
        """Name the method of the model's that is called. Raises: Unsupported."""
        spoken = find_publisher(ask.model)
        if spoken.publisher == "anthropic":
            if ask.endpoint == EMBEDDINGS:
                raise Unsupported("Claude has no embeddings")
            return "streamRawPredict" if ask.stream else "rawPredict"
        if ask.endpoint == EMBEDDINGS and _predicts(spoken):
            return "predict"
        return super().verb(ask)

    def get_models_url(self, ask: Ask) -> str | None:
        """Say where Google's own models are listed; other makers' are not."""
        return f"{versioned(_base(ask), LISTING_VERSION)}/publishers/google/models?pageSize=1000"

    def _place(self, ask: Ask) -> str:
        """Say `projects/P/locations/L/`; nothing for a key without a project (express mode)."""
        project = ask.option("project")
        if project is None and (ask.api_key is None or ask.provider.auth is not None):
            project = ask.option("project", "GOOGLE_CLOUD_PROJECT", "ANTHROPIC_VERTEX_PROJECT_ID")
            if project is None and (account := self._account(ask)) is not None:
                project = account.project or account.quota_project
            if project is None:
                raise _no_project(ask)
        if project is None:
            return ""
        location = encode_segment(_location(ask))
        return f"projects/{encode_segment(project)}/locations/{location}/"

    # -- as whom

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Send a key as a key; a token comes later. Raises: ConfigError when there is neither."""
        headers = dict(super().validate_environment(ask))
        if not ask.api_key:
            account = self._account(ask)
            if account is None and "authorization" not in map(str.lower, ask.provider.headers):
                raise _no_credentials(ask)
            if account is not None and account.quota_project:
                headers["x-goog-user-project"] = account.quota_project
        return headers

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """Send with a token: fetched, kept, renewed before its end and after a 401."""
        account = None if ask.api_key else self._account(ask)
        if account is None:
            yield request
            return
        yield from self._tokens.send(request, ask, account, parse_url(_base(ask)).origin)

    def _account(self, ask: Ask) -> Account | None:
        """Read the credentials file, or what was read a moment ago. Raises: ConfigError.

        The variable counts for Google's own hosts alone: another one is told in the table which
        credentials it gets.
        """
        own = parse_url(_base(ask)).host.endswith(OWN_HOSTS)
        where = ask.option("credentials", *(("GOOGLE_APPLICATION_CREDENTIALS",) if own else ()))
        if not where:
            return None
        read_at, account = self._accounts.get(where, (0.0, None))
        if account is None or not 0 <= ask.clock() - read_at < READ_AGAIN_S:
            inline = where.lstrip().startswith("{")
            text = where if inline else ask.read_file(where)
            account = parse_account(text, "the option 'credentials'" if inline else where)
            self._accounts[where] = (ask.clock(), account)
        return account

    # -- what is said

    def transform_request(self, ask: Ask) -> Body:
        """Say the conversation in the model's language. Raises: Unsupported."""
        spoken = find_publisher(ask.model)
        if spoken.api is None:
            return super().transform_request(ask)
        model = f"{spoken.publisher}/{spoken.model}"
        rendered = get_format(spoken.api).render_request(
            ask.whole_request, model, ask.provider.dialect
        )
        for warning in rendered.warnings:
            ask.warn(warning)
        body: dict[str, Any] = decode(rendered.body)
        if spoken.publisher == "anthropic":
            del body["model"]
            body["anthropic_version"] = ANTHROPIC_VERSION
        return body

    def speaks(self, ask: Ask) -> Api | None:
        """Say in which format the model's maker answers."""
        return find_publisher(ask.model).api

    # -- vectors

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Ask for one vector for each text."""
        spoken = find_publisher(ask.model)
        if spoken.api is not None:
            raise Unsupported(f"{ask.model} has no embeddings here")
        if not ask.texts:
            raise InvalidRequest("there is no text to embed", param="input")
        asked: dict[str, Any] = {}
        if ask.dimensions is not None:
            asked["outputDimensionality"] = ask.dimensions
        if not _predicts(spoken):
            config = {"embedContentConfig": asked} if asked else {}
            contents = [{"role": "user", "parts": [{"text": text}]} for text in ask.texts]
            return {"requests": [{"content": content, **config} for content in contents]}
        body: dict[str, Any] = {"instances": [{"content": text} for text in ask.texts]}
        return {**body, "parameters": asked} if asked else body

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Read the vectors, and the tokens of each. Raises: ProtocolError."""
        if not _predicts(find_publisher(ask.model)):
            return super().transform_embedding_response(answer, ask)
        rows = as_list(answer.object(), "predictions", answer)
        found = [row.get("embeddings") if isinstance(row, dict) else None for row in rows]
        return Embeddings(
            vectors=tuple(read_vector(one, answer) for one in found),
            model=ask.model,
            usage=_count(found),
        )


def _predicts(spoken: _Spoken) -> bool:
    """Whether a model's vectors are predictions still: those of before Gemini's."""
    return "gemini" not in spoken.model


def find_publisher(model: str) -> _Spoken:
    """Say whose a model is, and what it speaks."""
    model = model.removeprefix("publishers/").replace("/models/", "/", 1)
    publisher, slash, rest = model.partition("/")
    if not slash:
        rest = model
        publisher = next((who for how, who in _BEGINNINGS if model.startswith(how)), "google")
    return _Spoken(publisher, rest, _PUBLISHERS.get(publisher, "openai-completions"))


def _location(ask: Ask) -> str:
    found = ask.option("location", "GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION")
    return found or "global"


def _base(ask: Ask) -> str:
    """Say where the location's models are, unless the base URL is not Google's own."""
    base, location = ask.base_url.rstrip("/"), _location(ask)
    if base != HOST or location == "global":
        return base
    if location in _MULTI_REGIONS:
        return f"https://aiplatform.{location}.rep.googleapis.com"
    return f"https://{location}-aiplatform.googleapis.com"


def _count(found: list[Any]) -> Usage | None:
    tokens = TokenReader()
    counts = []
    for one in found:
        statistics = one.get("statistics") if isinstance(one, dict) else None
        statistics = statistics if isinstance(statistics, dict) else {}
        counts.append(tokens.first(statistics, "token_count", "tokenCount"))
    known = [count for count in counts if count is not None]
    return tokens.usage(sum(known), None) if known else None


def _no_project(ask: Ask) -> ConfigError:
    return ConfigError(
        f"provider '{ask.provider.name}': no project is named",
        place=ask.provider.place,
        hint='Set $GOOGLE_CLOUD_PROJECT, or add options = { project = "…" } to its table.',
    )


def _no_credentials(ask: Ask) -> ConfigError:
    return ConfigError(
        f"provider '{ask.provider.name}': no credentials",
        place=ask.provider.place,
        hint="Set $GOOGLE_APPLICATION_CREDENTIALS to a service account's file, or"
        ' add options = { credentials = "FILE" } to its table.',
    )
