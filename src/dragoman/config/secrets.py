"""Find secrets where the configuration says that they are, at the moment that they are needed.

Nothing here puts a secret, or a command that may hold one, into a message.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dragoman.config import files
from dragoman.config.interpolate import MalformedReference, MissingVariable, interpolate
from dragoman.errors import ConfigError
from dragoman.types.credential import Credential, CredentialSource, Secret
from dragoman.types.provider import Provider

COMMAND_TIMEOUT_S = 10.0
MAX_BYTES = 64 * 1024
CREDENTIALS_FILE = "credentials.json"
KEYRING_SERVICE = "dragoman"

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def key_variable(name: str) -> str:
    """Name the variable of a provider's key, by convention: `my-corp` → `MY_CORP_API_KEY`."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_API_KEY"


def parse_source(
    text: str, *, place: str | None = None, folder: Path | None = None, optional: bool = False
) -> CredentialSource:
    """Read what a setting says about a secret: a reference, a template, or the secret itself.

    `file:` paths start at `folder`, unless they begin with `~` or a variable: these are followed
    when the file is read.
    """
    kind, _, rest = text.partition(":")
    rest = rest.strip()
    if kind == "env":
        return CredentialSource("env", rest, place, optional)
    if kind == "file":
        path = rest if rest.startswith(("~", "${")) or folder is None else str(folder / rest)
        return CredentialSource("file", path, place, optional)
    if kind == "keyring":
        return CredentialSource("keyring", rest, place, optional)
    if kind == "cmd":
        return CredentialSource("cmd", rest, place, optional)
    templated = "${" in text or "$$" in text
    return CredentialSource("template" if templated else "literal", Secret(text), place, optional)


class Secrets:
    """Resolves references. What a command printed is kept until it says that it expires."""

    def __init__(self, env: Mapping[str, str], clock: Callable[[], float] = time.time) -> None:
        self.env = env
        self._clock = clock
        self._lock = threading.Lock()
        self._commands: dict[str, tuple[Secret, float | None]] = {}
        self._store: Store | None = None

    def resolve(self, source: CredentialSource, *, lines: bool = False) -> Secret | None:
        """Find one secret. None: the source is optional and holds nothing. Empty: meant so.

        `lines`: it may have several, as a certificate or a service account's file has.

        Raises: ConfigError, with the place of the reference.
        """
        text = self._text(source)
        if text is None:
            return None
        text = text.rstrip("\r\n")
        if not lines and _CONTROL.search(text):
            raise ConfigError(
                f"{_label(source)} holds a line break or control character",
                place=source.place,
                hint="No HTTP header can carry that: it must be the secret alone, on one line.",
            )
        return Secret(text)

    def resolve_all(
        self, sources: Mapping[str, CredentialSource], *, lines: bool = False
    ) -> dict[str, str]:
        """Find the texts of headers, parameters or options; what is optional and unset is empty.

        Raises: ConfigError, as `resolve`.
        """
        found = {}
        for name, source in sources.items():
            secret = self.resolve(source, lines=lines)
            found[name] = secret.reveal() if secret else ""
        return found

    def read_file(self, path: str) -> str:
        """Read a file that holds secrets, whole; `~` and `${VAR}` in its path are followed.

        Raises: ConfigError when it is not there, too large or no text.
        """
        return self._text(CredentialSource("file", path)) or ""

    def credential(self, provider: Provider, position: int | None = None) -> Credential | None:
        """Find the key of a provider; `position` picks one of several. None: send no header.

        Raises: ConfigError that names everything that was looked at, when a key was asked for by
        the configuration and there is none.
        """
        sources = provider.credentials
        if position is not None:
            sources = sources[position : position + 1]
        for source in sources:
            if source.kind == "stored":
                secret = self._stored(source.value, provider.base_url)
            elif source.kind == "env" and source.value not in self.env:
                continue
            else:
                secret = self.resolve(source)
            if secret is not None:
                return self._checked(secret, source, provider)
        if all(source.optional for source in sources):
            return None
        looked_at = looked(sources)
        raise ConfigError(
            f"provider '{provider.name}': no key: {' and '.join(looked_at)}"
            f" {'is' if len(looked_at) == 1 else 'are'} not set",
            place=next((source.place for source in sources if source.place), None),
            hint=f"Set {looked_at[0].removeprefix('$')}; set it to nothing for a server without"
            " keys.",
        )

    def _checked(
        self, secret: Secret, source: CredentialSource, provider: Provider
    ) -> Credential | None:
        text = secret.reveal()
        if not text:
            return None
        if not text.isascii():
            raise ConfigError(
                f"provider '{provider.name}': {_label(source)} holds a character that no HTTP"
                " header can carry",
                place=source.place,
                hint="Was it copied with a typographic quote or dash?",
            )
        return Credential(secret, _label(source))

    # ------------------------------------------------------------------------------- sources

    def _text(self, source: CredentialSource) -> str | None:
        if source.kind in ("literal", "template"):
            return self._template(source) if source.kind == "template" else source.value.reveal()
        if source.kind == "env":
            return self._variable(source)
        try:
            if source.kind == "file":
                return self._file(source)
            if source.kind == "keyring":
                return self._keyring(source)
            if source.kind == "cmd":
                return self._command(source)
        except MissingVariable as error:
            raise _unset(source, error.variable) from None
        raise ConfigError(f"{_label(source)} belongs to a provider", place=source.place)

    def _variable(self, source: CredentialSource) -> str | None:
        value = self.env.get(source.value)
        if value is None and not source.optional:
            raise _unset(source, source.value)
        return value

    def _template(self, source: CredentialSource) -> str:
        try:
            return interpolate(source.value.reveal(), self.env)
        except MissingVariable as error:
            raise _unset(source, error.variable) from None
        except MalformedReference as error:
            raise ConfigError(f"the setting {error}", place=source.place) from None

    def _file(self, source: CredentialSource) -> str | None:
        name = interpolate(source.value, self.env)
        path = files.absolute(Path(name), files.home(self.env), self.env)
        try:
            with path.open("rb") as file:
                raw = file.read(MAX_BYTES + 1)
            if len(raw) > MAX_BYTES:
                raise ConfigError(f"{path} is too large to be a key", place=source.place)
            return raw.removeprefix(b"\xef\xbb\xbf").decode()
        except FileNotFoundError:
            if source.optional:
                return None
            reason = "does not exist"
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        except UnicodeDecodeError:
            reason = "is not text"
        raise ConfigError(
            f"the key file {path} {reason}",
            place=source.place,
            hint="See that it is there, and that whoever runs this may read it.",
        )

    def _keyring(self, source: CredentialSource) -> str | None:
        service, _, name = source.value.rpartition("/")
        found = read_keyring(service or KEYRING_SERVICE, name, source.place)
        if found is None and not source.optional:
            raise ConfigError(
                f"the keyring has nothing under '{source.value}'",
                place=source.place,
                hint=f"keyring set {service or KEYRING_SERVICE} {name}",
            )
        return found

    def _command(self, source: CredentialSource) -> str:
        with self._lock:
            known = self._commands.get(source.value)
            if known and (known[1] is None or self._clock() < known[1]):
                return known[0].reveal()
            from dragoman.config.command import run_command

            printed = run_command(source.value, self.env, source.place, COMMAND_TIMEOUT_S)
            text, expires_at = printed.read(self._clock())
            self._commands[source.value] = (Secret(text), expires_at)
            return text

    def _stored(self, name: str, base_url: str) -> Secret | None:
        if self._store is None:
            self._store = Store(files.data_folder(self.env) / CREDENTIALS_FILE)
        return self._store.find(name, origin_of(base_url))


