"""`dragoman providers`: who can be called."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from dragoman.cli.flags import WrongUsage, as_json, shared
from dragoman.cli.providers.add import add_provider
from dragoman.cli.providers.edit import disable_provider, enable_provider, remove_provider
from dragoman.cli.providers.test import test_provider
from dragoman.cli.session import Session

if TYPE_CHECKING:
    from dragoman.cli.terminal.streams import Console
    from dragoman.types.provider import Provider

STUB = """\
[[providers]]
name = "my-provider"
base_url = "http://localhost:8000/v1"
api_key_env = "MY_PROVIDER_API_KEY"
default_model = "my-model"
"""


@click.group(invoke_without_command=True, help=__doc__)
@shared
@click.pass_context
def providers(ctx: click.Context) -> None:
    """List the providers, unless a command says otherwise."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_providers)


@providers.command("list")
@as_json
@shared
@click.pass_obj
def list_providers(session: Session, json: bool = False) -> None:
    """List the providers that are set up, and the built-in ones whose key is there."""
    from dragoman.config.presence import is_key_present

    config = session.config()
    custom = config.custom
    known = {provider.name for provider in custom}
    others = [config.providers[name] for name in config.providers if name not in known]
    ready = [
        provider
        for provider in others
        if provider.enabled and provider.base_url and is_key_present(provider, session.env)
    ]
    if json:
        from dragoman.cli.terminal.json_output import print_json

        rows = {
            "configured": [_row(provider, session.env) for provider in custom],
            "built_in": [_row(provider, session.env) for provider in ready],
        }
        print_json(session.terminal.out, rows)
        return
    session.tell_notes()
    console = session.terminal.out
    if custom:
        console.line(f"{console.symbol('🔌', '*')} Found {len(custom)} custom provider(s):")
        _print_providers(console, custom, session.env)
    else:
        _print_none(session)
    if ready:
        console.line()
        console.line(
            f"{console.symbol('🔑', '*')} Found {len(ready)} built-in provider(s) with a key:"
        )
        _print_providers(console, ready, session.env)


@providers.command("show")
@click.argument("name")
@as_json
@shared
@click.pass_obj
def show_provider(session: Session, name: str, json: bool) -> None:
    """Show one provider: its URL, its key's source, its models, how it departs from its format."""
    from dragoman.cli.providers.facts import provider_facts

    config = session.config()
    provider = find_provider(config.providers, name)
    facts = provider_facts(provider, session.env)
    console = session.terminal.out
    if json:
        from dragoman.cli.terminal.json_output import print_json

        print_json(console, facts)
        return
    from dragoman.cli.terminal.facts import print_facts

    print_facts(console, facts)


_COMMANDS = (add_provider, test_provider, remove_provider, enable_provider, disable_provider)
for _command in _COMMANDS:
    providers.add_command(_command)


def find_provider(known: Mapping[str, Provider], name: str) -> Provider:
    """Find a provider by name, whatever its case. Raises: WrongUsage with the nearest names."""
    provider = known.get(name.lower())
    if provider is not None:
        return provider
    near = difflib.get_close_matches(name.lower(), list(known), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "see dragoman providers list"
    raise WrongUsage(f"there is no provider {name!r}", hint=hint)


def _print_providers(console: Console, found: Sequence[Provider], env: Mapping[str, str]) -> None:
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.config.show import key_source

    for provider in found:
        key = key_source(provider, env) or "(none)"
        console.line()
        console.line(f"{console.symbol('📡', '-')} {console.style(provider.name, 'bold')}")
        console.line(f"   Base URL: {masked_url(provider.base_url) or '(none)'}")
        console.line(f"   API Key: {key}")
        if provider.default_model:
            console.line(f"   Default Model: {provider.default_model}")
        if provider.overrides:
            console.line(f"   Overrides: built-in {provider.overrides}")
        for problem in provider.problems:
            console.line(f"   Problem: {console.style(problem.message, 'red')}")


def _print_none(session: Session) -> None:
    from dragoman.config.files import config_folder, gptme_files

    console = session.terminal.out
    console.line(f"{console.symbol('📭', '*')} No custom providers configured")
    console.line()
    console.line("Add one:  dragoman providers add NAME|URL, or what is here: dragoman setup")
    console.line(f"Or put one into {config_folder(session.env) / 'config.toml'}:")
    console.line()
    console.line(STUB.rstrip())
    if gptme := gptme_files(session.env):
        console.line()
        console.line(f"Or take over {gptme[0]}:  dragoman config import gptme")


def _row(provider: Provider, env: Mapping[str, str]) -> dict[str, Any]:
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.config.presence import is_key_present
    from dragoman.config.show import key_source

    return {
        "name": provider.name,
        "base_url": masked_url(provider.base_url),
        "api": provider.api,
        "api_key_source": key_source(provider, env),
        "api_key_configured": is_key_present(provider, env),
        "default_model": provider.default_model,
        "origin": provider.origin,
        "place": provider.place,
        "overrides": provider.overrides,
        "problems": [problem.message for problem in provider.problems],
    }
