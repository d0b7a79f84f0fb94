"""What `providers add` is going to write: found out from a name, a URL, and what answers there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dragoman.cli.flags import WrongUsage
from dragoman.cli.providers.locality import is_local
from dragoman.cli.session import Session
from dragoman.cli.terminal.exit_codes import Exit, exit_code
from dragoman.config.edit import Draft, read_draft
from dragoman.config.kinds import NAME
from dragoman.config.layers import read_catalog
from dragoman.config.naming import name_for_url
from dragoman.config.secrets import origin_of

if TYPE_CHECKING:
    from dragoman.probe.base_url import Completed
    from dragoman.probe.ladder import Ladder
    from dragoman.types.provider import Provider


@dataclass
class NewProvider:
    """A provider on its way into the file. `wants_key`: it will not answer without one.

    `overrides`: a built-in one has this name, at another host. `chosen_of`: its default model was
    chosen here, of so many.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    comment: str | None = None
    wants_key: bool = False
    overrides: bool = False
    chosen_of: int = 0

    def build(self, session: Session) -> Provider:
        """Build the provider as it will be once it is written. Raises: ConfigError."""
        from dragoman.cli.config.user_file import load_for_change

        config = load_for_change(session, {"providers": {self.name: self.settings}})
        provider = config.providers[self.name]
        if provider.problems:
            raise provider.problems[0]
        return provider

    def learn(self, ladder: Ladder) -> None:
        """Keep the model that was tried, so that what is added can be asked without naming one.

        Of the many models of a public provider none is chosen for its user.
        """
        public = "preset" in self.settings and not is_local(ladder.provider.base_url)
        if ladder.provider.default_model or (public and len(ladder.models) > 1):
            return
        if ladder.model is not None:
            self.settings["default_model"] = ladder.model
            self.chosen_of = len(ladder.models)

    def refuse_existing(self, draft: Draft) -> None:
        """Raises: WrongUsage when the file has such a provider."""
        if draft.find_provider(self.name) is None:
            return
        raise WrongUsage(
            f"there is a provider {self.name!r} in {draft.path} already",
            hint=f"give another name, or first: dragoman providers remove {self.name}",
        )


def plan_provider(
    session: Session,
    path: Path,
    what: str,
    *,
    test: bool,
    base_url: str | None,
    key_env: str | None,
    api: str | None,
    default_model: str | None,
) -> NewProvider | Exit:
    """Find out what is to be written. An exit status: nobody is there, and that was told.

    Raises: WrongUsage, ConfigError.
    """
    from dragoman.probe.base_url import looks_like_url

    variable = None if key_env is None else _checked_variable(key_env)
    draft = read_draft(path)
    rows: Mapping[str, Mapping[str, Any]] = read_catalog().data["providers"]
    if base_url is None and what.lower() not in rows and looks_like_url(what):
        found = _from_url(session, draft, None, what, api, test=test)
    else:
        name = _checked_name(what)
        NewProvider(name).refuse_existing(draft)
        if base_url is not None:
            found = _from_url(session, draft, name, base_url, api, test=test)
        elif name in rows:
            found = _from_row(name, rows[name])
        else:
            raise _unknown(name, rows)
    if isinstance(found, Exit):
        return found
    found.refuse_existing(draft)
    if variable is not None:
        found.settings["api_key"] = f"env:{variable}"
    if default_model is not None:
        found.settings["default_model"] = default_model
    return found


def _from_row(name: str, row: Mapping[str, Any]) -> NewProvider:
    wants_key = "api_key_env" in row and not row.get("api_key_optional")
    return NewProvider(name, {"preset": name}, wants_key=wants_key)


def _from_url(
    session: Session, draft: Draft, name: str | None, written: str, api: str | None, *, test: bool
) -> NewProvider | Exit:
    """Complete the URL, and see whose it is: a built-in provider's, a known server's, a new one."""
    rows = read_catalog().data["providers"]
    row = _row_of_origin(rows, written) if name is None else None
    if row is not None:
        return _from_row(row, rows[row])
    if not test:
        return _untested(name or name_for_url(written), written, api)
    completed = _complete(session, written, api)
    if completed.base_url is None:
        return _tell_nobody(session, completed, written)
    settings: dict[str, Any] = {"base_url": completed.base_url}
    kind = _local_kind(session, completed.base_url)
    if kind is not None:
        settings = {"preset": kind, **settings}
        if origin_of(rows[kind]["base_url"]) == origin_of(completed.base_url):
            del settings["base_url"]
    elif completed.api != "openai-completions":
        settings["api"] = completed.api
    if name is None:
        taken = kind is None or draft.find_provider(kind) is not None
        name = name_for_url(completed.base_url) if taken or kind is None else kind
    return NewProvider(
        name,
        settings,
        wants_key=completed.needs_key,
        overrides=name in rows and kind != name,
    )


