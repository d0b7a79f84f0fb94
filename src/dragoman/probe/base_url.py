"""Complete a base URL as people write it, by asking the server. No key is ever sent for that.

A host alone, a path with `/v1` or without, a full endpoint, https or http: each spelling that may
be meant is asked for its list of models, and where that is nobody's, for an answer to an empty
request. Whether a server wants a key shows in how it says no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from dragoman.catalog.discovery import parse_models
from dragoman.catalog.loose_json import decode
from dragoman.endpoint import PATHS, endpoint_url, is_azure, models_url
from dragoman.errors import ConfigError, ConnectFailed, DragomanError, ProtocolError, Timeout
from dragoman.probe.fetch import DIRECT, Reply, fetch
from dragoman.transport.base import Transport
from dragoman.types.http import ConnectOptions, parse_url
from dragoman.types.provider import Api

# Who has the Responses API has chat completions too.
_APIS: tuple[Api, ...] = ("openai-completions", "anthropic-messages")
_MOST_ENDPOINTS = 3
_ANSWER_S = 8.0

Outcome = Literal["models", "key", "endpoint", "no"]
"""Its list of models came; it wants a key; its endpoint answered; none of them."""


class Tried(Struct, frozen=True):
    """A URL that was asked, and in a few words what came."""

    url: str
    outcome: Outcome
    words: str


class Completed(Struct, frozen=True, kw_only=True):
    """What was found. `base_url` is None when no spelling was anybody's; `error` is then why.

    `evidence` is the URL that answered, `models` what it listed. `needs_key`: it wants one even to
    list its models. `redirected` is where the server sends people instead.
    """

    base_url: str | None
    api: Api
    evidence: str | None = None
    models: tuple[str, ...] = ()
    needs_key: bool = False
    tried: tuple[Tried, ...] = ()
    error: DragomanError | None = None


def complete(
    written: str,
    transport: Transport,
    *,
    api: Api | None = None,
    options: ConnectOptions = DIRECT,
    connect_s: float = 5.0,
) -> Completed:
    """Find the base URL that is meant by what somebody wrote. `api` is known, or found out.

    Raises: ConfigError for what cannot be a URL at all.
    """
    return _Completion(written, transport, api, options, connect_s).run()


def looks_like_url(text: str) -> bool:
    """Tell a URL or host from the name of a provider: by scheme, port, path or a dot."""
    return "://" in text or re.search(r"[:/]", text) is not None or _is_host(text)


def _is_host(text: str) -> bool:
    return text == "localhost" or ("." in text and not text.endswith("."))


class _Completion:
    def __init__(
        self,
        written: str,
        transport: Transport,
        api: Api | None,
        options: ConnectOptions,
        connect_s: float,
        tried: Sequence[Tried] = (),
    ) -> None:
        self.written = written.strip()
        self.transport = transport
        self.api = api
        self.options = options
        self.connect_s = connect_s
        self.tried = list(tried)
        self.error: DragomanError | None = None

    def run(self) -> Completed:
        roots = self._roots()
        if is_azure(roots[0]):
            return Completed(base_url=roots[0].rstrip("/"), api=self.api or _APIS[0])
        for number, root in enumerate(roots):
            if number and self._is_refused(roots[0], root):
                break
            spellings = list(_spellings(root, self.api or _api_of(root) or _APIS[0]))
            found = self._ask_all(root, spellings)
            if found is not None:
                return found
        if secure := self._moved_to_https(roots):
            return self._again(secure, self.tried).run()
        error = self.error or self._nobody()
        self._suggest_http(roots, error)
        return Completed(
            base_url=None, api=self.api or _APIS[0], tried=tuple(self.tried), error=error
        )

    def _roots(self) -> list[str]:
        """The URL with each scheme that may be meant. Raises: ConfigError."""
        if "://" in self.written:
            candidates = [self.written]
        else:
            host = self.written.partition("/")[0].partition(":")[0]
            plain_first = ":" in self.written or "." not in host or host[-1:].isdigit()
            schemes = ("http", "https") if plain_first else ("https", "http")
            candidates = [f"{scheme}://{self.written}" for scheme in schemes]
        for url in candidates:
            try:
                parse_url(url)
            except ValueError as error:
                raise ConfigError(
                    f"the URL is wrong: {error}", hint="write it like https://host/v1"
                ) from None
        return candidates

    def _again(self, url: str, tried: Sequence[Tried] = ()) -> _Completion:
        return _Completion(url, self.transport, self.api, self.options, self.connect_s, tried)

    def _moved_to_https(self, roots: Sequence[str]) -> str | None:
        """The URL with https, where a server of http sends everybody to itself with https."""
        plain = next((root for root in roots if root.startswith("http://")), None)
        if plain is None or len(roots) > 1:
            return None
        secure = f"https://{urlsplit(plain).hostname}"
        moved = any(one.words.partition("→ ")[2].startswith(secure) for one in self.tried)
        return plain.replace("http://", "https://", 1) if moved else None

    def _suggest_http(self, roots: Sequence[str], error: DragomanError) -> None:
        """Where TLS came to nothing, see whether the server speaks http; say so, never use it."""
        if len(roots) > 1 or not roots[0].startswith("https://"):
            return
        if not isinstance(error, ConnectFailed | Timeout):
            return
        plain = roots[0].replace("https://", "http://", 1)
        found = self._again(plain).run()
        if found.base_url is not None:
            error.hint = f"it answers without TLS, at {_without_query(found.base_url)}"

    def _is_refused(self, first: str, other: str) -> bool:
        """Whether nobody listens there, whatever is spoken: the port is the same for both."""
        cause = self.error.__cause__ if self.error else None
        refused = isinstance(cause, ConnectionRefusedError)
        return refused and parse_url(first).port == parse_url(other).port

    def _ask_all(self, root: str, spellings: Sequence[str]) -> Completed | None:
        """Ask every spelling for its models, then for its endpoint. None: try another scheme."""
        try:
            guarded: list[Completed] = []
            for base_url in spellings:
                found = self._ask_models(base_url)
                if found is not None and not found.needs_key:
                    return found
                guarded += [found] if found is not None else []
            if guarded:
                return self._likeliest(root, guarded, len(spellings))
            for base_url in spellings[:_MOST_ENDPOINTS]:
                for api in (self.api,) if self.api else _APIS:
                    if found := self._ask_endpoint(base_url, api):
                        return found
        except ConnectFailed as error:
            self._note(root, "no", error.message.removeprefix(f"{parse_url(root).origin} "))
            self.error = self.error or error
        except DragomanError as error:
            self._note(root, "no", str(error))
            self.error = error
        return None

    def _likeliest(self, root: str, guarded: Sequence[Completed], asked: int) -> Completed:
        """Choose among spellings that want a key; when all do, that says nothing of the path."""
        written = root.rstrip("/").removesuffix("/models")
        as_written = next((one for one in guarded if one.base_url == written), None)
        if as_written is not None and len(guarded) == asked:
            return msgspec.structs.replace(as_written, tried=tuple(self.tried))
        return guarded[0]

    def _ask_models(self, base_url: str) -> Completed | None:
        api = self.api or _api_of(base_url) or _APIS[0]
        url = models_url(base_url, api)
        reply = self._fetch(url)
        if reply.status in (401, 403) and not reply.is_nobody:
            self._note(url, "key", f"{reply.status}: it wants a key")
            return self._found(base_url, api, url, reply, needs_key=True)
        models = _models(reply)
        if models is None:
            self._note(url, "no", _words(reply))
            return None
        self._note(url, "models", f"{len(models)} models")
        return self._found(base_url, api, url, reply, models=models)

    def _ask_endpoint(self, base_url: str, api: Api) -> Completed | None:
        """Ask with an empty request, which a server of this API finds wrong, and says so."""
        url = endpoint_url(base_url, api, "model")
        reply = self._fetch(url, b"{}")
        if reply.status in (404, 405) or reply.is_nobody or not _is_json(reply):
            self._note(url, "no", _words(reply))
            return None
        wants = reply.status in (401, 403)
        self._note(url, "key" if wants else "endpoint", f"{reply.status}: it is there")
        return self._found(base_url, api, url, reply, needs_key=wants)

    def _found(
        self,
        base_url: str,
        api: Api,
        url: str,
        reply: Reply,
        *,
        models: tuple[str, ...] = (),
        needs_key: bool = False,
    ) -> Completed:
        if self.api is None and needs_key and _speaks_anthropic(reply):
            api = "anthropic-messages"
        return Completed(
            base_url=base_url,
            api=api,
            evidence=url,
            models=models,
            needs_key=needs_key,
            tried=tuple(self.tried),
        )

    def _fetch(self, url: str, body: bytes | None = None) -> Reply:
        headers = {"content-type": "application/json"} if body is not None else {}
        return fetch(
            self.transport,
            url,
            headers=headers,
            body=body,
            options=self.options,
            connect_s=self.connect_s,
            within_s=_ANSWER_S,
        )

    def _note(self, url: str, outcome: Outcome, words: str) -> None:
        self.tried.append(Tried(_without_query(url), outcome, words))

    def _nobody(self) -> DragomanError:
        """Every spelling was asked, the server answered, and it was nobody's API."""
        moved = next((one for one in self.tried if "→" in one.words), None)
        hint = "is the path right? Give the base URL that the server's documentation names"
        if moved is not None:
            hint = f"the server sends people elsewhere: try {moved.words.partition('→')[2].strip()}"
        return ProtocolError(
            f"no API was found at {_without_query(self._roots()[0])}", code="no_api", hint=hint
        )


