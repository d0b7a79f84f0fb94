"""Who is examined: one model of one provider, asked through a client, with what it has said."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Unpack

import msgspec
from msgspec.structs import replace

from dragoman.client import Client
from dragoman.config import Config
from dragoman.config.secrets import Secrets
from dragoman.conversation import Messages
from dragoman.engine.answer import Answer, EmbeddingAnswer
from dragoman.engine.call import Surroundings
from dragoman.errors import DragomanError
from dragoman.params import Params
from dragoman.probe.abilities import LONG_TOKENS, TOTAL_S, Asker
from dragoman.probe.conformance.watch import WatchingTransport
from dragoman.probe.listing import choose_model, list_models
from dragoman.stream import Stream
from dragoman.transport.base import Transport
from dragoman.transport.default import DefaultTransport
from dragoman.types.credential import Secret
from dragoman.types.provider import Dialect, Provider, Timeouts
from dragoman.types.usage import Usage

SAY_OK = "Say OK."
RETRIES = 1
"""One, so that a passing hiccup is not taken for the provider's way."""


class Subject:
    """Asks the model under examination, and remembers what several cases look at.

    `provider` is as it is configured; no route leads elsewhere. Blocks. Close it when done.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        env: Mapping[str, str],
        key: Secret | None = None,
        model: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        timeouts = replace(provider.timeouts, first_token=Timeouts().first_token)
        # What it refuses is to be seen, and not mended unseen.
        self.provider = replace(
            provider, enabled=True, models_only=False, learn=False, timeouts=timeouts
        )
        self.tokens = 0
        self.unlisted: DragomanError | None = None
        """Why it does not list its models."""
        self._first_token_s = provider.timeouts.first_token
        self._own = None if transport else DefaultTransport()
        inner = transport or self._own
        assert inner is not None
        self.watch = WatchingTransport(inner)
        self._secrets = Secrets(env)
        self._key = key
        self._model = model
        self._clients: dict[bytes, Client] = {}
        self._around = Surroundings(self._secrets)

    # -------------------------------------------------------------------------------- asking

    @property
    def model(self) -> str | None:
        """The model that is asked: as given, else the provider's default, else one it lists."""
        return self._model or choose_model(self.provider, ()) or self._listed_model

    @property
    def asker(self) -> Asker:
        """Asks with the provider's dialect."""
        return self.asker_with(self.provider.dialect)

    def asker_with(self, dialect: Dialect, *, model: str | None = None) -> Asker:
        """Ask as if the provider had this dialect."""
        spelled = msgspec.json.encode(dialect)
        client = self._clients.get(spelled)
        if client is None:
            provider = replace(self.provider, dialect=dialect)
            client = Client(
                Config(providers={provider.name: provider}),
                transport=self.watch,
                surroundings=self._around,
            )
            self._clients[spelled] = client
        return Asker(
            client,
            f"{self.provider.name}/{model or self.model}",
            self._key,
            total_s=min(TOTAL_S, self.provider.timeouts.total),
            first_token_s=self._first_token_s,
        )

    def chat(self, messages: Messages, **params: Unpack[Params]) -> Answer:
        """Get a whole answer. Raises: DragomanError."""
        return self.chat_with(self.provider.dialect, messages, **params)

    def chat_with(self, dialect: Dialect, messages: Messages, **params: Unpack[Params]) -> Answer:
        """Get a whole answer in another dialect. Raises: DragomanError."""
        merged: Params = {"max_tokens": LONG_TOKENS, "retries": RETRIES, **params}
        answer = self.asker_with(dialect).chat(messages, **merged)
        assert isinstance(answer, Answer)
        self.count(answer.usage)
        return answer

    def stream(
        self, messages: Messages, dialect: Dialect | None = None, **params: Unpack[Params]
    ) -> Stream:
        """Get a streamed answer. Raises, from the iteration: DragomanError."""
        merged: Params = {"max_tokens": LONG_TOKENS, "retries": RETRIES, **params}
        return self.asker_with(dialect or self.provider.dialect).stream(messages, **merged)

    def embed(self, model: str, text: str) -> EmbeddingAnswer:
        """Get the vector of a text. Raises: DragomanError."""
        asker = self.asker_with(self.provider.dialect, model=model)
        params: Params = {"retries": RETRIES, "total": asker.total_s}
        if self._key is not None:
            params["api_key"] = self._key
        answer = asker.client.embed(asker.ref, text, **params)
        self.count(answer.usage)
        return answer

    def count(self, usage: Usage | None) -> None:
        """Add up what was used."""
        self.tokens += (usage.total_tokens or 0) if usage is not None else 0

    # -------------------------------------------------------------- what several cases look at

    @cached_property
    def whole(self) -> Answer:
        """The answer to "Say OK.", whole. Raises: DragomanError."""
        return self.chat(SAY_OK)

    @cached_property
    def streamed(self) -> Answer:
        """The answer to "Say OK.", streamed. Raises: DragomanError."""
        with self.stream(SAY_OK) as stream:
            for _ in stream:
                continue
        answer = stream.completion
        self.count(answer.usage)
        return answer

    @cached_property
    def models(self) -> tuple[str, ...]:
        """The models that it lists; none where it has no list."""
        try:
            listing = list_models(self.provider, self._secrets, self.watch, self._key)
        except DragomanError as error:  # no case of its own: a provider need not have a list
            self.unlisted = error
            return ()
        self.unlisted = listing.error
        return listing.models or ()

    @cached_property
    def _listed_model(self) -> str | None:
        return choose_model(self.provider, self.models)

    @property
    def tries_dialects(self) -> bool:
        """Whether another dialect may be tried: one format has them, and adapters have none."""
        return self.provider.api == "openai-completions" and self.provider.adapter is None

    def dialect(self, **changes: Any) -> Dialect:
        """The provider's dialect, changed."""
        return replace(self.provider.dialect, **changes)

    def adopt(self, **changes: Any) -> None:
        """Ask in another dialect from now on: in the one that is configured nothing can be told."""
        self.provider = replace(self.provider, dialect=self.dialect(**changes))

    def close(self) -> None:
        """Close the connections that were opened here."""
        if self._own is not None:
            self._own.close()
