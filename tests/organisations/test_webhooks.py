"""Webhooks that several people change at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.errors import ConnectFailed
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.audit import list_audit
from dragoman.organisations.delivery import NotDelivered, why_not
from dragoman.organisations.failures import ChangedMeanwhile
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.safe import Safe
from dragoman.organisations.webhooks import delete_webhook, list_webhooks, put_webhook
from dragoman.types.paging import Page
from tests.organisations.overtaken import Overtaken

URL = "https://hooks.example.com/"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Overtaken]:
    with closing(Overtaken(tmp_path / "dragoman.db")) as desk:
        yield desk


def test_the_audit_log_says_where_a_webhook_leads_and_not_what_opens_it(desk: Overtaken) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    for url in (f"{URL}T0/hush?token=hush", f"{URL}T1/hush", "https://other.example", URL):
        put_webhook(desk, safe, SYSTEM, "default", "hook", url=url)
    delete_webhook(desk, SYSTEM, "default", "hook")
    with desk.read() as connection:
        lines = sorted(list_audit(connection, Page()).items, key=lambda line: line.at)
    assert "hush" not in str(lines)
    assert [line.difference["url"] for line in lines if line.kind == "webhook"] == [
        [None, f"{URL}…"],
        [f"{URL}…", f"{URL}… (another)"],
        [f"{URL}…", "https://other.example"],
        ["https://other.example", "https://hooks.example.com"],
        ["https://hooks.example.com", None],
    ]


def test_the_audit_log_lists_the_events_of_a_webhook(desk: Overtaken) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    down, up = "provider.down", "provider.up"
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL, events=[up, down, up])
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL, events=[down, up])
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL, events=[up])
    delete_webhook(desk, SYSTEM, "default", "hook")
    with desk.read() as connection:
        lines = sorted(list_audit(connection, Page()).items, key=lambda line: line.at)
    assert [line.difference["events"] for line in lines if line.kind == "webhook"] == [
        [None, [down, up]],
        [[down, up], [up]],
        [[up], None],
    ]


def test_no_webhook_is_made_without_a_secret_and_none_loses_its_own(desk: Overtaken) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})

    def put() -> Any:
        return put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL)

    _, first = put()
    assert first is not None
    desk.before = lambda: delete_webhook(desk, SYSTEM, "default", "hook")
    with pytest.raises(ChangedMeanwhile):
        put()
    desk.before = put
    with pytest.raises(ChangedMeanwhile):
        put()
    with desk.read() as connection:
        (kept,) = list_webhooks(connection, "default", Page()).items
    assert kept.secret is not None
    assert kept.version == 1


@pytest.mark.parametrize("of", ["default", "org_red"])
def test_a_proxy_that_fails_is_named_to_the_operator_alone(desk: Overtaken, of: str) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL)
    with desk.read() as connection:
        (made,) = list_webhooks(connection, "default", Page()).items
    hook = replace(made, organisation_id=of)
    named = "the proxy 10.0.0.9:3128 refused the connection"
    told = why_not(ConnectFailed(named), hook)
    assert told == (named if of == "default" else "it cannot be reached")
    assert why_not(NotDelivered("it was answered with 500"), hook) == "it was answered with 500"
