"""Cases about what goes wrong: refusals that can be told apart, and answers that are given up."""

from __future__ import annotations

import time

from dragoman.endpoint import default_auth
from dragoman.errors import (
    AuthFailed,
    BadRequest,
    DragomanError,
    NotFound,
    PermissionDenied,
    UpstreamError,
)
from dragoman.probe.abilities import SHORT_TOKENS
from dragoman.probe.conformance.answers import COUNT
from dragoman.probe.conformance.case import Case, Found
from dragoman.probe.conformance.subject import RETRIES, SAY_OK, Subject
from dragoman.types.event import PartDelta

NO_MODEL = "no-such-model-7f3a"
WRONG_KEY = "sk-wrong-0000000000000000000000000000"
_PROMPT_S = 2.0
"""Giving up means closing a connection: that takes no time."""
_MANY_TOKENS = 256


def examine_unknown_model(subject: Subject) -> Found:
    """A model that does not exist is refused, in words that say so."""
    asker = subject.asker_with(subject.provider.dialect, model=NO_MODEL)
    try:
        asker.chat(SAY_OK, max_tokens=SHORT_TOKENS, retries=RETRIES)
    except (NotFound, BadRequest) as error:
        if not error.message.strip():
            return Found("warning", f"refused without a word ({error.upstream_status})")
        return Found("ok", f"{error.upstream_status}: {error.message}")
    except (PermissionDenied, AuthFailed) as error:
        return Found("warning", f"{error.upstream_status}, as if the key were wrong")
    except UpstreamError as error:
        return Found("failed", f"a fault of the server's: {error.upstream_status} {error.message}")
    return Found("warning", "any name is answered, so a misspelt model goes unseen")


def examine_wrong_key(subject: Subject) -> Found:
    """A wrong key is refused as a wrong key."""
    provider = subject.provider
    if default_auth(provider.base_url, provider.api, provider.auth) == "none":
        return Found("unsupported", "no key is sent to it")
    asker = subject.asker
    try:
        asker.chat(SAY_OK, max_tokens=SHORT_TOKENS, api_key=WRONG_KEY)
    except (AuthFailed, PermissionDenied) as error:
        return Found("ok", f"{error.upstream_status or 'refused'}")
    except DragomanError as error:
        status = getattr(error, "upstream_status", None)
        return Found("failed", f"{status or error.code}, which is not what a wrong key is")
    return Found("unsupported", "any key is accepted")


def examine_cancel(subject: Subject) -> Found:
    """A stream that is given up ends the connection at once."""
    seen = 0
    with subject.stream(COUNT, max_tokens=_MANY_TOKENS) as stream:
        for event in stream:
            seen += isinstance(event, PartDelta)
            if seen:
                break
        began = time.monotonic()
        stream.close()
        took = time.monotonic() - began
    answer = subject.watch.last
    if took > _PROMPT_S:
        return Found("failed", f"giving up took {took:.1f} s")
    if answer is None or not (answer.closed or answer.ended):
        return Found("failed", "the connection was left open")
    if not answer.closed:
        return Found("warning", "the whole answer had come before its first piece could be seen")
    return Found("ok", "closed after the first piece")


CASES = (
    Case(name="cancel", examine=examine_cancel, after=("stream",)),
    Case(name="unknown_model", examine=examine_unknown_model),
    Case(name="wrong_key", examine=examine_wrong_key, after=("chat",)),
)
