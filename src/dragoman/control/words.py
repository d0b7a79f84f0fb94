"""What somebody is told of why a provider failed: a word of ours for each code.

Law: a tenant is told no more, never what the other side said: else any address that answers could
be read through this.
"""

from __future__ import annotations

from collections.abc import Mapping

_WORDS: Mapping[str, str] = {
    "destination_not_allowed": "this destination is not allowed",
    "connect_failed": "no connection could be made",
    "connection_lost": "the connection broke",
    "upstream_timeout": "nothing came in time",
    "upstream_auth_failed": "the token was refused, or there is none",
    "upstream_permission_denied": "the token may not do that",
    "upstream_billing": "the account has no credit",
    "upstream_not_found": "there is no such model or path",
    "rate_limit_exceeded": "it takes no more requests at the moment",
    "upstream_overloaded": "it is overloaded at the moment",
    "upstream_protocol_error": "what came is not the language that was expected",
    "stream_truncated": "the answer broke off",
    "no_model": "no model is known to try: name one",
    "no_list": "it does not list its models",
    "config_error": "its settings cannot be used",
}
_OTHER = "it answered with an error"


def word_of(code: str | None) -> str:
    """Say what went wrong."""
    return _WORDS.get(code or "", _OTHER)
