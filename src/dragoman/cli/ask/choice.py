"""Which model is asked when none is named, and what a newcomer is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dragoman.cli.session import Session
from dragoman.errors import ConfigError

if TYPE_CHECKING:
    from dragoman.cli.ask.ask import Asked
    from dragoman.config import Config

DEMO = "demo/echo"
NOTICE = f"No provider is set up yet, so I used the built-in demo model ({DEMO}).\n"


class Choice(Struct, frozen=True):
    """The models to ask in order, None for the default; `demo`: nobody chose it."""

    refs: tuple[str, ...] | None
    demo: bool = False


def choose_refs(session: Session, asked: Asked) -> Choice:
    """Choose: named ones, else the default, else on a terminal the demo.

    Raises: ConfigError when there is nothing to choose from.
    """
    from dragoman.cli.ask.prompt import clean

    if asked.refs or asked.base_url:
        return Choice(tuple(map(clean, asked.refs)))
    from dragoman.registry import Registry

    config = session.config()
    if Registry(config).default_ref() is not None:
        return Choice(None)
    if config.custom or config.problems:
        raise _no_default(config)
    terminal = session.terminal
    if terminal.out.tty and terminal.err.tty and not asked.json:
        return Choice((DEMO,), demo=True)
    raise _nothing(session)


def next_steps(session: Session) -> str:
    """Tell somebody who has met the demo how to go on."""
    rows = [
        ("dragoman setup", "finds servers and keys on this machine"),
        ("dragoman providers add", "ollama, groq, openai, … or any URL"),
    ]
    if _gptme_file(session):
        rows.insert(0, ("dragoman config import gptme", "take over the providers of gptme"))
    width = max(len(command) for command, _ in rows)
    lines = [f"{command:<{width}}  {what}" for command, what in rows]
    return "Next:  " + "\n       ".join(lines)


def _no_default(config: Config) -> ConfigError:
    """Several providers, and none of them is the default; or a file that could not be read."""
    if config.problems:
        problem = config.problems[0]
        return ConfigError(
            f"no model is named, and the configuration is broken: {problem.message}",
            hint=problem.hint or "dragoman config check",
        )
    names = [
        provider.name if provider.default_model else f"{provider.name}/MODEL"
        for provider in config.custom
    ]
    shown = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return ConfigError(
        "no model is named, and there is no default",
        hint=f"name one with -m ({shown}), or set default_model",
    )


def _nothing(session: Session) -> ConfigError:
    if found := _gptme_file(session):
        hint = f"dragoman config import gptme takes over {found}; -m demo/echo is a demo"
    else:
        hint = (
            "dragoman setup finds servers and keys, dragoman providers add takes a URL;"
            " -m demo/echo is a demo"
        )
    return ConfigError("no provider is set up, and no model is named", hint=hint)


def _gptme_file(session: Session) -> str | None:
    from dragoman.config.files import gptme_files

    found = gptme_files(session.env)
    return str(found[0]) if found else None
