"""Write the snapshot of models (limits, abilities, prices) that ships inside the package.

    .venv/bin/pip install -e '.[catalog]'
    .venv/bin/python scripts/build_catalog.py            # write
    .venv/bin/python scripts/build_catalog.py --check    # say whether it is up to date

Prices and context windows come from the package `genai-prices` (MIT), what it lacks from
`scripts/catalog.toml`, which is kept by hand. The same two give the same bytes on any machine:
the day that counts as today is `as_of` in that file.

Which ids a record answers to is decided here and written down, so that a look-up compares and never
guesses. The source describes ids by clauses (`starts_with`, `contains`); of those we keep the ids
that a clause names in full, and for a date behind such an id (`-20260101`) the source's word that
it means the same model at the same price. Nothing else matches.
"""

from __future__ import annotations

import argparse
import datetime
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from genai_prices import types as source
from genai_prices.data import providers as source_providers

HERE = Path(__file__).parent
OVERLAY = HERE / "catalog.toml"
TARGET = HERE.parent / "src" / "dragoman" / "catalog" / "models"

PRICES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
}
UNCOUNTED = ("output_citation_mtok",)
"""Buckets that every answer of such a model fills and that no usage here counts: a price without
them would be too low, so these models have none."""

NO_STEM = re.compile(r"[-@]\d{8}$|-\d{4}-\d{2}-\d{2}$|-latest$")
"""Ids that no date can stand behind."""

FRAGMENT = re.compile(r"-20\d\d$")
"""Beginnings of ids, in the source's clauses, that are no ids."""

