"""Where the gateway is, what opens it, and whether it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click
from msgspec import Struct

from dragoman.cli.flags import Options, WrongUsage
from dragoman.cli.session import Session
from dragoman.errors import DragomanError, Forbidden, TransportError, Unauthorized, UnknownModel
from dragoman.types.credential import CredentialSource

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.probe.fetch import Reply
    from dragoman.types.server import ServerSettings

KEY_VARIABLE = "DRAGOMAN_GATEWAY_KEY"
"""Where a key for the gateway is looked for when no other variable is named."""

NO_KEY = "any"
"""What is sent where no key is needed: clients want some, and this one is nobody's."""

START = "start it in another terminal: dragoman serve"

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_PATIENCE_S = 10.0
_REFUSALS = {401: Unauthorized, 403: Forbidden}


class NoGateway(TransportError):
    """The gateway does not answer, or what answers is none."""


class Access(Struct, frozen=True):
    """The gateway's address, without `/v1`, and where the key to it is; None: it needs none."""

    url: str
    key: CredentialSource | None

    def reveal(self, env: Mapping[str, str]) -> str:
        """Get the key itself. Raises: ConfigError."""
        from dragoman.config import Secrets

        secret = Secrets(env).resolve(self.key) if self.key is not None else None
        return (secret.reveal() if secret is not None else "") or NO_KEY


reaching = Options(
    click.option("--url", metavar="URL", help="The gateway; else as the configuration has it."),
    click.option(
        "--key-env",
        metavar="NAME",
        help=f"The variable that holds a key of the gateway; else {KEY_VARIABLE}.",
    ),
)
"""Where the gateway is, and what opens it: see `find_access`."""


def find_access(session: Session, url: str | None, key_env: str | None) -> Access:
    """Find the gateway and its key: as given, else as the configuration has them.

    A gateway elsewhere gets no key out of this machine's configuration.
    Raises: ConfigError, WrongUsage.
    """
    config = session.config()
    found = _clean(url) if url is not None else url_of(config.server)
    if key_env is not None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key_env):
            raise WrongUsage(
                "--key-env takes the name of a variable", "not the key itself: others can read it"
            )
        return Access(found, CredentialSource("env", key_env, "--key-env"))
    if session.env.get(KEY_VARIABLE):
        return Access(found, CredentialSource("env", KEY_VARIABLE))
    return Access(found, _own_key(config) if is_on_this_machine(found) else None)


def url_of(settings: ServerSettings, hint: str = "say where it is, with --url") -> str:
    """Write where the configuration lets the gateway listen. Raises: WrongUsage."""
    if not settings.port:
        raise WrongUsage("the gateway takes any free port", hint)
    host = _ANY_ADDRESS.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def is_on_this_machine(url: str) -> bool:
    """Whether an address is one of this machine, by what is written."""
    from dragoman.server.admission.access import is_loopback

    return is_loopback(urlsplit(url).hostname or "")


def choose_model(session: Session, named: str | None) -> str | None:
    """Choose: the one that was named, else the default; None leaves it to the client."""
    if named is not None:
        return named
    from dragoman.registry import Registry

    return Registry(session.config()).default_ref()


def check(access: Access, key: str, model: str | None, hint: str = START) -> None:
    """See that a gateway answers, takes the key and has the model.

    Raises: NoGateway, Unauthorized, Forbidden, UnknownModel.
    """
    from dragoman.probe.fetch import fetch
    from dragoman.transport.default import DefaultTransport

    path = f"/models/{quote(model, safe='/:@')}" if model else "/models"
    headers = {"authorization": f"Bearer {key}"}
    transport = DefaultTransport()
    try:
        health = fetch(transport, f"{access.url}/healthz", within_s=_PATIENCE_S)
        reply = fetch(transport, f"{access.url}/v1{path}", headers=headers, within_s=_PATIENCE_S)
    except DragomanError as error:
        raise NoGateway(f"no gateway answers at {access.url}: {error.message}", hint=hint) from None
    finally:
        transport.close()
    if health.status != 200 or "status" not in _object(health):
        raise NoGateway(f"what answers at {access.url} is not a gateway", hint=hint)
    _judge(reply, access, model)


def _judge(reply: Reply, access: Access, model: str | None) -> None:
    said = _object(reply).get("error")
    message = said.get("message") if isinstance(said, dict) else None
    words = str(message or f"the gateway answered {reply.status}")
    if refusal := _REFUSALS.get(reply.status):
        hint = f"--key-env NAME, or {KEY_VARIABLE}, says which variable holds one of its keys"
        raise refusal(f"the gateway at {access.url} lets us not in: {words}", hint=hint)
    if reply.status == 404 and model is not None:
        raise UnknownModel(words, hint="dragoman models list, or -m MODEL")
    if reply.status >= 400:
        raise NoGateway(f"{access.url}: {words}")


def _object(reply: Reply) -> Mapping[str, Any]:
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _clean(url: str) -> str:
    """Take what people write for the gateway's address: with `/v1` or a slash, or without."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fine = False
    if not fine or re.search(r"[\s\"'\\?#]|[^\x21-\x7e]", url):
        raise WrongUsage(f"'{url}' is no address of a gateway", "http://127.0.0.1:4400, say")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def _own_key(config: Config) -> CredentialSource | None:
    return next((key.source for key in config.gateway_keys if key.source is not None), None)
