"""Whether a provider's key is there. Nothing here resolves a secret."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dragoman.config.interpolate import MissingVariable, interpolate
from dragoman.config.secrets import CREDENTIALS_FILE, origin_of, read_stored
from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.types.credential import CredentialSource
    from dragoman.types.provider import Provider


def is_key_present(provider: Provider, env: Mapping[str, str]) -> bool:
    """Tell whether there is a key, as far as can be seen without asking a keyring or a command."""
    return any(_is_present(source, provider, env) for source in provider.credentials)


def is_usable(provider: Provider, env: Mapping[str, str]) -> bool:
    """Tell whether a provider could be asked: enabled, sound, with a key or in need of none."""
    if not provider.enabled or provider.problems or not provider.base_url:
        return False
    needs_none = all(source.optional for source in provider.credentials)
    return needs_none or is_key_present(provider, env)


def _is_present(source: CredentialSource, provider: Provider, env: Mapping[str, str]) -> bool:
    if source.kind == "env":
        return source.value in env
    if source.kind == "template":
        return _can_fill(source.value.reveal(), env)
    if source.kind == "file":
        return Path(source.value).expanduser().is_file()
    if source.kind == "stored":
        return _is_stored(source.value, provider, env)
    return True


def _can_fill(template: str, env: Mapping[str, str]) -> bool:
    try:
        return bool(interpolate(template, env))
    except (MissingVariable, ValueError):
        return False


def _is_stored(name: str, provider: Provider, env: Mapping[str, str]) -> bool:
    from dragoman.config.files import data_folder

    try:
        entry = read_stored(data_folder(env) / CREDENTIALS_FILE).get(name)
    except ConfigError:  # told when the key is used; a list of providers must not fail for it
        return False
    return entry is not None and entry.get("origin") == origin_of(provider.base_url)
