"""A gateway in which every secret is a canary, and upstreams that repeat what they are sent."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import subprocess
import sys
import urllib.error
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import quote

from dragoman.config import load
from dragoman.organisations import keys, oidc, providers
from dragoman.organisations.accounts import create_account
from dragoman.organisations.actor import SYSTEM, Actor
from dragoman.organisations.api_tokens import create_token
from dragoman.organisations.desk import Desk
from dragoman.organisations.keys import KeyDraft
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.oidc import OidcSettings
from dragoman.organisations.providers import ProviderDraft
from dragoman.organisations.safe import Safe
from dragoman.organisations.sign_in import start_session
from dragoman.store.database import database_path
from tests.server.process import LONG_S, Process, children
from tests.server.serving import ask
from tests.upstream.answers import chat_stream, html, redirect
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Answer, Close, Send

WAYS = (
    ("openai-completions", "bearer", "/v1/chat/completions"),
    ("openai-responses", "api-key", "/v1/responses"),
    ("anthropic-messages", "x-api-key", "/v1/messages"),
)
NAMES = {"openai-completions": "acme", "openai-responses": "resp", "anthropic-messages": "anth"}
STATUSES = (400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 502, 503, 529)
LETTERS = ["".join(pair) for pair in itertools.product("abcdefghij", repeat=2)]
READ = (
    "providers", "providers/acmeaa", "credentials", "keys", "audit", "members", "projects",
    "requests", "usage", "usage/overview", "limits", "routes", "guardrails", "invitations",
)  # fmt: skip
READ_ALL = ("audit", "accounts", "tokens", "sessions", "session", "oidc", "oidc/settings", "usage",
            "organisations")  # fmt: skip
COMMANDS = (
    "providers list --json", "logs list --csv", "providers list", "config show", "config check",
    "logs list --json", "logs show", "usage list --csv", "usage list --by key", "secrets status",
    "org-providers list --json", "gateway-keys list --json", "keys list", "db status", "doctor",
    "providers show lit", "explain lit/m",
)  # fmt: skip


class CanaryHouse:
    """Set up, and running, as a context. `canaries` by name; `failed` counts refused requests."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.canaries: dict[str, str] = {}
        self.failed = 0
        self._answers: list[bytes] = []
        self._spans: list[bytes] = []

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self.home = Path(enter(TemporaryDirectory()))
        self.upstream = enter(FaultUpstream(self._repeat, record=False))
        self._collector = enter(FaultUpstream(self._collect, record=False))
        self.env = self._environment()
        self._set_up()
        self.gateway = Process(self.home, self._config(), env=self.env)
        self._stack.callback(self.gateway.kill)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def make(self, name: str, begin: str = "of") -> str:
        """Make a canary. It does not look like a key: what looks like one is masked anyway."""
        text = f"{begin}-{name.replace(' ', '-')}-{secrets.token_hex(12)}"
        self.canaries[name] = text
        return text

    # ------------------------------------------------------------------------------- set up

    def _environment(self) -> dict[str, str]:
        self._secret_file = self.home / "secret.txt"
        self._secret_file.write_text(self.make("in a file"))
        self._command_file = self.home / "printed.txt"
        self._command_file.write_text(self.make("printed"))
        self.canaries["master"], self.canaries["old master"] = new_key(), new_key()
        return {
            "HOME": str(self.home),
            "IN_ENV": self.make("env"),
            "HEADER": self.make("header"),
            "QUERY": self.make("query"),
            "TEAM": self.make("team"),
            "DRAGOMAN_SECRET_KEY": self.canaries["master"],
            "DRAGOMAN_SECRET_KEYS_OLD": self.canaries["old master"],
            "DRAGOMAN_ADMIN_PASSWORD": self.make("admin", "pw"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._collector.url,
        }

    def _config(self) -> str:
        """The operator's own providers, each with its key elsewhere."""
        said = {
            "lit": f'api_key = "{self.make("literal")}"',
            "inenv": 'api_key = "env:IN_ENV"',
            "infile": f'api_key = "file:{self._secret_file}"',
            "printed": f'api_key = "cmd:cat {self._command_file}"',
            "header": 'headers = { "x-team-secret" = "env:HEADER" }',
            "query": 'query = { "key" = "env:QUERY" }',
            "several": f'api_keys = ["{self.make("first")}", "{self.make("second")}"]',
            "proxied": f'proxy = "http://user:{self.make("proxy", "pw")}@127.0.0.1:9"',
        }
        tables = [
            f'[[providers]]\nname = "{name}"\nbase_url = "{self.upstream.base_url}"\n'
            f"retries = 0\n{line}\n"
            for name, line in said.items()
        ]
        self.operators = tuple(said)
        return "\n".join([*tables, '[[gateway.keys]]\nname = "team"\nkey = "env:TEAM"\n'])

    def _set_up(self) -> None:
        desk = Desk(database_path(self.env))
        self._stack.callback(desk.close)
        safe = Safe(desk, self.env)
        config = load(env=self.env)
        for (api, auth, _), letters in itertools.product(WAYS, LETTERS[:20]):
            token = self.canaries.get(api) or self.make(api)
            said = {"base_url": self.upstream.base_url, "api": api, "auth": auth, "retries": 0}
            name = NAMES[api] + letters
            draft = ProviderDraft(said=said, token=token)
            providers.put_provider(desk, safe, SYSTEM, "default", name, draft, config)
        providers.put_credential(
            desk, safe, SYSTEM, "default", config.providers["groq"], self.make("groq")
        )
        made = keys.create_key(desk, safe, SYSTEM, "default", KeyDraft(name="load"))
        self.canaries["key before"] = made.text.reveal()
        made = keys.rotate_key(desk, safe, SYSTEM, "default", made.key.id, overlap_s=60)
        self.key = self.canaries["key"] = made.text.reveal()
        gone = keys.create_key(desk, safe, SYSTEM, "default", KeyDraft(name="gone"))
        keys.revoke_key(desk, SYSTEM, "default", gone.key.id)
        self.canaries["revoked key"] = gone.text.reveal()
        password = self.make("password", "pw")
        account = create_account(desk, SYSTEM, "ada@example.com", password=password, operator=True)
        self.session = start_session(desk, account, "test", address="127.0.0.1").token.reveal()
        self.canaries["session"] = self.session
        ada = Actor(name=account.email, account_id=account.id, operator=True)
        self.token = create_token(desk, ada, "read", life_s=None).text.reveal()
        self.canaries["api token"] = self.token
        settings = OidcSettings(issuer="https://id.example", client_id="dragoman")
        oidc.put_oidc(desk, safe, SYSTEM, settings, secret=self.make("oidc"))

    # ------------------------------------------------------------------------------ upstream

    def _repeat(self, request: Request) -> Any:
        """Answer with what came, in the way that the model's name says."""
        told = " ".join([request.target, *(value for _, value in request.headers)])
        raw = (request.header("authorization") or request.target).encode()
        told += f" {base64.b64encode(raw).decode()} {raw.hex()} {quote(raw)}"
        try:
            number = int(request.json()["model"].removeprefix("m"))
        except (ValueError, KeyError, TypeError):
            return _told(400, told)
        return _ways_to_fail(told)[number % 20]

    def _collect(self, request: Request) -> Any:
        self._spans.append(request.target.encode() + request.body)
        return Answer(200)

    # ------------------------------------------------------------------------------- provoke

    def provoke(self) -> None:
        """Fail in every way."""
        for (api, _, path), (number, letters) in itertools.product(WAYS, enumerate(LETTERS[:20])):
            name = NAMES[api] + letters
            self._ask(path, f"{name}/m{number}", stream=number % 3 == 0)
        for number, name in enumerate(self.operators):
            self._ask("/v1/chat/completions", f"{name}/m{number}")
            self._ask("/v1/embeddings", f"{name}/m{number}")
        self._with_wrong_keys()
        self._with_wrong_requests()

    def _with_wrong_keys(self) -> None:
        for header, form in (
            ("authorization", "Bearer {}"),
            ("authorization", "Basic {}"),
            ("x_api_key", "{}"),
            ("api_key", "{}"),
        ):
            for name in ("revoked key", "unknown key", "master", "groq", "session"):
                text = self.canaries.get(name) or self.make("unknown key")
                self._ask("/v1/chat/completions", "acmeaa/m1", **{header: form.format(text)})
                self._call("GET", "/api/v1/organisations", **{header: form.format(text)})
                self._call("GET", f"/v1/models?api_key={quote(text)}&key={quote(text)}")

    def _with_wrong_requests(self) -> None:
        bearer = {"authorization": f"Bearer {self.token}"}
        canary = self.canaries["openai-completions"]
        put = "/api/v1/organisations/default/providers"
        for method, path, body in (
            ("PUT", f"{put}/acmeaa", {"base_url": "https://x", "token": f"{canary}\n"}),
            ("PUT", f"{put}/acmeaa", {"base_url": "https://x", "token": [canary]}),
            ("PUT", f"{put}/acmeaa", {"base_url": f"https://u:{canary}@x"}),
            ("PUT", f"{put}/acmeaa", {"base_url": f"https://x?api_key={canary}"}),
            ("PUT", f"{put}/acmeaa", {"base_url": "https://x", "headers": {"cookie": canary}}),
            ("PUT", f"{put}/acmeaa", {"base_url": "https://x", "version": 99, "token": canary}),
            ("POST", f"{put}/acmeaa/test", {"model": "m1"}),
            ("GET", f"{put}/acmeaa/models", None),
            ("POST", "/api/v1/session", {"email": "ada@example.com", "password": canary}),
            ("POST", "/api/v1/setup", {"token": canary}),
            ("POST", "/api/v1/invitations/look", {"token": canary}),
        ):
            self._call(method, path, body, **bearer)

    def _ask(self, path: str, model: str, *, stream: bool = False, **headers: str) -> None:
        said: dict[str, Any] = {"model": model, "stream": stream, "max_tokens": 9}
        said["input" if path.endswith(("responses", "embeddings")) else "messages"] = (
            "hi" if path.endswith("embeddings") else [{"role": "user", "content": "hi"}]
        )
        if path.endswith("embeddings"):
            said = {"model": model, "input": "hi"}
        self._call("POST", path, said, **({} if headers else self._opened()), **headers)

    def _opened(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}

    def _call(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        raw = None if body is None else json.dumps(body).encode()
        try:
            status, told, answer = ask(self.gateway.url + path, raw, method=method, **headers)
        except (urllib.error.URLError, ConnectionError) as error:
            status, told, answer = 0, {}, str(error).encode()
        self.failed += status >= 400
        self._answers.append(repr((status, told)).encode() + answer)

    # --------------------------------------------------------------------------------- sinks

    def sinks(self, *, every: bool) -> dict[str, bytes]:
        """Gather all that was written anywhere; of commands' output `every`, or some.

        It ends the gateway.
        """
        found: dict[str, bytes] = {}
        bearer = {"authorization": f"Bearer {self.token}"}
        paths = [f"organisations/default/{path}" for path in READ]
        for path in (*paths, *READ_ALL):
            status, _, answer = ask(f"{self.gateway.url}/api/v1/{path}", method="GET", **bearer)
            assert status < 500, (path, answer, self.gateway._err[-20:])
            found[f"API {path}"] = answer
        for path in ("/metrics", "/readyz", "/openapi.json", "/v1/models"):
            answer = ask(self.gateway.url + path, method="GET", **self._opened())
            found[path] = repr(answer[1]).encode() + answer[2]
        pids = [str(self.gateway.process.pid), *children(self.gateway.process.pid)]
        for pid in pids:
            found[f"argv {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
        commands = COMMANDS if every else COMMANDS[:2]
        for command in (*commands, f"db backup {self.home / 'backup.db'}"):
            found[f"$ {command}"] = self._run(command)
        _, out, err = self.gateway.stop()
        found["stdout"], found["stderr"] = out.encode(), err.encode()
        found["answers"] = b"\n".join(self._answers)
        found["spans"] = b"\n".join(self._spans)
        assert self._spans, "nothing was traced"
        ours = (self.gateway.file, self._secret_file, self._command_file)
        for file in self.home.rglob("*"):
            if file.is_file() and file not in ours:
                found[str(file.relative_to(self.home))] = file.read_bytes()
        assert any(name.endswith("dragoman.db") for name in found)
        return found

    def _run(self, command: str) -> bytes:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "dragoman",
                "--config",
                str(self.gateway.file),
                *command.split(),
            ],
            env={**self.env, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            timeout=LONG_S * 3,
            stdin=subprocess.DEVNULL,
            cwd=self.home,
        )
        assert b"Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr


def _told(status: int, said: str) -> Answer:
    """An error that repeats, in every field and in a header."""
    error = dict.fromkeys(("message", "type", "code", "param"), said)
    body = json.dumps({"type": "error", "error": error}).encode()
    headers = (("content-type", "application/json"), ("x-request-id", said[:300]))
    return Answer(status, headers, body)


def _ways_to_fail(said: str) -> Sequence[Any]:
    """Twenty answers that are none."""
    event = json.dumps({"error": {"message": said, "code": said}})
    stream = Answer(200, (("content-type", "text/event-stream"),), f"data: {event}\n\n".encode())
    raw = said.encode("latin-1", "replace")
    return (
        *(_told(status, said) for status in STATUSES),
        html(200, title=said),
        Answer(500, (("content-type", "text/plain"),), raw),
        redirect(f"http://127.0.0.1:9/?{quote(said)}"),
        Answer(200, (("content-type", "application/json"),), raw),
        stream,
        chat_stream(["par", "tial"]).cut(60),
        (Send(b"HTTP/1.1 " + raw + b"\r\n\r\n"), Close()),
    )
