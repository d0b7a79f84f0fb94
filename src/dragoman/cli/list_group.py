"""A group of commands of which one, `list`, is meant when none is named."""

from __future__ import annotations

import click

from dragoman.cli.app import first_word

DEFAULT = "list"


class ListGroup(click.Group):
    """`dragoman logs -n 5` is `dragoman logs list -n 5`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command before options that no command precedes."""
        if first_word(args) is None and not {"-h", "--help"} & set(args):
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)
