"""The message that a command line asks for: words, piped text, attachments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dragoman.cli.ask import attach, stdin
from dragoman.cli.flags import WrongUsage
from dragoman.types.message import Message, Part, Text, user


def read_prompt(
    words: Sequence[str],
    attachments: Sequence[str],
    typed: Sequence[tuple[str, str]],
    notice: Callable[[str], None],
) -> Message:
    """Put the user's message together: the words, then what is piped in, then attachments.

    Piped text alone, or named by `-`, is the prompt. A piped image or document is an attachment.

    Raises: WrongUsage without a prompt, InputMissing, InvalidRequest.
    """
    if tuple(words) == ("-",):
        words = ()
    wants_stdin = "-" in attachments or any(path == "-" for path, _ in typed)
    text = clean(" ".join(words)).strip()
    required = wants_stdin or not (text or attachments or typed)
    piped = stdin.read_piped(required=required, notice=notice)
    parts: list[Part] = []
    if piped and not wants_stdin:
        text, parts = _add_piped(text, piped)
    if text:
        parts.insert(0, Text(text))
    parts += [attach.attach(place, piped) for place in attachments]
    parts += [attach.attach(place, piped, media_type) for place, media_type in typed]
    if not parts:
        raise WrongUsage("there is no prompt", hint='dragoman "Why is the sky blue?"')
    return user(*parts)


def read_system(text: str) -> str:
    """Read the system prompt: text, or `@FILE`. Raises: InputMissing, InvalidRequest."""
    return attach.read_text_file(text[1:]) if text.startswith("@") else clean(text)


def clean(text: str) -> str:
    """Replace what an argument holds that is no UTF-8: no request can carry it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _add_piped(text: str, piped: bytes) -> tuple[str, list[Part]]:
    if attach.sniff(piped, "stdin") is not None:
        return text, [attach.attach_bytes(piped, "stdin")]
    addition = piped.removeprefix(b"\xef\xbb\xbf").decode().rstrip()
    return f"{text}\n\n{addition}" if text and addition.strip() else text or addition, []
