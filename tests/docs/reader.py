"""A reader who tries what a page says, from top to bottom, in one shell and a home of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.clients.installed import NODE_FOLDER, PROGRAMS, PYTHON, install, node
from tests.docs.page import SERVE, Step

STARTS, ENDS = "\x1e", "\x1f"
TIMEOUT_S = 600
CHECK = "--check"
"""With this `dragoman serve` asks, and does not stay."""
GATEWAY = "127.0.0.1:4400"
"""Where the pages find the gateway."""

WAITS = """{command} >served.txt 2>&1 &
for _ in $(seq 300); do grep -q "^  Keys" served.txt && break; sleep 0.1; done
cat served.txt"""
TIDY = "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n"


class Reader:
    """Runs steps. `servers` maps the `localhost:port` of the pages to where it really is.

    `providers` are built-in ones that are reached there, and with which base URL.
    """

    def __init__(
        self, home: Path, servers: Mapping[str, str], providers: Mapping[str, str]
    ) -> None:
        self.home = home
        self.work = home / "project"
        self.work.mkdir(parents=True)
        (home / ".curlrc").write_text("silent\nshow-error\n")  # at a terminal it shows no meter
        self.servers = servers
        self.providers = providers

    def follow(self, steps: list[Step]) -> Iterator[str]:
        """Do all steps; yield a sentence for each that goes otherwise than the page says."""
        if any("CLIENTS_NODE" in step.command for step in steps):
            install(NODE_FOLDER)
        run = subprocess.run(
            ["bash", "-c", self._script(steps)],
            cwd=self.work,
            env=self._environment(steps),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
        seen = run.stdout.decode().split(STARTS)[1:]
        assert len(seen) == len(steps), f"the shell ended early:\n{run.stdout.decode()}"
        for step, text in zip(steps, seen, strict=True):
            output, _, status = text.rpartition(ENDS)
            output = self._as_written(output)
            where = f"line {step.line}: {step.command.splitlines()[0]}"
            if status.strip() != "0":
                yield f"{where}\nfailed with status {status.strip()}:\n{output}"
            elif step.expected is not None and not matches(step.expected, output):
                yield f"{where}\nexpected:\n{step.expected}\nsaw:\n{output}"

    def _script(self, steps: list[Step]) -> str:
        parts = [TIDY]
        for step in steps:
            command = self._replaced(step.command, self.servers)
            if command.startswith(SERVE) and not command.endswith(CHECK):
                command = WAITS.format(command=command)
            parts.append(f"printf '{STARTS}'\n{{\n{command}\n}} </dev/null\nprintf '{ENDS}%s' $?\n")
        return "".join(parts)

    def _environment(self, steps: list[Step]) -> dict[str, str]:
        home = str(self.home)
        port = self.servers[GATEWAY].rpartition(":")[2]
        serves = any(step.command.startswith(SERVE) for step in steps)
        return {
            **({"DRAGOMAN_SERVER__PORT": port} if serves else {}),
            **self._moved(),
            "CLIENTS_PYTHON": str(PYTHON),
            "CLIENTS_NODE": str(node()),
            "CLIENTS_NODE_FOLDER": str(NODE_FOLDER),
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:{PROGRAMS}",
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/.config",
            "XDG_DATA_HOME": f"{home}/.local/share",
            "XDG_STATE_HOME": f"{home}/.local/state",
            "XDG_CACHE_HOME": f"{home}/.cache",
            "OLLAMA_HOST": self.servers["localhost:11434"],
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "COLUMNS": "100",
        }

    def _moved(self) -> dict[str, str]:
        """Say where built-in providers are to be reached, without a change to anything else."""
        moved = {}
        for name, base_url in self.providers.items():
            table = f"DRAGOMAN_PROVIDERS__{name.upper()}__"
            moved[f"{table}BASE_URL"] = self._replaced(base_url, self.servers)
            moved[f"{table}PRESET"] = name
        return moved

    def _as_written(self, output: str) -> str:
        """Put back the names that the page uses."""
        back = {real: written for written, real in self.servers.items()}
        back |= {real.replace("localhost", "127.0.0.1"): w for real, w in back.items()}
        output = self._replaced(output, back)
        return output.replace(str(self.work), "~/project").replace(str(self.home), "~")

    @staticmethod
    def _replaced(text: str, pairs: Mapping[str, str]) -> str:
        for old, new in pairs.items():
            text = re.sub(rf"{re.escape(old)}(?!\d)", new, text)
        return text


def matches(expected: str, output: str) -> bool:
    """Compare what a page shows with what was seen.

    Times and widths of columns vary; `…` stands for anything, alone on a line for any lines.
    """
    pattern = "".join(_line_patterns(_plain(expected)))
    return re.fullmatch(pattern, _plain(output) + "\n") is not None


def _line_patterns(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line == "…":
            yield r"(?:[^\n]*\n)*?"
        else:
            yield re.escape(line).replace("…", r"[^\n]*") + r"\n"


def _plain(text: str) -> str:
    text = re.sub(r"\b\d+(?:\.\d+)? m?s\b", "0 s", text)
    lines = (re.sub(r"(?<=\S)[ \t]+", " ", line).rstrip() for line in text.rstrip().split("\n"))
    return "\n".join(lines)
