"""What a person at the command line can do about an error that does not say it itself."""

from __future__ import annotations

from dragoman import errors

AGAIN = "ask again later, or name a second model to fall back on: -m OTHER"

NO_KEY = "no key was sent"
"""So begins the hint of a refusal that no key went along to: what to do is added to it."""

FIXES: tuple[tuple[type[errors.DragomanError], str], ...] = (
    (errors.ContextOverflow, "shorten what is sent, or ask a model with a larger window"),
    (errors.ContentFiltered, "say it otherwise, or ask another provider"),
    (errors.BadRequest, "look at what is sent: the same command with --curl"),
    (errors.AuthFailed, "check the key that is sent (dragoman keys list), or give another: {keys}"),
    (errors.BillingError, "top the account up at the provider, or ask another: -m OTHER"),
    (errors.PermissionDenied, "give a key that may do this ({keys}), or ask another model"),
    (errors.NotFound, "see what it has: {models}"),
    (errors.RateLimited, AGAIN),
    (errors.Overloaded, AGAIN),
    (errors.ServerError, AGAIN),
    (errors.StreamTruncated, "what had come stands above; ask again, or name a second model: -m"),
    (errors.SchemaMismatch, "ask a larger model, or a simpler schema"),
    (errors.ProtocolError, "find out where it breaks: {test}"),
    (errors.Timeout, "give it longer (--first-token S, --timeout S), or {test}"),
    (errors.ConnectionLost, "ask again; if it goes on: {test}"),
    (errors.TransportError, "find out where it breaks: {test}"),
    (errors.AllAttemptsFailed, "see what each attempt came to: the same command with -v"),
    (errors.Unsupported, "leave that out, or ask another model"),
    (errors.RequestError, "change what is asked: see dragoman --help"),
    (errors.ConfigError, "dragoman config check lists everything that is wrong"),
)
"""The first row whose class fits counts: the special stand before the general."""


def fix_for(error: errors.DragomanError) -> str | None:
    """Say what to do: the error's own hint, else its class's row; None where there is neither."""
    if error.provider and isinstance(error, errors.ConfigError) and " no key: " in error.message:
        return f"{_commands(error.provider)['keys']} keeps one; or: {error.hint}"
    if error.hint and not error.hint.startswith(NO_KEY):
        return error.hint
    if error.hint:
        return f"{error.hint}; give one: {_commands(error.provider)['keys']}"
    row = next((text for kind, text in FIXES if isinstance(error, kind)), None)
    if row is None:
        return None
    return row.format(**_commands(error.provider))


def _commands(name: str | None) -> dict[str, str]:
    """Name the commands that help; a server that is not set up is called by its host."""
    if name is not None and ("." in name or name == "localhost"):
        add = "dragoman providers add URL"
        return {"keys": "--key-env NAME", "models": add, "test": f"{add} tries it step by step"}
    return {
        "keys": f"dragoman keys set {name or 'NAME'}",
        "models": f"dragoman models list --refresh -p {name or 'NAME'}",
        "test": f"dragoman providers test {name or 'NAME'}",
    }
