"""What the gateway says at its start about who may ask."""

from __future__ import annotations

from pathlib import Path

from dragoman.organisations.accounts import create_account
from dragoman.organisations.actor import SYSTEM
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import new_key
from dragoman.store.database import database_path
from tests.server.process import Process

KEYS = '[[gateway.keys]]\nname = "team"\nkey = "env:TEAM_KEY"\n'


def said(home: Path, config: str, *arguments: str) -> str:
    env = {"DRAGOMAN_SECRET_KEY": new_key()} if arguments else {}
    gateway = Process(home, config, *arguments, env=env)
    code, out, err = gateway.stop()
    assert (code, err) == (0, "")
    return out


def test_keys_of_the_configuration_are_counted(tmp_path: Path) -> None:
    assert "1 gateway key: every request needs one" in said(tmp_path, KEYS)
    assert "0 providers, 0 routes" in said(tmp_path, "")


def test_a_database_with_an_operator_asks_everybody_for_a_key(tmp_path: Path) -> None:
    assert "none needed: only this machine" in said(tmp_path, "")
    desk = Desk(database_path({"HOME": str(tmp_path)}))
    create_account(desk, SYSTEM, "ada@example.com", password="a long pass phrase", operator=True)
    desk.close()
    said(tmp_path, "")  # sees it, and remembers
    assert "those in the database: every request needs one" in said(tmp_path, "")


def test_what_others_can_reach_says_how_it_is_opened(tmp_path: Path) -> None:
    out = said(tmp_path, "", "--host", "0.0.0.0")
    assert "others can reach this address: open the set-up link" in out
    assert "/setup#su_" in out
