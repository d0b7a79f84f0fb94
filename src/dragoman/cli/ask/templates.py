"""Prompts that were saved: TOML files, one each, that their owner can edit.

    # ~/.config/dragoman/templates/translate.toml
    model = "groq/llama-3.3-70b"
    system = "You are a translator from {from} into {to}."
    prompt = "Translate:\n\n{input}"
    options = { temperature = 0.2 }
    defaults = { from = "English" }

`{input}` is what is asked on the command line and piped in; without it in the prompt, that comes
after it. `{NAME}` is what `-p NAME VALUE` says, else its default; braces around anything else, and
doubled ones around a name, stay braces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from dragoman.cli.flags import WrongUsage
from dragoman.cli.terminal.exit_codes import InputMissing
from dragoman.errors import InvalidRequest
from dragoman.types.message import Message, Text, user

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.cli.session import Session

NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
INPUT = "input"
_VARIABLE = re.compile(r"\{\{(?P<kept>[A-Za-z_]\w*)\}\}|\{(?P<name>[A-Za-z_]\w*)\}")


class Template(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A saved prompt. What the command line says comes before it."""

    model: str | list[str] = ()  # type: ignore[assignment]
    system: str | None = None
    prompt: str = ""
    options: dict[str, Any] = {}
    schema: str | dict[str, Any] | None = None
    schema_multi: str | dict[str, Any] | None = None
    extract: bool = False
    extract_last: bool = False
    defaults: dict[str, str] = {}


def folder(session: Session) -> Path:
    """Say where templates are."""
    from dragoman.config.files import config_folder

    return config_folder(session.env) / "templates"


def read_template(session: Session, name: str) -> Template:
    """Read a template by its name. Raises: WrongUsage, InputMissing, InvalidRequest."""
    path = _path(session, name)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        known = list_templates(session)
        hint = f"there is {', '.join(known)}" if known else "dragoman --save NAME … makes one"
        raise InputMissing(f"there is no template {name!r}", hint=hint) from None
    except OSError as error:
        raise InputMissing(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return msgspec.toml.decode(raw, type=Template)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidRequest(f"{path}: {error}", hint="mend the file, or save it anew") from None


def list_templates(session: Session) -> list[str]:
    """Name the templates there are."""
    return sorted(path.stem for path in folder(session).glob("*.toml") if NAME.fullmatch(path.stem))


def save_template(session: Session, asked: Asked) -> Path:
    """Write what the command line says into a new file. Raises: WrongUsage, InputMissing."""
    assert asked.save is not None
    path = _path(session, asked.save)
    fields: dict[str, Any] = {
        "model": list(asked.refs) if len(asked.refs) > 1 else next(iter(asked.refs), None),
        "system": asked.system,
        "prompt": " ".join(asked.words) or None,
        "schema": asked.schema,
        "schema_multi": asked.schema_multi,
        "extract": asked.extract or None,
        "extract_last": asked.extract_last or None,
        "options": dict(asked.option) or None,
    }
    kept = {name: value for name, value in fields.items() if value is not None}
    if not kept:
        raise WrongUsage("there is nothing to save", hint='dragoman --save NAME -s "You are …"')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_toml(kept))
    except FileExistsError:
        raise WrongUsage(
            f"there is a template {asked.save!r} already", hint=f"edit it, or delete it: {path}"
        ) from None
    return path


def with_template(asked: Asked, template: Template) -> Asked:
    """Fill what the command line leaves open from a template. Raises: WrongUsage."""
    _refuse_unknown(asked, template)
    values = {**template.defaults, **dict(asked.param)}
    models = [template.model] if isinstance(template.model, str) else list(template.model)
    shaped = asked.schema or asked.schema_multi or asked.extract or asked.extract_last
    own = {} if shaped else _shape(template)
    system = asked.system
    if system is None and template.system is not None:
        system = fill(template.system, values)
    given = [name for name, _ in asked.option]
    options = [(k, _text(v)) for k, v in template.options.items() if k not in given]
    return asked._replace(
        model=asked.model or (() if asked.base_url else tuple(models)),
        system=system,
        option=(*options, *asked.option),
        **own,
    )


def _refuse_unknown(asked: Asked, template: Template) -> None:
    """Raises: WrongUsage for a value that the template has no place for."""
    places = {*variables(template.prompt), *variables(template.system or ""), *template.defaults}
    for name, _ in asked.param:
        if name not in places or name == INPUT:
            known = ", ".join(sorted(places - {INPUT}))
            raise WrongUsage(
                f"the template has no place for {name!r}",
                hint=f"it has {known}" if known else "it takes no values: leave -p out",
            )


class Filled:
    """A template that is used: `asked` is the command line with what it fills in."""

    def __init__(self, template: Template, asked: Asked) -> None:
        """Raises: WrongUsage for a variable without a value."""
        self._values = {**template.defaults, **dict(asked.param)}
        self._prompt = template.prompt
        self._takes_input = INPUT in variables(template.prompt)
        words = asked.words
        if template.prompt and not self._takes_input:
            typed = " ".join(words).strip()
            prompt = fill(template.prompt, self._values)
            words = (f"{prompt}\n\n{typed}" if typed else prompt,)
        self.asked = with_template(asked, template)._replace(words=words)

    def message(self, message: Message) -> Message:
        """Put what was asked where the prompt says `{input}`. Raises: WrongUsage."""
        if not self._takes_input:
            return message
        first, *others = message.parts
        given = first.text if isinstance(first, Text) else ""
        rest = others if isinstance(first, Text) else message.parts
        return user(fill(self._prompt, {**self._values, INPUT: given}), *rest)


def variables(text: str) -> Iterator[str]:
    """Yield the names that stand in single braces."""
    return (match["name"] for match in _VARIABLE.finditer(text) if match["name"])


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of their names. Raises: WrongUsage for a name without a value."""
    missing = [name for name in variables(text) if name not in values]
    if missing:
        raise WrongUsage(
            f"the template needs a value for {', '.join(dict.fromkeys(missing))}",
            hint=" ".join(f"-p {name} …" for name in dict.fromkeys(missing)),
        )
    return _VARIABLE.sub(
        lambda match: f"{{{match['kept']}}}" if match["kept"] else values[match["name"]], text
    )


def _shape(template: Template) -> dict[str, Any]:
    return {
        "schema": _schema(template.schema),
        "schema_multi": _schema(template.schema_multi),
        "extract": template.extract,
        "extract_last": template.extract_last,
    }


def _schema(schema: str | dict[str, Any] | None) -> str | None:
    return schema if isinstance(schema, str | None) else msgspec.json.encode(schema).decode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _path(session: Session, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise WrongUsage(f"{name!r} is no name for a template", hint="use letters, figures, -, _")
    return folder(session) / f"{name}.toml"


def _toml(fields: Mapping[str, Any]) -> str:
    """Write the file: long texts on lines of their own, so that they can be edited."""
    import tomlkit

    document = tomlkit.document()
    for name, value in fields.items():
        long = isinstance(value, str) and ("\n" in value or len(value) > 60)
        document[name] = tomlkit.string(value, multiline=True) if long else value
    return tomlkit.dumps(document)
