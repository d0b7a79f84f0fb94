"""Whether what is said in requests and answers is kept, and how long."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

ContentMode: TypeAlias = Literal["off", "redacted", "full"]


class LedgerSettings(Struct, frozen=True, kw_only=True):
    """How long rows are kept, in days (0 is for ever), and whether what was said is.

    `content` holds for organisations that say nothing of it themselves. `content_limit` is in
    bytes, of a request and of an answer each; what is longer is cut.
    """

    requests_days: int = 0
    audit_days: int = 0
    content_days: int = 30
    content: ContentMode = "off"
    content_limit: int = 65_536
