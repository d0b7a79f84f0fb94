"""The contract of an adapter: what may be overridden to speak to a provider that is different.

Every hook has a default that speaks the provider's wire format (`api`), so that an adapter holds
only what deviates. Law: hooks do no I/O. They are given data and return data; what must be asked of
others on the way (a token, whether a job is done) is yielded or returned as a request, and we
perform it. That is why one class serves sync and async, streams and whole answers, and every
endpoint of the gateway.

    validate_environment → headers        get_complete_url → URL       transform_request → body
         auth_flow: the request, signed, perhaps after a token was fetched
    get_error (not 2xx)                   transform_response (whole)   transform_stream (each frame)
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from msgspec import Struct

from dragoman.catalog.discovery import parse_models
from dragoman.endpoint import AUTH_HEADERS, PATHS, default_auth, models_url, neighbour_url
from dragoman.errors import DragomanError, Unsupported
from dragoman.types.embedding import Embeddings
from dragoman.types.http import HttpAnswer, HttpRequest
from dragoman.types.model import ModelInfo
from dragoman.types.provider import Api
from dragoman.wire import get_format

if TYPE_CHECKING:
    from dragoman.adapters.answer import Answer
    from dragoman.adapters.ask import Ask
    from dragoman.adapters.frames import Framing, Piece

Body: TypeAlias = Mapping[str, Any] | bytes | str


class Aside(Struct, frozen=True):
    """A request beside the real one: its answer is read whole before we go on."""

    request: HttpRequest


class Pause(Struct, frozen=True):
    """Let time pass, while another request fetches what this one needs too."""

    seconds: float


class Follow(Struct, frozen=True):
    """What to ask next, `after_s` seconds from now, before there is an answer to read.

    `stream`: what comes then is the stream itself, and is not read whole.
    """

    request: HttpRequest
    after_s: float = 0.0
    stream: bool = False


AuthFlow: TypeAlias = Generator[HttpRequest | Aside | Pause, HttpAnswer, None]


class Adapter:
    """Speaks to one provider. An instance is made for each provider and kept.

    name: what `adapter = "…"` in a provider's table calls it.
    provider: its table, in the shape of a configuration's (`base_url`, `api_key_env`, `models` …).
        With one, the adapter's file alone makes a provider, under `name`.
    api: the wire format of which the defaults are.
    framing: how a stream is cut: `sse`, `json-lines`, `event-stream` (AWS), `bytes`.
    ends_with_body: a stream is whole when its body ends, also where `out.finish` was not called.
    ends_with_done: likewise when it says `[DONE]`.

    Example:
        class Acme(Adapter):
            provider = {"base_url": "https://api.acme.example", "api_key_env": "ACME_KEY"}

            def get_complete_url(self, ask):
                return f"{ask.base_url}/v2/{ask.model}/talk"

            def transform_request(self, ask):
                return {"question": ask.request.messages[-1].text}

            def transform_response(self, answer, out, ask):
                out.text(answer["says"])
    """

    name: ClassVar[str] = ""
    provider: ClassVar[Mapping[str, Any] | None] = None
    api: ClassVar[Api] = "openai-completions"
    framing: ClassVar[Framing] = "sse"
    ends_with_body: ClassVar[bool] = False
    ends_with_done: ClassVar[bool] = False

    # -- where to, and as whom

    def validate_environment(self, ask: Ask) -> Mapping[str, str]:
        """Say the headers, the key's among them. Raises: ConfigError when something is missing.

        The headers of the provider's own table come on top. Default: the key as `auth`, or the
        format, says.
        """
        api = ask.provider.api
        headers = {"content-type": "application/json", **get_format(api).headers}
        if ask.api_key:
            form = AUTH_HEADERS.get(default_auth(ask.base_url, api, ask.provider.auth))
            if form is not None:
                headers[form[0]] = form[1].format(ask.api_key)
        return headers

    def get_complete_url(self, ask: Ask) -> str:
        """Say the URL that is posted to; it is used as returned, the provider's query added.

        A model that becomes part of a path wants `encode_segment`. Default: the rules of
        `dragoman.endpoint`.
        """
        api = ask.provider.api
        paths = {"chat": PATHS[api], "embeddings": "/embeddings"}
        path = paths.get(ask.endpoint, ask.endpoint)
        return neighbour_url(ask.base_url, api, ask.model, path, env=ask.env)

    def auth_flow(self, request: HttpRequest, ask: Ask) -> AuthFlow:
        """Yield the request as it shall be sent: signed, or with a token.

        Each `yield` gives back the answer: of an `Aside` all of it, else status and headers. An
        `Aside` that fails raises here. What was yielded last is what is read on. A generator that
        ends after a 401 leaves it at that. `Pause` waits; `ask.hide` keeps a token out of messages.
        """
        del ask
        yield request

    # -- what is said

    def transform_request(self, ask: Ask) -> Body:
        """Say the body: an object that becomes JSON, or bytes as they are.

        Default: the request in the provider's wire format and dialect.
        """
        return ask.write(ask.provider.api, ask.whole_request)

    def speaks(self, ask: Ask) -> Api | None:
        """Say in which wire format this call's answer comes, where it comes in one of ours.

        It is read as that, and neither `transform_response` nor `transform_stream` is called: for
        services that serve models of several makers, each in its maker's language. Default: the
        provider's, unless one of those two is overridden.
        """
        own = has_own(self, "transform_response", "transform_stream")
        return None if own else ask.provider.api

    def transform_response(self, answer: Piece, out: Answer, ask: Ask) -> None:
        """Read a whole answer with a 2xx status into `out`. Raises: DragomanError.

        `answer.json()` is its body, `answer.headers` its head. `finish` is called for you.
        """
        out.completion(
            get_format(ask.provider.api).parse_response(answer.data, ask.provider.dialect)
        )

    def transform_stream(self, frame: Piece, out: Answer, ask: Ask) -> None:
        """Read one frame of a stream into `out`; `out.finish(…)` when it says that it is whole.

        Without this hook a streaming caller gets the whole answer as one piece. A stream that ends
        without `finish` is an error, unless `ends_with_body`.
        """
        raise NotImplementedError

    def end_stream(self, out: Answer, ask: Ask) -> None:
        """Say what was held back until the body of a stream ended. Default: nothing."""

    def get_error(self, answer: HttpAnswer, ask: Ask) -> DragomanError:
        """Classify an answer that is not 2xx. Default: as the wire format has errors."""
        return get_format(ask.provider.api).parse_error(answer.status, answer.headers, answer.body)

    def follow_up(self, answer: Piece, ask: Ask) -> Follow | None:
        """Say what to ask next, after an answer that is only a promise; None when it is the answer.

        For services that are polled. Called with each whole 2xx answer, if overridden.
        """
        raise NotImplementedError

    # -- what it has

    def get_models_url(self, ask: Ask) -> str | None:
        """Say where a GET lists the models; None when nothing does. `ask.model` says nothing here.

        Default: beside the format's endpoint, unless the adapter has URLs or requests of its own.
        """
        if has_own(self, "get_complete_url", "transform_request"):
            return None
        return models_url(ask.base_url, ask.provider.api)

    def transform_models(self, answer: Piece, ask: Ask) -> Iterable[ModelInfo | str]:
        """Read a list of models: their ids, or what is known of them. Raises: DragomanError.

        Default: the shapes of all usual servers.
        """
        del ask
        return parse_models(answer.data)

    # -- vectors

    def transform_embedding_request(self, ask: Ask) -> Body:
        """Say the body of a request for vectors of `ask.texts`, with `ask.dimensions`.

        Raises: Unsupported, by default for an adapter that has a request of its own.
        """
        if _overrides(self, "transform_request") or ask.provider.api != "openai-completions":
            raise Unsupported(
                f"{ask.provider.name} has no embeddings",
                hint="name a model of a provider that has them",
            )
        from dragoman.wire.embeddings import render_embedding_request

        return render_embedding_request(ask.texts, ask.model, ask.dimensions, {})

    def transform_embedding_response(self, answer: Piece, ask: Ask) -> Embeddings:
        """Read vectors, one for each of `ask.texts`, in order. Raises: DragomanError."""
        from dragoman.wire.embeddings import parse_embeddings

        return parse_embeddings(answer.data, len(ask.texts), ask.provider.dialect)


def has_own(adapter: Adapter, *hooks: str) -> bool:
    """Tell whether an adapter overrides one of these hooks."""
    return any(_overrides(adapter, hook) for hook in hooks)


def _overrides(adapter: Adapter, hook: str) -> bool:
    return getattr(type(adapter), hook) is not getattr(Adapter, hook)