def _spellings(root: str, api: Api) -> Iterator[str]:
    """Yield the base URLs that may be meant, the likeliest first; those at the root last."""
    parts = urlsplit(root)
    query = f"?{parts.query}" if parts.query else ""
    head = f"{parts.scheme}://{parts.netloc}"
    path = parts.path.rstrip("/")
    if any(path.endswith(end) for end in PATHS.values()):
        yield f"{head}{path}{query}"
        return
    path = path.removesuffix("/models")
    seen: set[str] = set()
    for candidate in (*_paths(path), *_paths("")):
        if candidate not in seen:
            seen.add(candidate)
            # By the rules no path would get a /v1: the whole endpoint says that there is none.
            yield f"{head}{candidate or PATHS[api]}{query}"


def _paths(path: str) -> Iterator[str]:
    if re.search(r"/v\d[\w.]*$", path):
        yield path
        yield path.rpartition("/")[0]
    elif path:
        yield f"{path}/v1"
        yield path
    else:
        yield from ("/v1", "/api/v1", "/openai/v1", "")


def _api_of(url: str) -> Api | None:
    """The API whose endpoint a URL ends in."""
    path = urlsplit(url).path.rstrip("/")
    apis: tuple[Api, ...] = (*_APIS, "openai-responses")
    return next((api for api in apis if path.endswith(PATHS[api])), None)


def _models(reply: Reply) -> tuple[str, ...] | None:
    if reply.status != 200:
        return None
    try:
        return tuple(info.id for info in parse_models(reply.body))
    except ProtocolError:
        return None


def _is_json(reply: Reply) -> bool:
    try:
        decode(reply.body)
    except ProtocolError:
        return False
    return True


def _speaks_anthropic(reply: Reply) -> bool:
    """Whether an error has Anthropic's shape: `{"type": "error", "error": {…}}`."""
    try:
        told = decode(reply.body)
    except ProtocolError:
        return False
    return isinstance(told, dict) and told.get("type") == "error" and "error" in told


def _words(reply: Reply) -> str:
    """What came, for people. Nothing of the body is repeated."""
    location = reply.headers.get("location")
    if 300 <= reply.status < 400 and location:
        return f"{reply.status} → {_without_query(location)[:200]}"
    if reply.status == 200:
        return "a web page" if reply.is_page else "something else"
    return f"{reply.status}"


def _without_query(url: str) -> str:
    return url.partition("?")[0]
