"""A page of documentation, as the blocks of code that a reader would try.

console   `$ ` starts a command (a line that ends in a backslash goes on), what follows is its
          output. `…` in the output stands for anything, a line of only `…` for any lines. A
          command without output shown is run, and its output not looked at. Commands must succeed;
          where one should fail, the page shows it with `; echo "exit $?"` or the like.
          `dragoman serve` stays while the rest of the page is tried.
python    is run by itself; a `text` block right below it is what it prints. With a `title` it is
          run where the libraries of others are: see tests/clients. With a title that begins with
          `~/` it is not run but written to that file.
js        is run by Node, likewise.
toml …    must be without errors as a configuration, with the variables set that it names; with
          a `title` it is written to the file of that name, which may be another program's.
sh        is not run: installing, and starting servers of others.
text      is shown, and not run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^```(?P<kind>\w+)?(?P<rest>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
TITLE = re.compile(r'title="([^"]+)"')
VARIABLE = re.compile(r"(?:env:|\$\{|api_key_env = \"|\"apiKeyEnv\": \")([A-Z][A-Z0-9_]*)")
CONFIG_KINDS = ("toml", "json", "yaml")
KINDS = ("console", "python", "js", "sh", "text", *CONFIG_KINDS)
SERVE = "dragoman serve"


@dataclass(frozen=True)
class Block:
    """A block of code: its kind, its text, where it stands."""

    kind: str
    title: str | None
    text: str
    line: int
    follows_directly: bool
    """Nothing but white space stands between it and the block before."""


@dataclass(frozen=True)
class Step:
    """Something to do and what is expected to be seen; None is not looked at."""

    line: int
    command: str
    expected: str | None


def read_blocks(path: Path) -> list[Block]:
    """List the blocks of a page."""
    page = path.read_text("utf-8")
    blocks = []
    end = 0
    for match in FENCE.finditer(page):
        title = TITLE.search(match["rest"])
        direct = bool(end) and not page[end : match.start()].strip()
        line = page.count("\n", 0, match.start()) + 1
        kind = match["kind"] or ""
        blocks.append(Block(kind, title and title[1], match["text"], line, direct))
        end = match.end()
    return blocks


def list_steps(blocks: list[Block]) -> Iterator[Step]:
    """Turn blocks into steps: files to write, commands to run."""
    for index, block in enumerate(blocks):
        if block.kind == "console":
            yield from _console(block)
        elif block.title and block.title.startswith("~/") and block.kind not in CONFIG_KINDS:
            yield Step(block.line, "\n".join(_written(block, _path(block.title))), None)
        elif block.kind in ("python", "js"):
            following = blocks[index + 1 : index + 2]
            printed = [b.text for b in following if b.kind == "text" and b.follows_directly]
            command = f"{_program(block)} - <<'END OF BLOCK'\n{block.text}END OF BLOCK"
            yield Step(block.line, command, printed[0] if printed else None)
        elif block.kind in CONFIG_KINDS:
            yield _config(block)


def _program(block: Block) -> str:
    """Say what runs a block; variables are the reader's."""
    if block.kind == "js":
        return 'env -C "$CLIENTS_NODE_FOLDER" "$CLIENTS_NODE" --input-type=module'
    return '"$CLIENTS_PYTHON"' if block.title else "python"


def _console(block: Block) -> Iterator[Step]:
    """Yield each command with the output below it."""
    command: list[str] = []
    output: list[str] = []
    start = block.line
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            if command:
                yield _step(start, command, output)
            start, command, output = number, [line[2:]], []
        elif command and not output and command[-1].endswith("\\"):
            command.append(line)
        else:
            output.append(line)
    if command:
        yield _step(start, command, output)


def _step(line: int, command: list[str], output: list[str]) -> Step:
    while output and not output[-1].strip():
        output.pop()
    return Step(line, "\n".join(command), "\n".join(output) if output else None)


def _config(block: Block) -> Step:
    """Write a configuration where the page says, or to a place of its own, and check it."""
    name = block.title or f"unnamed.{block.kind}"
    path = _path(name)
    lines = _written(block, path)
    if block.title is None or ("dragoman" in name and "/adapters/" not in name):
        variables = " ".join(f"{name}=x" for name in sorted(set(VARIABLE.findall(block.text))))
        lines.append(f"env {variables} dragoman --config {path} config check")
    if block.title is None:
        lines.append(f"rm {path}")
    return Step(block.line, "\n".join(lines), None)


def _path(name: str) -> str:
    """A file's path, as the shell has it."""
    return f'"$HOME"/{name[2:]}' if name.startswith("~/") else name


def _written(block: Block, path: str) -> list[str]:
    """The commands that write a block to a file."""
    return [
        f'mkdir -p "$(dirname {path})"',
        f"cat > {path} <<'END OF BLOCK'\n{block.text}END OF BLOCK",
    ]
