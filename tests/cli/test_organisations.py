"""`dragoman organisations` and `dragoman members`: what operators do at the command line."""

from __future__ import annotations

import json
import re
from contextlib import closing

from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.organisations import resolve_organisation
from dragoman.organisations.projects import put_project
from tests.cli.running import Dragoman


def test_an_organisation_is_made_limited_and_deleted(dragoman: Dragoman) -> None:
    assert "Made 'acme'" in dragoman("organisations", "create", "acme", "--title", "ACME").err
    limits = ("--keys", "2", "--members", "none", "--operator-providers", "demo,groq")
    dragoman("organisations", "set", "acme", *limits)
    acme, default = json.loads(dragoman("organisations", "--json").out)
    assert (acme["title"], acme["quotas"]["keys"]) == ("ACME", 2)
    assert acme["quotas"]["operator_providers"] == ["demo", "groq"]
    assert default["name"] == "default"
    assert "at most 2 keys" in dragoman("organisations", "list").out
    wrong = dragoman("organisations", "delete", "acme", "--confirm", "default")
    assert "confirm 'acme'" in wrong.err
    dragoman("organisations", "delete", "acme", "--confirm", "acme")
    assert dragoman("organisations").out.split()[0] == "default"


def test_the_gateways_providers_are_enabled_by_name(dragoman: Dragoman) -> None:
    made = dragoman("organisations", "create", "acme")
    assert "none of the gateway's providers" in made.err
    assert "--operator-providers NAMES" in made.err
    made = dragoman("organisations", "create", "beta", "--operator-providers", "demo, gr*,opnai")
    assert "'opnai' so far; did you mean openai?" in made.err
    for said, shown in (
        ("none", "of the gateway's providers none"),
        ("", "of the gateway's providers none"),
        ("demo", "of the gateway's providers demo"),
        ("*", "all of the gateway's providers"),
    ):
        assert dragoman("organisations", "set", "acme", "--operator-providers", said).code == 0
        acme, beta, default = dragoman("organisations").out.splitlines()
        assert acme.endswith(shown)
    assert beta.endswith("of the gateway's providers demo, gr*, opnai")
    assert default.endswith("all of the gateway's providers")


def test_what_is_done_here_is_in_the_audit_log(dragoman: Dragoman) -> None:
    import sqlite3
    from contextlib import closing

    dragoman("organisations", "create", "acme")
    with closing(sqlite3.connect(dragoman.database)) as connection:
        found = connection.execute("SELECT actor, action, kind, object FROM audit").fetchall()
    actor, *rest = found[-1]
    assert actor.endswith("at the command line")
    assert rest == ["create", "organisation", "acme"]


def test_an_invitation_is_a_link_that_the_database_does_not_hold(dragoman: Dragoman) -> None:
    dragoman.configure('[server]\npublic_url = "https://gateway.example/"\n')
    link = dragoman("members", "invite", "owner", "--email", "ada@example.com").out.strip()
    found = re.fullmatch(r"https://gateway\.example/invitation#(iv_\w{43})", link)
    assert found is not None, link
    assert found[1].encode() not in dragoman.database.read_bytes()
    assert "Nobody is a member" in dragoman("members").err
    wrong = dragoman("members", "set", "ada@example.com", "admin")
    assert "members invite" in wrong.err


def test_a_project_that_is_not_there_is_told_with_those_that_are(dragoman: Dragoman) -> None:
    for organisation in ("acme", "beta"):
        assert dragoman("organisations", "create", organisation).code == 0
    with closing(Desk(dragoman.database)) as desk:
        for organisation, project in (("acme", "shop"), ("acme", "web"), ("beta", "web")):
            with desk.read() as connection:
                of = resolve_organisation(connection, organisation)
            put_project(desk, SYSTEM, of, project, project)
    for command in ("usage", "logs"):

        def fix(project: str, *more: str, command: str = command) -> str:
            told = dragoman(command, "--project", project, *more)
            assert told.code != 0
            return told.err.partition("Fix: ")[2].strip()

        assert fix("nope", "--organisation", "acme") == "there is shop, web"
        assert fix("nope", "--organisation", "default") == "there is none"
        assert fix("nope") == "there is shop, web; --organisation looks in one alone"
        assert fix("web") == "name its organisation: --organisation"


