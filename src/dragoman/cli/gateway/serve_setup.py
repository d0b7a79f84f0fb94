"""What is done about the first operator before the gateway answers anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.session import Session
from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dragoman.config import Config
    from dragoman.server.assembly import Work

PASSWORD = "DRAGOMAN_ADMIN_PASSWORD"  # noqa: S105
EMAIL = "DRAGOMAN_ADMIN_EMAIL"


def see_to_operator(session: Session, config: Config, work: Work, url: str) -> str | None:
    """Make the operator that a variable asks for; else, where nothing guards us, a link.

    The link makes the first operator, once. None where there is no need of one. `url` is where we
    listen. Raises: ConfigError, also when the database cannot be asked: to start without knowing
    would be to start open, or shut for good.
    """
    password = _password(session.env)
    exposed = _is_exposed(config, work.listening)
    if password is None and not exposed:
        return None
    from dragoman.errors import InvalidRequest
    from dragoman.organisations.desk import Desk
    from dragoman.organisations.setup import EMAIL as NOBODY
    from dragoman.organisations.setup import begin_setup, ensure_operator
    from dragoman.store import StoreError

    assert work.database is not None
    desk = Desk(work.database)
    try:
        if password is not None:
            ensure_operator(desk, session.env.get(EMAIL) or NOBODY, password)
        token = begin_setup(desk) if exposed else None
    except InvalidRequest as error:
        place = EMAIL if error.param == "email" else PASSWORD
        raise ConfigError(error.message, place=place, hint=error.hint) from None
    except StoreError as error:
        raise ConfigError(
            f"who may operate this gateway cannot be found out: {error}",
            hint="see that the database answers, then start again",
        ) from None
    finally:
        desk.close()
    if token is None:
        return None
    base = (config.server.public_url or url).rstrip("/")
    return f"{base}/setup#{token.reveal()}"


def _is_exposed(config: Config, listening: str) -> bool:
    """Whether others can reach us, and no key of the configuration guards us."""
    from dragoman.server.admission.access import is_loopback

    return not config.gateway_keys and not is_loopback(listening)


def _password(env: Mapping[str, str]) -> str | None:
    """Find the password of the operator to make. Raises: ConfigError."""
    from pathlib import Path

    given, path = env.get(PASSWORD), env.get(f"{PASSWORD}_FILE")
    if given and path:
        raise ConfigError(
            "both are set", place=f"{PASSWORD} and {PASSWORD}_FILE", hint="set one of them"
        )
    if not path:
        return given or None
    try:
        return Path(path).read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"{path} cannot be read: {reason}",
            place=f"{PASSWORD}_FILE",
            hint="see that it is there, and that the gateway's user may read it",
        ) from None
