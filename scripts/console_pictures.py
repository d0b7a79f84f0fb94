"""Take the pictures of docs/gateway/console.md: the console, filled with demo traffic.

python scripts/console_pictures.py      # writes docs/gateway/console/*.png

It needs Chromium, and the console built (`make console`). Pictures that are the same but for the
day are not worth a commit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.console.browser import Watched, find_browser  # noqa: E402 - the tests are no package
from tests.server.process import Process  # noqa: E402
from tests.server.serving import ask  # noqa: E402

FOLDER = ROOT / "docs" / "gateway" / "console"
LIMIT = 120_000
"""Bytes of a picture."""
SIZE = {"width": 1280, "height": 800}
DEMO = "/api/v1/organisations/default/demo-traffic"
REQUESTS = "/api/v1/organisations/default/requests"
PICTURES = {
    "overview": ("/?range=7d", "light"),
    "overview-dark": ("/?range=7d", "dark"),
    "request": ("/requests?range=7d&request={fallen_back}", "light"),
    "first": ("/first", "light"),
}


def take(browser: Browser, url: str, name: str, path: str, theme: str) -> Path:
    """Take one."""
    dark = theme == "dark"
    context = browser.new_context(viewport=SIZE, color_scheme="dark" if dark else "light")
    page = Watched(context.new_page(), url).open(path)
    page.wait_for_load_state("networkidle")
    file = FOLDER / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    context.close()
    return file


def find_fallback(url: str) -> str:
    """Find the latest request that more than one model was asked for."""
    listed = json.loads(ask(f"{url}{REQUESTS}?limit=100", method="GET")[2])["items"]
    return next(line["id"] for line in listed if line["attempt_count"] > 1)


def main() -> int:
    """Take them all. Returns the exit status."""
    program = find_browser()
    if program is None:
        print("there is no Chromium on this machine (Debian's package: chromium)", file=sys.stderr)
        return 1
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        gateway = Process(Path(folder), "")
        try:
            status, _, said = ask(gateway.url + DEMO, json.dumps({}).encode())
            if status != 201:
                print(f"no demo traffic: {said!r}", file=sys.stderr)
                return 1
            browser = playwright.chromium.launch(
                executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"]
            )
            fallen_back = find_fallback(gateway.url)
            files = [
                take(browser, gateway.url, name, path.format(fallen_back=fallen_back), theme)
                for name, (path, theme) in PICTURES.items()
            ]
            browser.close()
        finally:
            gateway.kill()
    large = [file.name for file in files if file.stat().st_size > LIMIT]
    if large:
        print(f"too large: {', '.join(large)}", file=sys.stderr)
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
