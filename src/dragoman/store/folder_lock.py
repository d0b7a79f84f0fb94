"""The lock on a folder: held by the process whose folder it is, as long as it lives.

Law: a lock ends with its process, however that ends. So what a dead one left is found, and what a
living one writes is left alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LOCK = "lock"


def take(folder: Path) -> int | None:
    """Take a folder's lock; None when somebody has it.

    Returns: a descriptor; whoever closes it lets go of the folder. Raises: OSError.
    """
    path = folder / LOCK
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        # The file may have been deleted, with its folder, since it was opened.
        if _lock(descriptor) and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _lock(descriptor: int) -> bool:
    """Lock a file, for as long as it is open; False when it is locked already."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
