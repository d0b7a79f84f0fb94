"""Variables of the environment whose value may stand in a file instead.

Containers and systemd hand out secrets as files: `DRAGOMAN_REDIS_URL_FILE=/run/secrets/redis` says
the same as `DRAGOMAN_REDIS_URL` with what the file holds, and is in no list of processes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dragoman.errors import ConfigError

SIZE_LIMIT = 64 * 1024
"""No secret is as long; a device or a log is not read to its end."""


def read_variable(env: Mapping[str, str], name: str) -> str | None:
    """Read a variable, or the file that `NAME_FILE` names; white space around it is no part of it.

    Returns: None when neither says anything. The value is a secret: put it into no message.
    Raises: ConfigError when both are set, or the file cannot be read or is empty.
    """
    value = env.get(name, "").strip()
    named = f"{name}_FILE"
    path = env.get(named, "").strip()
    if not path:
        return value or None
    if value:
        raise ConfigError(
            f"{name} and {named} are both set", hint="leave one of them out; files are safer"
        )
    try:
        with Path(path).open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
        text = content.decode().strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(
            f"{named}: {path} cannot be read: {reason}",
            hint="who runs dragoman has to be able to read it",
        ) from None
    if not text or len(content) > SIZE_LIMIT:
        what = "is empty" if not text else f"is larger than {SIZE_LIMIT // 1024} KiB"
        raise ConfigError(f"{named}: {path} {what}", hint=f"write into it what {name} would hold")
    return text
