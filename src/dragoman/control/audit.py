"""`/audit`, `/organisations/{org}/audit`: every change, who made it, and what was before."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from dragoman.control.paging import Listed, listed
from dragoman.organisations import audit
from dragoman.organisations.audit import AuditLine
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.types.paging import Page

Who = Annotated[str | None, Parameter(description="Who made the change")]


@get("/audit", opt={"operator": True}, sync_to_thread=True)
def list_all_audit(
    desk: Desk,
    page: Page,
    who: Who = None,
    action: str | None = None,
    kind: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> Listed[AuditLine]:
    """List all changes, the newest first; `since` and `until` are seconds since 1970."""
    with desk.read() as connection:
        found = audit.list_audit(
            connection, page, actor=who, action=action, kind=kind, since=since, until=until
        )
    return listed(found, _same)


@get("/organisations/{org:str}/audit", opt={"least": "admin"}, sync_to_thread=True)
def list_audit(
    desk: Desk,
    organisation: Organisation,
    page: Page,
    who: Who = None,
    action: str | None = None,
    kind: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> Listed[AuditLine]:
    """List the changes in an organisation, the newest first."""
    with desk.read() as connection:
        found = audit.list_audit(
            connection,
            page,
            organisation_id=organisation.id,
            actor=who,
            action=action,
            kind=kind,
            since=since,
            until=until,
        )
    return listed(found, _same)


def _same(line: AuditLine) -> AuditLine:
    return line


HANDLERS = (list_all_audit, list_audit)
