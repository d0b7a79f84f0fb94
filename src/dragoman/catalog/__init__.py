"""What is known of models without asking anybody: a snapshot that ships with the package.

One JSON file for each built-in provider, read when one of its models is first asked for, and
decoded one model at a time. `scripts/build_catalog.py` writes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from dragoman.types.model import MetadataSource, ModelInfo, Price

PROVIDERS_FILE = Path(__file__).with_name("providers.toml")
"""The built-in providers, in the shape of a configuration file."""

_FOLDER = Path(__file__).with_name("models")
_DATE = re.compile(r"(?:[-@]\d{8}|-\d{4}-\d{2}-\d{2})$")
_FIELDS = (
    "name",
    "context_window",
    "max_tokens",
    "input",
    "reasoning",
    "tools",
    "json_schema",
    "price",
)


class _Change(Struct, frozen=True):
    """A price that holds from a day on, or between two times of the day, UTC."""

    price: Price
    start: date | None = None
    hours: tuple[str, str] | None = None

    def holds(self, at: datetime) -> bool:
        """Tell whether this price is the one in force, unless a later one is."""
        if self.start is not None and at.date() < self.start:
            return False
        if self.hours is None:
            return True
        start, end = self.hours
        now = f"{at:%H:%M}"
        return start <= now < end if start <= end else now >= start or now < end


class _Record(Struct, frozen=True):
    """A model as it stands in the file."""

    id: str
    name: str | None = None
    context_window: int | None = None
    max_tokens: int | None = None
    input: frozenset[str] | None = None
    reasoning: bool | None = None
    tools: bool | None = None
    json_schema: bool | None = None
    price: Price | None = None
    changes: tuple[_Change, ...] = ()


class _Snapshot(Struct, frozen=True):
    """A provider's file. Keys of `ids` and `dated` are in lower case.

    `ids` are other spellings of a model's id; `dated` are ids that may carry a date.
    """

    models: Mapping[str, msgspec.Raw]
    ids: dict[str, str]
    dated: Mapping[str, str]
    hidden: frozenset[str] = frozenset()
    prefix: str = ""

    def resolve(self, model_id: str) -> str | None:
        """Find the key of the model that an id names."""
        key = model_id.lower().removeprefix(self.prefix)
        if own := self.ids.get(key):
            return own
        stem = _DATE.sub("", key)
        return self.dated.get(stem) if stem != key else None


def find_model(catalog: str, model_id: str, *, at: datetime | None = None) -> ModelInfo | None:
    """Look up a model of a built-in provider; its `id` is `model_id` as it was asked for.

    An id matches when it is one that the snapshot lists, in any case; or such an id with a date
    behind it (`-20260101`, `@20260101`, `-2026-01-01`) where the snapshot says that dates do not
    change price or limits. Anything else is None: a model that we do not know has no price, and
    never another model's. So is anything asked of a provider that has no snapshot.

    Prices are those in force `at` (default: now): some change on a day that is already announced,
    some by the hour.
    """
    snapshot = _load(catalog)
    key = snapshot.resolve(model_id) if snapshot else None
    if snapshot is None or key is None:
        return None
    return _info(snapshot.models[key], model_id, at)


def list_models(catalog: str, *, at: datetime | None = None) -> Iterator[ModelInfo]:
    """Yield the models of a built-in provider, by id, without those it has deprecated."""
    snapshot = _load(catalog)
    if snapshot is None:
        return
    for key in sorted(snapshot.models):
        if key not in snapshot.hidden:
            yield _info(snapshot.models[key], key, at)


def catalog_names() -> list[str]:
    """List the built-in providers of whose models there is a snapshot."""
    return sorted(file.stem for file in _FOLDER.glob("*.json"))


def has_catalog(catalog: str) -> bool:
    """Tell whether there is a snapshot of a provider's models."""
    return _load(catalog) is not None


def _info(raw: msgspec.Raw, model_id: str, at: datetime | None) -> ModelInfo:
    record = _RECORD.decode(raw)
    price = record.price
    if record.changes:
        at = (at or datetime.now(UTC)).astimezone(UTC)
        for change in record.changes:
            if change.holds(at):
                price = change.price
    known = {name: getattr(record, name) for name in _FIELDS}
    if price is not None:
        known["price"] = structs.replace(price, source="catalog")
    sources: dict[str, MetadataSource] = {
        name: "catalog" for name, value in known.items() if value is not None
    }
    return ModelInfo(id=model_id, **known, sources=sources)


@cache
def _load(catalog: str) -> _Snapshot | None:
    """Read a provider's file. The data is part of the package and never changes under us."""
    # The name may come from a configuration: it must not lead to another folder.
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", catalog):
        return None
    try:
        raw = (_FOLDER / f"{catalog}.json").read_bytes()
    except FileNotFoundError:
        return None
    snapshot = _SNAPSHOT.decode(raw)
    ids = {key.lower(): key for key in snapshot.models}
    return structs.replace(snapshot, ids={**snapshot.ids, **ids})


_RECORD = msgspec.json.Decoder(_Record)
_SNAPSHOT = msgspec.json.Decoder(_Snapshot)
