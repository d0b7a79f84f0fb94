"""Which exchanges are meant: what people may ask for, as conditions on the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

_EQUAL = (
    *("organisation_id", "project_id", "account_id", "provider"),
    *("outcome", "status", "source", "tag", "asked"),
)
OF_MODEL = "(model = :model OR provider || '/' || model = :model)"
"""A model is named with its provider, as lists of models name it, or as any provider's."""
_AT_LEAST: Mapping[str, str] = {
    "started_at": "since",
    "cost_nanousd": "least_nanousd",
    "duration_s": "least_s",
}


class Selection(Struct, frozen=True, kw_only=True):
    """What exchanges must be like; None is anything. Times are Unix time, `until` excluded.

    `key` is a gateway key's id or name, `model` is one with its provider or without. `failed`:
    those whose outcome is not `ok`; or those alone whose outcome is. `tag` '' is those without.
    `error` stands in its error, or in an attempt's error or reason, whatever its case.
    """

    organisation_id: str | None = None
    project_id: str | None = None
    account_id: str | None = None
    key: str | None = None
    provider: str | None = None
    model: str | None = None
    asked: str | None = None
    outcome: str | None = None
    failed: bool | None = None
    status: int | None = None
    source: str | None = None
    tag: str | None = None
    error: str | None = None
    least_nanousd: int | None = None
    least_s: float | None = None
    since: float | None = None
    until: float | None = None

    def conditions(self) -> tuple[list[str], dict[str, Any]]:
        """Write them in SQL, for `exchange`: conditions that all must hold, and their values."""
        found: list[str] = []
        values: dict[str, Any] = {}
        for name in _EQUAL:
            value = getattr(self, name)
            if name == "tag" and value == "":
                found.append("exchange.tag IS NULL")
            elif value is not None:
                found.append(f"exchange.{name} = :{name}")
                values[name] = value
        for column, name in _AT_LEAST.items():
            value = getattr(self, name)
            if value is not None:
                found.append(f"exchange.{column} >= :{name}")
                values[name] = value
        if self.until is not None:
            found.append("exchange.started_at < :until")
            values["until"] = self.until
        if self.failed is not None:
            found.append(f"exchange.outcome {'<>' if self.failed else '='} 'ok'")
        if self.model is not None:
            found.append(OF_MODEL)
            values["model"] = self.model
        if self.key is not None:
            found.append("(exchange.key_id = :key OR exchange.gateway_key = :key)")
            values["key"] = self.key
        if self.error is not None:
            found.append(
                "(lower(exchange.error) LIKE :error ESCAPE '!'"
                " OR EXISTS (SELECT 1 FROM attempt WHERE exchange_id = exchange.id"
                " AND (lower(attempt.error) LIKE :error ESCAPE '!'"
                " OR lower(reason) LIKE :error ESCAPE '!')))"
            )
            values["error"] = pattern(self.error)
        return found, values


def pattern(text: str) -> str:
    """Make a pattern for `LIKE … ESCAPE '!'`, for text in lower case.

    Databases know case in ASCII alone: any other character is matched by every one.
    """
    return f"%{''.join(_match(character) for character in text)}%"


def _match(character: str) -> str:
    if character in "%_!":
        return f"!{character}"
    return character.lower() if character.isascii() else "_"
