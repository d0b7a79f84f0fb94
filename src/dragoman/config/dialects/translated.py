"""Another tool's file in our shape, each value with the place where it stands in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dragoman.config.kinds import SOURCES, Wrong
from dragoman.document.parse import Document
from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.config.shapes import Reader
    from dragoman.document.locate import Key

MAX_ENTRIES = 5_000
"""Entries of a list that are read: more come of a mistake, or of malice."""

MAX_REMARKS = 200
"""Remarks with a place: each costs a look through the file."""

NOTHING_LIKE_IT = "has nothing like it here"


PLACEHOLDERS = frozenset(
    {"none", "empty", "dummy", "fake", "fake-key", "fake-api-key", "not-needed"}
)
"""What stands for a key where a server wants none; here, no header is sent then."""


class Translated(Document):
    """What a file says, in our shape. It is read and checked like a file of ours.

    `origins` leads from keys of `data` to keys of the file. `lost` names what has no place here,
    `remarks` are warnings for whoever reads the file as it is.
    """

    data: dict[str, Any]

    def __init__(self, source: Document) -> None:
        super().__init__(
            {}, layer=source.layer, path=source.path, text=source.text, syntax=source.syntax
        )
        self.source = source
        self.origins: dict[Key, Key] = {}
        self.lost: list[str] = []
        self.remarks: list[ConfigError] = []

    def place(self, path: Key) -> str:
        """Say where the file has what stands at `path` of our shape."""
        for length in range(len(path), 0, -1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                return self.source.place((*origin, *path[length:]))
        return self.source.place(path)

    def set(self, path: Key, value: Any, origin: Key) -> None:
        """Put a value at a place of our shape; tables on the way are made."""
        put(self.data, path, value)
        self.origins[path] = origin

    def leave(self, what: str, why: str = NOTHING_LIKE_IT) -> None:
        """Note something that is left behind; never its value."""
        self.lost.append(f"{_printable(what)}: {why}")

    def remark(self, origin: Key, message: str, hint: str | None = None) -> None:
        """Warn of something at a place of the file."""
        if len(self.remarks) < MAX_REMARKS:
            place = self.source.place(origin)
            self.remarks.append(ConfigError(_printable(message), place=place, hint=hint))
        elif len(self.remarks) == MAX_REMARKS:
            self.remarks.append(ConfigError("and more like it", place=str(self.path)))

    def entries(self, value: Any, path: Key) -> Iterator[tuple[Mapping[str, Any], Key]]:
        """Go through a list of tables; what is none is reported.

        Raises: ConfigError for a list that is too long.
        """
        if value is None:
            return
        if not isinstance(value, list):
            self.remark(path, f"{_dotted(path)} must be a list")
            return
        if len(value) > MAX_ENTRIES:
            raise ConfigError(
                f"{_dotted(path)} has more than {MAX_ENTRIES} entries", place=str(self.path)
            )
        for number, item in enumerate(value):
            here = (*path, number)
            if isinstance(item, Mapping):
                yield item, here
            else:
                self.remark(here, f"{_dotted(here)} must be a table: it is left out")

    def table(self, value: Any, path: Key) -> Mapping[str, Any]:
        """Read a table; what is none is reported, and counts as empty."""
        if isinstance(value, Mapping):
            return value
        if value is not None:
            self.remark(path, f"{_dotted(path)} must be a table: it is left out")
        return {}


class Translator:
    """A tool whose files have another shape than ours."""

    name = ""

    def quiet(self, data: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset()

    def walk(self, reader: Reader) -> None:
        assert isinstance(reader.document, Translated)
        reader.report.notes += reader.document.remarks

    def unmapped(self, document: Document) -> Iterator[str]:
        assert isinstance(document, Translated)
        yield from document.lost


def put(table: dict[Any, Any], path: Key, value: Any) -> None:
    """Put a value into tables within tables, which are made where there are none."""
    for key in path[:-1]:
        table = table.setdefault(key, {})
    table[path[-1]] = value


def literal(value: Any) -> Any:
    """Write text so that we read it as it stands: dollar signs are no references here."""
    if isinstance(value, str):
        return value.replace("$", "$$") if "${" in value or "$$" in value else value
    if isinstance(value, Mapping):
        return {name: literal(item) for name, item in value.items()}
    return [literal(item) for item in value] if isinstance(value, list) else value


def literal_secret(value: str) -> str:
    """Write a secret that stands there itself.

    Raises: Wrong for one that we would take for a reference: it could run a command.
    """
    if value.partition(":")[0] in SOURCES:
        raise Wrong(f"begins with '{value.partition(':')[0]}:', which is a reference here")
    return str(literal(value))


def _dotted(path: Key) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.removeprefix(".") or "the file"


def _printable(text: str) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in text)
    return shown if len(shown) <= 300 else shown[:299] + "…"
