"""What handlers of the control plane work with, besides the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import Struct

from dragoman.config import Config
from dragoman.organisations.desk import Desk
from dragoman.organisations.safe import Safe
from dragoman.registry import Registry
from dragoman.transport.base import AsyncTransport
from dragoman.transport.dial import Network
from dragoman.types.checked import FindCheck


class Context(Struct, frozen=True, kw_only=True):
    """What the server has and handlers need. All of it lives as long as the worker.

    `config` gives the configuration in force, `closed` says whether the gateway waits to be set up
    (reachable from elsewhere, and nothing guards it), `stopping` whether it drains. `check_host`,
    `check_origin` and `check_own_origin` raise Forbidden for a request's headers: for a name that
    this machine was not given, for a web page that may not ask, for one of any other site.
    `registry` gives what an organisation's models lead to, by its id. `network` is the policy under
    which `transport` connects at the moment. `checked` finds what came of the last time that a
    provider was asked whether it is there.
    """

    desk: Desk
    safe: Safe
    transport: AsyncTransport
    network: Callable[[], Network]
    config: Callable[[], Config]
    registry: Callable[[str], Registry]
    closed: Callable[[], bool]
    stopping: Callable[[], bool]
    check_host: Callable[[Mapping[str, str]], None]
    check_origin: Callable[[Mapping[str, str]], None]
    check_own_origin: Callable[[Mapping[str, str]], None]
    checked: FindCheck
    env: Mapping[str, str]
