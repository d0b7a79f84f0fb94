"""The most that a request may take: tokens and money, before anybody has been asked.

Prompts are estimated, with a margin; each answer is as long as the client allows, else as the model
can make it, else as long as we suppose. Of a machine that is paid by the hour it is a time that we
suppose. What was really used replaces all of it in the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Any, TypeAlias

from dragoman.catalog.pricing import compute_cost
from dragoman.engine.call import Call
from dragoman.engine.dialogue import Dialogue
from dragoman.engine.estimate import count_prompts
from dragoman.engine.outgoing import added_fields
from dragoman.server.endpoints.beside import Passing
from dragoman.server.endpoints.dialogue import OverHttp
from dragoman.server.http.multipart import Form
from dragoman.types.exchange import MOST_NANOUSD
from dragoman.types.model import Price
from dragoman.types.route import Deployment
from dragoman.wire.envelope import COUNTS, LENGTHS, Envelope

ANSWER_TOKENS = 4096
"""For a model of which nobody says how long its answers may be."""
CONTINUED_TOKENS = 128_000
"""Of what a provider kept, for a model of which nobody says how much it reads: as much as most open
models do, which servers of one's own run. Of those that vendors sell the catalog knows it."""
MACHINE_S = 60.0
"""Of a machine that is paid by the hour: few answers take longer, and all may take half an hour."""
SOMETHING = 1
"""Nano-dollars, of what costs nobody knows how much: only what is free passes a used-up budget."""
_COMPLETIONS = "/completions"
_RESPONSES = "/responses"
_PICTURES = "/images/"
_ANSWERING = (_COMPLETIONS, _PICTURES, "/audio/")
"""What the paths beside the formats' own begin with whose answers may have tokens."""
_CONTINUING = ("previous_response_id", "conversation")
"""The fields that name what a provider kept, and reads again as part of the prompt."""
_SAID: Mapping[str, tuple[str, ...]] = {
    "/chat/completions": ("max_completion_tokens", "max_tokens", "n"),
    _COMPLETIONS: ("max_tokens", "n", "best_of"),
    "/messages": ("max_tokens",),
    _RESPONSES: ("max_output_tokens",),
    f"{_PICTURES}generations": ("n",),
    f"{_PICTURES}edits": ("n",),
    f"{_PICTURES}variations": ("n",),
}
"""The fields that say how long answers may be, and how many are made. Any others a provider may not
know, and ignore."""
_WHOLE_LIMIT = 10**9
"""More is asked for only to be asked for; it is counted as so much."""
_REMEMBERED = 4096
_PICO = 1_000_000
"""USD per million tokens, in millionths of a millionth of a dollar per token."""


