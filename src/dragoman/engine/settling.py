"""What was asked for before, and is paid for when it is known what it used."""

from __future__ import annotations

from dragoman.catalog.pricing import compute_cost
from dragoman.engine.call import Call
from dragoman.types.usage import Usage


def settle(call: Call, usage: Usage | None) -> None:
    """Write what an earlier request used into the record of the attempt that was told it.

    None: it will be told to a later one. It costs what the model that is asked costs. Not for an
    exchange that is written down already.
    """
    record = call.exchange.final
    assert record is not None, "somebody has told the usage"
    ref = f"{record.provider}/{record.model}"
    price = next((d.info.price for d in call.deployments if d.ref == ref), None)
    record.usage = usage
    record.cost_nanousd, record.cost_source = compute_cost(usage, price, record.duration_s)
