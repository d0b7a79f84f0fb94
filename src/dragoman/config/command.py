"""Run a command that prints a secret, and read from what it printed how long that holds.

The command is split as a shell would split it and run without one. Its words are not shown in
messages: they may hold a secret themselves.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
import shlex
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

from dragoman.config.interpolate import interpolate
from dragoman.errors import ConfigError

_SECRET_NAMES = ("token", "access_token", "accessToken", "api_key", "apiKey", "key")
_LIFETIME_NAMES = ("expires_in", "expiresIn")
_EXPIRY_NAMES = ("expires_at", "expiresAt", "expires_on", "expiresOn", "expiry", "exp")


class Printed(NamedTuple):
    """What a command printed."""

    text: str
    program: str
    place: str | None

    def read(self, now: float) -> tuple[str, float | None]:
        """Take the secret, and the Unix time from which the command is to be asked again.

        JSON with a `token` (or `access_token`, `api_key`, …) is opened; `expires_in`, `expires_at`
        or the `exp` of a JWT say when it expires. We ask again a tenth of its life before, at most
        a minute. None: it does not say, and holds as long as the process.
        """
        text, expires_at = self.text.strip(), None
        if text.startswith("{"):
            text, expires_at = self._open(text, now)
        if expires_at is None:
            expires_at = _jwt_expiry(text)
        if expires_at is None:
            return text, None
        return text, expires_at - min(60.0, max(0.0, (expires_at - now) / 10))

    def _open(self, text: str, now: float) -> tuple[str, float | None]:
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            return text, None
        secret = next((found[name] for name in _SECRET_NAMES if found.get(name)), None)
        if not isinstance(secret, str):
            raise ConfigError(
                f"the command {self.program} printed JSON without a token",
                place=self.place,
                hint=f"One of these is needed: {', '.join(_SECRET_NAMES)}.",
            )
        for name in _LIFETIME_NAMES:
            lifetime = _number(found.get(name))
            if lifetime is not None:
                return secret, now + lifetime
        for name in _EXPIRY_NAMES:
            moment = _moment(found.get(name))
            if moment is not None:
                return secret, moment
        return secret, None


def run_command(
    command: str, env: Mapping[str, str], place: str | None, timeout_s: float
) -> Printed:
    """Run `command` in `env`.

    References are replaced word by word, after the split: a value is never more than one word.
    Raises: MissingVariable; ConfigError when it cannot be run, fails, takes too long or prints
    nothing.
    """
    try:
        words = [interpolate(word, env) for word in shlex.split(command)]
    except ValueError as error:
        if hasattr(error, "variable"):
            raise
        raise ConfigError(
            "the command cannot be split into words: a quote is not closed", place=place
        ) from None
    program = words[0] if words else ""
    try:
        result = subprocess.run(  # noqa: S603
            words,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise ConfigError(f"there is no program {program}", place=place) from None
    except (OSError, ValueError):
        raise ConfigError(f"the program {program} cannot be run", place=place) from None
    except subprocess.TimeoutExpired:
        raise ConfigError(
            f"the command {program} took longer than {timeout_s:g} s", place=place
        ) from None
    if result.returncode:
        raise ConfigError(
            f"the command {program} failed with exit code {result.returncode}",
            place=place,
            hint="Run it in a terminal to see what it says.",
        )
    try:
        text = result.stdout.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"the command {program} printed no text", place=place) from None
    if not text.strip():
        raise ConfigError(f"the command {program} printed nothing", place=place)
    return Printed(text, program, place)


def _jwt_expiry(text: str) -> float | None:
    """Read `exp` from a JSON Web Token; None for anything else."""
    pieces = text.split(".")
    if len(pieces) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return _number(claims.get("exp")) if isinstance(claims, dict) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _moment(value: Any) -> float | None:
    """Read Unix seconds, or an ISO date; one without a zone is UTC."""
    number = _number(value)
    if number is not None or not isinstance(value, str):
        return number
    try:
        moment = datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return moment.timestamp()
