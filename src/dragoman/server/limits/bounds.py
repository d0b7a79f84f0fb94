"""The most that a request may take: tokens and money, before anybody has been asked.

Prompts are estimated, with a margin; each answer is as long as the client allows, else as the model
can make it, else as long as we suppose. What was really used replaces all of it in the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, TypeAlias

from dragoman.engine.call import Call
from dragoman.engine.dialogue import Dialogue
from dragoman.server.endpoints.beside import Passing
from dragoman.server.endpoints.dialogue import OverHttp
from dragoman.types.model import Price
from dragoman.types.route import Deployment
from dragoman.wire.envelope import Envelope

ANSWER_TOKENS = 4096
"""For a model of which nobody says how long its answers may be."""
_COMPLETIONS = "/completions"
_LENGTHS: Mapping[str, tuple[str, ...]] = {
    "/chat/completions": ("max_completion_tokens", "max_tokens"),
    _COMPLETIONS: ("max_tokens",),
    "/messages": ("max_tokens",),
    "/responses": ("max_output_tokens",),
}
"""The fields that say how long an answer may be. Any others a provider may not know, and ignore."""
_COUNTS: Mapping[str, tuple[str, ...]] = {
    "/chat/completions": ("n",),
    _COMPLETIONS: ("n", "best_of"),
}
"""The fields that say how many answers are made."""
_WHOLE_LIMIT = 10**9
_REMEMBERED = 4096
_PICO = 1_000_000
"""USD per million tokens, in millionths of a millionth of a dollar per token."""


class Bounds:
    """The most that one request may take.

    The prompt's tokens are an estimate that is good to a quarter, and that quarter.
    """

    __slots__ = ("_answers", "_asked", "_call", "_prompt", "_racing")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._racing = call.hedge_after is not None
        self._prompt: int = call.dialogue.estimate * 5 // 4 + 1
        endpoint, envelope = call.exchange.endpoint or "", _envelope(call.dialogue)
        # Of two that are said some servers heed the one, some the other.
        self._asked = max(_numbers(envelope, _LENGTHS.get(endpoint, ())), default=None)
        self._answers = max([1, *_numbers(envelope, _COUNTS.get(endpoint, ()))])
        if envelope is not None and endpoint == _COMPLETIONS:
            self._answers *= _prompts(envelope.get("prompt"))

    def together(self, amounts: Sequence[int]) -> int:
        """What is paid for, where each deployment takes so much: one of them, or two that race."""
        if self._racing:
            return sum(sorted(amounts)[-2:])
        return max(amounts, default=0)

    def tokens(self, deployment: Deployment) -> int:
        """All tokens at one deployment."""
        return self._prompt + self._length(deployment)

    def cost(self, deployment: Deployment) -> int | None:
        """Nano-dollars at one deployment; None when its price is not known."""
        price = deployment.info.price
        if deployment.provider.free or (price is not None and price.free):
            return 0
        found = None if price is None else _dearest(price)
        if found is None:
            return None
        prompt, answer, request = found
        pico = self._prompt * prompt + self._length(deployment) * answer
        return -(-pico // 1000) + request

    def _length(self, deployment: Deployment) -> int:
        """The tokens of all answers together."""
        if self._asked is not None:
            return self._asked * self._answers
        neighbour = self._call.dialogue.neighbour
        if neighbour is not None and neighbour.path != _COMPLETIONS:
            return 0
        return (deployment.info.max_tokens or ANSWER_TOKENS) * self._answers


def _envelope(dialogue: Dialogue) -> Envelope | None:
    """Find what the client sent; None for a form, and for what asks for no text."""
    if isinstance(dialogue, OverHttp):
        return dialogue.envelope
    if isinstance(dialogue, Passing) and isinstance(dialogue.sent, Envelope):
        return dialogue.sent
    return None


def _numbers(envelope: Envelope | None, names: tuple[str, ...]) -> list[int]:
    """Read the whole numbers of these fields. What is none is somebody else's to refuse."""
    if envelope is None:
        return []
    values = [envelope.get(name) for name in names if name in envelope.fields]
    return [
        int(value)
        for value in values
        if type(value) in (int, float) and 0 <= value < _WHOLE_LIMIT and value == int(value)
    ]


def _prompts(prompt: Any) -> int:
    """Count the prompts of a text completion: a list may be several, or the tokens of one."""
    several = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    return len(prompt) if several else 1


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
    request = _up((price.request or Decimal(0)) * 1_000_000_000)
    if price.input is None and price.output is None:
        return None if price.request is None else (0, 0, request)
    return _pico(inputs), _pico(outputs), request


def _pico(prices: list[Decimal | None]) -> int:
    known = [price for price in prices if price is not None]
    return _up(max(known, default=Decimal(0)) * _PICO)


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
