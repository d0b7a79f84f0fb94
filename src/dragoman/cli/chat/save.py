"""A conversation as a file: Markdown for people, JSON for programs."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dragoman.cli.terminal.streams import one_line
from dragoman.types.message import Media, Message, Text

if TYPE_CHECKING:
    from dragoman.cli.chat.loop import Chat


def save(chat: Chat, name: str) -> None:
    """Write what was said to a new file; a file that is there is not touched."""
    note = chat.terminal.note
    if not chat.turns:
        note("Nothing has been said yet.")
        return
    path = Path(name or f"chat-{datetime.now().astimezone():%Y%m%d-%H%M%S}.md").expanduser()
    said = [message for turn in chat.turns for message in turn]
    system = chat.params.get("system")
    if system:
        said.insert(0, Message("system", (Text(system),)))
    json = path.suffix.lower() == ".json"
    text = _as_json(chat, said) if json else _as_markdown(chat, said)
    try:
        # What was said may be private: the file is its owner's until they say otherwise.
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text.encode("utf-8", "replace"))
    except FileExistsError:
        note(f"{one_line(str(path))} is there already: name another file.")
    except OSError as error:
        note(f"{one_line(str(path))} cannot be written: {error.strerror}")
    else:
        note(f"Saved to {one_line(str(path))}")


def _as_markdown(chat: Chat, said: list[Message]) -> str:
    head = f"# {chat.models()}, {datetime.now().astimezone():%Y-%m-%d %H:%M}"
    return "\n\n".join([head, *(f"## {m.role}\n\n{_text(m)}" for m in said)]) + "\n"


def _as_json(chat: Chat, said: list[Message]) -> str:
    value = {"model": chat.models(), "messages": [msgspec.to_builtins(m) for m in said]}
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _text(message: Message) -> str:
    words = []
    for part in message.parts:
        if isinstance(part, Text):
            words.append(part.text.strip())
        elif isinstance(part, Media):
            words.append(f"[{part.kind}: {part.name or part.url or part.media_type}]")
    return "\n\n".join(words)
