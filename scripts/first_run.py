"""What `make run` does: show an answer that streams, and say what to type next."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

DRAGOMAN = Path(sys.executable).with_name("dragoman")
FIRST = ["-m", "demo/story", "-u", "Tell me about dragomans."]
NEXT = (
    ('dragoman -m demo/flaky -m demo/echo -v "Hello"', "a provider that fails, and a fallback"),
    ("dragoman providers list", "what you have configured, and how to add your own"),
    ("dragoman explain demo/echo", "where a model name leads, and why"),
)


def main() -> int:
    """Run the first command, then print the next ones. Returns: the command's exit code."""
    print(f"$ dragoman {shlex.join(FIRST)}\n", flush=True)
    code = subprocess.call([DRAGOMAN, *FIRST])
    if code:
        return code
    width = max(len(command) for command, _ in NEXT)
    print("\nNext:\n")
    if not os.environ.get("VIRTUAL_ENV"):
        print("  source .venv/bin/activate")
    for command, purpose in NEXT:
        print(f"  {command:{width}}   # {purpose}")
    print("\nThen: docs/quickstart.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
