"""Names and titles, as people give them: what is one, and what is refused."""

from __future__ import annotations

import re

from dragoman.errors import InvalidRequest

NAME_PATTERN = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
TITLE_LIMIT = 200
EMAIL_LIMIT = 254
"""Source: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3, without its brackets."""

_NAME = re.compile(NAME_PATTERN[1:-1])
_EMAIL = re.compile(r"[^\s@\"<>(),:;\\\[\]]{1,64}@[^\s@\"<>(),:;\\\[\]]+")


def check_name(name: str, param: str = "name") -> str:
    """See that it is a name: of letters a–z, digits and hyphens. Raises: InvalidRequest."""
    if _NAME.fullmatch(name) is None:
        raise InvalidRequest(
            f"{shown(name)} is no name",
            param=param,
            hint="a name has 1 to 63 letters a-z, digits and hyphens, none at its ends",
        )
    return name


def check_title(title: str, param: str = "title", limit: int = TITLE_LIMIT) -> str:
    """See that a text is a line that can be shown. Raises: InvalidRequest."""
    if not title.strip() or not title.isprintable() or len(title) > limit:
        raise InvalidRequest(
            f"the {param} cannot be shown",
            param=param,
            hint=f"1 to {limit} printable characters, on one line",
        )
    return title


def read_email(email: str) -> str:
    """Write an e-mail address as it is kept: in lower case. Raises: InvalidRequest."""
    kept = email.strip().lower()
    if not is_email(kept):
        raise InvalidRequest(
            f"{shown(email)} is no e-mail address", param="email", hint="like ada@example.com"
        )
    return kept


def is_email(text: str) -> bool:
    """Whether a text can be an e-mail address."""
    return bool(_EMAIL.fullmatch(text)) and text.isprintable() and len(text) <= EMAIL_LIMIT


def shown(text: str, limit: int = 80) -> str:
    """Quote what somebody gave, cut and with nothing unprintable."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return repr(cut)
