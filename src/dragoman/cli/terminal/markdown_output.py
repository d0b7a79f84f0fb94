"""An answer's Markdown on a terminal, block by block, as it comes.

What is printed stays as it is: the cursor only moves on. So nothing flickers, and nothing that has
scrolled away is drawn again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from markdown_it import MarkdownIt
from rich.color import ColorSystem
from rich.console import Console as Rich
from rich.console import ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, HorizontalRule, ImageItem, ListItem, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme

from dragoman.cli.ask.output import Output
from dragoman.cli.terminal.markdown_blocks import Block, Blocks
from dragoman.cli.terminal.streams import Console, Terminal, printable
from dragoman.cli.terminal.width import window_width

WIDEST = 100
"""Lines longer than this are hard to read."""
SHARE = 4
"""So much longer than it took is waited before a block is laid out anew."""
PLAIN = str.maketrans({"•": "*", "▌": "|", "─": "-", "━": "-", "│": "|", "🌆": "image:"})
THEME = Theme(
    {
        "markdown.code": "cyan",
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold",
        "markdown.h4": "bold",
        "markdown.h5": "bold",
        "markdown.h6": "bold",
        "markdown.block_quote": "dim",
        "markdown.hr": "dim",
        "markdown.item.bullet": "dim",
        "markdown.item.number": "dim",
        "markdown.link": "underline",
        "markdown.link_url": "dim",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
"""Colours of the terminal's own sixteen, no backgrounds: they look right on light and on dark."""
CODE_THEME = "ansi_dark"


