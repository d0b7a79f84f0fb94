"""`dragoman secrets`: the master key that seals what the gateway keeps, and its rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.gateway.office import open_office
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.organisations.rotation import Count
    from dragoman.organisations.sealing import MasterKeys


@click.group(help=__doc__)
@shared
def secrets() -> None:
    """See the module."""


@secrets.command("new-key")
@shared
@click.pass_obj
def new_key(session: Session) -> None:
    """Print a new master key, for DRAGOMAN_SECRET_KEY or a file. It is kept nowhere.

    \b
    dragoman secrets new-key > /run/secrets/dragoman
    """
    from dragoman.organisations.master_keys import new_key

    session.terminal.out.line(new_key())


@secrets.command("status")
@as_json
@shared
@click.pass_obj
def status(session: Session, json: bool) -> Exit:
    """Say where the master key is, and how much each key has sealed. Changes nothing.

    The exit status is 78 when something was sealed with a key that is not given.
    """
    from dragoman.organisations.rotation import count_sealed, stale

    with open_office(session) as office:
        keys = office.safe.keys()
        counts = count_sealed(office.desk, keys)
    lost = sum(count.rows for count in counts if not count.known)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(
            console,
            {
                "place": _where(session),
                "sealing_key": keys.current.id,
                "other_keys": list(keys.ids[1:]),
                "sealed": [count._asdict() for count in counts],
            },
        )
        return Exit.CONFIG if lost else Exit.OK
    console.line(f"Master key {keys.current.id}, in {_where(session)}")
    for other in keys.ids[1:]:
        console.line(f"  {other} opens what it sealed")
    for count in counts:
        console.line(_line(count, keys))
    if lost:
        session.terminal.warn(
            f"{lost} cannot be opened: put the key that sealed them into DRAGOMAN_SECRET_KEYS_OLD"
        )
    elif waiting := stale(counts, keys):
        session.terminal.note(f"{waiting} are on an older key: dragoman secrets rotate")
    return Exit.CONFIG if lost else Exit.OK


@secrets.command("rotate")
@click.option("--new-key", "make_new", is_flag=True, help="Make a new master key in its file.")
@click.option("--forget", is_flag=True, help="Then take older keys out of its file.")
@shared
@click.pass_obj
def rotate(session: Session, make_new: bool, forget: bool) -> Exit:
    """Seal everything anew with the present master key, while the gateway runs.

    What was sealed with another one opens as long as that is given too: in
    DRAGOMAN_SECRET_KEYS_OLD, or on a line of the key's file behind the first. Cut short, it goes on
    where it was. Gateway keys, sessions and invitations stay as they are.

    \b
    dragoman secrets rotate --new-key --forget      # the key is in a file
    """
    from dragoman.organisations.master_keys import add_key, forget_keys, named_file
    from dragoman.organisations.rotation import count_sealed, stale
    from dragoman.organisations.rotation import rotate as rotate_all

    path = named_file(session.env)
    if path is None and (make_new or forget):
        raise WrongUsage(
            "the master key is in a variable, which no command can change",
            "set DRAGOMAN_SECRET_KEY to a new one (dragoman secrets new-key) and"
            " DRAGOMAN_SECRET_KEYS_OLD to the one before, then rotate",
        )
    with open_office(session) as office:
        office.safe.check()
        if make_new and path is not None:
            add_key(path)
        keys = office.safe.keys()
        done = rotate_all(office.desk, keys, office.actor)
        for name in done.unreadable:
            session.terminal.warn(f"the secret of {name} opens with none of the keys; it stays")
        session.terminal.note(f"{done.rows} sealed anew with the master key {done.key_id}")
        if done.unreadable:
            return Exit.CONFIG
        left = stale(count_sealed(office.desk, keys), keys)
        if forget and path is not None and not left:
            forget_keys(path)
    if left:
        session.terminal.warn(f"{left} were sealed meanwhile with an older key: rotate again")
        return Exit.TEMPORARY
    return Exit.OK


def _where(session: Session) -> str:
    from dragoman.organisations.master_keys import VARIABLE, named_file

    path = named_file(session.env)
    return VARIABLE if path is None else str(path)


def _line(count: Count, keys: MasterKeys) -> str:
    word = "not given" if not count.known else ""
    word = word or ("" if count.key_id == keys.current.id else "older")
    return f"  {count.table:10}{count.rows:>8,}  {count.key_id}  {word}".rstrip()
