"""Find the adapter that a provider's table names: built in, in a file, installed, registered.

    adapter = "bedrock"              one of ours, of an installed package (entry point), registered
    adapter = "acme.py:Acme"         a class in a file beside the configuration
    adapter = "acme.py"              the only adapter in it
    adapter = "handler.py:my_llm"    an object of LiteLLM's kinds: see `dragoman.compat.litellm`
    adapter = "acme.toml"            a description without code
    adapter = "acme.adapters:Acme"   a class in a module that can be imported

An adapter that cannot be loaded is an error of its provider, and of no other.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TypeVar

from dragoman.adapters.adapter import Adapter
from dragoman.adapters.guard import LOAD_LIMIT_S, call
from dragoman.adapters.installed import find_installed
from dragoman.errors import AdapterError, ConfigError, DragomanError

BUILT_IN: Mapping[str, str] = MappingProxyType(
    {
        "azure": "dragoman.adapters.azure:Azure",
        "bedrock": "dragoman.adapters.bedrock.adapter:Bedrock",
        "gemini": "dragoman.adapters.google.gemini:Gemini",
        "cohere": "dragoman.adapters.cohere:Cohere",
        "oauth": "dragoman.adapters.oauth:OAuth",
        "ollama": "dragoman.adapters.ollama:Ollama",
        "replicate": "dragoman.adapters.replicate:Replicate",
        "vertex": "dragoman.adapters.google.vertex:Vertex",
    }
)
"""Name → module and class of ours."""

DESCRIPTIONS = (".toml", ".json")

Class = TypeVar("Class", bound=type[Adapter])

_registered: dict[str, type[Adapter]] = {}
_files: dict[tuple[str, int], ModuleType | DragomanError] = {}


def register(name: str) -> Callable[[Class], Class]:
    """Make an adapter known in this process, as a decorator.

    Example:
        @register("acme")
        class Acme(Adapter):
            ...
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise ConfigError(
            f"{name!r} is no name for an adapter",
            hint="small letters, digits, '_', '.' and '-', beginning with a letter or digit",
        )

    def note(found: Class) -> Class:
        found.name = name
        _registered[name] = found
        return found

    return note


def registered() -> Mapping[str, type[Adapter]]:
    """List what was registered in this process, by name."""
    return MappingProxyType(_registered)


def find_adapter(reference: str, whose: str, place: str | None = None) -> type[Adapter]:
    """Find an adapter's class. `whose` and `place` are told in errors.

    Raises: ConfigError.
    """
    try:
        return _find(reference, whose)
    except ConfigError as error:
        if error.place is not None or place is None:
            raise
        raise ConfigError(error.message, place=place, hint=error.hint) from None
    except AdapterError as error:
        raise ConfigError(
            f"provider '{whose}': its adapter cannot be loaded: {error.reason or error}",
            place=error.place or place,
            hint="Mend the adapter; other providers do without it.",
        ) from error


def _find(reference: str, whose: str) -> type[Adapter]:
    path, _, name = _split(reference)
    if path.endswith(".py"):
        return pick(load_file(Path(path), whose), name, reference)
    if path.endswith(DESCRIPTIONS):
        from dragoman.adapters.described import describe_file

        return describe_file(Path(path))
    if reference in _registered:
        return _registered[reference]
    target = BUILT_IN.get(reference) or find_installed().get(reference) or reference
    if ":" not in target:
        known = sorted({*BUILT_IN, *_registered, *find_installed()})
        raise ConfigError(
            f"provider '{whose}': there is no adapter '{reference}'",
            hint=f'one of {", ".join(known)}; or a file, "acme.py:Acme"',
        )
    module, _, name = target.partition(":")
    return pick(call(whose, importlib.import_module, module, limit_s=LOAD_LIMIT_S), name, reference)


def _split(reference: str) -> tuple[str, str, str]:
    """Part a file from the class in it; a drive's colon is none of ours."""
    head, colon, tail = reference.rpartition(":")
    return (head, colon, tail) if head.endswith(".py") else (reference, "", "")


def pick(module: ModuleType, name: str, reference: str) -> type[Adapter]:
    """Take an adapter out of a module: the one of this name, else the only one.

    Raises: ConfigError.
    """
    if name:
        found = getattr(module, name, None)
        if not isinstance(found, type) and not hasattr(found, "__dragoman_adapter__"):
            raise ConfigError(f"{reference}: there is no class {name} in it")
        return as_adapter(found, reference)
    every = classes(module)
    if len(every) == 1:
        return every[0]
    names = ", ".join(one.__name__ for one in every)
    raise ConfigError(
        f"{reference}: {'several adapters are' if every else 'no adapter is'} in it",
        hint=f"name one: {names}" if every else "a class that derives from dragoman's Adapter",
    )


def as_adapter(found: object, reference: str) -> type[Adapter]:
    """Take a class as an adapter; one that was written for another library is wrapped, and may be
    an object that is made already.

    Raises: ConfigError.
    """
    if isinstance(found, type) and issubclass(found, Adapter):
        return found
    if wrap := getattr(found, "__dragoman_adapter__", None):
        wrapped: type[Adapter] = wrap(found)
        return wrapped
    raise ConfigError(
        f"{reference}: {getattr(found, '__name__', found)} is no adapter",
        hint="derive it from dragoman.adapters.Adapter",
    )


def classes(module: ModuleType) -> list[type[Adapter]]:
    """List the adapters that a module defines itself."""
    return [
        as_adapter(value, module.__name__)
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and (issubclass(value, Adapter) or hasattr(value, "__dragoman_adapter__"))
    ]


def load_file(path: Path, whose: str) -> ModuleType:
    """Run a Python file as a module of its own; again only when it has changed.

    Raises: ConfigError when it is not there, AdapterError for what it raises.
    """
    try:
        stamp = path.stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(f"the adapter's file {path} cannot be read: {error.strerror}") from None
    key = (str(path), stamp)
    if key not in _files:
        name = f"dragoman_adapter_{re.sub(r'[^a-zA-Z0-9_]', '_', path.stem)}_{stamp:x}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ConfigError(f"the adapter's file {path} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses and pickles look there

        try:
            call(whose, spec.loader.exec_module, module, limit_s=LOAD_LIMIT_S)
        except DragomanError as error:
            del sys.modules[name]
            _files[key] = error  # it would fail again, and may take its time for it
        else:
            _files[key] = module
    loaded = _files[key]
    if isinstance(loaded, DragomanError):
        raise loaded
    return loaded