def test_a_limit_that_is_set_again_keeps_what_is_not_said(dragoman: Dragoman) -> None:
    def shown(*command: str) -> dict[str, str]:
        assert dragoman("limits", "set", "cap", *command).code == 0
        (limit,) = json.loads(dragoman("limits", "--json").out)
        return {name: limit[name] for name in ("limit", "whose", "mode", "operator", "unknown")}

    first = ("100", "spend", "day", "--of", "provider:demo", "--soft", "--operator")
    made = shown(*first, "--unknown", "block")
    assert made == {
        "limit": "$100.00 a day",
        "whose": "provider demo",
        "mode": "soft",
        "operator": True,
        "unknown": "block",
    }
    assert shown("200", "spend") == {**made, "limit": "$200.00 a day"}
    changed = shown("200", "spend", "week", "--strict", "--no-operator", "--assume", "0.5")
    assert changed == {
        **made,
        "limit": "$200.00 a week",
        "mode": "strict",
        "operator": False,
        "unknown": "assume",
    }
    assert shown("30", "tokens")["limit"] == "30 tokens a month"


def test_a_limit_of_a_key_that_was_revoked_is_listed_as_such(dragoman: Dragoman) -> None:
    assert dragoman("gateway-keys", "create", "ci").code == 0
    assert dragoman("limits", "set", "cap", "5", "spend", "--of", "key:ci").code == 0
    assert "it limits nothing" not in dragoman("limits").out
    assert dragoman("gateway-keys", "revoke", "ci").code == 0
    assert "  it limits nothing: there is no such key any more\n" in dragoman("limits").out


def test_a_provider_that_is_set_again_keeps_what_is_not_said(dragoman: Dragoman) -> None:
    def shown(*command: str) -> dict[str, object]:
        assert dragoman("org-providers", "set", "acme", *command, "--no-token").code == 0
        (provider,) = json.loads(dragoman("org-providers", "--json").out)
        settings: dict[str, object] = provider["settings"]
        return settings

    old, new = "https://old.example", "https://new.example"
    made = shown(old, "--api", "anthropic-messages", "--model", "big", "--models-only")
    assert made == {
        "base_url": old,
        "api": "anthropic-messages",
        "models": ["big"],
        "models_only": True,
    }
    assert shown(new) == {**made, "base_url": new}
    assert shown(new, "--any-model") == {**made, "base_url": new, "models_only": False}


def test_a_limit_of_what_is_not_there_is_set_and_warned_of(dragoman: Dragoman) -> None:
    dragoman.configure(
        '[providers.mine]\nbase_url = "http://127.0.0.1:1"\nmodels = ["large"]\nmodels_only = true'
    )
    dragoman("organisations", "create", "acme", "--operator-providers", "openai")
    own = ("org-providers", "set", "hers", "https://llm.example", "--no-token")
    assert dragoman(*own, "--organisation", "acme").code == 0

    def told(of: str, organisation: str) -> str:
        limit = ("limits", "set", "cap", "9", "requests", "--of", of)
        made = dragoman(*limit, "--organisation", organisation)
        assert made.code == 0
        warned = [line for line in made.err.splitlines() if line.startswith("Warning: ")]
        return "\n".join(warned).removeprefix("Warning: it limits nothing: ")

    nobody = "there is no provider 'opnai' here"
    assert told("provider:opnai", "default") == f"{nobody}; did you mean openai?"
    assert told("model:opnai/gpt-5", "acme") == f"{nobody}; did you mean openai/gpt-5?"
    assert told("model:mine/lrge", "default") == (
        "the provider 'mine' has no model 'lrge'; did you mean mine/large?"
    )
    assert told("provider:zzz", "default") == "there is no provider 'zzz' here"
    assert "  it limits nothing: there is no provider 'zzz' here\n" in dragoman("limits").out
    # What is not open to an organisation is not there for it, and not what it may have meant.
    assert told("provider:mine", "acme") == "there is no provider 'mine' here"
    assert told("provider:hers", "default") == "there is no provider 'hers' here"
    for of in ("provider:hers", "provider:openai", "model:openai/any", "provider:*", "key:*"):
        assert told(of, "acme") == "", of


def test_a_limit_that_several_workers_cannot_keep_is_warned_of(dragoman: Dragoman) -> None:
    dragoman.configure("[server]\nworkers = 4\n")
    told = dragoman("limits", "set", "cap", "9", "requests", "minute")
    assert told.code == 0
    assert "a gateway with 4 workers cannot keep it without Redis" in told.err
    assert "DRAGOMAN_REDIS_URL=" in told.err
    shared = dragoman(
        *("limits", "set", "cap", "8", "requests", "minute"),
        env={"DRAGOMAN_REDIS_URL": "redis://127.0.0.1:9/0"},
    )
    assert "cannot keep it" not in shared.err
