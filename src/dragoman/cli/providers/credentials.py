"""`dragoman keys`: providers' keys, and the store for those that are nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.list_group import ListGroup
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.config.stored import StoredKey
    from dragoman.types.credential import CredentialSource
    from dragoman.types.provider import Provider


class Found(NamedTuple):
    """A key that is there. `used`: it is the one that is sent; `why_not` says why another is."""

    name: str
    last_four: str
    source: str
    origin: str
    used: bool
    why_not: str = ""


@click.group(cls=ListGroup, help=f"{__doc__}\n\nWithout a command: list, with its options.")
@shared
def keys() -> None:
    """List the keys, unless a command says otherwise."""


@keys.command("set")
@click.argument("name")
@click.argument("more", nargs=-1, metavar="")
@click.option("--file", "in_file", is_flag=True, help="Into the file, not into the keyring.")
@shared
@click.pass_obj
def set_key(session: Session, name: str, more: tuple[str, ...], in_file: bool) -> Exit:
    """Store a provider's key: piped in, or typed and not shown.

    It goes into the system's keyring if there is one, else into a file that only you can read, and
    is sent to this provider's present host alone.

    \b
    dragoman keys set groq
    pass show groq | dragoman keys set groq
    """
    from dragoman.cli.config.user_file import tell_unwritten
    from dragoman.cli.terminal.secret_input import read_key
    from dragoman.config.stored import store_file, store_key

    if more:
        raise WrongUsage(
            "a key is not given on the command line, where others can read it",
            hint=f"dragoman keys set {name} asks for it, or takes it from a pipe",
        )
    provider = _provider(session, name)
    _refuse_unread(provider)
    key = read_key(f"Key for {provider.name} (hidden)")
    try:
        stored = store_key(provider.name, key, provider.base_url, session.env, in_file=in_file)
    except OSError as error:
        return tell_unwritten(session, store_file(session.env), error)
    tell_stored(session, stored)
    before = next((found for found in _found(session, provider) if found.used), None)
    if before is not None and before.source != _store_word(stored):
        session.terminal.warn(f"{before.source} is set too, and comes before it")
    return Exit.OK


@keys.command("list")
@as_json
@shared
@click.pass_obj
def list_keys(session: Session, json: bool) -> None:
    """List the keys that are there: whose, the last four characters, where from, for which host."""
    rows = find_keys(session)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, [key_object(row) for row in rows])
        return
    if not rows:
        session.terminal.note("There are no keys. Store one: dragoman keys set PROVIDER")
        return
    from dragoman.cli.terminal.width import Column, table_lines, window_width

    columns = (
        Column("PROVIDER"),
        Column("KEY"),
        Column("SOURCE", shrink=True, least=8),
        Column("FOR", shrink=True, least=8),
        Column("", drop=1),
    )
    for line in table_lines(
        console, columns, [_cells(console, row) for row in rows], window_width(console)
    ):
        console.line(line)


@keys.command("remove")
@click.argument("name")
@shared
@click.pass_obj
def remove_stored(session: Session, name: str) -> Exit:
    """Forget the key that is stored for a provider; variables and files are left alone."""
    from dragoman.cli.config.user_file import tell_unwritten
    from dragoman.config.stored import remove_key, store_file

    lower = name.lower()
    try:
        removed = remove_key(lower, session.env)
    except OSError as error:
        return tell_unwritten(session, store_file(session.env), error)
    if not removed:
        raise WrongUsage(f"no key is stored for {name!r}", hint="see dragoman keys list")
    session.terminal.out.line(f"The key of {lower} is forgotten here; it is still good elsewhere.")
    provider = session.config().providers.get(lower)
    left = (
        next((found for found in _found(session, provider) if found.used), None)
        if provider
        else None
    )
    if left is not None:
        session.terminal.note(f"{lower} still has a key: {left.source}")
    return Exit.OK


def find_keys(session: Session) -> list[Found]:
    """List the keys that are there, and the stored ones that nobody uses. Raises: ConfigError."""
    config = session.config()
    rows = [
        found
        for provider in config.providers.values()
        if provider.enabled
        for found in _found(session, provider)
    ]
    return [*rows, *_orphans(session)]


def tell_stored(session: Session, stored: StoredKey) -> None:
    """Say where a key has gone, plainly."""
    from dragoman.cli.config.user_file import shown
    from dragoman.config.stored import store_file

    console = session.terminal.out
    if stored.in_keyring:
        console.line(f"The key is in the system's keyring, for {stored.origin} alone.")
        return
    console.line(
        f"The key is in {shown(store_file(session.env), session)}, as plain text that only you can"
        f" read ({stored.why_file}). It is sent to {stored.origin} alone."
    )


def _provider(session: Session, name: str) -> Provider:
    """Find a provider that a key can be stored for. Raises: WrongUsage, ConfigError."""
    from dragoman.cli.providers.providers import find_provider

    try:
        provider = find_provider(session.config().providers, name)
    except WrongUsage as error:
        error.hint = (
            f"{error.hint}; a new one: dragoman providers add {name} --base-url URL --key-stdin"
        )
        raise
    if provider.problems:
        raise provider.problems[0]
    return provider


def _refuse_unread(provider: Provider) -> None:
    """Raises: WrongUsage when a stored key would never be looked at."""
    if any(source.kind == "stored" for source in provider.credentials):
        return
    if not provider.credentials:
        raise WrongUsage(
            f"{provider.name} takes no key", hint=f"see providers show {provider.name}"
        )
    source = provider.credentials[0]
    raise WrongUsage(
        f"the configuration names another key for {provider.name}: {source}",
        hint=f"take api_key out{f' at {source.place}' if source.place else ''}, then store the key",
    )


# ------------------------------------------------------------------------------ what is there


def _found(session: Session, provider: Provider) -> Iterator[Found]:
    """Yield the keys of a provider that are there; the first is the one that is used."""
    from dragoman.config.secrets import origin_of

    used = True
    origin = origin_of(provider.base_url) or ""
    for source in provider.credentials:
        found = _look(session, provider, source, origin)
        if found is None:
            continue
        if not found.why_not:
            why_not = "" if used or provider.rotate else "another comes before it"
            found = found._replace(used=used or provider.rotate, why_not=why_not)
            used = False
        yield found


def _look(
    session: Session, provider: Provider, source: CredentialSource, origin: str
) -> Found | None:
    """Look at one source. Commands are not run, keyrings not opened."""
    from dragoman.config.secrets import Secrets, looked
    from dragoman.errors import ConfigError

    if source.kind == "stored":
        return _stored(session, provider, origin)
    (label,) = looked((source,))
    if source.kind in ("cmd", "keyring"):
        return Found(provider.name, "", label, origin, used=False)
    if source.kind == "env" and source.value not in session.env:
        return None
    try:
        secret = Secrets(session.env).resolve(source)
    except ConfigError:  # told when the key is used, and by config check
        return None
    if not secret:
        return None
    return Found(provider.name, secret.last_four, label, origin, used=False)


def _stored(session: Session, provider: Provider, origin: str) -> Found | None:
    from dragoman.config.stored import find_stored

    stored = find_stored(provider.name, session.env)
    if stored is None:
        return None
    why_not = "" if stored.origin == origin else f"{provider.name} is at {origin} now"
    return Found(
        provider.name, stored.last_four, _store_word(stored), stored.origin, False, why_not
    )


def _orphans(session: Session) -> Iterator[Found]:
    """Yield the stored keys of providers that are no longer there, or look elsewhere for theirs."""
    from dragoman.config.stored import list_stored

    providers = session.config().providers
    for stored in list_stored(session.env):
        provider = providers.get(stored.name)
        if provider is not None and any(s.kind == "stored" for s in provider.credentials):
            continue
        why = "there is no such provider" if provider is None else "another key is configured"
        yield Found(stored.name, stored.last_four, _store_word(stored), stored.origin, False, why)


def _store_word(stored: StoredKey) -> str:
    return "keyring" if stored.in_keyring else "credentials file"


def _cells(console: Any, row: Found) -> tuple[str, ...]:
    dots = console.symbol("…", "...")
    last = f"{dots}{row.last_four}" if row.last_four else dots
    why_not = f"(not used: {row.why_not})" if row.why_not else ""
    return row.name, last, row.source, row.origin, why_not


def key_object(row: Found) -> dict[str, Any]:
    """Describe a key for programs."""
    return {
        "provider": row.name,
        "last_four": row.last_four or None,
        "source": row.source,
        "origin": row.origin,
        "used": row.used,
        "why_not_used": row.why_not or None,
    }
