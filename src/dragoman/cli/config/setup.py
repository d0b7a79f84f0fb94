"""`dragoman setup`: look around, propose a configuration, show it, write it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dragoman.cli.flags import WrongUsage, shared
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit

if TYPE_CHECKING:
    from dragoman.cli.config.proposal import Offer, Proposal
    from dragoman.probe.local import Place


@click.command("setup")
@click.option("-y", "--yes", is_flag=True, help="Take everything that is found; ask nothing.")
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, 65535),
    multiple=True,
    metavar="N",
    help="Look at this port too.",
)
@shared
@click.pass_obj
def setup(session: Session, yes: bool, ports: tuple[int, ...]) -> Exit:
    """Set Dragoman up: find model servers on this machine and keys in the environment.

    Looks at the usual ports of Ollama, LM Studio, vLLM, llama.cpp, TGI, LocalAI and LiteLLM, takes
    over what gptme or Polpo have set up, and shows the file before it is written. Nothing is sent
    to anybody but to servers on this machine.
    """
    from dragoman.cli.config.proposal import Proposal
    from dragoman.cli.config.user_file import user_file
    from dragoman.probe.local import look_around

    proposal = Proposal(session, user_file(session))
    console = session.terminal.out
    console.line(f"Looking around {console.symbol('…', '...')}")
    places = look_around(session.env, ports)
    _tell_places(session, places)
    offers = proposal.offers(places)
    _tell_offers(session, offers)
    if not offers:
        return _tell_nothing(session, proposal)
    asks = not yes
    if asks and not _can_ask():
        proposal.accept([offer for offer in offers if offer.by_default])
        _show(session, proposal)
        raise WrongUsage(
            "nothing is written yet: setup asks questions, and there is no terminal to ask at",
            hint="dragoman setup --yes writes the above",
        )
    chosen = [offer for offer in offers if _is_chosen(offer, asks=asks)]
    if not chosen:
        session.terminal.out.line("Nothing is written.")
        return Exit.OK
    proposal.accept(chosen)
    if asks and proposal.default_model is not None:
        proposal.default_model = _ask_model(proposal.default_model)
    _show(session, proposal)
    if asks and not _confirm("Write it?"):
        session.terminal.out.line("Nothing is written.")
        return Exit.OK
    return _write(session, proposal)


def _can_ask() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _tell_places(session: Session, places: tuple[Place, ...]) -> None:
    """Say what was found on this machine, and where nothing was."""
    console = session.terminal.out
    found, missing = (
        console.style(console.symbol("✓", "+"), "green"),
        console.style(console.symbol("✗", "-"), "dim"),
    )
    for place in places:
        server = place.server
        usual = ", ".join(place.usual)
        if server is not None:
            count = len(server.models)
            models = (
                "wants a key" if server.needs_key else f"{count} model{'' if count == 1 else 's'}"
            )
            title = server.title or "a model server"
            console.line(f"  {found} {title:<12} {server.base_url}   {models}")
        elif place.state == "nothing":
            console.line(f"  {missing} {usual or 'port':<12} :{place.port} nothing listening")
        else:
            what = "no answer" if place.state == "silent" else "something else"
            console.line(f"  {missing} {usual or 'port':<12} :{place.port} {what}")


def _tell_offers(session: Session, offers: list[Offer]) -> None:
    """Say what else was found: keys, and other tools' files."""
    console = session.terminal.out
    for offer in offers:
        if offer.found:
            console.line(f"  {console.style(console.symbol('✓', '+'), 'green')} {offer.found}")


def _tell_nothing(session: Session, proposal: Proposal) -> Exit:
    """Say what to do where there is nothing new."""
    from dragoman.cli.config.user_file import shown

    console = session.terminal.out
    if proposal.known:
        console.line(f"Nothing new. {shown(proposal.path, session)} has what was found.")
        return Exit.OK
    console.line("Nothing was found. Then one of these:")
    console.line("  start a server (ollama serve, LM Studio, …), and run dragoman setup again")
    console.line("  dragoman keys set openai       or groq, anthropic, …: dragoman providers list")
    console.line("  dragoman providers add URL     any other server")
    console.line('  dragoman -m demo/echo "hi"     a demo, without any')
    return Exit.OK


def _is_chosen(offer: Offer, *, asks: bool) -> bool:
    """A file that came with a project is taken over only by a person who says so."""
    return _confirm(offer.question, default=offer.by_default) if asks else offer.by_default


def _confirm(question: str, *, default: bool = True) -> bool:
    try:
        return click.confirm(question, default=default, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None


def _ask_model(proposed: str) -> str:
    try:
        answer: str = click.prompt("Default model?", default=proposed, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    return answer.strip()


def _show(session: Session, proposal: Proposal) -> None:
    """Show what is going to be written, without secrets."""
    from dragoman.cli.config.user_file import shown

    console = session.terminal.out
    new = "" if proposal.is_new else ", added at the end"
    console.line()
    console.line(f"{shown(proposal.path, session)}{new}:")
    console.line()
    for line in proposal.shown_lines():
        console.line(f"  {line}" if line else "")
    console.line()


def _write(session: Session, proposal: Proposal) -> Exit:
    from dragoman.cli.config.user_file import shown, tell_unwritten

    try:
        lines = proposal.write()
    except OSError as error:
        return tell_unwritten(session, proposal.path, error)
    console = session.terminal.out
    console.line(f"Wrote {shown(proposal.path, session)} ({lines} lines).")
    if proposal.default_model:
        console.line('Try:  dragoman "why is the sky blue, one line" -u')
    else:
        console.line("Next:  dragoman providers list")
    return Exit.OK
