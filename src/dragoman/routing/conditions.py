"""Whether a request is one that a step of a route is meant for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dragoman.types.condition import Condition
from dragoman.types.request import ChatRequest
from dragoman.types.route import Deployment

_DAY_S = 86_400
_FIRST_DAY = 3
"""1970 began on a Thursday."""


class Asked(Protocol):
    """What is looked at of a request. `now` is Unix time, `headers` have names in small letters.

    `request` is None for one that nobody understands: it has no tools, no user, no metadata.
    """

    stream: bool
    headers: Mapping[str, str]
    now: float

    @property
    def estimate(self) -> int:
        """How many tokens the prompt has, about."""
        ...

    @property
    def has_images(self) -> bool:
        """Whether it holds pictures."""
        ...

    @property
    def request(self) -> ChatRequest | None:
        """The request in our own words."""
        ...


def is_conditional(deployments: Sequence[Deployment]) -> bool:
    """Whether any of them is meant for some requests alone."""
    for deployment in deployments:  # noqa: SIM110 - asked for every request, and any() takes longer
        if deployment.conditions:
            return True
    return False


def choose(deployments: Sequence[Deployment], asked: Asked) -> tuple[Deployment, ...]:
    """Keep the deployments that a request is meant for, in their order."""
    return tuple(d for d in deployments if all(meets(one, asked) for one in d.conditions))


def meets(condition: Condition, asked: Asked) -> bool:
    """Whether all that a condition says holds. What is cheap to know is looked at first."""
    return (
        condition.stream in (None, asked.stream)
        and _in_time(condition, asked.now)
        and all(asked.headers.get(name) == value for name, value in condition.headers.items())
        and (condition.tokens_from is None or asked.estimate >= condition.tokens_from)
        and (condition.tokens_below is None or asked.estimate < condition.tokens_below)
        and (condition.image is None or asked.has_images is condition.image)
        and _is_said(condition, asked)
    )


def _is_said(condition: Condition, asked: Asked) -> bool:
    """Look into the request, if the condition asks for it."""
    if condition.tools is None and not condition.users and not condition.metadata:
        return True
    request = asked.request
    metadata = (request.metadata if request is not None else None) or {}
    if condition.tools is not None and condition.tools is not bool(request and request.tools):
        return False
    if condition.users:
        user = request.user if request is not None else None
        if (metadata.get("user_id") if user is None else user) not in condition.users:
            return False
    return all(metadata.get(name) == value for name, value in condition.metadata.items())


def _in_time(condition: Condition, now: float) -> bool:
    if condition.days and (int(now // _DAY_S) + _FIRST_DAY) % 7 not in condition.days:
        return False
    if condition.hours is None:
        return True
    begin, end = condition.hours
    minute = int(now % _DAY_S // 60)
    return begin <= minute < end if begin <= end else not end <= minute < begin
