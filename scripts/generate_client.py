"""Write console/openapi.json out of the control plane: the console's client is made of it.

python scripts/generate_client.py            # write it
python scripts/generate_client.py --check    # fail when it is out of date
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dragoman.control.app import make_app
from dragoman.control.description import describe_app

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "console" / "openapi.json"


def render() -> str:
    """Write the document. It describes the API of this version alone, whatever is set up."""
    return json.dumps(describe_app(make_app(None)), indent=1, sort_keys=True) + "\n"


def main() -> int:
    """Run. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    made = render()
    if parser.parse_args().check:
        if DOCUMENT.read_text("utf-8") != made:
            print(f"{DOCUMENT.relative_to(ROOT)} is out of date: run `make generate`")
            return 1
        return 0
    DOCUMENT.write_text(made, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
