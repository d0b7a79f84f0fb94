"""Makes the index that completion reads: commands and options, providers and models."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from dragoman.cli.app import ASK, COMMANDS, root
from dragoman.cli.completion.complete import stamp
from dragoman.cli.session import Session
from dragoman.errors import DragomanError

KINDS: Mapping[str, str] = {
    "model": "model",
    "fallback": "model",
    "provider": "provider",
    "template": "template",
    "attach": "file",
    "config": "file",
    "schema": "file",
    "schema_multi": "file",
    "file": "file",
    "subject": "subject",
    "option": "option",
}
"""What the values of a parameter are, by its name; other values nobody can know."""
_NAMED_PROVIDER = "name"


def build_index(path: Path) -> Mapping[str, Any]:
    """Make the index, and keep it; where it cannot be kept it is made every time."""
    session = Session()
    values, files = _known(session)
    index = {
        "stamp": stamp(files),
        "files": files,
        "commands": _command(root, click.Context(root)),
        "values": values,
    }
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(index, file)
        Path(name).replace(path)
    except OSError:  # a read-only home; nobody is told while they type
        return index
    return index


def _known(session: Session) -> tuple[dict[str, list[str]], list[str]]:
    """List values that are known by name, and the files that say so."""
    from dragoman.cli.ask.options import OPTIONS
    from dragoman.cli.ask.templates import folder, list_templates
    from dragoman.cli.providers.known_models import known_refs
    from dragoman.cli.providers.model_cache import cache_file

    own = [str(cache_file(session.env)), str(folder(session))]
    values = {
        "subject": ["exit-codes", *root.list_commands(click.Context(root))],
        "option": list(OPTIONS),
        "template": list_templates(session),
    }
    try:
        config = session.config()
        values["provider"] = list(config.providers)
        values["model"] = known_refs(session)
    except DragomanError:  # a broken configuration completes no names
        return values, own
    return values, [*own, *(str(file.path) for file in config.files)]


def _command(command: click.Command, context: click.Context) -> dict[str, Any]:
    """Describe a command; the program itself takes a prompt's options, too."""
    params = list(command.params)
    found: dict[str, Any] = {"help": command.get_short_help_str(80)}
    if isinstance(command, click.Group):
        inner: dict[str, Any] = {}
        for name in command.list_commands(context):
            one = command.get_command(context, name)
            if one is not None and not one.hidden:
                inner[name] = _command(one, click.Context(one, parent=context))
                if command is root:
                    inner[name]["help"] = COMMANDS[name].summary
        found["commands"] = inner
        default = ASK if command is root else "list" if "list" in inner else None
        if default is not None:
            one = command.get_command(context, default)
            params += one.params if one is not None else []
    seen: dict[str, Any] = {}
    for param in params:
        if isinstance(param, click.Option) and not param.hidden:
            seen.setdefault(param.opts[0], _option(param))
    found["options"] = [*seen.values(), {"names": ["--help"], "help": "Help.", "takes": 0}]
    arguments = [param for param in params if isinstance(param, click.Argument)]
    found["arguments"] = [_kind(param, context) for param in arguments]
    return found


def _option(param: click.Option) -> dict[str, Any]:
    takes = 0 if param.is_flag or param.count else param.nargs
    kind = _kind(param, None)
    return {
        "names": [*param.opts, *param.secondary_opts],
        "help": (param.help or "").splitlines()[0] if param.help else "",
        "takes": takes,
        "kinds": [kind, *([""] * (takes - 1))],
    }


def _kind(param: click.Parameter, context: click.Context | None) -> Any:
    """Say what a parameter's values are: words to choose from, or a name of `KINDS`."""
    if isinstance(param.type, click.Choice):
        return [str(choice) for choice in param.type.choices]
    name = param.name or ""
    of_providers = context is not None and context.parent is not None
    if name == _NAMED_PROVIDER and of_providers:
        return "provider"
    return KINDS.get(name, "")
