"""A folder beside a file, for what is to become of it: nobody takes that for whole.

Its name is the file's, with an end of its own; its lock is held by whoever fills it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from dragoman.store.folder_lock import LOCK, take

_END = ".partial"


@contextmanager
def partial_folder(file: Path) -> Iterator[Path]:
    """Make such a folder, and delete it in the end. Others for this file have folders of their own.

    What others left who were killed is deleted, too. Raises: OSError.
    """
    _delete_abandoned(file)
    folder, lock = _make(file)
    try:
        yield folder
    finally:
        if lock is not None:
            os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def _delete_abandoned(file: Path) -> None:
    # A folder without a lock is somebody else's, or not yet locked.
    for lock_file in file.absolute().parent.glob(f"{glob.escape(file.name)}.*{_END}/{LOCK}"):
        with contextlib.suppress(OSError):  # another user's, or where there are no locks
            lock = take(lock_file.parent)
            if lock is not None:
                shutil.rmtree(lock_file.parent, ignore_errors=True)
                os.close(lock)


def _make(file: Path) -> tuple[Path, int | None]:
    while True:
        folder = Path(mkdtemp(prefix=f"{file.name}.", suffix=_END, dir=file.absolute().parent))
        try:
            lock = take(folder)
        except FileNotFoundError:  # taken for abandoned, in the moment before it was locked
            continue
        except OSError:  # a file system may have no locks: then nobody takes it for abandoned
            return folder, None
        if lock is not None:
            return folder, lock
