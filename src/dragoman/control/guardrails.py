"""`/organisations/{org}/guardrails`: what may not go to models, or come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import delete, get, post, put
from msgspec import Struct, to_builtins

from dragoman.control.context import Context
from dragoman.control.paging import Listed, listed
from dragoman.guardrails.rails import Rails
from dragoman.organisations import guardrails
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.guardrails import GuardrailDraft, OwnGuardrail
from dragoman.organisations.organisations import Organisation
from dragoman.types.guardrail import Finding, Guardrail, GuardrailMode
from dragoman.types.paging import Page, Slice


class GuardrailShown(Struct, frozen=True, kw_only=True):
    """A guardrail. One with `read_only` comes from the gateway's configuration.

    `definition` is what `[[guardrails]]` takes, without `name` and `mode`. One with a `problem` is
    broken: nothing passes it while it is on and enforced, and in `shadow` it is left out. Another
    definition mends it.
    """

    name: str
    position: int
    definition: Mapping[str, Any]
    mode: GuardrailMode
    enabled: bool
    read_only: bool
    created_at: float | None = None
    updated_at: float | None = None
    version: int | None = None
    problem: str | None = None


class GuardrailBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a guardrail is to be; with `version`, only if it is at that (0: not there yet)."""

    definition: Mapping[str, Any]
    position: int = 0
    mode: GuardrailMode = "enforce"
    enabled: bool = True
    version: int | None = None


class Sample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text to try a guardrail on."""

    definition: Mapping[str, Any]
    text: str


class Tried(Struct, frozen=True, kw_only=True):
    """What would become of a text, and what was found in it."""

    text: str
    refused: bool
    findings: list[Finding]


@get("/organisations/{org:str}/guardrails", opt={"least": "viewer"}, sync_to_thread=True)
def list_guardrails(
    context: Context, desk: Desk, organisation: Organisation, page: Page
) -> Listed[GuardrailShown]:
    """List guardrails: the configuration's on the first page, then the organisation's, by name."""
    with desk.read() as connection:
        found = guardrails.list_guardrails(connection, organisation.id, page)
    shown = [_show(one) for one in found.items]
    if page.after is None:
        shown = [_show_operators(rule) for rule in context.config().guardrails] + shown
    return listed(Slice(shown, found.after), lambda one: one)


@get("/organisations/{org:str}/guardrails/{name:str}", opt={"least": "viewer"}, sync_to_thread=True)
def show_guardrail(
    context: Context, desk: Desk, organisation: Organisation, name: str
) -> GuardrailShown:
    """Show a guardrail."""
    for rule in context.config().guardrails:
        if rule.name == name:
            return _show_operators(rule)
    with desk.read() as connection:
        return _show(guardrails.resolve_guardrail(connection, organisation.id, name))


@put("/organisations/{org:str}/guardrails/{name:str}", opt={"least": "admin"}, sync_to_thread=True)
def put_guardrail(
    context: Context,
    desk: Desk,
    actor: Actor,
    organisation: Organisation,
    name: str,
    data: GuardrailBody,
) -> GuardrailShown:
    """Make a guardrail, or change it; it holds within a second."""
    draft = GuardrailDraft(
        definition=data.definition, position=data.position, mode=data.mode, enabled=data.enabled
    )
    made = guardrails.put_guardrail(
        desk,
        actor,
        organisation.id,
        name,
        draft,
        operators=context.config().guardrails,
        version=data.version,
    )
    return _show(made)


@delete(
    "/organisations/{org:str}/guardrails/{name:str}", opt={"least": "admin"}, sync_to_thread=True
)
def delete_guardrail(
    context: Context, desk: Desk, actor: Actor, organisation: Organisation, name: str
) -> None:
    """Delete a guardrail."""
    guardrails.delete_guardrail(
        desk, actor, organisation.id, name, operators=context.config().guardrails
    )


@post(
    "/organisations/{org:str}/guardrails/try",
    opt={"least": "viewer"},
    sync_to_thread=True,
    status_code=200,
)
def try_guardrail(organisation: Organisation, data: Sample) -> Tried:
    """Try a guardrail that need not be there on a text; nothing is kept."""
    del organisation
    draft = GuardrailDraft(definition=data.definition)
    guardrails.check_definition("try", draft)
    rule = guardrails.build_guardrail("try", draft)
    screen = Rails([rule]).any_screen()
    text = screen.whole(data.text)
    return Tried(text=text, refused=screen.blocked is not None, findings=list(screen.findings))


def _show(one: OwnGuardrail) -> GuardrailShown:
    return GuardrailShown(
        name=one.name,
        position=one.position,
        definition=one.definition,
        mode=one.mode,
        enabled=one.enabled,
        read_only=False,
        created_at=one.created_at,
        updated_at=one.updated_at,
        version=one.version,
        problem=one.problem,
    )


def _show_operators(rule: Guardrail) -> GuardrailShown:
    said: dict[str, Any] = to_builtins(rule)
    hidden = ("name", "mode", "place")
    return GuardrailShown(
        name=rule.name,
        position=0,
        definition={name: value for name, value in said.items() if name not in hidden},
        mode=rule.mode,
        enabled=True,
        read_only=True,
    )


HANDLERS = (list_guardrails, show_guardrail, put_guardrail, delete_guardrail, try_guardrail)
