"""Where Bedrock is, and who asks: region, credentials, and the clock that they are checked by.

Source: https://docs.aws.amazon.com/general/latest/gr/bedrock.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html (read 2026-11)
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from dragoman.adapters.ask import Ask
from dragoman.adapters.sigv4 import Credentials
from dragoman.errors import ConfigError
from dragoman.types.credential import Secret
from dragoman.types.http import HttpAnswer

NO_REGION = "bedrock-runtime.amazonaws.com"
"""The host that stands for the one of the region that the options or variables name."""

SERVICE = "bedrock"

_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_IN_HOST = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z]{2,}(?:-[a-z0-9]+)+)\.")
_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

MOST_SKEW_S = 240.0
"""How far a clock may be off before signatures are refused: AWS says five minutes."""


def find_region(ask: Ask) -> str:
    """Find the region that signs: as the option says, the host, or the variables.

    Raises: ConfigError.
    """
    named = _IN_HOST.search(urlsplit(ask.base_url).hostname or "")
    if named is not None and "region" not in ask.options:
        return named[1]
    region = ask.need("region", *_VARIABLES)
    if not _REGION.fullmatch(region):
        raise ConfigError(
            f"provider '{ask.provider.name}': {region[:40]!r} is no region of AWS",
            place=ask.provider.place,
            hint="Write it like us-east-1.",
        )
    return region


def base_url(ask: Ask) -> str:
    """Find the base URL: as configured, or the region's own. Raises: ConfigError."""
    written = ask.base_url.partition("?")[0].rstrip("/")
    if urlsplit(written).hostname != NO_REGION:
        return written
    region = find_region(ask)
    tail = ".cn" if region.startswith("cn-") else ""
    return f"https://bedrock-runtime.{region}.amazonaws.com{tail}"


def models_url(ask: Ask) -> str:
    """Find where the region's models are listed. Raises: ConfigError.

    Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
    (read 2026-11)
    """
    base = base_url(ask)
    if (urlsplit(base).hostname or "").startswith("bedrock-runtime"):
        base = base.replace("://bedrock-runtime", "://bedrock", 1)
    return f"{base}/foundation-models?byOutputModality=TEXT"


def find_credentials(ask: Ask) -> Credentials:
    """Find the credentials, all from the options or all from the variables.

    Raises: ConfigError that says what was looked for.
    """
    names = ("access_key_id", "secret_access_key", "session_token")
    if any(name in ask.options for name in names):
        key, secret, session = (ask.options.get(name, "") for name in names)
    else:
        key, secret, session = (ask.env.get(f"AWS_{name.upper()}", "") for name in names)
    if not key or not secret:
        raise ConfigError(
            f"provider '{ask.provider.name}': no credentials of AWS: neither"
            " AWS_BEARER_TOKEN_BEDROCK, nor AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY",
            place=ask.provider.place,
            hint="Set one of them. From a profile:"
            ' eval "$(aws configure export-credentials --format env)"',
        )
    for text in (secret, session):
        if text:
            ask.hide(text)
    return Credentials(key, Secret(secret), Secret(session) if session else None)


def find_skew(answer: HttpAnswer, now: float) -> float:
    """Find by how many seconds our clock is behind a server that has refused a signature.

    Returns: 0 when that is not why. `now` is Unix time by our clock.
    """
    if answer.status != 403 or "date" not in answer.headers:
        return 0.0
    from email.utils import parsedate_to_datetime  # 20 ms that few need

    try:
        server = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return 0.0
    return server - now if abs(server - now) > MOST_SKEW_S else 0.0
