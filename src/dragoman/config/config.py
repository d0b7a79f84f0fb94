"""What a configuration comes to, once every layer has been read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from dragoman.config.files import Stamp
from dragoman.errors import ConfigError
from dragoman.types.guardrail import Guardrail
from dragoman.types.provider import OnOverflow, Provider
from dragoman.types.route import Route
from dragoman.types.server import Ceilings, GatewayKey, ServerSettings


class LoadedFile(Struct, frozen=True, kw_only=True):
    """One file that was looked for. `kind` is whose shape it has: `dragoman`, `gptme`, `polpo`.

    `trusted` is False for a project's file whose content nobody has agreed to; then only part of
    it counts. `sets` names what it sets. `error` is why nothing of it is used.
    """

    path: Path
    layer: str
    found: bool
    trusted: bool = True
    kind: str = "dragoman"
    sets: tuple[str, ...] = ()
    error: ConfigError | None = None


class Config(Struct, frozen=True, kw_only=True):
    """An immutable configuration: data, and what is wrong with it.

    `providers` holds every provider by name, built-ins first, then by layer and order in the file.
    `problems` are errors, `notes` are warnings; both know their place. What is wrong with one
    provider is in `Provider.problems` too and is raised when that one is used. `barring` are those
    that keep a gateway from being run: a file of which nothing could be read, and a mistake in what
    guards it. `log`: the command line keeps what is asked and answered. `server`, `gateway_keys`,
    `gateway_ceilings` (what may be asked of all of it) and `guardrails` are the gateway's.
    `stamps` say in what state files, and folders of adapters, were just before they were read.
    `settings` are the merged tables of what files, variables and calls set, with the place of each
    value: `show.py` reads them.
    """

    providers: Mapping[str, Provider]
    routes: Mapping[str, Route] = field(default_factory=dict)
    default_model: str | None = None
    image_model: str | None = None
    log: bool = True
    on_overflow: OnOverflow | None = None
    server: ServerSettings = ServerSettings()
    gateway_keys: tuple[GatewayKey, ...] = ()
    gateway_ceilings: Ceilings = Ceilings()
    guardrails: tuple[Guardrail, ...] = ()
    files: tuple[LoadedFile, ...] = ()
    problems: tuple[ConfigError, ...] = ()
    barring: tuple[ConfigError, ...] = ()
    notes: tuple[ConfigError, ...] = ()
    stamps: Mapping[Path, Stamp | None] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Config({len(self.providers)} providers, {len(self.routes)} routes)"

    def check_guards(self) -> None:
        """See that what guards a gateway would hold. Raises: ConfigError; see `barring`."""
        if self.barring:
            first = self.barring[0]
            raise ConfigError(
                f"{first.message}: what guards the gateway would not hold",
                hint=first.hint or "mend it; `dragoman config check` finds all that is wrong",
            )

    @property
    def custom(self) -> tuple[Provider, ...]:
        """The providers that the user has set up, in order; a key alone sets up none."""
        return tuple(self._custom())

    def _custom(self) -> Iterator[Provider]:
        for name in self.settings.get("providers", ()):
            provider = self.providers.get(name)
            if provider is not None and not provider.built_in and provider.enabled:
                yield provider
