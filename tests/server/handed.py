"""Becomes a gateway that is handed a listening socket, as systemd does it.

python -m tests.server.handed DESCRIPTOR ARGUMENT…    # of `dragoman serve`
"""

from __future__ import annotations

import os
import sys

from dragoman.server.systemd import FIRST


def main() -> None:
    descriptor, *arguments = sys.argv[1:]
    os.dup2(int(descriptor), FIRST)
    os.set_inheritable(FIRST, True)
    os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
    os.execv(sys.executable, [sys.executable, "-m", "dragoman", "serve", *arguments])


if __name__ == "__main__":
    main()
