"""What one reading of the configuration comes to. It is swapped whole, never changed.

A request ends with the snapshot that it began with, so a reload in its middle is not seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.config import Config, Secrets
from dragoman.engine.call import Surroundings
from dragoman.guardrails.rails import Rails
from dragoman.registry import Discovered, Registry
from dragoman.server.admission.access import Door, Principal
from dragoman.types.content import ContentMode
from dragoman.types.server import CacheSettings

if TYPE_CHECKING:
    from dragoman.server.admission.directory import Directory


class Snapshot(Struct, frozen=True):
    """Configuration, providers, what exchanges share, and who may ask.

    `rails` look at requests and answers, `cache` says how answers are kept; None: not at all.
    `content` says whether the ledger keeps what is said: as the key has it, or else its
    organisation, or else the configuration.
    """

    config: Config
    registry: Registry
    around: Surroundings
    door: Door
    rails: Rails | None = None
    cache: CacheSettings | None = None
    content: ContentMode = "off"

    @property
    def inward(self) -> Rails | None:
        """The guardrails, if one of them looks at requests."""
        return self.rails if self.rails is not None and self.rails.looks_in else None

    @property
    def outward(self) -> Rails | None:
        """The guardrails, if one of them looks at answers."""
        return self.rails if self.rails is not None and self.rails.looks_out else None


class Admission(Struct, frozen=True):
    """A request that was let in: who asks, and by what it is answered to its end."""

    principal: Principal
    snapshot: Snapshot


def take_snapshot(
    config: Config,
    around: Surroundings,
    *,
    discovered: Discovered,
    listening: str,
    env: Mapping[str, str] | None = None,
    directory: Directory | None = None,
) -> Snapshot:
    """Build what a configuration says. With `env` its secrets are read anew.

    What is remembered of providers (health, gates) goes on. Raises: ConfigError.
    """
    if env is not None:
        around = dataclasses.replace(around, secrets=Secrets(env))
    door = Door(config.server, config.gateway_keys, around.secrets, listening, directory)
    return Snapshot(
        config,
        Registry(config, discovered=discovered),
        around,
        door,
        rails=Rails(config.guardrails) if config.guardrails else None,
        cache=config.server.cache if config.server.cache.enabled else None,
        content=config.server.ledger.content,
    )