class Store:
    """The stored credentials, as they are used: read again when their file has changed.

    Every request of a gateway looks here for providers whose key is stored, or who have none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, ...] | None = (-1,)
        self._entries: Mapping[str, Mapping[str, Any]] = {}
        self._secrets: dict[str, Secret | None] = {}

    def find(self, name: str, origin: str | None) -> Secret | None:
        """Find a provider's key, if it is for this origin. Raises: ConfigError."""
        stamp = self._look()
        if stamp != self._stamp:
            self._entries, self._secrets = ({} if stamp is None else read_stored(self._path)), {}
            self._stamp = stamp
        entry = self._entries.get(name)
        if entry is None or entry.get("origin") != origin:
            return None
        if name not in self._secrets:
            self._secrets[name] = _reveal(name, entry)
        return self._secrets[name]

    def _look(self) -> tuple[int, ...] | None:
        """Say what state the file is in; None when it is not there."""
        try:
            facts = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return ()  # reading it says why
        return (facts.st_mtime_ns, facts.st_size, facts.st_ino, facts.st_mode)


def _reveal(name: str, entry: Mapping[str, Any]) -> Secret | None:
    if entry.get("keyring") is True:
        found = read_keyring(KEYRING_SERVICE, name, None)
        return None if found is None else Secret(found)
    secret = entry.get("secret")
    return Secret(secret) if isinstance(secret, str) else None


def looked(sources: tuple[CredentialSource, ...]) -> list[str]:
    """Name the variables and other places that a key was looked for in, each once, in order."""
    return list(dict.fromkeys(_label(source) for source in sources if source.kind != "stored"))


@lru_cache(maxsize=1024)
def origin_of(base_url: str) -> str | None:
    """Scheme, host and port of a base URL: what a stored key is bound to."""
    from dragoman.types.http import parse_url

    try:
        return parse_url(base_url).origin
    except ValueError:
        return None


def read_stored(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Read the stored credentials: `{name: {origin, secret | keyring}}`. Empty without a file.

    Raises: ConfigError when others may read the file, or when it is not what we write.
    """
    import json
    import os

    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            raw = file.read(MAX_BYTES * 16)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigError(
            "holds keys, and others may read it", place=str(path), hint=f"chmod 600 {path}"
        )
    try:
        entries = json.loads(raw)["credentials"]
        return {name: dict(entry) for name, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError("is not a store of credentials", place=str(path)) from None


def read_keyring(service: str, name: str, place: str | None) -> str | None:
    """Ask the system's keyring. Raises: ConfigError when there is none."""
    try:
        import keyring
        import keyring.errors
    except ImportError:
        raise ConfigError(
            "the keyring package is not installed",
            place=place,
            hint="pip install 'dragoman[keyring]'",
        ) from None
    try:
        found = keyring.get_password(service, name)
    except keyring.errors.KeyringError as error:
        raise ConfigError(
            f"the keyring cannot be read ({type(error).__name__})",
            place=place,
            hint="Is there a keyring on this machine, and is it unlocked?",
        ) from None
    return None if found is None else str(found)


def _label(source: CredentialSource) -> str:
    """What a source may be called in front of people."""
    if source.kind == "env":
        return f"${source.value}"
    if source.kind == "cmd":
        return f"cmd:{str(source.value).split(maxsplit=1)[0]} …"
    return str(source)


def _unset(source: CredentialSource, variable: str) -> ConfigError:
    return ConfigError(
        f"refers to the variable {variable}, which is not set",
        place=source.place,
        hint=f"Set {variable}; set it to nothing for a server without keys.",
    )
