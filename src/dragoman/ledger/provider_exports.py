"""Reads what providers say was used: files of their consoles and APIs, told apart by their columns.

Sources (read 2026-11):
https://platform.openai.com/docs/api-reference/usage (pages of buckets; the console's CSV has the
same names, `amount_value` for `amount.value`),
https://support.claude.com/en/articles/9534590 (usage by token kind, cost by model's title),
https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-cost-report (amounts in cents),
https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from dragoman.types.exchange import NANO

SIZE_LIMIT = 64 * 1024 * 1024
_DAY = (
    *("usage_date_utc", "date", "day", "usage_date", "start_time_iso", "start_time"),
    *("timestamp", "time", "starting_at", "bucket_start_time"),
)
_MODEL = ("model", "model_version", "model_id", "model_name", "snapshot_id", "line_item")
_COST = (
    *("cost_usd", "cost", "amount_value", "total_cost", "amount", "cost_in_usd", "spend"),
    "usage_cost",
)
_PROMPT = (
    ("input_tokens",),
    ("prompt_tokens",),
    ("n_context_tokens_total",),
    ("tokens_in",),
    (
        *("usage_input_tokens_no_cache", "usage_input_tokens_cache_write_5m"),
        *("usage_input_tokens_cache_write_1h", "usage_input_tokens_cache_read"),
    ),
    (
        *("uncached_input_tokens", "cache_creation_ephemeral_5m_input_tokens"),
        *("cache_creation_ephemeral_1h_input_tokens", "cache_read_input_tokens"),
    ),
)
"""Each way of telling the tokens of prompts: columns that are added up."""
_COMPLETION = (
    *("output_tokens", "completion_tokens", "usage_output_tokens"),
    *("n_generated_tokens_total", "tokens_out"),
)
_IN_CENTS = {"amount", "cost_type", "starting_at"}
"""Columns by which Anthropic's cost report is known: its amounts are cents."""
_DATED = re.compile(r"[-@](?:\d{4}-\d{2}-\d{2}|\d{8})$")


class NoExport(Exception):
    """The file is no export that can be read; the text says why, in one line."""


class Reported(Struct, kw_only=True):
    """What a provider says of a day and a model; None is what the file does not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_nanousd: int | None = None


def read_export(text: str) -> dict[tuple[str, str], Reported]:
    """Read a CSV or JSON: sums by day (`2026-11-01`, UTC) and model ('' where none is told).

    Raises: NoExport.
    """
    rows = _json_rows(text) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text)
    if not rows:
        raise NoExport("there are no rows in it")
    columns = {name for row in rows for name in row}
    unit = NANO / 100 if columns >= _IN_CENTS else NANO
    day, model, cost = (_first(columns, names) for names in (_DAY, _MODEL, _COST))
    prompt = next((names for names in _PROMPT if names[0] in columns), ())
    completion = _first(columns, _COMPLETION)
    if day is None:
        raise NoExport(f"none of its columns is a day: {_listed(columns)}")
    if cost is None and not prompt and completion is None:
        raise NoExport(f"none of its columns is a cost or a number of tokens: {_listed(columns)}")
    found: dict[tuple[str, str], Reported] = {}
    for number, row in enumerate(rows, 2):
        try:
            key = (_day(row.get(day)), normal_model(str(row.get(model) or "")) if model else "")
            one = found.setdefault(key, Reported())
            if prompt:
                tokens = sum(_whole(row.get(name)) for name in prompt)
                one.prompt_tokens = (one.prompt_tokens or 0) + tokens
            if completion is not None:
                one.completion_tokens = (one.completion_tokens or 0) + _whole(row.get(completion))
            if cost is not None:
                one.cost_nanousd = (one.cost_nanousd or 0) + _nano(row.get(cost), unit)
        except (ValueError, InvalidOperation, OverflowError, OSError) as error:
            raise NoExport(f"row {number} cannot be read: {error}") from None
    return found


def normal_model(name: str) -> str:
    """Write a model's name so that a provider's and ours can be compared.

    Without a date at its end, without what comes behind a comma (`gpt-5, input`), and a title as an
    id: `Claude Haiku 4.5` is `claude-haiku-4-5`.
    """
    plain = name.partition(",")[0].strip().lower()
    return re.sub(r"[ .]+", "-", _DATED.sub("", plain))


def _csv_rows(text: str) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        return [
            {_column(name): value for name, value in row.items() if name is not None}
            for row in reader
        ]
    except csv.Error as error:
        raise NoExport(f"it is no CSV: {error}") from None


def _json_rows(text: str) -> list[dict[str, Any]]:
    """Read rows: a list of objects, JSON lines, or pages of buckets with results."""
    try:
        return list(_unfolded(_json_values(text)))
    except ValueError as error:
        raise NoExport(f"it is neither JSON nor JSON lines: {error}") from None
    except RecursionError:
        raise NoExport("it is nested too deeply") from None


def _json_values(text: str) -> list[Any]:
    try:
        return [json.loads(text, parse_float=Decimal)]
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        return [json.loads(line, parse_float=Decimal) for line in lines]


def _unfolded(values: Sequence[Any], around: Mapping[str, Any] | None = None) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _unfolded(value, around)
        elif isinstance(value, dict):
            known = {**(around or {}), **_flat(value)}
            inner = next(
                (value[n] for n in ("data", "results") if isinstance(value.get(n), list)), None
            )
            if inner is not None:
                yield from _unfolded(inner, known)
            else:
                yield known


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Write what stands one level deeper with both names: `amount.value` as `amount_value`."""
    flat: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, dict):
            flat |= {f"{_column(name)}_{_column(n)}": v for n, v in one.items()}
        elif not isinstance(one, list):
            flat[_column(name)] = one
    return flat


def _column(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _first(columns: set[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in columns), None)


def _listed(columns: set[str]) -> str:
    return ", ".join(sorted(columns))[:300]


def _day(value: Any) -> str:
    text = str(value or "").strip()
    if re.fullmatch(r"\d{9,11}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC).date().isoformat()
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:50]!r} is no day") from None
    return (then if then.tzinfo is None else then.astimezone(UTC)).date().isoformat()


def _number(value: Any) -> Decimal:
    text = str("" if value is None else value).strip().replace(",", "").removeprefix("$")
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > 10**15:
        raise ValueError(f"{text[:50]!r} is no number")
    return number


def _whole(value: Any) -> int:
    return int(_number(value))


def _nano(value: Any, unit: Decimal) -> int:
    return int((_number(value) * unit).to_integral_value())
