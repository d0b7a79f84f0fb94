"""One delivery of a webhook: what is said, signed, and sent through the one dialler.

Its id is in the body and in a header: what was sent twice has the same.

The signature is HMAC-SHA256, by the webhook's secret, over the time, a full stop and the body. Who
is told checks it, and that the time is not long ago: a copy that is sent later is then refused.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from dragoman.discretion import reason_of
from dragoman.errors import DragomanError
from dragoman.organisations.webhooks import egress_of, purpose_of
from dragoman.types.http import ConnectOptions, HttpRequest, parse_url

if TYPE_CHECKING:
    from dragoman.organisations.safe import Safe
    from dragoman.organisations.webhooks import Webhook
    from dragoman.transport.base import AsyncTransport
    from dragoman.types.credential import Secret

SIGNATURE = "dragoman-signature"
DELIVERY = "dragoman-delivery"
TIMEOUT_S = 10.0


class NotDelivered(DragomanError):
    """The other side did not take it. `answered` is the status that it answered with."""

    status = 502
    code = "webhook_failed"
    answered: int | None = None


def why_not(error: DragomanError, webhook: Webhook) -> str:
    """Say why a delivery failed. A proxy of the gateway's is in no reason that tenants read."""
    return error.message if egress_of(webhook.organisation_id) == "operator" else reason_of(error)


def sign(secret: Secret, at: int, body: bytes) -> str:
    """Sign a body: `t=UNIXTIME,v1=HEX`."""
    text = str(at).encode() + b"." + body
    return f"t={at},v1={hmac.digest(secret.reveal().encode(), text, hashlib.sha256).hex()}"


def write_body(id_: str, event: str, at: float, data: Mapping[str, Any]) -> bytes:
    """Write what is told: the same bytes each time it is tried."""
    return msgspec.json.encode({"id": id_, "event": event, "at": at, "data": data})


async def deliver(
    transport: AsyncTransport, safe: Safe, webhook: Webhook, id_: str, body: bytes
) -> int:
    """Send it once, within twice `TIMEOUT_S`; gives the status.

    Raises: NotDelivered, TransportError, ConfigError when its secret cannot be opened, StoreError.
    """
    of = webhook.organisation_id
    secret = await asyncio.to_thread(safe.open, webhook.secret or "", purpose_of(of, webhook.name))
    headers = {
        "content-type": "application/json",
        "user-agent": "dragoman-webhook",
        DELIVERY: id_,
        SIGNATURE: sign(secret, int(time.time()), body),
    }
    options = ConnectOptions(egress=egress_of(of))
    request = HttpRequest(url=parse_url(webhook.url), headers=headers, body=body, options=options)
    answer = await transport.send(request, connect_timeout_s=TIMEOUT_S, head_timeout_s=TIMEOUT_S)
    try:
        status = answer.status
    finally:
        await answer.close()
    if not 200 <= status < 300:
        error = NotDelivered(f"it was answered with {status}")
        error.answered = status
        raise error
    return status
