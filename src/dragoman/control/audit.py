"""`/audit`, `/organisations/{org}/audit`: every change, who made it, and what was before."""

from __future__ import annotations

import time
from datetime import UTC
from typing import Annotated

from litestar import get
from litestar.di import Provide
from litestar.params import Parameter

from dragoman.control.paging import Listed, listed
from dragoman.control.usage import Since, Until
from dragoman.ledger.queries.times import read_ends
from dragoman.organisations import audit
from dragoman.organisations.audit import AuditLine
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import Organisation
from dragoman.types.paging import Page

Who = Annotated[str | None, Parameter(description="Who made the change")]
Sought = dict[str, str | float | None]


def read_sought(
    who: Who = None,
    action: str | None = None,
    kind: str | None = None,
    since: Since = None,
    until: Until = None,
) -> Sought:
    """Read which changes are sought. Raises: InvalidRequest."""
    begin, end = read_ends(since, until, time.time(), UTC)
    return {"actor": who, "action": action, "kind": kind, "since": begin, "until": end}


SOUGHT = {"sought": Provide(read_sought, sync_to_thread=False)}


@get("/audit", opt={"operator": True}, dependencies=SOUGHT, sync_to_thread=True)
def list_all_audit(desk: Desk, page: Page, sought: Sought) -> Listed[AuditLine]:
    """List all changes, the newest first."""
    with desk.read() as connection:
        found = audit.list_audit(connection, page, **sought)
    return listed(found, _same)


@get(
    "/organisations/{org:str}/audit",
    opt={"least": "admin"},
    dependencies=SOUGHT,
    sync_to_thread=True,
)
def list_audit(
    desk: Desk, organisation: Organisation, page: Page, sought: Sought
) -> Listed[AuditLine]:
    """List the changes in an organisation, the newest first."""
    with desk.read() as connection:
        found = audit.list_audit(connection, page, organisation_id=organisation.id, **sought)
    return listed(found, _same)


def _same(line: AuditLine) -> AuditLine:
    return line


HANDLERS = (list_all_audit, list_audit)
