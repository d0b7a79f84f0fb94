"""`dragoman providers add`: one line that completes the URL, tests the provider and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit, exit_code

if TYPE_CHECKING:
    from pathlib import Path

    from dragoman.cli.providers.new_provider import NewProvider
    from dragoman.config.stored import StoredKey
    from dragoman.probe.ladder import Ladder
    from dragoman.types.credential import Secret
    from dragoman.types.provider import Provider

APIS = ("openai-completions", "openai-responses", "anthropic-messages")


@click.command("add")
@click.argument("what", metavar="NAME|URL")
@click.option("--base-url", metavar="URL", help="Where it is; a host is enough.")
@click.option("--key-env", metavar="NAME", help="The variable that holds the key.")
@click.option("--key-stdin", is_flag=True, help="Read the key from a pipe, or ask; store it.")
@click.option("--api", type=click.Choice(APIS), help="The language it speaks, if not found out.")
@click.option("--default-model", metavar="MODEL", help="The model when only NAME is named.")
@click.option("--no-test", "test", is_flag=True, default=True, flag_value=False, help="Ask nobody.")
@shared
@click.pass_obj
def add_provider(session: Session, /, what: str, test: bool, key_stdin: bool, **given: Any) -> Exit:
    """Add a provider: test it, and write it into the configuration.

    NAME is a built-in one (groq, ollama, …), or any name with --base-url; a URL names itself.

    \b
    dragoman providers add ollama
    dragoman providers add http://localhost:8000
    dragoman providers add mycorp --base-url https://llm.corp.example --key-env CORP_KEY
    """
    from dragoman.cli.config.user_file import tell_unwritten, user_file
    from dragoman.cli.providers.new_provider import plan_provider

    if key_stdin and given["key_env"]:
        raise WrongUsage("--key-env and --key-stdin say two things: give one of them")
    path = user_file(session)
    planned = plan_provider(session, path, what, test=test, **given)
    if isinstance(planned, Exit):
        return planned
    provider = planned.build(session)
    key = _find_key(session, planned, provider, key_stdin=key_stdin, ask=test)
    ladder: Ladder | None = None
    if test:
        ladder = _test(session, provider, key)
        if ladder.error is not None and not _is_busy(ladder.error):
            return _not_saved(session, planned, ladder)
        planned.learn(ladder)
    try:
        stored = _save(session, planned, provider, key, path)
    except OSError as error:
        return tell_unwritten(session, path, error)
    _tell_saved(session, planned, ladder, stored, path)
    return Exit.OK


def _find_key(
    session: Session, planned: NewProvider, provider: Provider, *, key_stdin: bool, ask: bool
) -> Secret | None:
    """Read the key that was promised, or ask for the one that is missing. None: none to store."""
    from dragoman.cli.terminal.secret_input import ask_key, read_key
    from dragoman.config.presence import is_key_present

    if key_stdin:
        return read_key(f"Key for {planned.name}")
    if not (ask and planned.wants_key) or is_key_present(provider, session.env):
        return None
    import sys

    if sys.stdin is None or not sys.stdin.isatty() or planned.settings.get("api_key"):
        return None
    key = ask_key(f"Key for {planned.name} (hidden; empty for none)", optional=True)
    return key or None


def _test(session: Session, provider: Provider, key: Secret | None) -> Ladder:
    from dragoman.cli.providers.ladder_lines import print_steps
    from dragoman.cli.providers.test import print_price
    from dragoman.probe.ladder import Ladder

    ladder = Ladder(provider, env=session.env, key=key, new=True)
    print_steps(session.terminal, ladder.climb())
    print_price(session.terminal.out, ladder)
    return ladder


def _is_busy(error: Exception) -> bool:
    """Whether the provider only has too much to do for now: then its key is good."""
    from dragoman.errors import Overloaded, RateLimited

    return isinstance(error, RateLimited | Overloaded)


def _not_saved(session: Session, planned: NewProvider, ladder: Ladder) -> Exit:
    from dragoman.cli.terminal.failure import print_lines
    from dragoman.cli.terminal.streams import one_line

    assert ladder.error is not None
    print_lines(
        session.terminal.err,
        f"{planned.name} is not saved, because the test failed",
        one_line(ladder.error.message),
        "mend that, or save it as it is with --no-test",
    )
    return exit_code(ladder.error)


def _save(
    session: Session, planned: NewProvider, provider: Provider, key: Secret | None, path: Path
) -> StoredKey | None:
    """Store the key, then write the table; without the one there is not the other.

    Raises: OSError, ConfigError; then nothing is left behind.
    """
    from dragoman.config.edit import Draft, edit_file
    from dragoman.config.stored import remove_key, store_key

    stored = store_key(planned.name, key, provider.base_url, session.env) if key else None

    def add(draft: Draft) -> None:
        planned.refuse_existing(draft)
        draft.add_provider(planned.name, planned.settings, planned.comment)

    try:
        edit_file(path, add)
    except BaseException:
        if stored is not None:
            remove_key(planned.name, session.env)
        raise
    return stored


def _tell_saved(
    session: Session,
    planned: NewProvider,
    ladder: Ladder | None,
    stored: StoredKey | None,
    path: Path,
) -> None:
    from dragoman.cli.config.user_file import shown

    console = session.terminal.out
    if stored is not None:
        from dragoman.cli.providers.credentials import tell_stored

        tell_stored(session, stored)
    console.line(f"Saved to {shown(path, session)}.")
    if planned.overrides:
        console.line(f"It takes the place of the built-in {planned.name}.")
    if planned.chosen_of > 1:
        console.line(
            f"Its default model is {planned.settings['default_model']}, one of"
            f" {planned.chosen_of}; another is asked with -m {planned.name}/MODEL."
        )
    model = ladder.model if ladder else planned.settings.get("default_model")
    ref = planned.name if planned.settings.get("default_model") else f"{planned.name}/{model}"
    if model:
        console.line(f'Try:  dragoman -m {ref} "hi"')
    else:
        console.line(f"Test it:  dragoman providers test {planned.name}")
