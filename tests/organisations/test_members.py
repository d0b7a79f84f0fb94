"""Accounts, organisations, projects, members and invitations, over both databases."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest

from dragoman.errors import Forbidden, InvalidRequest
from dragoman.organisations import accounts, invitations, members, organisations, projects
from dragoman.organisations.actor import ROLES, SYSTEM, Actor, Role
from dragoman.organisations.audit import list_audit
from dragoman.organisations.desk import Desk
from dragoman.organisations.failures import ChangedMeanwhile, Conflict, NotFound
from dragoman.organisations.organisations import Organisation
from dragoman.organisations.quotas import QuotaReached
from dragoman.types.organisation import QuotasChange
from dragoman.types.paging import Page

PASSWORD = "correct horse battery"


def organisation(desk: Desk, name: str = "acme") -> Organisation:
    return organisations.create_organisation(desk, SYSTEM, name, name.title())


def somebody(desk: Desk, of: Organisation, role: Role, name: str | None = None) -> Actor:
    """Make a member, as who they act from now on."""
    made = accounts.create_account(desk, SYSTEM, f"{name or role}@example.com")
    members.put_member(desk, SYSTEM, of.id, made.id, role)
    return Actor(name=made.email, account_id=made.id, roles={of.id: role})


def id_of(actor: Actor) -> str:
    assert actor.account_id is not None
    return actor.account_id


def test_an_organisation_is_made_changed_and_deleted_with_all_that_it_has(desk: Desk) -> None:
    acme = organisation(desk)
    with pytest.raises(Conflict, match="already"):
        organisation(desk)
    changed = organisations.update_organisation(
        desk, SYSTEM, acme, title="ACME", quotas=QuotasChange(projects=1), version=1
    )
    assert (changed.title, changed.quotas.projects, changed.version) == ("ACME", 1, 2)
    with pytest.raises(ChangedMeanwhile):
        organisations.update_organisation(desk, SYSTEM, acme, title="Other", version=1)
    assert organisations.update_organisation(desk, SYSTEM, acme, title="ACME").version == 2
    projects.put_project(desk, SYSTEM, changed, "web", "Web")
    with pytest.raises(InvalidRequest, match="confirms"):
        organisations.delete_organisation(desk, SYSTEM, acme, confirm="other")
    organisations.delete_organisation(desk, SYSTEM, acme, confirm="acme")
    with desk.read() as connection:
        assert organisations.find_organisation(connection, "acme") is None
        assert not connection.rows("SELECT 1 FROM project")
        lines = list_audit(connection, Page(), organisation_id=acme.id).items
    # Within a millisecond ids are in any order.
    lines = sorted(lines, key=lambda line: line.at, reverse=True)
    assert [line.action for line in lines] == ["delete", "put", "update", "create"]
    assert lines[2].difference == {"title": ["Acme", "ACME"], "quota of projects": [None, 1]}
    assert lines[0].organisation == acme.id


def test_the_default_organisation_stays(desk: Desk) -> None:
    with desk.read() as connection:
        default = organisations.resolve_organisation(connection, "default")
    with pytest.raises(Conflict, match="stays"):
        organisations.delete_organisation(desk, SYSTEM, default, confirm="default")


def test_what_is_no_name_is_refused_everywhere(desk: Desk) -> None:
    acme = organisation(desk)
    for name in ("", "A", "a b", "-a", "a-", "a\n", "ä", "a" * 64, "a/b", "."):
        with pytest.raises(InvalidRequest):
            organisation(desk, name)
        with pytest.raises(InvalidRequest):
            projects.put_project(desk, SYSTEM, acme, name, "Title")


def test_lists_come_by_pages_and_end(desk: Desk) -> None:
    acme = organisation(desk)
    for number in range(7):
        projects.put_project(desk, SYSTEM, acme, f"p{number}", "P")
    found, page = [], Page(limit=3)
    with desk.read() as connection:
        while True:
            part = projects.list_projects(connection, acme.id, page)
            found += [project.name for project in part.items]
            if part.after is None:
                break
            page = Page(limit=3, after=part.after)
    assert found == [f"p{number}" for number in range(7)]


def test_a_project_with_keys_stays_and_one_without_goes(desk: Desk) -> None:
    acme = organisation(desk)
    web = projects.put_project(desk, SYSTEM, acme, "web", "Web")
    with desk.change(SYSTEM, "create", "key", "k", organisation_id=acme.id) as change:
        columns = ("id", "organisation_id", "project_id", "name", "prefix", "digest")
        row = ("key_1", acme.id, web.id, "ci", "dk_", "d1", 0.0, 0.0)
        change.connection.insert("gateway_key", (*columns, "created_at", "updated_at"), [row])
    with pytest.raises(Conflict, match="'ci'"):
        projects.delete_project(desk, SYSTEM, acme.id, "web")
    with desk.change(SYSTEM, "revoke", "key", "k", organisation_id=acme.id) as change:
        change.connection.write("UPDATE gateway_key SET revoked_at = 1 WHERE id = 'key_1'")
    projects.delete_project(desk, SYSTEM, acme.id, "web")
    with pytest.raises(NotFound):
        projects.delete_project(desk, SYSTEM, acme.id, "web")


def test_quotas_hold(desk: Desk) -> None:
    acme = organisation(desk)
    quotas = QuotasChange(projects=1, members=2)
    acme = organisations.update_organisation(desk, SYSTEM, acme, quotas=quotas)
    projects.put_project(desk, SYSTEM, acme, "one", "One")
    projects.put_project(desk, SYSTEM, acme, "one", "Once more")
    with pytest.raises(QuotaReached):
        projects.put_project(desk, SYSTEM, acme, "two", "Two")
    somebody(desk, acme, "owner")
    invitations.invite(desk, SYSTEM, acme, "member")
    with pytest.raises(QuotaReached):
        invitations.invite(desk, SYSTEM, acme, "member")
    with pytest.raises(QuotaReached):
        somebody(desk, acme, "member")


def test_an_invitation_is_accepted_only_where_one_more_may_be(desk: Desk) -> None:
    acme = organisation(desk)
    somebody(desk, acme, "owner")
    tokens = [invitations.invite(desk, SYSTEM, acme, "member").token.reveal() for _ in range(3)]
    acme = organisations.update_organisation(desk, SYSTEM, acme, quotas=QuotasChange(members=2))

    def register(number: int) -> None:
        email = f"n{number}@example.com"
        invitations.register(desk, tokens[number], email, PASSWORD, name=None, address="")

    register(0)
    with pytest.raises(QuotaReached):
        register(1)
    with desk.read() as connection:
        assert accounts.find_by_email(connection, "n1@example.com") is None
        member = accounts.find_by_email(connection, "n0@example.com")
        assert member is not None
        actor = accounts.actor_of(connection, member, None)
    other = somebody(desk, organisation(desk, "other"), "owner", "other")
    with pytest.raises(QuotaReached):
        invitations.accept(desk, other, tokens[1])
    assert invitations.accept(desk, actor, tokens[2]).role == "member"  # who is one already


def test_a_quota_holds_for_many_at_once(desk: Desk) -> None:
    acme = organisation(desk)
    acme = organisations.update_organisation(desk, SYSTEM, acme, quotas=QuotasChange(projects=3))
    refused = []

    def put(name: str) -> None:
        try:
            projects.put_project(desk, SYSTEM, acme, name, "P")
        except QuotaReached as error:
            refused.append(error)

    threads = [threading.Thread(target=put, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with desk.read() as connection:
        assert len(projects.list_projects(connection, acme.id, Page()).items) == 3
    assert len(refused) == 5


def test_nobody_gives_or_takes_a_role_above_their_own(desk: Desk) -> None:
    acme = organisation(desk)
    somebody(desk, acme, "owner", "keeper")
    actors = {role: somebody(desk, acme, role, f"acting-{role}") for role in ROLES}
    target = id_of(somebody(desk, acme, "viewer", "target"))
    wrong = []
    for role, before, after in itertools.product(ROLES, repeat=3):
        members.put_member(desk, SYSTEM, acme.id, target, before)
        own = ROLES.index(role)
        # The guard of the route asks for an admin; here stands what holds besides.
        may = ROLES.index(after) <= own and (before == after or ROLES.index(before) <= own)
        try:
            members.put_member(desk, actors[role], acme.id, target, after)
            did = True
        except Forbidden:
            did = False
        with desk.read() as connection:
            found = members.find_member(connection, acme.id, target)
        assert found is not None
        if did != may or found.role != (after if may else before):
            wrong.append((role, before, after, found.role))
    assert not wrong


def test_an_admin_cannot_remove_an_owner_and_members_remove_themselves_alone(desk: Desk) -> None:
    acme = organisation(desk)
    owner, admin = somebody(desk, acme, "owner"), somebody(desk, acme, "admin")
    member, viewer = somebody(desk, acme, "member"), somebody(desk, acme, "viewer")
    with pytest.raises(Forbidden):
        members.remove_member(desk, admin, acme.id, id_of(owner))
    for target in (viewer, owner):
        with pytest.raises(Forbidden):
            members.remove_member(desk, member, acme.id, id_of(target))
    members.remove_member(desk, viewer, acme.id, id_of(viewer))
    members.remove_member(desk, admin, acme.id, id_of(member))
    with pytest.raises(NotFound):
        members.remove_member(desk, admin, acme.id, id_of(member))


def test_the_last_owner_stays_also_when_two_leave_at_once(desk: Desk) -> None:
    acme = organisation(desk)
    one, two = somebody(desk, acme, "owner", "one"), somebody(desk, acme, "owner", "two")
    kept = []

    def leave(actor: Actor) -> None:
        try:
            members.remove_member(desk, actor, acme.id, id_of(actor))
        except Conflict:
            kept.append(actor)

    threads = [threading.Thread(target=leave, args=(actor,)) for actor in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 1
    with pytest.raises(Conflict, match="last owner"):
        members.put_member(desk, SYSTEM, acme.id, id_of(kept[0]), "admin")
    with pytest.raises(Conflict, match="last owner of the organisation 'acme'"):
        accounts.delete_account(desk, SYSTEM, id_of(kept[0]))


def test_who_goes_leaves_no_key_behind(desk: Desk) -> None:
    acme = organisation(desk)
    somebody(desk, acme, "owner")
    member = somebody(desk, acme, "member")
    with desk.change(SYSTEM, "create", "key", "k", organisation_id=acme.id) as change:
        columns = ("id", "organisation_id", "account_id", "name", "prefix", "digest")
        row = ("key_1", acme.id, member.account_id, "own", "dk_", "d1", 0.0, 0.0)
        change.connection.insert("gateway_key", (*columns, "created_at", "updated_at"), [row])
    members.remove_member(desk, member, acme.id, id_of(member))
    with desk.read() as connection:
        (row,) = connection.rows("SELECT revoked_at FROM gateway_key")
    assert row["revoked_at"] is not None


def test_an_invitation_makes_a_member_once(desk: Desk) -> None:
    acme = organisation(desk)
    invited = invitations.invite(desk, SYSTEM, acme, "admin", email="Bob@Example.com")
    token = invited.token.reveal()

    def register(email: str) -> accounts.Account:
        return invitations.register(desk, token, email, PASSWORD, name=None, address="")

    with pytest.raises(Forbidden, match="another e-mail"):
        register("eve@example.com")
    with pytest.raises(NotFound):
        invitations.register(desk, "iv_x", "bob@example.com", PASSWORD, name=None, address="")
    bob = register("BOB@example.com")
    with desk.read() as connection:
        found = members.find_member(connection, acme.id, bob.id)
        assert found is not None
        assert found.role == "admin"
        assert not invitations.list_invitations(connection, acme.id, Page()).items
    with pytest.raises(NotFound):
        register("bob@example.com")


def test_an_invitation_ends_by_time_or_by_being_withdrawn(desk: Desk) -> None:
    now = [1000.0]
    desk.clock = lambda: now[0]
    acme = organisation(desk)
    expired = invitations.invite(desk, SYSTEM, acme, "member", life_s=60)
    now[0] += 61
    withdrawn = invitations.invite(desk, SYSTEM, acme, "member")
    invitations.withdraw(desk, SYSTEM, acme.id, withdrawn.invitation.id)
    bob = accounts.create_account(desk, SYSTEM, "bob@example.com")
    actor = Actor(name=bob.email, account_id=bob.id)
    for invited in (expired, withdrawn):
        with pytest.raises(NotFound):
            invitations.accept(desk, actor, invited.token.reveal())


def test_who_has_an_account_accepts_with_it_and_loses_no_role(desk: Desk) -> None:
    acme = organisation(desk)
    admin = somebody(desk, acme, "admin")
    invited = invitations.invite(desk, SYSTEM, acme, "viewer")
    invitations.accept(desk, admin, invited.token.reveal())
    with desk.read() as connection:
        found = members.find_member(connection, acme.id, id_of(admin))
    assert found is not None
    assert found.role == "admin"


def test_nobody_invites_above_themselves(desk: Desk) -> None:
    acme = organisation(desk)
    admin = somebody(desk, acme, "admin")
    for role in ROLES[:-1]:
        invitations.invite(desk, admin, acme, role)
    with pytest.raises(Forbidden):
        invitations.invite(desk, admin, acme, "owner")


Loss = Callable[[Desk, Organisation, str], object]
LOSSES: dict[str, Loss] = {
    "removed": lambda desk, of, who: members.remove_member(desk, SYSTEM, of.id, who),
    "demoted": lambda desk, of, who: members.put_member(desk, SYSTEM, of.id, who, "admin"),
    "disabled": lambda desk, of, who: accounts.update_account(desk, SYSTEM, who, enabled=False),
    "deleted": lambda desk, of, who: accounts.delete_account(desk, SYSTEM, who),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_an_invitation_gives_nothing_that_its_maker_may_not_give_any_more(
    desk: Desk, loss: str
) -> None:
    acme = organisation(desk)
    somebody(desk, acme, "owner", "keeper")
    maker = somebody(desk, acme, "owner", "maker")
    made = [invitations.invite(desk, maker, acme, "owner") for _ in range(2)]
    LOSSES[loss](desk, acme, id_of(maker))
    other = accounts.create_account(desk, SYSTEM, "other@example.com")
    friend = Actor(name=other.email, account_id=other.id)
    for invited in made:
        with pytest.raises(NotFound, match="not valid, or not any more"):
            invitations.accept(desk, friend, invited.token.reveal())
        with pytest.raises(NotFound, match="not valid, or not any more"):
            invitations.register(
                desk, invited.token.reveal(), "x@example.com", PASSWORD, name=None, address=""
            )
    with desk.read() as connection:
        assert members.find_member(connection, acme.id, other.id) is None
        listed = invitations.list_invitations(connection, acme.id, Page()).items
        said = str(list_audit(connection, Page()).items)
    # Who was demoted may give what is below, and what is above is listed for who can withdraw it.
    assert (listed == []) == (loss != "demoted")
    assert ("withdrawn invitations" in said) == (loss != "demoted")


def test_an_invitation_holds_as_long_as_its_maker_may_give_its_role(desk: Desk) -> None:
    acme = organisation(desk)
    root = accounts.create_account(desk, SYSTEM, "root@example.com", operator=True)
    accounts.create_account(desk, SYSTEM, "two@example.com", operator=True)
    operator = Actor(name=root.email, account_id=root.id, operator=True)
    owner = somebody(desk, acme, "owner")
    lower = invitations.invite(desk, owner, acme, "member").token.reveal()
    by_operator = [invitations.invite(desk, operator, acme, "owner") for _ in range(2)]
    # Who sits at the machine is no account's, and stays who they are.
    at_machine = invitations.invite(
        desk, Actor(name="kim@corp at the command line", operator=True), acme, "viewer"
    )
    somebody(desk, acme, "owner", "keeper")
    members.put_member(desk, SYSTEM, acme.id, id_of(owner), "admin")
    ada = accounts.create_account(desk, SYSTEM, "ada@example.com")
    actor = Actor(name=ada.email, account_id=ada.id)
    for token in (lower, at_machine.token.reveal(), by_operator[0].token.reveal()):
        invitations.accept(desk, actor, token)
    accounts.update_account(desk, SYSTEM, root.id, operator=False)
    with pytest.raises(NotFound):
        invitations.accept(desk, actor, by_operator[1].token.reveal())


def test_who_is_enabled_again_has_no_invitation_open(desk: Desk) -> None:
    acme = organisation(desk)
    maker = somebody(desk, acme, "owner", "maker")
    token = invitations.invite(desk, maker, acme, "owner").token.reveal()
    for enabled in (False, True):
        accounts.update_account(desk, SYSTEM, id_of(maker), enabled=enabled)
    with pytest.raises(NotFound):
        invitations.accept(desk, maker, token)


def test_the_last_operator_stays(desk: Desk) -> None:
    root = accounts.create_account(desk, SYSTEM, "root@example.com", operator=True)
    changes: list[Callable[[], object]] = [
        lambda: accounts.delete_account(desk, SYSTEM, root.id),
        lambda: accounts.update_account(desk, SYSTEM, root.id, operator=False),
        lambda: accounts.update_account(desk, SYSTEM, root.id, enabled=False),
    ]
    for change in changes:
        with pytest.raises(Conflict, match="last operator"):
            change()
    accounts.create_account(desk, SYSTEM, "two@example.com", operator=True)
    accounts.delete_account(desk, SYSTEM, root.id)


def test_what_is_no_address_is_refused(desk: Desk) -> None:
    for email in ("", "ada", "@a.b", "a@", "a b@a.b", "a@b\nc", "a@b,c@d", "x" * 300):
        with pytest.raises(InvalidRequest):
            accounts.create_account(desk, SYSTEM, email)


def test_an_address_is_one_however_it_is_written(desk: Desk) -> None:
    made = accounts.create_account(desk, SYSTEM, " Ada@Example.COM ")
    assert made.email == "ada@example.com"
    with pytest.raises(Conflict):
        accounts.create_account(desk, SYSTEM, "ada@example.com")
