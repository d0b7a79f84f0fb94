"""`/tokens`: tokens with which programs use this API, each as the account whose it is."""

from __future__ import annotations

from litestar import delete, get, post
from msgspec import Struct

from dragoman.control.paging import Listed
from dragoman.organisations import api_tokens
from dragoman.organisations.actor import Actor
from dragoman.organisations.api_tokens import ApiToken
from dragoman.organisations.desk import Desk


class TokenShown(Struct, frozen=True):
    """A token, without its text: `prefix` is enough to recognise it by."""

    name: str
    prefix: str
    created_at: float
    expires_at: float | None
    used_at: float | None


class TokenMade(Struct, frozen=True):
    """A token with its text, which is shown this once."""

    name: str
    token: str
    prefix: str
    created_at: float
    expires_at: float | None


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """What is said of a new token; `expires_in` is in seconds, null for never."""

    name: str
    expires_in: float | None = None


@get("/tokens", opt={"signed_in": True}, sync_to_thread=True)
def list_tokens(desk: Desk, actor: Actor) -> Listed[TokenShown]:
    """List your tokens, by name."""
    with desk.read() as connection:
        found = api_tokens.list_tokens(connection, actor.account_id or "")
    return Listed([_show(one) for one in found], None)


@post("/tokens", opt={"signed_in": True, "session": True}, sync_to_thread=True)
def create_token(desk: Desk, actor: Actor, data: NewToken) -> TokenMade:
    """Make a token. Its text is in the answer, and nowhere else."""
    made, text = api_tokens.create_token(desk, actor, data.name, life_s=data.expires_in)
    return TokenMade(
        name=made.name,
        token=text.reveal(),
        prefix=made.prefix,
        created_at=made.created_at,
        expires_at=made.expires_at,
    )


@delete("/tokens/{name:str}", opt={"signed_in": True}, sync_to_thread=True)
def delete_token(desk: Desk, actor: Actor, name: str) -> None:
    """Delete one of your tokens: it opens nothing any more."""
    api_tokens.delete_token(desk, actor, name)


def _show(token: ApiToken) -> TokenShown:
    return TokenShown(
        name=token.name,
        prefix=token.prefix,
        created_at=token.created_at,
        expires_at=token.expires_at,
        used_at=token.used_at,
    )


HANDLERS = (list_tokens, create_token, delete_token)
