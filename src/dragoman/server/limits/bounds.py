"""The most that a request may take: tokens and money, before anybody has been asked.

Prompts are estimated, with a margin; the answer is as long as the client allows, else as the model
can make it, else as long as we suppose. What was really used replaces all of it in the end.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any, TypeAlias

from dragoman.engine.call import Call
from dragoman.types.model import Price
from dragoman.types.route import Deployment

ANSWER_TOKENS = 4096
"""For a model of which nobody says how long its answers may be."""
_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_COMPLETIONS = "/completions"
_REMEMBERED = 4096
_PICO = 1_000_000
"""USD per million tokens, in millionths of a millionth of a dollar per token."""


class Bounds:
    """The most that one request may take.

    `prompt` is its tokens: an estimate that is good to a quarter, and that quarter. `asked` is what
    the client allows the answer, None where it does not say.
    """

    __slots__ = ("_call", "asked", "prompt")

    def __init__(self, call: Call) -> None:
        self._call = call
        self.prompt: int = call.dialogue.estimate * 5 // 4 + 1
        self.asked = _asked(call.dialogue)

    def tokens(self) -> int:
        """All tokens, wherever it is asked."""
        return self.prompt + max([self._length(d) for d in self._call.deployments])

    def cost(self, deployment: Deployment) -> int | None:
        """Nano-dollars at one deployment; None when its price is not known."""
        price = deployment.info.price
        if price is None or deployment.provider.free or price.free:
            return None if price is None and not deployment.provider.free else 0
        found = _dearest(price)
        if found is None:
            return None
        prompt, answer, request = found
        length = self.asked
        if length is None:
            length = self._length(deployment)
        return -(-(self.prompt * prompt + length * answer) // 1000) + request

    def _length(self, deployment: Deployment) -> int:
        if self.asked is not None:
            return self.asked
        neighbour = self._call.dialogue.neighbour
        if neighbour is not None and neighbour.path != _COMPLETIONS:
            return 0
        return deployment.info.max_tokens or ANSWER_TOKENS


def _asked(dialogue: Any) -> int | None:
    """Read what the client allows. What is no number is somebody else's to refuse."""
    sent = getattr(dialogue, "envelope", None) or getattr(dialogue, "sent", None)
    fields = getattr(sent, "fields", None)
    if not fields:
        return None
    for name in _LIMITS:
        if name in fields:
            count = _whole(fields[name])
            answers = _whole(fields["n"]) if "n" in fields else 1
            return None if count is None else count * (answers or 1)
    return None


def _whole(raw: Any) -> int | None:
    text = bytes(raw).strip()
    return int(text) if text.isdigit() and len(text) < 10 else None


_Dearest: TypeAlias = tuple[int, int, int] | None
_known: dict[int, tuple[Price, _Dearest]] = {}
"""By the price's identity, because its numbers take long to compare. Kept, it stays its own."""


def _dearest(price: Price) -> _Dearest:
    """Find what a token of prompt and of answer may cost at the most, and a request by itself."""
    known = _known.get(id(price))
    if known is None:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        known = _known[id(price)] = price, _find_dearest(price)
    return known[1]


def _find_dearest(price: Price) -> _Dearest:
    inputs = [price.input, price.cache_write, price.cache_write_1h]
    outputs = [price.output, price.reasoning]
    for tier in price.tiers:
        inputs += [tier.input, tier.cache_write, tier.cache_write_1h]
        outputs += [tier.output]
    known_in, known_out = (
        [x for x in inputs if x is not None],
        [x for x in outputs if x is not None],
    )
    request = _up((price.request or Decimal(0)) * 1_000_000_000)
    if price.input is None and price.output is None:
        return None if price.request is None else (0, 0, request)
    return _pico(known_in), _pico(known_out), request


def _pico(prices: list[Decimal]) -> int:
    return _up(max(prices, default=Decimal(0)) * _PICO)


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