def _untested(name: str, written: str, api: str | None) -> NewProvider:
    if "://" not in written:
        raise WrongUsage(
            "with --no-test nobody finds out whether it is http or https",
            hint=f"give the whole URL: https://{written}",
        )
    return NewProvider(name, {"base_url": written, **({"api": api} if api else {})})


def _complete(session: Session, written: str, api: Any) -> Completed:
    from dragoman.cli.terminal.spinner import Spinner
    from dragoman.probe.base_url import complete
    from dragoman.transport.default import DefaultTransport

    transport = DefaultTransport()
    try:
        with Spinner(session.terminal, lambda: f"looking at {written}"):
            completed = complete(written, transport, api=api)
    finally:
        transport.close()
    if completed.base_url is not None:
        _tell_completed(session, completed, written)
    return completed


def _tell_completed(session: Session, completed: Completed, written: str) -> None:
    from dragoman.cli.providers.ladder_lines import print_fact
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.cli.terminal.streams import one_line

    console = session.terminal.out
    assert completed.base_url is not None
    arrow = console.symbol("→", "->")
    text = one_line(masked_url(written))
    if completed.base_url != written:
        text += f"  {arrow}  {one_line(masked_url(completed.base_url))}"
    if completed.evidence:
        text += f"   (found {urlsplit(completed.evidence).path})"
    print_fact(console, "URL", text)
    if completed.api != "openai-completions":
        print_fact(console, "api", completed.api)


def _tell_nobody(session: Session, completed: Completed, written: str) -> Exit:
    """Say what was tried."""
    from dragoman.cli.providers.ladder_lines import mark, print_fact
    from dragoman.cli.terminal.failure import print_error
    from dragoman.cli.terminal.masking import masked_url
    from dragoman.cli.terminal.streams import one_line
    from dragoman.probe.explain import container_fix

    console = session.terminal.out
    print_fact(console, "URL", one_line(masked_url(written)))
    for tried in completed.tried:
        words = one_line(f"{tried.url}  {tried.words}")
        print_fact(console, "tried", f"{mark(console, 'failed')} {words}")
    error = completed.error
    assert error is not None
    if isinstance(error.__cause__, ConnectionRefusedError):
        url = written if "://" in written else f"http://{written}"
        error.hint = container_fix(url, session.env) or error.hint
    print_error(session.terminal.err, error)
    return exit_code(error)


def _local_kind(session: Session, base_url: str) -> str | None:
    """Ask a server on this machine what it is. Returns: the catalog's name for it."""
    from dragoman.probe.local import look_at
    from dragoman.transport.proxy import is_loopback
    from dragoman.types.http import parse_url

    url = parse_url(base_url)
    if url.scheme != "http" or not is_loopback(url.host) or url.target != "/v1":
        return None
    server = look_at(url.port, session.env).server
    return server.provider if server else None


def _row_of_origin(rows: Mapping[str, Mapping[str, Any]], written: str) -> str | None:
    """Find the built-in provider at this host, if it is a public one."""
    url = written if "://" in written else f"https://{written}"
    origin = origin_of(url)
    for name, row in rows.items():
        theirs = row.get("base_url", "")
        if "://" in theirs and "localhost" not in theirs and origin_of(theirs) == origin:
            return name
    return None


def _checked_name(name: str) -> str:
    """Raises: WrongUsage."""
    lower = name.strip().lower()
    if not NAME.fullmatch(lower):
        raise WrongUsage(
            f"{name!r} cannot be a provider's name",
            hint="a name begins with a letter or digit and holds letters, digits, '_', '.', '-'",
        )
    return lower


def _checked_variable(name: str) -> str:
    """Raises: WrongUsage; what was given is not repeated, for it may be the key itself."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
        raise WrongUsage(
            "--key-env takes the name of a variable, not the key itself",
            hint="--key-env CORP_KEY; or pipe the key in with --key-stdin",
        )
    return name


def _unknown(name: str, rows: Mapping[str, Any]) -> WrongUsage:
    near = difflib.get_close_matches(name, list(rows), n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return WrongUsage(
        f"no built-in provider is called {name!r}",
        hint=f"{hint}For one of your own say where it is: --base-url URL",
    )
