"""Where the master keys are: in a variable, in a file that one names, or in one that we made.

The first is the one that seals; the others may still open what they sealed. Nothing is ever sealed
with a key that would be gone at the next start: without one the server does not start.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from dragoman.config.files import data_folder
from dragoman.errors import ConfigError
from dragoman.organisations.sealing import KEY_BYTES, MasterKey, MasterKeys

VARIABLE = "DRAGOMAN_SECRET_KEY"
FILE_VARIABLE = "DRAGOMAN_SECRET_KEY_FILE"
OLD_VARIABLE = "DRAGOMAN_SECRET_KEYS_OLD"
FILE = "secret.key"
HOW = f"make one with `dragoman secrets new-key`, keep it, and set {VARIABLE} to it"
_OLD_HOW = (
    f"give the master keys that {VARIABLE} replaced, as they were, with commas between them;"
    " take out what is none"
)


class NoMasterKey(ConfigError):
    """None is given, and none was made; or the one that was made is gone."""

    status = 503
    code = "no_master_key"


def new_key() -> str:
    """Make a master key, as it is written: 32 random bytes in base64."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def key_file(env: Mapping[str, str]) -> Path:
    """Say where the file is that we make ourselves: `$XDG_DATA_HOME/dragoman/secret.key`."""
    return data_folder(env) / FILE


def named_file(env: Mapping[str, str]) -> Path | None:
    """Say which file the keys are in; None when they are in a variable."""
    if env.get(VARIABLE, "").strip():
        return None
    named = env.get(FILE_VARIABLE, "").strip()
    return Path(named) if named else key_file(env)


def find_master_keys(env: Mapping[str, str], *, create: bool = False) -> MasterKeys:
    """Find the master keys; `create` makes a file with one where there is none.

    Raises: ConfigError that says how to make one, or what is wrong with the one that is there.
    """
    first = env.get(VARIABLE, "").strip()
    named = env.get(FILE_VARIABLE, "").strip()
    if first and named:
        raise ConfigError(
            f"the master key is both in {VARIABLE} and in the file of {FILE_VARIABLE}",
            hint="set only one of the two",
        )
    if first:
        keys = [_read(first, VARIABLE)]
    elif named:
        keys = _read_file(Path(named))
    else:
        keys = _own_file(key_file(env), create=create)
    texts = env.get(OLD_VARIABLE, "").replace(",", " ").split()
    return MasterKeys([*keys, *(_read(text, OLD_VARIABLE) for text in texts)])


def add_key(path: Path) -> None:
    """Put a new key before those of a file; it seals from now on. Raises: ConfigError."""
    _replace(path, [new_key(), *_lines(path)])


def forget_keys(path: Path) -> None:
    """Keep the first key of a file alone. Raises: ConfigError."""
    _replace(path, _lines(path)[:1])


def _replace(path: Path, lines: Sequence[str]) -> None:
    """Write a file anew, all of it or nothing, with the rights that it has. Raises: ConfigError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        mode = stat.S_IMODE(path.stat().st_mode) & 0o640
        beside.unlink(missing_ok=True)
        _write(beside, lines, mode)
        beside.replace(path)
    except OSError as error:
        raise _unusable(path, error) from None


def _write(path: Path, lines: Sequence[str], mode: int = 0o600) -> None:
    """Write a file that is not there yet, down to the disk."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(descriptor)


def _own_file(path: Path, *, create: bool) -> list[MasterKey]:
    if create and not os.path.lexists(path):
        _make(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise NoMasterKey("there is no master key to seal secrets with", hint=HOW) from None
    except OSError as error:
        raise _unusable(path, error) from None
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise ConfigError(
            "others on this machine may read the master key",
            place=str(path),
            hint=f"chmod 600 {path}",
        )
    return _read_file(path)


def _make(path: Path) -> None:
    """Make the file, whole, unless another process is faster. Raises: ConfigError."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(beside, [new_key()])
        try:
            os.link(beside, path)
        finally:
            beside.unlink()
    except FileExistsError:
        if not path.exists():
            raise ConfigError(
                "is left over from a start that was cut short",
                place=str(beside),
                hint="remove it",
            ) from None
    except OSError as error:
        raise _unusable(path, error) from None


def _read_file(path: Path) -> list[MasterKey]:
    return [_read(line, str(path)) for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split()
    except OSError as error:
        raise _unusable(path, error) from None
    if not lines:
        raise ConfigError("holds no master key", place=str(path), hint=HOW)
    return lines


def _read(text: str, place: str) -> MasterKey:
    """Read a key in base64 of either alphabet. What is wrong is told without what was there."""
    try:
        written = text.replace("-", "+").replace("_", "/").encode("ascii")
        return MasterKey(base64.b64decode(written, validate=True))
    except ValueError as error:
        broken = isinstance(error, (binascii.Error, UnicodeError))
        reason = "it is not base64" if broken else str(error)
        hint = _OLD_HOW if place == OLD_VARIABLE else HOW
        raise ConfigError(f"this is no master key: {reason}", place=place, hint=hint) from None


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"the master key cannot be read or kept here: {error.strerror}",
        place=str(path),
        hint=f"see that it is there, and this user's to read; {FILE_VARIABLE} names another file",
    )
