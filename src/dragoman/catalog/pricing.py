"""What a completion cost: tokens in buckets, times exact prices, rounded once."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache

from dragoman.types.exchange import MOST_NANOUSD, NANO, CostSource
from dragoman.types.model import Price, Tier
from dragoman.types.usage import Usage

_NANO_PER_MICRO = 1000
"""USD per million tokens is micro-dollars per token, and money here is nano-dollars."""

_NOTHING_TOLD = Usage()

_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
"""Ours, so that nobody's `decimal.getcontext()` changes a bill; wide enough that no sum rounds."""


def compute_cost(
    usage: Usage | None, price: Price | None, duration_s: float | None = None
) -> tuple[int | None, CostSource]:
    """Compute what a completion cost, in nano-dollars, and say where the figure comes from.

    What the provider itself reported comes first. Then `price.free` is 0, whatever was used. Then
    time, where the machine is paid by the hour: `per_hour * duration_s / 3600 / shared_by`, which
    is unknown as long as the duration is. Then the buckets are summed exactly and rounded once,
    half to even: prompt without cache, cache reads, cache writes, writes for an hour, completion,
    reasoning where it has a price of its own, and the fee per request. Above a tier's threshold its
    prices hold for the whole request.

    Unknown is None with "unknown", and never 0: no price, no usage and no fee, a total that nobody
    reported (unless its price is 0), or a bucket that holds tokens and has no price. A missing
    price is made up for in these cases only:
    - cache reads at the price of the prompt: who publishes no discount gives none, and a read is
      never dearer, so that spend cannot be understated. (Writes are dearer: those stay unknown.)
    - writes for an hour at the price of writes, reasoning at the price of completion: both are
      priced apart only where they differ.
    - no fee per request is no fee; where there is one, and no price of prompt and completion, it is
      all that is paid.
    A fee is owed also where nobody told the usage: it is the cost where tokens cost nothing.

    What would be more than anything can cost is as much as that: figures of a stranger's are held
    within what can be counted.
    """
    nano, source = _compute(usage, price, duration_s)
    return None if nano is None else min(nano, MOST_NANOUSD), source


def _compute(
    usage: Usage | None, price: Price | None, duration_s: float | None
) -> tuple[int | None, CostSource]:
    if usage is not None and usage.cost is not None and usage.cost.is_finite() and usage.cost >= 0:
        return _round(_EXACT.multiply(usage.cost, NANO)), "reported"
    if price is not None and price.free:
        return 0, "free"
    if price is not None and price.per_hour is not None:
        return _by_time(price.per_hour, price.shared_by, duration_s)
    if price is None or (usage is None and price.request is None):
        return None, "unknown"
    usage = usage or _NOTHING_TOLD
    if (nano := _in_whole_nano(usage, price)) is not None:
        return nano, _source(usage, price)
    total = Decimal(0)
    by_request = price.request is not None and price.input is None and price.output is None
    for tokens, per_million in _buckets(usage, price):
        if tokens == 0 or per_million == 0 or (by_request and per_million is None):
            continue
        if tokens is None or per_million is None:
            return None, "unknown"
        total = _EXACT.add(total, _EXACT.multiply(per_million, tokens))
    total = _EXACT.multiply(total, _NANO_PER_MICRO)
    if price.request is not None:
        total = _EXACT.add(total, _EXACT.multiply(price.request, NANO))
    return _round(total), _source(usage, price)


def _by_time(
    per_hour: Decimal, shared_by: int, duration_s: float | None
) -> tuple[int | None, CostSource]:
    """Compute a request's share of a machine; durations count to the microsecond."""
    if duration_s is None:
        return None, "unknown"
    microseconds = Fraction(round(max(duration_s, 0.0) * 1e6))
    nano = Fraction(per_hour) * int(NANO) * microseconds / (3600 * 10**6 * shared_by)
    return round(nano), "machine_time"  # half to even, as everywhere


def _in_whole_nano(usage: Usage, price: Price) -> int | None:
    """Compute the usual case without decimals: no tiers, and whole nano-dollars per token.

    Whole numbers are as exact, and a tenth of the work. None: it is another case.
    """
    prices = _whole_prices(price)
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prices is None or prompt is None or completion is None or usage.cache_write_tokens:
        return None
    base, read, output = prices
    reads = usage.cache_read_tokens or 0
    return max(prompt - reads, 0) * base + reads * read + completion * output


@lru_cache(maxsize=4096)
def _whole_prices(price: Price) -> tuple[int, int, int] | None:
    """Nano-dollars per token of prompt, cache reads and completion, if all are whole numbers."""
    special = price.tiers or price.request is not None or price.reasoning is not None
    if special or price.input is None or price.output is None:
        return None
    read = price.input if price.cache_read is None else price.cache_read
    each_price = (price.input, read, price.output)
    per_token = [_EXACT.multiply(each, _NANO_PER_MICRO) for each in each_price]
    if any(each != each.to_integral_value() for each in per_token):
        return None
    base, reads, output = map(int, per_token)
    return base, reads, output


def _buckets(usage: Usage, price: Price) -> Iterator[tuple[int | None, Decimal | None]]:
    """Yield tokens and price per million of every bucket; None is unknown."""
    tier = _tier(price, usage.prompt_tokens)
    base = _first(tier.input, price.input)
    write = _first(tier.cache_write, price.cache_write)
    output = _first(tier.output, price.output)
    reads = usage.cache_read_tokens or 0
    writes = usage.cache_write_tokens or 0
    long_writes = min(usage.cache_write_1h_tokens or 0, writes)
    thoughts = usage.reasoning_tokens or 0
    yield _rest(usage.prompt_tokens, reads + writes), base
    yield reads, _first(tier.cache_read, price.cache_read, base)
    yield writes - long_writes, write
    yield long_writes, _first(tier.cache_write_1h, price.cache_write_1h, write)
    if price.reasoning is None:
        yield usage.completion_tokens, output
    else:
        yield _rest(usage.completion_tokens, thoughts), output
        yield thoughts, price.reasoning


def _tier(price: Price, prompt_tokens: int | None) -> Tier:
    """Find the highest tier that the prompt exceeds; one without prices when there is none."""
    reached = [tier for tier in price.tiers if (prompt_tokens or 0) > tier.above]
    return max(reached, key=lambda tier: tier.above, default=Tier(above=0))


def _first(*prices: Decimal | None) -> Decimal | None:
    return next((price for price in prices if price is not None), None)


def _rest(total: int | None, part: int) -> int | None:
    return None if total is None else max(total - part, 0)


def _round(nano: Decimal) -> int:
    return int(nano.to_integral_value(ROUND_HALF_EVEN, _EXACT))


def _source(usage: Usage, price: Price) -> CostSource:
    """Say where the figure comes from; invented money stays that, whatever was counted."""
    if usage.estimated and price.source != "demo":
        return "estimated"
    return "config" if price.source == "default" else price.source
