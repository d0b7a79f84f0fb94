"""Lets requests in: who asks, what the key may be used for, and by what it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.permit import pattern
from dragoman.server.admission.access import Principal, Uncertain
from dragoman.server.admission.snapshot import Admission, Snapshot
from dragoman.server.admission.tenants import Tenants
from dragoman.server.http.messages import Request
from dragoman.types.http import HOPS

HOPS_LIMIT = 3
OPERATORS = frozenset({"/metrics"})
"""What is told of all organisations is for the operator's keys alone."""

STEERING = frozenset(
    {
        "api-base", "x-api-base", "base-url", "x-base-url", "x-custom-host", "x-target-url",
        "x-upstream-url", "x-portkey-custom-host", "x-portkey-config", "helicone-target-url",
        "helicone-openai-api-base", "x-litellm-api-base", "cf-aig-custom-host",
    }
)  # fmt: skip
"""Headers by which other gateways are told where to send a request, and with it a key.

Source: https://portkey.ai/docs/api-reference/inference-api/headers,
https://docs.helicone.ai/helicone-headers/header-directory (read 2026-11)"""


class RequestLoops(InvalidRequest):
    """The request has come through this or other gateways too often.

    It is no 508: each gateway on the way back would ask again, as it does after any 5xx.
    """

    code = "loop_detected"


class Reception:
    """Makes admissions. Without `tenants` there is nobody but the operator."""

    def __init__(self, tenants: Tenants | None = None) -> None:
        self.tenants = tenants

    def admit(self, request: Request, snapshot: Snapshot) -> Admission | None:
        """Let a request in; None where that takes a moment: see `wait`.

        Raises: RequestError.
        """
        try:
            principal = snapshot.door.admit(request)
        except Uncertain:
            if self.tenants is None:
                raise
            return None
        _check(principal, request, snapshot)
        if self.tenants is None:
            return Admission(principal, snapshot)
        seen = self.tenants.find(principal, snapshot)
        return None if seen is None else Admission(principal, seen)

    async def wait(self, request: Request, snapshot: Snapshot) -> Admission:
        """Let a request in, once what is not known here has been looked up or built.

        Raises: RequestError, DirectoryAway.
        """
        assert self.tenants is not None, "nothing takes a moment without organisations"
        try:
            principal = snapshot.door.admit(request)
        except Uncertain:
            await self.tenants.directory.catch_up()
            principal = snapshot.door.admit(request)
        _check(principal, request, snapshot)
        seen = self.tenants.find(principal, snapshot)
        if seen is None:
            seen = await self.tenants.build(principal, snapshot)
        return Admission(principal, seen)


def _check(principal: Principal, request: Request, snapshot: Snapshot) -> None:
    headers = request.headers
    if HOPS in headers:
        _check_hops(headers)
    if principal.key is None and snapshot.door.mode == "single-user":
        return
    path = request.path.removeprefix("/v1")
    if path in OPERATORS and principal.key_id is not None:
        raise Forbidden(f"{path} is for whoever runs the gateway")
    endpoints = principal.rules.endpoints
    if endpoints and not _is_open(endpoints, path[:200]):
        raise Forbidden(
            f"this key may not be used for {path[:200]}",
            hint=f"it may be used for {', '.join(endpoints[:8])}",
        )
    if not STEERING.isdisjoint(headers):
        name = next(name for name in headers if name in STEERING)
        raise InvalidRequest(
            f"the header {name} is not taken: a request does not choose where it is sent",
            hint="configure a provider, and name it in `model`",
        )


@lru_cache(maxsize=4096)
def _is_open(endpoints: tuple[str, ...], path: str) -> bool:
    """Whether a path is one of those, or below one."""
    return any(path.startswith(f"{one}/") or pattern(one)(path) for one in endpoints)


def _check_hops(headers: Mapping[str, str]) -> None:
    """Raises: RequestLoops for a request that goes round in circles."""
    if hops_of(headers) >= HOPS_LIMIT:
        raise RequestLoops(
            f"the request has come through {HOPS_LIMIT} gateways: it goes round in circles",
            hint="a provider's base_url leads back to this gateway",
        )


def hops_of(headers: Mapping[str, str]) -> int:
    """Say how many gateways a request has come through; what is no number counts as too many."""
    said = headers.get(HOPS, "0")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 3 else HOPS_LIMIT
