"""`dragoman providers remove`, `enable`, `disable`: small changes to the user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.config import Config
    from dragoman.config.edit import Draft
    from dragoman.types.provider import Provider

T = TypeVar("T")
OURS = ("user", "file")
"""The layers whose files are changed here."""


@click.command("remove")
@click.argument("name")
@shared
@click.pass_obj
def remove_provider(session: Session, name: str) -> Exit:
    """Take a provider out of the user's file; everything else in it stays."""
    from dragoman.cli.config.user_file import shown

    config = session.config()
    provider = _find(session, name)
    places = list(_files(config, provider.name))
    if not places:
        raise _not_ours(config, provider)
    for path in places:
        if code := _edit(session, path, lambda draft: draft.remove_provider(provider.name)):
            return code
        session.terminal.out.line(f"{provider.name} is no longer in {shown(path, session)}.")
    _tell_left_over(session, config, provider)
    return Exit.OK


@click.command("disable")
@click.argument("name")
@shared
@click.pass_obj
def disable_provider(session: Session, name: str) -> Exit:
    """Keep a provider out, and keep its settings; built-in ones too."""
    return _switch(session, name, on=False)


@click.command("enable")
@click.argument("name")
@shared
@click.pass_obj
def enable_provider(session: Session, name: str) -> Exit:
    """Use a provider again."""
    return _switch(session, name, on=True)


def _switch(session: Session, name: str, *, on: bool) -> Exit:
    from dragoman.cli.config.user_file import shown, user_file

    provider = _find(session, name)
    word = "enabled" if on else "disabled"
    if provider.enabled == on:
        session.terminal.out.line(f"{provider.name} is {word} already.")
        return Exit.OK
    path = next(_files(_reload(session), provider.name), user_file(session))
    attempts = (lambda d: _set(d, provider.name, None if on else False),) + (
        (lambda d: _set(d, provider.name, True),) if on else ()
    )
    for attempt in attempts:
        if code := _edit(session, path, attempt):
            return code
        if _reload(session).providers[provider.name].enabled == on:
            session.terminal.out.line(f"{provider.name} is {word}, in {shown(path, session)}.")
            return Exit.OK
    place = next(iter(_setting_places(_reload(session), provider.name)), "another file")
    raise WrongUsage(
        f"{provider.name} is not {word}: {place} comes after {shown(path, session)}",
        hint="change it there",
    )


def _set(draft: Draft, name: str, value: bool | None) -> None:
    """Set `enabled`, or take it out, and the table with it when it says nothing else."""
    if draft.find_provider(name) is None:
        if value is not None:
            draft.add_provider(name, {"enabled": value})
        return
    if value is None and set(draft.settings(name)) <= {"enabled", "name"}:
        draft.remove_provider(name)
        return
    draft.set_flag(name, "enabled", value)


def _find(session: Session, name: str) -> Provider:
    from dragoman.cli.providers.providers import find_provider

    return find_provider(_reload(session).providers, name)


def _reload(session: Session) -> Config:
    from dragoman.cli.config.user_file import load_for_change

    return load_for_change(session)


def _edit(session: Session, path: Path, change: Callable[[Draft], T]) -> Exit | None:
    """Change a file. Returns: an exit status when it cannot be written, and that was told."""
    from dragoman.cli.config.user_file import tell_unwritten
    from dragoman.config.edit import edit_file

    try:
        edit_file(path, change)
    except OSError as error:
        return tell_unwritten(session, path, error)
    return None


def _files(config: Config, name: str) -> Iterator[Path]:
    """Yield the user's files in which a provider stands, once each."""
    seen: set[Path] = set()
    for table in config.settings.get("providers", {}).get(name, ()):
        document = table.place.document
        if document.layer in OURS and document.path is not None and document.path not in seen:
            seen.add(document.path)
            yield document.path


def _setting_places(config: Config, name: str) -> Iterator[str]:
    """Yield where `enabled` is set, the last layer first."""
    for table in reversed(config.settings.get("providers", {}).get(name, ())):
        if "enabled" in table.values:
            yield str(table.values["enabled"].place)


def _not_ours(config: Config, provider: Provider) -> WrongUsage:
    tables = config.settings.get("providers", {}).get(provider.name, ())
    if tables:
        return WrongUsage(
            f"{provider.name} stands in {tables[-1].place}, which is not the user's file",
            hint=f"change it there, or here: dragoman providers disable {provider.name}",
        )
    return WrongUsage(
        f"{provider.name} is built in, and stands in no file",
        hint=f"to keep it out: dragoman providers disable {provider.name}",
    )


def _tell_left_over(session: Session, config: Config, provider: Provider) -> None:
    """Tell of what still names the provider, and of its key."""
    from dragoman.config.stored import find_stored

    name = provider.name
    refs = [("default_model", config.default_model), ("image_model", config.image_model)]
    refs += [
        (f"routes.{route.name}", step.ref)
        for route in config.routes.values()
        for step in route.steps
    ]
    for where, ref in refs:
        if ref is None:
            continue
        if ref == name or ref.startswith((f"{name}/", f"{name}:")):
            session.terminal.warn(f"{where} still names it: {ref}")
    if find_stored(name, session.env) is not None:
        session.terminal.note(f"Its key is still stored; to forget it: dragoman keys remove {name}")
