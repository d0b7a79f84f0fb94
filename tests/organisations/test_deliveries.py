"""What webhooks are to be told: one worker at a time tries it, so often and no more."""

from __future__ import annotations

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.deliveries import (
    LEASE_S,
    PAUSES_S,
    announce,
    begin_outage,
    claim,
    end_outage,
    list_deliveries,
    settle,
)
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.providers import ProviderDraft, delete_provider, put_provider
from dragoman.organisations.safe import Safe
from dragoman.organisations.webhooks import delete_webhook, put_webhook
from dragoman.types.paging import Page
from tests.library.asking import configure

URL = "https://hooks.example.com/"


def test_a_delivery_is_tried_by_one_at_a_time_and_fails_after_the_fifth(desk: Desk) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL, events=["provider.down"])
    with desk.read() as one, desk.read() as other:
        assert announce(one, "default", "provider.up", {}, 0.0) == 0
        assert announce(one, "default", "provider.down", {"provider": "a"}, 0.0) == 1
        now = 10.0
        for tries, pause_s in enumerate((*PAUSES_S, 0.0), 1):
            (errand,) = claim(one, now, 8)
            assert claim(other, now + LEASE_S - 1, 8) == []  # somebody has it
            state = settle(one, errand, now, status=500, reason="it was answered with 500")
            (shown,) = list_deliveries(one, "default", Page()).items
            assert (shown.tries, shown.status, shown.state) == (tries, 500, state)
            assert claim(other, now + pause_s - 0.1, 8) == []  # not yet
            now += pause_s
        assert state == "failed"
        assert claim(one, now + 10_000, 8) == []
        assert list_deliveries(one, "default", Page(), state="waiting").items == []
    delete_webhook(desk, SYSTEM, "default", "hook")
    with desk.read() as connection:
        assert list_deliveries(connection, "default", Page()).items == []


def test_what_a_dead_worker_had_is_tried_by_another(desk: Desk) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    put_webhook(desk, safe, SYSTEM, "default", "hook", url=URL)
    with desk.read() as connection:
        announce(connection, "default", "provider.down", {}, 0.0)
        (dead,) = claim(connection, 1.0, 8)
        (again,) = claim(connection, 1.0 + LEASE_S, 8)
        assert (again.id, again.body) == (dead.id, dead.body)
        assert settle(connection, dead, 40.0, status=200, reason=None) is None  # not his any more
        assert settle(connection, again, 40.0, status=200, reason=None) == "delivered"


def test_an_outage_is_news_once_whoever_notices_it(desk: Desk) -> None:
    with desk.read() as one, desk.read() as other:
        assert [begin_outage(c, "", "a", 1.0) for c in (one, other)] == [True, False]
        assert [end_outage(c, "", "a") for c in (other, one)] == [True, False]


def test_a_deleted_provider_is_not_told_to_be_back_and_one_of_its_name_may_go_down(
    desk: Desk,
) -> None:
    safe = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    draft = ProviderDraft(said={"base_url": "https://llm.example.com/v1"})
    for _ in range(2):
        put_provider(desk, safe, SYSTEM, "default", "house", draft, configure({}))
        with desk.read() as connection:
            assert begin_outage(connection, "default", "house", 1.0)
        delete_provider(desk, SYSTEM, "default", "house")
        with desk.read() as connection:
            assert not end_outage(connection, "default", "house")
