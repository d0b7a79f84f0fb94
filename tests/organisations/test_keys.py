"""Gateway keys: whose they are, what they open, until when."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations import key_rows, keys, members
from dragoman.organisations.actor import Actor
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import ChangedMeanwhile, Conflict, NotFound
from dragoman.organisations.keys import KeyChanges, KeyDraft, NewKey
from dragoman.organisations.master_keys import new_key
from dragoman.organisations.quotas import QuotaReached
from dragoman.organisations.safe import Safe
from dragoman.store import Place
from dragoman.types.gateway_key import IssuedKey, KeyRules
from dragoman.types.paging import Page

ADMIN = Actor(name="ada@example.com", account_id="acc_ada", roles={"org_a": "admin"})
MEMBER = Actor(name="max@example.com", account_id="acc_max", roles={"org_a": "member"})
STRANGER = Actor(name="eve@example.com", account_id="acc_eve", roles={"org_b": "owner"})


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """Two organisations with a project and three people."""

    def __init__(self, place: Place) -> None:
        self.clock = Clock()
        self.desk = Desk(place, clock=self.clock)
        self.safe = Safe(self.desk, {"DRAGOMAN_SECRET_KEY": new_key()})
        with self.desk.read() as connection, connection.transaction():
            for letter in "ab":
                connection.insert(
                    "organisation",
                    ("id", "name", "title", "created_at", "updated_at"),
                    [(f"org_{letter}", letter, letter, 1.0, 1.0)],
                )
            connection.insert(
                "project",
                ("id", "organisation_id", "name", "title", "created_at", "updated_at"),
                [("prj_a", "org_a", "web", "Web", 1.0, 1.0)],
            )
            for actor in (ADMIN, MEMBER, STRANGER):
                connection.insert(
                    "account",
                    ("id", "email", "name", "created_at", "updated_at"),
                    [(actor.account_id, actor.name, actor.name, 1.0, 1.0)],
                )
                connection.insert(
                    "member",
                    ("organisation_id", "account_id", "role", "created_at", "updated_at"),
                    [(*one, 1.0, 1.0) for one in _seats(actor)],
                )

    def make(self, name: str = "ci", actor: Actor = ADMIN, **said: Any) -> NewKey:
        draft = KeyDraft(name=name, **said)
        return keys.create_key(self.desk, self.safe, actor, "org_a", draft)

    def opened(self, new: NewKey) -> IssuedKey | None:
        digest = self.safe.digest(new.text.reveal())
        with self.desk.read() as connection:
            return key_rows.find_by_digest(connection, digest, self.clock.now)


def _seats(actor: Actor) -> list[tuple[str, str | None, str]]:
    return [(organisation, actor.account_id, role) for organisation, role in actor.roles.items()]


@pytest.fixture
def house(place: Place) -> Any:
    made = House(place)
    yield made
    made.desk.close()


def test_a_key_is_found_by_its_text_and_the_text_is_kept_nowhere(house: House) -> None:
    new = house.make(project_id="prj_a", account_id="acc_max")
    found = house.opened(new)
    assert found == new.key
    assert found is not None
    assert (found.project, found.member) == ("web", "max@example.com")
    assert house.opened(NewKey(new.key, type(new.text)(new.text.reveal() + "x"))) is None
    with house.desk.read() as connection:
        for table in ("gateway_key", "audit", "setting"):
            for row in connection.rows(f"SELECT * FROM {table}"):
                assert new.text.reveal()[10:30] not in str(dict(row))


def test_a_key_opens_until_it_expires(house: House) -> None:
    new = house.make(expires_at=house.clock.now + 60)
    house.clock.now += 59.9
    assert house.opened(new) is not None
    house.clock.now += 0.1
    assert house.opened(new) is None


def test_after_a_rotation_both_texts_open_until_the_overlap_is_over(house: House) -> None:
    first = house.make()
    second = keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", first.key.id, overlap_s=3600)
    assert second.text != first.text
    assert house.opened(first) == house.opened(second) == second.key
    assert second.key.id == first.key.id
    assert second.key.previous_prefix == first.key.prefix
    house.clock.now += 3600
    assert house.opened(first) is None
    assert house.opened(second) is not None


def test_a_rotation_without_an_overlap_ends_the_text_before(house: House) -> None:
    first = house.make()
    second = keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", first.key.id, overlap_s=60)
    third = keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", first.key.id)
    assert [house.opened(new) is not None for new in (first, second, third)] == [0, 0, 1]


def test_a_revoked_key_opens_nothing_with_any_of_its_texts_and_stays_revoked(house: House) -> None:
    first = house.make()
    second = keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", first.key.id, overlap_s=60)
    revoked = keys.revoke_key(house.desk, ADMIN, "org_a", first.key.id)
    assert revoked.revoked_at == house.clock.now
    assert (house.opened(first), house.opened(second)) == (None, None)
    assert keys.revoke_key(house.desk, ADMIN, "org_a", first.key.id) == revoked
    for change in (
        lambda: keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", first.key.id),
        lambda: keys.update_key(
            house.desk, ADMIN, "org_a", first.key.id, KeyChanges(expires_at=None)
        ),
    ):
        with pytest.raises(Conflict, match="revoked, for good"):
            change()
    assert house.make().key.name == "ci"  # its name is free again


def test_every_change_is_in_the_audit_log_and_moves_the_revision(house: House) -> None:
    new = house.make()
    revision = house.desk.revision()
    rules = KeyRules(models=("acme/*",))
    keys.update_key(house.desk, ADMIN, "org_a", new.key.id, KeyChanges(rules=rules))
    keys.rotate_key(house.desk, house.safe, ADMIN, "org_a", new.key.id, overlap_s=1)
    keys.revoke_key(house.desk, ADMIN, "org_a", new.key.id)
    assert house.desk.revision() == revision + 3
    with house.desk.read() as connection:
        rows = connection.rows("SELECT action, difference FROM audit WHERE kind = 'key'")
    assert [row["action"] for row in rows] == ["create", "update", "rotate", "revoke"]
    assert '"rules":[{},{"models":["acme/*"]}]' in rows[1]["difference"]
    same = KeyChanges(name="ci", version=1)
    with pytest.raises(ChangedMeanwhile):
        keys.update_key(house.desk, ADMIN, "org_a", new.key.id, same)


def test_keys_that_go_with_their_member_are_named_in_the_audit_log(house: House) -> None:
    house.make("shared")
    for name in ("two", "one"):
        house.make(name, MEMBER, account_id="acc_max")
    members.remove_member(house.desk, ADMIN, "org_a", "acc_max")
    with house.desk.read() as connection:
        (row,) = connection.rows("SELECT difference FROM audit WHERE kind = 'member'")
        left = key_rows.list_keys(connection, "org_a", Page(), revoked=False).items
    assert '"revoked keys":[null,["one","two"]]' in row["difference"]
    assert [key.name for key in left] == ["shared"]


def test_members_have_their_own_keys_in_hand_and_no_others(house: House) -> None:
    own = house.make("mine", MEMBER, account_id="acc_max").key
    other = house.make("theirs").key
    with pytest.raises(Forbidden, match="of their own"):
        house.make("more", MEMBER)
    with pytest.raises(Forbidden, match="logged"):
        house.make("more", MEMBER, account_id="acc_max", rules=KeyRules(content="off"))
    assert keys.revoke_key(house.desk, MEMBER, "org_a", own.id).revoked_at
    with pytest.raises(NotFound) as foreign:
        keys.revoke_key(house.desk, MEMBER, "org_a", other.id)
    with pytest.raises(NotFound) as missing:
        keys.revoke_key(house.desk, MEMBER, "org_a", "key_x")
    assert str(foreign.value).replace(other.id, "X") == str(missing.value).replace("key_x", "X")
    with house.desk.read() as connection:
        seen = key_rows.list_keys(
            connection,
            "org_a",
            Page(),
            account_id=key_rows.account_to_see(MEMBER, "org_a"),
        )
    assert [key.id for key in seen.items] == [own.id]


def test_another_organisation_sees_and_changes_nothing(house: House) -> None:
    key = house.make().key
    for organisation_id in ("org_a", "org_b"):
        with pytest.raises(NotFound):
            keys.rotate_key(house.desk, house.safe, STRANGER, organisation_id, key.id)
    with house.desk.read() as connection:
        assert key_rows.list_keys(connection, "org_b", Page()).items == []


def test_what_is_not_of_the_organisation_or_past_is_refused(house: House) -> None:
    for param, said in (
        ("project", {"project_id": "prj_b"}),
        ("account", {"account_id": "acc_eve"}),
        ("expires_at", {"expires_at": 5.0}),
    ):
        with pytest.raises(InvalidRequest) as failure:
            house.make(**said)
        assert failure.value.param == param


def test_a_name_that_cannot_be_shown_is_refused(house: House) -> None:
    for name in ("", " ci", "a\nb", "a\u202eb", "x" * 101):
        with pytest.raises(InvalidRequest, match="name"):
            house.make(name)


def test_a_name_is_taken_once(house: House) -> None:
    house.make()
    with pytest.raises(Conflict, match="already"):
        house.make()
    other = house.make("other").key
    with pytest.raises(Conflict, match="already"):
        keys.update_key(house.desk, ADMIN, "org_a", other.id, KeyChanges(name="ci"))


def test_operators_limit_how_many_keys_there_are(house: House) -> None:
    with house.desk.read() as connection:
        connection.write("UPDATE organisation SET quotas = '{\"keys\": 1}' WHERE id = 'org_a'")
    first = house.make()
    with pytest.raises(QuotaReached, match="may have 1 keys"):
        house.make("more")
    keys.revoke_key(house.desk, ADMIN, "org_a", first.key.id)
    house.make("more")


@pytest.mark.parametrize("until", [None, 1_800_003_600.0])
def test_a_key_that_has_expired_comes_back_only_where_one_more_may_be(
    house: House, until: float | None
) -> None:
    with house.desk.read() as connection:
        connection.write("UPDATE organisation SET quotas = '{\"keys\": 1}' WHERE id = 'org_a'")
    old = house.make("old", expires_at=house.clock.now + 10).key
    house.clock.now += 11
    new = house.make("new").key
    again = KeyChanges(expires_at=until)
    with pytest.raises(QuotaReached):
        keys.update_key(house.desk, ADMIN, "org_a", old.id, again)
    keys.update_key(house.desk, ADMIN, "org_a", old.id, KeyChanges(name="older"))
    keys.update_key(house.desk, ADMIN, "org_a", new.id, again)  # it is one of those there are
    keys.revoke_key(house.desk, ADMIN, "org_a", new.id)
    keys.update_key(house.desk, ADMIN, "org_a", old.id, again)


def test_keys_go_with_their_project_and_their_account(house: House) -> None:
    of_project = house.make("a", project_id="prj_a")
    of_member = house.make("b", account_id="acc_max")
    with house.desk.read() as connection:
        connection.write("DELETE FROM project WHERE id = 'prj_a'")
        connection.write("DELETE FROM account WHERE id = 'acc_max'")
    assert house.opened(of_project) is None
    assert house.opened(of_member) is None


def test_last_use_is_written_without_a_revision(house: House) -> None:
    first, second = house.make("a").key, house.make("b").key
    revision = house.desk.revision()
    with house.desk.read() as connection:
        key_rows.note_uses(connection, {second.id: 20.0, first.id: 10.0, "key_gone": 5.0})
        key_rows.note_uses(connection, {second.id: 15.0})
        listed = key_rows.list_keys(connection, "org_a", Page()).items
    assert {key.id: key.used_at for key in listed} == {first.id: 10.0, second.id: 20.0}
    assert [key.version for key in listed] == [1, 1]
    assert house.desk.revision() == revision


def test_a_list_comes_in_pages(house: House) -> None:
    names = [f"key {number}" for number in range(5)]
    for name in names:
        house.make(name)
    found: list[str] = []
    page: Page | None = Page(limit=2)
    while page is not None:
        with house.desk.read() as connection:
            part = key_rows.list_keys(connection, "org_a", page)
        found += [key.name for key in part.items]
        page = Page(limit=2, after=part.after) if part.after else None
    assert sorted(found) == names


# ---------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("field", "text", "kept"),
    [
        ("models", "acme/*", "acme/*"),
        ("models", "best", "best"),
        ("providers", "acme", "acme"),
        ("endpoints", "/v1/chat/completions", "/chat/completions"),
        ("endpoints", "chat/completions", "/chat/completions"),
        ("endpoints", "/audio/*", "/audio/*"),
        ("addresses", "10.0.0.0/8", "10.0.0.0/8"),
        ("addresses", "192.0.2.7", "192.0.2.7/32"),
        ("addresses", "2001:DB8::/32", "2001:db8::/32"),
    ],
)
def test_rules_are_written_in_one_way(field: str, text: str, kept: str) -> None:
    rules = keys.checked_rules(KeyRules(**{field: (text, text)}))
    assert getattr(rules, field) == (kept,)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("models", ""),
        ("models", " a/b"),
        ("models", "a\n"),
        ("models", "x" * 201),
        ("providers", "Acme"),
        ("providers", "acme/x"),
        ("providers", "acme\n"),
        ("endpoints", ""),
        ("endpoints", "/Chat"),
        ("endpoints", "/../x"),
        ("addresses", "10.0.0.5/8"),
        ("addresses", "localhost"),
        ("addresses", "10.0.0.0/33"),
        ("addresses", "10.0.0.0/8\n"),
    ],
)
def test_a_rule_that_is_none_is_refused_with_its_field(field: str, text: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        keys.checked_rules(KeyRules(**{field: (text,)}))
    assert failure.value.param == f"rules.{field}"
    assert failure.value.hint


def test_a_class_of_providers_is_a_word_and_lists_have_an_end() -> None:
    with pytest.raises(InvalidRequest, match=r"rules\.privacy"):
        keys.checked_rules(KeyRules(privacy="EU\n"))
    many = tuple(str(number) for number in range(201))
    with pytest.raises(InvalidRequest, match="may have 200"):
        keys.checked_rules(KeyRules(models=many))
    with pytest.raises(InvalidRequest) as failure:
        keys.checked_rules(KeyRules(addresses=("10.0.0.5/8",)))
    assert "10.0.0.0/8 is the whole range" in (failure.value.hint or "")
