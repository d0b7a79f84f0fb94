"""Run harnesses by name."""

from __future__ import annotations

import argparse
import time

from tests.chaos.harnesses import HARNESSES
from tests.team.day import day

BY_HAND = {**HARNESSES, "day": day}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("names", nargs="*", choices=[*BY_HAND, []])
    parser.add_argument("--full", action="store_true", help="full size")
    arguments = parser.parse_args()
    if not arguments.names:
        for name, run in BY_HAND.items():
            print(f"{name:16} {(run.__doc__ or '').splitlines()[0]}")
    for name in arguments.names:
        began = time.monotonic()
        figures = BY_HAND[name](full=arguments.full)
        told = ", ".join(f"{key} {_shown(value)}" for key, value in figures.items())
        print(f"{name}: {told} ({time.monotonic() - began:.0f} s)")


def _shown(value: float) -> str:
    """Write a number for people: whole ones in full."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


if __name__ == "__main__":
    main()
