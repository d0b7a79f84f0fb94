"""The control plane served over HTTP on a free port, in a thread, with a database of its own."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

import uvicorn

from dragoman.config import Secrets
from dragoman.engine.call import Surroundings
from dragoman.organisations.accounts import create_account
from dragoman.organisations.actor import SYSTEM, Role
from dragoman.organisations.api_tokens import create_token
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.members import put_member
from dragoman.organisations.organisations import create_organisation, find_organisation
from dragoman.organisations.sign_in import start_session
from dragoman.server.admission.network import make_network
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.gateway import Gateway
from dragoman.server.http.application import Application
from dragoman.server.mount import Mount, make_context
from dragoman.server.worker import settings_for
from dragoman.store import Place
from dragoman.types.organisation import Quotas
from tests.library.asking import configure

PASSWORD = "correct horse battery"  # a passphrase of these tests
DIGEST: list[str] = []


class Answer(NamedTuple):
    """What came back. `json` is the body, decoded where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])


class Clock:
    """The time, moved on by hand."""

    def __init__(self) -> None:
        self.added_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.added_s


async def tell_nobody() -> None:
    """There is no data plane here that would have to know."""


class Plane:
    """A gateway with its control plane, as a context. `listening` is what it believes of itself.

    `env` is its environment, by default one with a master key.
    """

    def __init__(
        self,
        place: Place,
        *,
        listening: str = "127.0.0.1",
        config: Mapping[str, Any] = MappingProxyType({}),
        env: Mapping[str, str] | None = None,
        **server: Any,
    ) -> None:
        self._config = config
        self.clock = Clock()
        self.desk = Desk(place, clock=self.clock)
        self._listening = listening
        self._server_settings = server
        self._env = {"DRAGOMAN_SECRET_KEY": new_key()} if env is None else env

    def __enter__(self) -> Self:
        keys = self._server_settings.pop("gateway_keys", [])
        extra = {"gateway": {"keys": keys}} if keys else {}
        said = {"providers": {}, "server": self._server_settings, **extra, **self._config}
        config = configure(**said)
        around = Surroundings(secrets=Secrets({}))
        snapshot = take_snapshot(config, around, discovered={}, listening=self._listening)

        def mount(gateway: Gateway) -> Mount:
            self.context = make_context(
                self.desk,
                self._env,
                listening=self._listening,
                config=lambda: gateway.snapshot.config,
                door=lambda: gateway.snapshot.door,
                stopping=lambda: not gateway.ready,
                transport=gateway.transport,
                network=lambda: make_network(config.server, {}),
            )
            return Mount(self.context, lambda: gateway.snapshot.door, tell_nobody)

        self.gateway = gateway = Gateway(snapshot, control=mount)
        self.application = Application(gateway, body_limit=8 * 1024 * 1024, client_write_s=30.0)
        sock = socket.create_server(("127.0.0.1", 0))
        self.port = sock.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(settings_for(self.application))

        async def serve() -> None:
            await self._server.serve(sockets=[sock])
            await gateway.close()

        self._thread = threading.Thread(target=lambda: asyncio.run(serve()))
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self.desk.close()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        raw: bytes | None = None,
        query: Mapping[str, Any] = MappingProxyType({}),
    ) -> Answer:
        """Ask; a path without a leading slash is below `/api/v1/`."""
        target = path if path.startswith("/") else f"/api/v1/{path}"
        target += f"?{urlencode(query)}" if query else ""
        given = dict(headers)
        if body is not None:
            raw = json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, target, body=raw, headers=given)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    # ----------------------------------------------------------------------- what is set up

    def organisation(self, name: str, opened: tuple[str, ...] | None = ("*",)) -> str:
        """Make an organisation; gives its id. `opened` are the operator's providers that it has."""
        quotas = Quotas(operator_providers=opened)
        return create_organisation(self.desk, SYSTEM, name, name.title(), quotas=quotas).id

    def account(self, email: str, *, operator: bool = False, **roles: Role) -> str:
        """Make an account that signs in with `PASSWORD`; `roles` by the organisation's name."""
        made = create_account(self.desk, SYSTEM, email, password=PASSWORD, operator=operator)
        for name, role in roles.items():
            with self.desk.read() as connection:
                organisation = find_organisation(connection, name)
            assert organisation is not None
            put_member(self.desk, SYSTEM, organisation.id, made.id, role)
        return made.id

    def session(self, account_id: str) -> Mapping[str, str]:
        """Begin a session without a password; gives the headers to send."""
        from dragoman.organisations.accounts import find_account

        with self.desk.read() as connection:
            account = find_account(connection, account_id)
        assert account is not None
        token = start_session(self.desk, account, "test", address="127.0.0.1").token
        return {"cookie": f"dragoman_session={token.reveal()}"}

    def token(self, account_id: str) -> Mapping[str, str]:
        """Make a token of an account; gives the headers to send."""
        from dragoman.organisations.accounts import actor_of, find_account

        with self.desk.read() as connection:
            account = find_account(connection, account_id)
            assert account is not None
            actor = actor_of(connection, account, None)
        name = f"t{os.urandom(4).hex()}"
        made = create_token(self.desk, actor, name, life_s=None)
        return {"authorization": f"Bearer {made.text.reveal()}"}