Record = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Write the snapshot, or with `--check` compare it; 1 when it differs."""
    parser = argparse.ArgumentParser(description=__doc__, usage="%(prog)s [--check]")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    files = build(tomllib.loads(OVERLAY.read_text("utf-8")))
    stored = {path.name: path.read_bytes() for path in sorted(TARGET.glob("*.json"))}
    changed = [
        name for name in sorted(files.keys() | stored) if files.get(name) != stored.get(name)
    ]
    if check:
        for name in changed:
            print(f"{TARGET / name} differs from genai-prices {version('genai-prices')}")
        return bool(changed)
    TARGET.mkdir(exist_ok=True)
    for name in changed:
        if name in files:
            (TARGET / name).write_bytes(files[name])
        else:
            (TARGET / name).unlink()
    print(f"{len(files)} files, {len(changed)} changed")
    return 0


def build(overlay: Mapping[str, Any]) -> dict[str, bytes]:
    """Make the content of every file, by its name."""
    as_of = datetime.date.fromisoformat(overlay["as_of"])
    found = {provider.id: provider for provider in source_providers}
    files = {}
    for name, row in overlay["providers"].items():
        snapshot = Snapshot(name, row, as_of)
        for origin in row.get("source", ()):
            snapshot.add(found[origin])
        for model in overlay.get("models", ()):
            if name in model["catalog"]:
                snapshot.amend(model)
        files[f"{name}.json"] = snapshot.render()
    return files


class Snapshot:
    """The models of one row of providers.toml."""

    def __init__(self, name: str, row: Mapping[str, Any], as_of: datetime.date) -> None:
        self.name = name
        self.row = row
        self.as_of = as_of
        self.models: dict[str, Record] = {}
        self.ids: dict[str, str] = {}
        self.dated: dict[str, str] = {}
        self.hidden: set[str] = set()

    def add(self, provider: source.Provider) -> None:
        """Take over the models of one provider of the source."""
        suffix = ""
        if "suffix_from" in self.row:  # huggingface_groq: `model:groq` at the router
            suffix = ":" + provider.id.removeprefix(self.row["suffix_from"])
        for model in provider.models:
            record = self._record(model)
            ids = [id_ for id_ in _ids(model, provider) if self._wanted(id_)]
            if not ids or record.keys() <= {"name"}:
                continue
            canonical = _canonical(model, ids) + suffix
            self.models[canonical] = {"id": canonical, **record}
            if model.deprecated:
                self.hidden.add(canonical)
            for id_ in ids:
                self.ids.setdefault(id_.lower() + suffix, canonical)
                if not suffix and _takes_dates(model, provider, id_):
                    self.dated.setdefault(id_.lower(), canonical)

    def amend(self, model: Mapping[str, Any]) -> None:
        """Lay what is kept by hand over what the source knows, for the ids that are named alone."""
        for id_ in model["ids"]:
            record = self.models[self._apart(id_, [_plain(named) for named in model["ids"]])]
            for key, value in model.items():
                if key not in ("catalog", "ids", "source"):
                    record[key] = sorted(value) if key == "input" else value

    def _apart(self, id_: str, named: list[str]) -> str:
        """Give an id a record of its own, where it shares one with others that are not named.

        The source puts models of one price together, whose limits may differ.
        """
        key = id_.lower()
        canonical = self.ids.get(key)
        if canonical is None:
            self.ids[key] = id_
            self.models[id_] = {"id": id_}
            return id_
        strangers = [
            other
            for other, own in self.ids.items()
            if own == canonical and _plain(other) not in named
        ]
        if strangers and _plain(canonical) in named:
            self._move(strangers, canonical, strangers[0])
        elif strangers:
            self._move([key], canonical, id_)
            return id_
        return canonical

    def _move(self, ids: list[str], canonical: str, own: str) -> None:
        """Move ids to a copy of their record."""
        self.models[own] = {**self.models[canonical], "id": own}
        for id_ in ids:
            self.ids[id_] = own
            if id_ in self.dated:
                self.dated[id_] = own

    def _wanted(self, id_: str) -> bool:
        return re.search(self.row.get("only", ""), id_) is not None

    def _record(self, model: source.ModelInfo) -> Record:
        record: Record = {}
        if model.name and model.name != model.id:
            record["name"] = model.name
        if model.context_window:
            record["context_window"] = model.context_window
        now, *changes = _in_force(model.prices, self.as_of)
        price = _price(now.prices)
        if price:
            record["price"] = price
        later = [_change(change) for change in changes]
        if price and all("price" in change for change in later):
            if later:
                record["changes"] = later
        else:
            record.pop("price", None)
        return record

    def render(self) -> bytes:
        """Write one record a line, sorted, so that a change reads well in a diff."""
        head = {
            "source": f"genai-prices {version('genai-prices')}, scripts/catalog.toml",
            "as_of": self.as_of,
            "prefix": self.row.get("prefix", ""),
        }
        # The loader folds the models' own ids to lower case; only other spellings need a line.
        ids = {id_: own for id_, own in self.ids.items() if id_ != own.lower()}
        parts = [f'"{key}": {_json(value)}' for key, value in head.items()]
        parts.append(f'"hidden": {_json(sorted(self.hidden))}')
        for key, table in (("models", self.models), ("ids", ids), ("dated", self.dated)):
            lines = ",\n".join(f"{_json(name)}: {_json(table[name])}" for name in sorted(table))
            parts.append(f'"{key}": {{\n{lines}\n}}')
        return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# ------------------------------------------------------------------ ids


def _ids(model: source.ModelInfo, provider: source.Provider) -> list[str]:
    """List the ids that are named in full and that the source resolves to this very model."""
    named = dict.fromkeys([model.id, *_words(model.match)])
    return [id_ for id_ in named if id_[-1].isalnum() and _resolves(id_, model, provider)]


def _words(clause: Any) -> Iterator[str]:
    """Yield the texts of a clause, the exact ones first."""
    if isinstance(clause, source.ClauseEquals):
        yield clause.equals
    elif isinstance(clause, source.ClauseOr):
        parts = sorted(clause.or_, key=lambda part: not isinstance(part, source.ClauseEquals))
        for part in parts:
            yield from _words(part)
    elif isinstance(clause, source.ClauseAnd):
        for part in clause.and_:
            yield from _words(part)
    else:
        for kind in ("starts_with", "contains", "ends_with"):
            word = getattr(clause, kind, None)
            if word and not FRAGMENT.search(word):
                yield word


def _resolves(id_: str, model: source.ModelInfo, provider: source.Provider) -> bool:
    """Tell whether the source gives this model for an id, first match first, as it looks up."""
    found = next((other for other in provider.models if other.is_match(id_)), None)
    return found is model


def _plain(id_: str) -> str:
    """Fold the spellings of one id: case, dots, and a date."""
    return NO_STEM.sub("", id_.lower()).replace(".", "-")


def _takes_dates(model: source.ModelInfo, provider: source.Provider, id_: str) -> bool:
    return not NO_STEM.search(id_) and _resolves(f"{id_}-20260101", model, provider)


def _canonical(model: source.ModelInfo, ids: list[str]) -> str:
    """Choose the id to list: the source's own if a server would take it, else the first."""
    if model.id in ids:
        return model.id
    # Some servers' ids are in mixed case, and the source's clauses in lower case.
    same = [id_ for id_ in ids if id_.lower() == model.id.lower()]
    return model.id if same else ids[0]


