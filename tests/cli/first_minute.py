"""The first minute of somebody new, as it looks at a terminal: `docs/first-minute.md` shows it.

    python -m tests.cli.first_minute      writes the recording anew

A server on this machine stands for the one that they have; its port is told as 8000. Times are
those of the recording: two recordings are the same when all else is.
"""

from __future__ import annotations

import difflib
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path

from tests.cli.running import TIMEOUT_S, Dragoman
from tests.upstream.answers import chat, chat_stream, error, models, tokens, tool_calls
from tests.upstream.fault import FaultUpstream, Request
from tests.upstream.script import Script

PAGE = Path(__file__).parents[2] / "docs" / "first-minute.md"
MARKS = (
    "<!-- recording: made by python -m tests.cli.first_minute -->\n",
    "<!-- /recording -->\n",
)
COLUMNS = 96
MODEL = "qwen3-8b"

STEPS = (
    'dragoman "hello"',
    "dragoman providers add mycorp --base-url http://localhost:8000",
    f"dragoman models price mycorp/{MODEL} --in 0.1 --out 0.4",
    'dragoman "why is the sky blue, one line" -u',
    'dragoman -c "and at sunset?" -u',
    "dragoman usage",
)
DAY = "Sunlight scatters off the air, and blue scatters most."
SUNSET = "The light comes a longer way, and most of the blue is gone: red is left."


def serve(request: Request) -> Script:
    """Answer as an OpenAI-compatible server that can do most things."""
    if request.method == "GET":
        return models(MODEL, "qwen3-32b") if request.path == "/v1/models" else error(404)
    body = request.json()
    asked = str(body["messages"])
    if "image_url" in asked:
        return error(400, message="this model reads text only")
    if "tools" in body:
        return tool_calls(("get_time", {"city": "Paris"}), model=MODEL)
    if "response_format" in body:
        return chat('{"ok": true}', model=MODEL)
    text, used = (SUNSET, tokens(46, 19)) if "sunset" in asked else (DAY, tokens(16, 12))
    if not body.get("stream"):
        return chat(text, usage=used, model=MODEL)
    return chat_stream(re.findall(r"\S+\s*", text), usage=used, model=MODEL)


def record() -> str:
    """Do all of it in a new home, and write down what the terminal shows."""
    with tempfile.TemporaryDirectory() as folder, FaultUpstream(serve) as server:
        dragoman = Dragoman(Path(folder))
        places = {
            server.url.removeprefix("http://").replace("127.0.0.1", "localhost"): "localhost:8000",
            server.url.removeprefix("http://"): "127.0.0.1:8000",
        }
        lines: list[str] = []
        for step in STEPS:
            command = step
            for real, told in places.items():
                command = command.replace(told, real)
            seen = _run(dragoman, shlex.split(command)[1:])
            for real, told in places.items():
                seen = seen.replace(real, told)
            lines += [f"$ {step}", *seen.replace(str(dragoman.home), "~").splitlines(), ""]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def _run(dragoman: Dragoman, arguments: list[str]) -> str:
    """Run a command at a terminal that nobody colours; both outputs are that terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, COLUMNS))
    env = {**dragoman.env, "TERM": "xterm-256color", "NO_COLOR": "1", "CI": "1"}
    with subprocess.Popen(
        dragoman.command(arguments),
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=dragoman.cwd, env=env,
    ) as process:  # fmt: skip
        os.close(theirs)
        seen = b"".join(_chunks(ours))
        code = process.wait(TIMEOUT_S)
    os.close(ours)
    text = seen.decode().replace("\r\n", "\n")
    assert code == 0, f"{arguments} ended with {code}:\n{text}"
    return text


def _chunks(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            return
        if not chunk:
            return
        yield chunk


def read_page() -> str:
    """The recording that the page shows."""
    _, _, rest = PAGE.read_text("utf-8").partition(MARKS[0])
    shown, _, _ = rest.partition(MARKS[1])
    return shown.strip().removeprefix("```text\n").removesuffix("\n```") + "\n"


def write_page(text: str) -> None:
    """Put a recording into the page."""
    page = PAGE.read_text("utf-8")
    before, start, rest = page.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{start}\n```text\n{text}```\n\n{end}{after}", "utf-8")


def lasting(text: str) -> list[str]:
    """What of a recording does not depend on the hour and the machine."""
    text = re.sub(r"\b\d+(?:\.\d+)? m?s\b", "0 ms", text)
    return text.splitlines()


def differences(shown: str, seen: str) -> list[str]:
    """Say how two recordings differ."""
    return list(
        difflib.unified_diff(lasting(shown), lasting(seen), "the page", "now", lineterm="", n=1)
    )


if __name__ == "__main__":
    write_page(record())
    sys.stdout.write(read_page())
