"""What `make run` does: an answer that streams, then the gateway, and how to ask it.

At a terminal the gateway stays until Ctrl-C. Elsewhere (no terminal, or `CI` or `DRAGOMAN_RUN_ONCE`
set) the request that is printed is made once, its answer is printed, and everything is stopped: a
rehearsal, with exit status 0 if all went well.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

DRAGOMAN = Path(sys.executable).with_name("dragoman")
CONFIG = Path(__file__).with_name("first_run.toml")
FIRST = ["-m", "demo/story", "-u", "Tell me about dragomans."]
HOST, PORT = "127.0.0.1", 4400
TIMEOUT_S = 10.0
MODEL = "demo/echo"
BODY = {"model": MODEL, "messages": [{"role": "user", "content": "Hello, gateway"}]}
LAST_LINE = "  Keys"
"""What the last line that the gateway prints begins with: from then on it answers."""

MORE = """
The same from Python (pip install openai anthropic):

  from openai import OpenAI

  client = OpenAI(base_url="{url}/v1", api_key="any")
  answer = client.chat.completions.create(
      model="{model}", messages=[{{"role": "user", "content": "Hello, gateway"}}]
  )
  print(answer.choices[0].message.content)

  from anthropic import Anthropic

  client = Anthropic(base_url="{url}", api_key="any")
  answer = client.messages.create(
      model="{model}", max_tokens=100, messages=[{{"role": "user", "content": "Hello, gateway"}}]
  )
  print(answer.content[0].text)

Model "smart" is a route whose first model fails; see what happened: {dragoman} logs
Your own providers: docs/quickstart.md, docs/gateway/index.md

See what is called, and try models, in a browser: {url}/console/
"""


def main(env: Mapping[str, str] = os.environ) -> int:
    """Run all of it. Returns: the exit status."""
    print(f"$ dragoman {shlex.join(FIRST)}\n", flush=True)
    if code := subprocess.call([DRAGOMAN, *FIRST]):
        return code
    command = ["serve", "--config", str(CONFIG), "--host", HOST, "--port", str(_port())]
    print(f"\n$ dragoman {shlex.join(command)}\n", flush=True)
    with subprocess.Popen([DRAGOMAN, *command], stdout=subprocess.PIPE, text=True) as gateway:
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the gateway as well
        signal.signal(signal.SIGTERM, lambda *_: gateway.terminate())
        url = _relay(gateway)
        if url is None:
            return gateway.wait() or 1
        _tell(url)
        if _stays(env):
            print("Ctrl-C stops it.", flush=True)
            return gateway.wait()
        try:
            code = _ask(url)
        finally:
            gateway.terminate()
        return gateway.wait() or code


def _stays(env: Mapping[str, str]) -> bool:
    """Tell whether somebody sits there who would stop it."""
    once = env.get("CI") or env.get("DRAGOMAN_RUN_ONCE")
    return not once and sys.stdin.isatty() and sys.stdout.isatty()


def _port() -> int:
    """Take the usual port, or 0 for any if something else has it."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, PORT))
        except OSError:
            print(f"\nPort {PORT} is taken by something else: another one will do.", flush=True)
            return 0
    return PORT


def _relay(gateway: subprocess.Popen[str]) -> str | None:
    """Print what the gateway prints, until it answers. Returns: its URL; None if it failed."""
    url = None
    assert gateway.stdout is not None
    for line in gateway.stdout:
        print(line, end="", flush=True)
        if line.split()[:1] == ["API"]:
            url = line.split()[1].removesuffix("/v1")
        if line.startswith(LAST_LINE):
            return url
    return None


def _tell(url: str) -> None:
    curl = f"curl {url}/v1/chat/completions -H 'Content-Type: application/json'"
    print(f"\nAsk it, from another terminal:\n\n  {curl} -d {shlex.quote(json.dumps(BODY))}")
    print(MORE.format(url=url, model=MODEL, dragoman=os.path.relpath(DRAGOMAN)), flush=True)


def _ask(url: str) -> int:
    """Do what the line with `curl` does. Returns: 0 for an answer."""
    print("Nobody is at a terminal, so that request is made here, once:\n")
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(BODY).encode(),
        {"Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=TIMEOUT_S) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            print(f"HTTP {error.code}: {error.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{url} does not answer: {error}", file=sys.stderr)
        return 1
    print(f"{text}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
