"""How soon the console shows an overview over a million exchanges, and how smoothly lists scroll.

python -m bench.console [--count N] [--rows N] [URL]   # postgresql://…; a SQLite file by default

A database that holds the exchanges of `bench.overview` already is taken as it is. It wants the
console built (`make console`), Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeAlias

from playwright.sync_api import Browser, Page, sync_playwright

from bench.overview import BEGAN, COUNT, DAYS, fill
from dragoman.store.database import Place, Server, open_database, read_place

ROUNDS = 5
ROWS = 100_000
STEP_PX = 2000
OPENED_MS = 2000
"""A new window of Chromium works on itself for half a second of CPU: a visit comes after that."""
PROGRAMS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
Process: TypeAlias = "subprocess.Popen[bytes]"
Served: TypeAlias = tuple[str, Process]
END = BEGAN + DAYS * 86_400
SPANS = {"a day": 86_400, "30 days": 30 * 86_400}
PAINTED = """
(() => {
  const all = () => document.querySelectorAll(".recharts-surface path").length > 6
    && document.querySelector("h1")?.textContent === "Overview"
    && document.body.innerText.includes("Recent failures");
  const look = () => {
    // The frame after the one in which it is there has been painted.
    if (all()) requestAnimationFrame(() => { window.paintedAt = performance.now(); });
    else requestAnimationFrame(look);
  };
  look();
})();
"""
SCROLL = """async ([table, step, most]) => {
  const box = table.parentElement, frames = [];
  let last = performance.now(), idle = 0;
  while (Number(table.getAttribute("aria-rowcount")) < most && idle < 600) {
    const before = box.scrollTop;
    box.scrollTop += step;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
    idle = box.scrollTop === before ? idle + 1 : 0;
  }
  return [frames, Number(table.getAttribute("aria-rowcount")),
    document.querySelectorAll("tbody tr").length, performance.memory?.usedJSHeapSize ?? 0];
}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m bench.console")
    parser.add_argument("url", nargs="?")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--rows", type=int, default=ROWS)
    given = parser.parse_args(arguments)
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        place = read_place(given.url) if given.url else Path(folder) / "a.db"
        _see_to(place, given.count)
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"],
        )
        with closing(browser), _gateway(Path(folder), place) as served:
            for name, span in SPANS.items():
                _measure_overview(browser, served, name, span)
            _measure_list(browser, served, given.rows)


def _see_to(place: Place, count: int) -> None:
    with closing(open_database(place)) as connection:
        (row,) = connection.rows("SELECT count(*) AS n FROM exchange")
    if not row["n"]:
        fill(place, count)
    print(f"{place}: {row['n'] or count:,} exchanges")


@contextmanager
def _gateway(home: Path, place: Place) -> Iterator[Served]:
    """Run `dragoman serve` over the database."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    where = place.url if isinstance(place, Server) else f"sqlite:///{place.absolute()}"
    env = {"HOME": str(home), "PATH": os.environ["PATH"], "DRAGOMAN_DATABASE_URL": where}
    program = [sys.executable, "-m", "dragoman", "serve", "--port", str(port)]
    process = subprocess.Popen(
        program, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/api/v1/session").close()
                break
            except OSError:
                time.sleep(0.1)
        yield url, process
    finally:
        process.terminate()
        process.wait()


class Worked:
    """Tells how much CPU a page's main thread and a process have used, in ms.

    The clock tells of all else that the machine does, too.
    """

    def __init__(self, page: Page, process: Process) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._process = process
        self._before = self._look()

    def since(self) -> tuple[float, float]:
        """Say how much since the last time: of the page, of the process."""
        before, self._before = self._before, self._look()
        # A page that goes elsewhere may get a process of its own.
        page = self._before[0] - before[0]
        return (page if page >= 0 else self._before[0]), self._before[1] - before[1]

    def _look(self) -> tuple[float, float]:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        page = next(one["value"] for one in metrics if one["name"] == "ThreadTime")
        used = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return page * 1000, (int(used[11]) + int(used[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def _measure_overview(browser: Browser, served: Served, name: str, span: int) -> None:
    """Open it in a browser that has never been there, and again."""
    url, process = served
    address = f"{url}/console/?from={END - span}&to={END}"
    first: list[tuple[float, float, float]] = []
    again: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1400, "height": 900})
        context.add_init_script(PAINTED)
        page = context.new_page()
        page.wait_for_timeout(OPENED_MS)
        worked = Worked(page, process)
        for found in (first, again):
            page.goto(address)
            page.wait_for_function("() => window.paintedAt", timeout=60_000)
            found.append((page.evaluate("window.paintedAt"), *worked.since()))
        context.close()
    for told, found in (("at first", first), ("again", again)):
        took, browsed, served = (statistics.median(column) for column in zip(*found, strict=True))
        print(
            f"  overview of {name}, {told}: all is painted after {took:.0f} ms;"
            f" {browsed:.0f} ms of CPU in the page, {served:.0f} ms in the gateway"
        )


def _measure_list(browser: Browser, served: Served, rows: int) -> None:
    """Scroll down the list, a screen in each frame, until so many rows have been fetched."""
    url, process = served
    page: Page = browser.new_context(viewport={"width": 1400, "height": 900}).new_page()
    page.goto(f"{url}/console/requests?from={BEGAN}&to={END}")
    table = page.get_by_role("table", name="Requests")
    table.wait_for()
    worked = Worked(page, process)
    began = time.perf_counter()
    frames, seen, held, heap = page.evaluate(SCROLL, [table.element_handle(), STEP_PX, rows])
    browsed, _ = worked.since()
    frames.sort()
    took, each = time.perf_counter() - began, browsed / len(frames)
    slow = frames[int(len(frames) * 0.95)]
    print(
        f"  {seen:,} requests scrolled in {took:.0f} s: {len(frames)} frames, {each:.1f} ms of CPU"
        f" each; on the clock {statistics.median(frames):.0f} ms, 95 of 100 at most {slow:.0f} ms,"
        f" the longest {frames[-1]:.0f} ms; {held} rows in the page, {heap / 1e6:.0f} MB of heap"
    )


if __name__ == "__main__":
    main()
