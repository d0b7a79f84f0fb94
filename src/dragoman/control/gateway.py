"""`/gateway`: what holds in this gateway wherever an organisation says nothing else."""

from __future__ import annotations

from litestar import get
from msgspec import Struct

from dragoman import __version__
from dragoman.control.context import Context
from dragoman.types.content import ContentMode


class GatewayShown(Struct, frozen=True, kw_only=True):
    """A gateway's own settings, as far as they are everybody's business.

    `requests_days`, `audit_days` and `content_days` are how long requests, the audit log and what
    was said are kept; 0 is for ever. `content` is what is kept of what is said; `cache_s` how long
    an answer is given again to the same question, in seconds, null where none is.
    """

    version: str
    requests_days: int
    audit_days: int
    content_days: int
    content: ContentMode
    cache_s: float | None


@get("/gateway", opt={"signed_in": True}, sync_to_thread=False)
def show_gateway(context: Context) -> GatewayShown:
    """Show how long this gateway keeps what, unless an organisation has it otherwise."""
    config = context.config()
    kept, cache = config.server.ledger, config.server.cache
    return GatewayShown(
        version=__version__,
        requests_days=kept.requests_days,
        audit_days=kept.audit_days,
        content_days=kept.content_days,
        content=kept.content,
        cache_s=cache.ttl if cache.enabled else None,
    )


HANDLERS = (show_gateway,)
