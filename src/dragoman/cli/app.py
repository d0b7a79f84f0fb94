"""`dragoman` itself: finds the command, loads it, and takes everything else for a prompt."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click

from dragoman.cli.flags import GLOBAL_FLAGS, VALUE_FLAGS, shared

ASK = "ask"
"""The command that a prompt runs; its name is no word of the command line."""

ABOUT_US = ("--help", "-h", "--version")
"""What is answered at once, whatever else stands there."""


class Command(NamedTuple):
    """The module that a command lives in, under its name there, and its line in the help."""

    place: str
    summary: str


COMMANDS: Mapping[str, Command] = {
    "chat": Command("chat.chat", "Talk to a model, turn by turn."),
    "setup": Command("config.setup", "Find servers and keys here, and write a configuration."),
    "providers": Command("providers.providers", "Who can be called: list, show, add, test, …"),
    "conformance": Command("providers.conformance", "Examine a provider: all it should do."),
    "keys": Command("providers.credentials", "Providers' keys: set, list, remove."),
    "models": Command("providers.models", "Models, their limits and prices: list, info, price."),
    "dialects": Command("providers.dialects", "What servers would not take: list, forget."),
    "logs": Command("records.logs", "What was asked and answered: list, show."),
    "usage": Command("records.usage", "Calls, tokens and cost: by model, provider, client, day …"),
    "db": Command(
        "gateway.database", "The database: status, migrate, migrate-to, backup, restore."
    ),
    "organisations": Command(
        "gateway.organisations", "Parts of the gateway: list, create, set, delete."
    ),
    "members": Command("gateway.members", "An organisation's members: list, invite, set, remove."),
    "gateway-keys": Command(
        "gateway.gateway_keys", "Keys that open the gateway: create, rotate, revoke, list."
    ),
    "org-providers": Command(
        "gateway.org_providers", "An organisation's own providers: set, list, delete, …"
    ),
    "limits": Command("gateway.limits", "Limits and budgets of the gateway: list, set, remove."),
    "webhooks": Command("gateway.webhooks", "Who is told of budgets and providers: list, …"),
    "secrets": Command("gateway.secrets", "The gateway's master key: status, rotate, new-key."),
    "serve": Command("gateway.serve", "Run the gateway: every provider behind one address."),
    "run": Command("gateway.run", "Start a coding agent against the gateway: claude, codex, …"),
    "env": Command("gateway.env", "Variables that point other programs at the gateway."),
    "explain": Command("providers.explain", "Say how a model name is understood; sends nothing."),
    "config": Command("config.config", "The configuration: path, check, show, edit, import, …"),
    "doctor": Command("config.doctor", "Look at files, keys, providers, the record, the terminal."),
    "completion": Command("completion.completion", "Completion for bash, zsh, fish, PowerShell."),
    "help": Command("help", "Help on a command, or on a subject such as exit-codes."),
}


class Root(click.Group):
    """Commands by name; what begins otherwise is a prompt."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the prompt's command before arguments that name none."""
        if first_word(args) in COMMANDS:
            return super().parse_args(ctx, args)
        options = args[: args.index("--")] if "--" in args else args
        for about in ABOUT_US:
            if about in options:
                return super().parse_args(ctx, [about])
        return super().parse_args(ctx, [ASK, *args])

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Name the commands in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        place = "ask.ask" if cmd_name == ASK else COMMANDS[cmd_name].place
        module = importlib.import_module(f"dragoman.cli.{place}")
        found = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)
        return found

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways to use the program."""
        name = ctx.command_path
        formatter.write_usage(name, "[OPTIONS] PROMPT…")
        formatter.write_usage(name, "COMMAND [OPTIONS]", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the prompt's options and the commands, without loading the commands."""
        ask = self.get_command(ctx, ASK)
        assert ask is not None
        own = [self.params[0].get_help_record(ctx)]  # --version, which is no prompt's option
        options = [param for param in ask.get_params(ctx) if isinstance(param, click.Option)]
        records = [*(option.get_help_record(ctx) for option in options), *own]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.summary) for name, row in COMMANDS.items()])


def first_word(args: Sequence[str]) -> str | None:
    """Find the first argument that is neither one of the global options nor a value of one."""
    rest = iter(args)
    for argument in rest:
        if argument not in GLOBAL_FLAGS and argument.partition("=")[0] not in GLOBAL_FLAGS:
            return argument if not argument.startswith("-") or argument == "-" else None
        if argument in VALUE_FLAGS:
            next(rest, None)
    return None


def print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001
    """Print the version and stop."""
    if value and not ctx.resilient_parsing:
        from dragoman import __version__

        click.echo(f"dragoman {__version__}")
        ctx.exit()


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the version.",
)
@shared
def root() -> None:
    """Ask any language model, at any provider, as PROVIDER/MODEL.

    \b
    dragoman -m ollama/llama3.2 "Why is the sky blue?"
    cat notes.txt | dragoman -m groq "Summarise this."
    """