# ------------------------------------------------------------------ prices


def _in_force(
    prices: source.ModelPrice | Iterable[source.ConditionalPrice], as_of: datetime.date
) -> list[source.ConditionalPrice]:
    """Put the price of the day first, and behind it what changes later or by the hour.

    The source's rule is that the last one whose condition holds is the one in force.
    """
    if isinstance(prices, source.ModelPrice):
        return [source.ConditionalPrice(prices=prices)]
    listed = list(prices) or [source.ConditionalPrice(prices=source.ModelPrice())]
    start = 0
    for position, price in enumerate(listed):
        condition = price.constraint
        past = isinstance(condition, source.StartDateConstraint) and condition.start_date <= as_of
        if condition is None or past:
            start = position
    return listed[start:]


def _change(price: source.ConditionalPrice) -> Record:
    change: Record = {}
    match price.constraint:
        case source.StartDateConstraint(start_date):
            change["start"] = start_date
        case source.TimeOfDateConstraint(start_time, end_time):
            change["hours"] = [f"{time:%H:%M}" for time in (start_time, end_time)]
    if found := _price(price.prices):
        change["price"] = found
    return change


def _price(prices: source.ModelPrice) -> Record | None:
    """Turn a price list into ours: USD per million as text, tiers by threshold."""
    stated = {key: value for key, value in vars(prices).items() if value is not None}
    if not stated.keys() & {"input_mtok", "output_mtok"} or stated.keys() & set(UNCOUNTED):
        return None
    price: Record = {}
    tiers: dict[int, Record] = {}
    for theirs, ours in PRICES.items():
        if (value := stated.get(theirs)) is not None:
            price[ours] = _text(value.base if isinstance(value, source.TieredPrices) else value)
    for start in sorted({tier.start for value in stated.values() for tier in _tiers(value)}):
        tiers[start] = {"above": start}
        for theirs, ours in PRICES.items():
            reached = [tier for tier in _tiers(stated.get(theirs)) if tier.start <= start]
            if reached:
                tiers[start][ours] = _text(reached[-1].price)
    if (reasoning := stated.get("output_reasoning_mtok")) is not None:
        price["reasoning"] = _text(reasoning)
    if (fee := stated.get("requests_kcount")) is not None:
        price["request"] = _text(fee / 1000)
    if tiers:
        price["tiers"] = list(tiers.values())
    elif all(Decimal(value) == 0 for value in price.values()):
        price["free"] = True
    return price


def _tiers(value: Any) -> list[source.Tier]:
    return value.tiers if isinstance(value, source.TieredPrices) else []


def _text(price: Decimal) -> str:
    return f"{price.normalize():f}"


if __name__ == "__main__":
    sys.exit(main())
