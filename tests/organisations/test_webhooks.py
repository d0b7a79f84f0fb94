"""Webhooks that several people change at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dragoman.organisations.actor import SYSTEM
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