class Bounds:
    """The most that one request may take.

    The prompt's tokens are an estimate that is good to a quarter, and that quarter.
    """

    __slots__ = ("_answers", "_asked", "_call", "_continues", "_prompt")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._prompt: int = call.dialogue.estimate * 5 // 4 + 1
        self._asked: int | None = None
        self._answers = 1
        self._continues = False
        envelope = _envelope(call.dialogue)
        if envelope is not None:
            self._read(envelope, call.exchange.endpoint or "")
        elif (form := _form_for_pictures(call)) is not None:
            self._answers = _number(form.get("n")) or 1

    def tokens(self, deployments: Sequence[Deployment], *, kept: bool) -> int:
        """All tokens of what these deployments may answer; `kept`: with what a provider keeps."""
        return self._together(
            [
                (self._read_by(one) if kept else self._prompt) + self._length(one)
                for one in deployments
            ]
        )

    def spend(self, deployments: Sequence[Deployment], assumed: int) -> int:
        """Nano-dollars for what they may answer; `assumed` is that of one without a price."""
        costs = []
        for one in deployments:
            cost = self.cost(one)
            costs.append((assumed or SOMETHING) if cost is None else cost)
        return self._together(costs)

    def cost(self, deployment: Deployment) -> int | None:
        """Nano-dollars at one deployment; None when its price is not known."""
        if deployment.provider.free:
            return 0
        price = deployment.info.price
        if price is None:
            return None
        if price.per_hour is not None:
            return compute_cost(None, price, min(MACHINE_S, self._call.total_s))[0]
        found = _dearest(price)
        if found is None:
            return None
        prompt, answer, request = found
        pico = self._read_by(deployment) * prompt + self._length(deployment) * answer
        return -(-pico // 1000) + request

    def _together(self, amounts: list[int]) -> int:
        """What is paid for, where each takes so much: one of them, or two that race."""
        if len(amounts) == 1:
            most = amounts[0]
        elif self._call.hedge_after is not None:
            most = sum(sorted(amounts)[-2:])
        else:
            most = max(amounts, default=0)
        return min(most, MOST_NANOUSD)

    def _read(self, envelope: Envelope, endpoint: str) -> None:
        """Find out how many answers are asked for, of which length."""
        fields, asked = envelope.fields, self._asked
        for name in _SAID.get(endpoint, ()):
            if name not in fields or (number := _number(envelope.get(name))) is None:
                continue
            # Of two that are said some servers heed the one, some the other.
            if name in COUNTS:
                self._answers = max(number, self._answers)
            elif number and (asked is None or number > asked):  # some take 0 for no limit
                asked = number
        self._asked = asked
        if endpoint == _RESPONSES:
            self._continues = any(envelope.get(name) is not None for name in _CONTINUING)
        if endpoint == _COMPLETIONS:
            self._answers *= count_prompts(envelope.get("prompt"))

    def _read_by(self, deployment: Deployment) -> int:
        """The tokens of the prompt, with what a provider kept of it: as much as its model reads.

        What we keep ourselves is in the request by now, and in its estimate.
        """
        if not self._continues or deployment.provider.api != "openai-responses":
            return self._prompt
        return max(self._prompt, deployment.info.context_window or CONTINUED_TOKENS)

    def _length(self, deployment: Deployment) -> int:
        """The tokens of all answers together."""
        call, info = self._call, deployment.info
        neighbour = call.dialogue.neighbour
        if neighbour is not None and not neighbour.path.startswith(_ANSWERING):
            return 0
        asked, answers = self._asked, self._answers
        if fields := added_fields(call, deployment):
            added = self._heeded(fields)
            answers *= max([added[name] for name in COUNTS if name in added], default=1) or 1
            lengths = [added[name] for name in LENGTHS if name in added]
            asked = max([*lengths, asked or 0]) if lengths else asked
        return (info.max_tokens or ANSWER_TOKENS if asked is None else asked) * answers

    def _heeded(self, fields: Mapping[str, Any]) -> Mapping[str, int]:
        """Read what is added to the client's request; its own word comes before that.

        What it says that its language does not know does not go to another, and so is no word.
        """
        known = _SAID.get(self._call.exchange.endpoint or "", ())
        envelope = _envelope(self._call.dialogue)
        numbers = {
            name: _number(fields[name])
            for name in (*LENGTHS, *COUNTS)
            if name in fields
            if envelope is None or name not in known or envelope.get(name) is None
        }
        return {name: number for name, number in numbers.items() if number is not None}


def _envelope(dialogue: Dialogue) -> Envelope | None:
    """Find what the client sent; None for a form, and for what asks for no text."""
    if isinstance(dialogue, OverHttp):
        return dialogue.envelope
    if isinstance(dialogue, Passing) and isinstance(dialogue.sent, Envelope):
        return dialogue.sent
    return None


def _form_for_pictures(call: Call) -> Form | None:
    """Find the form that a client sent for pictures; what it says for sound makes no more of it."""
    sent = call.dialogue.sent if isinstance(call.dialogue, Passing) else None
    wanted = (call.exchange.endpoint or "").startswith(_PICTURES)
    return sent if wanted and isinstance(sent, Form) else None


def _number(value: Any) -> int | None:
    """Read a number as leniently as a server may. What is none is somebody else's to refuse."""
    if type(value) is int:
        return min(value, _WHOLE_LIMIT) if value >= 0 else None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, float) or not value >= 0:
        return None
    return math.ceil(min(value, _WHOLE_LIMIT))


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
    if price.free:
        return 0, 0, 0
    inputs = [price.input, price.cache_write, price.cache_write_1h]
    outputs = [price.output, price.reasoning]
    for tier in price.tiers:
        inputs += [tier.input, tier.cache_write, tier.cache_write_1h]
        outputs += [tier.output]
    request = _up((price.request or Decimal(0)) * 1_000_000_000)
    if price.input is None and price.output is None and price.request is None:
        return None
    return _pico(inputs), _pico(outputs), request


def _pico(prices: list[Decimal | None]) -> int:
    known = [price for price in prices if price is not None]
    return _up(max(known, default=Decimal(0)) * _PICO)


def _up(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))
