"""`dragoman keys`: the store of providers' keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.config.stored import StoredKey


def tell_stored(session: Session, stored: StoredKey) -> None:
    """Say where a key has gone, plainly."""
    from dragoman.cli.user_file import shown
    from dragoman.config.stored import store_file

    console = session.terminal.out
    if stored.in_keyring:
        console.line(f"The key is in the system's keyring, for {stored.origin} alone.")
        return
    console.line(
        f"The key is in {shown(store_file(session.env), session)}, which only you can read, as"
        f" plain text ({stored.why_file}). It is sent to {stored.origin} alone."
    )