class MarkdownOutput(Output):
    """Writes text as Markdown; reasoning as it is. `clock` is in seconds."""

    def __init__(
        self, terminal: Terminal, *, reasoning: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(terminal, quiet=False, reasoning=reasoning)
        self._blocks = Blocks()
        self._printer = BlockPrinter(terminal.out, clock)

    def end(self) -> None:
        """Print what is left, and end the last line. May be called again."""
        self._stop_thinking()
        for block in self._blocks.close():
            self._printer.show(block)
        self._printer.end()
        self._blocks = Blocks()

    def _write(self, text: str) -> None:
        for block in self._blocks.feed(printable(text.replace("\r", ""))):
            self._printer.show(block)


class BlockPrinter:
    """Prints blocks, and of a block that grows only what is new."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._rich = _rich(self._width)
        self._printed = 0
        self._begun = False
        self._open = False
        self._not_before = 0.0

    def show(self, block: Block) -> None:
        """Print a block, or what has been added to the one that was printed last."""
        started = self._clock()
        if not block.text.strip() or (started < self._not_before and not block.whole):
            return
        if not self._open:
            self._start(block)
        self._append(self._lines(block))
        if block.whole:
            self.end()
        took = self._clock() - started
        self._not_before = started + (1 + SHARE) * took

    def end(self) -> None:
        """End the line that is open. May be called again."""
        if self._open:
            self._open, self._printed = False, 0
            self._console.write("\n")

    @property
    def _width(self) -> int:
        return max(8, min(WIDEST, window_width(self._console)))

    def _start(self, block: Block) -> None:
        if self._rich.width != self._width:
            self._rich = _rich(self._width)
        gap = self._begun and block.gap
        self._begun = self._open = True
        if gap:
            self._console.write("\n")

    def _lines(self, block: Block) -> list[list[Segment]]:
        rendered = self._rich.render_lines(_ChatMarkdown(block), pad=False)
        lines = [_stripped(line) for line in rendered]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        return lines

    def _append(self, lines: Sequence[list[Segment]]) -> None:
        """Print what goes beyond what is there, counted without spaces.

        So a line that would now be broken elsewhere goes on where it is, and nothing is lost.
        """
        written: list[str] = []
        skip = self._printed
        for number, line in enumerate(lines):
            if skip and (length := _count(line)) < skip:
                skip -= length
                continue
            rest = _after(line, skip)
            if not skip and number:
                written.append("\n")
            skip = 0
            written += self._styled(rest)
        self._printed = max(self._printed, sum(map(_count, lines)))
        if written:
            self._console.write("".join(written))

    def _styled(self, segments: Iterable[Segment]) -> list[str]:
        found = []
        for segment in segments:
            text = segment.text
            if not self._console.can_show(text):
                text = text.translate(PLAIN)
            style = segment.style or Style.null()
            found.append(style.render(text, color_system=ColorSystem.STANDARD))
        return found


class _Code(CodeBlock):
    """Code without a frame and without trailing spaces: it is there to be copied."""

    def __rich_console__(self, console: Rich, options: ConsoleOptions) -> RenderResult:
        yield Syntax(
            str(self.text).rstrip(),
            self.lexer_name,
            theme=CODE_THEME,
            word_wrap=True,
            background_color="default",
        )


class _Heading(Heading):
    LEVEL_ALIGN: ClassVar = dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "left")


class _Rule(HorizontalRule):
    def __rich_console__(self, console: Rich, options: ConsoleOptions) -> RenderResult:
        yield Text("─" * min(20, options.max_width), style="markdown.hr")


class _Item(ListItem):
    """An item whose number looks as it was written, and as wide as its neighbours'."""

    def render_number(
        self,
        console: Rich,
        options: ConsoleOptions,
        number: int,
        last_number: int,  # noqa: ARG002
    ) -> RenderResult:
        mark = f"{number}.".rjust(3) + " "
        inner = options.update(width=max(1, options.max_width - len(mark)))
        style = console.get_style("markdown.item.number")
        for index, line in enumerate(console.render_lines(self.elements, inner, pad=False)):
            yield Segment(mark if not index else " " * len(mark), style)
            yield from line
            yield Segment("\n")


class _Image(ImageItem):
    """An image's words, and where it is."""

    def __rich_console__(self, console: Rich, options: ConsoleOptions) -> RenderResult:
        words = str(self.text).strip()
        yield Text(f"[{words}]({self.destination})" if words else self.destination, end="")


class _ChatMarkdown(Markdown):
    """Markdown as models write it: line breaks count, HTML and LaTeX are text, links are seen."""

    elements: ClassVar = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Heading,
        "hr": _Rule,
        "list_item_open": _Item,
        "image": _Image,
    }

    def __init__(self, block: Block) -> None:
        super().__init__("", code_theme=CODE_THEME, hyperlinks=False)
        self.parsed = (_TABLES if block.kind == "table" else _TEXT).parse(block.text)
        for token in self.parsed:
            for child in token.children or ():
                if child.type == "softbreak":
                    child.type = "hardbreak"


_TEXT = MarkdownIt().enable("strikethrough")
_TEXT.disable(["html_block", "html_inline", "escape", "reference", "lheading"])
# A line with bars in it is a table when all of it is there; only whole blocks are taken for one.
_TABLES = MarkdownIt().enable("table")


def _rich(width: int) -> Rich:
    return Rich(
        width=width,
        force_terminal=True,
        color_system="standard",
        legacy_windows=False,
        theme=THEME,
        emoji=False,
        markup=False,
        highlight=False,
    )


def _stripped(line: list[Segment]) -> list[Segment]:
    """Take the spaces off a line's end."""
    kept = [segment for segment in line if not segment.is_control]
    while kept:
        text = kept[-1].text.rstrip()
        if text:
            kept[-1] = Segment(text, kept[-1].style)
            break
        kept.pop()
    return kept


def _count(line: Iterable[Segment]) -> int:
    """Count the characters that are no spaces."""
    return sum(not c.isspace() for segment in line for c in segment.text)


def _after(line: Iterable[Segment], count: int) -> list[Segment]:
    """Leave out so many characters at the beginning, not counting spaces."""
    rest = []
    for segment in line:
        position = 0
        while count and position < len(segment.text):
            count -= not segment.text[position].isspace()
            position += 1
        if segment.text[position:]:
            rest.append(Segment(segment.text[position:], segment.style))
    return rest
