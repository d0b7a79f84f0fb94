"""The order of an `auto` route: by price, by measured quickness, or by the user's own classes.

Law: nothing is invented. Who has no price or no class comes last, who was not measured comes first,
because only so it will be; among equals the written order stands. Why each is where it is can be
told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec import Struct, structs

from dragoman.types.model import Price
from dragoman.types.route import Auto, Deployment

PROMPT_SHARE = Decimal("0.75")
"""A usual request has three tokens of prompt for one of answer.
Precedent: the blended prices of https://artificialanalysis.ai/methodology (read 2026-11)"""

_LAST = Decimal("Infinity")


class Ranked(Struct, frozen=True):
    """A deployment in its place, and why it is there."""

    deployment: Deployment
    why: str


Latency = Callable[[Deployment], float | None]
"""Seconds to the first token, as measured lately; None when it was not."""


def rank(
    deployments: Iterable[Deployment], by: Auto, latency: Latency = lambda _: None
) -> tuple[Ranked, ...]:
    """Put deployments in order. Weights do not count: the order is not left to chance."""
    ranked = [_place(deployment, by, latency) for deployment in deployments]
    ranked.sort(key=lambda pair: pair[0])
    return tuple(
        Ranked(structs.replace(found.deployment, weight=None), found.why) for _, found in ranked
    )


def _place(deployment: Deployment, by: Auto, latency: Latency) -> tuple[Decimal, Ranked]:
    if by == "price":
        blended = blended_price(deployment.info.price)
        if blended is None:
            return _LAST, Ranked(deployment, "no price is known: last")
        why = f"${blended.normalize():f} per million tokens, 3 of prompt to 1 of answer"
        return blended, Ranked(deployment, why if blended else "free")
    if by == "quality":
        if deployment.quality is None:
            return _LAST, Ranked(deployment, "no quality is declared: last")
        return Decimal(-deployment.quality), Ranked(deployment, f"quality {deployment.quality}")
    measured = latency(deployment)
    if measured is None:
        return Decimal(-1), Ranked(deployment, "not measured lately: first, to find out")
    return Decimal(measured), Ranked(deployment, f"{measured:.2f} s to the first token")


def blended_price(price: Price | None) -> Decimal | None:
    """The price of a million tokens, prompt and answer mixed; None when it is not known."""
    if price is None or price.source == "default" or price.input is None or price.output is None:
        return None
    return price.input * PROMPT_SHARE + price.output * (1 - PROMPT_SHARE)
