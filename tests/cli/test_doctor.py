"""`doctor` finds what is wrong with files, keys, providers, the record, the clock, the terminal."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

from tests.cli.running import Dragoman
from tests.upstream.answers import error, models, stall
from tests.upstream.fault import FaultUpstream

Upstream = Callable[..., FaultUpstream]
SECRET = "sk-0123456789abcdef"


def checks(dragoman: Dragoman, subject: str, **options: Any) -> list[dict[str, Any]]:
    """Run it, and take out what it says of a subject."""
    found = dragoman("doctor", "--json", **options).json()
    return [check for check in found["checks"] if check["subject"] == subject]


def test_nothing_set_up_is_nothing_wrong(dragoman: Dragoman) -> None:
    result = dragoman("doctor")
    assert result.code == 0, result.out + result.err
    assert result.out.endswith("All is well.\n")
    assert "none is set up" in result.out
    assert "Fix: dragoman setup" in result.out
    assert dragoman("doctor", "--json").json()["ok"] is True
    assert not dragoman.database.exists()
    assert not dragoman.config_file.exists()


def test_it_says_which_file_won(dragoman: Dragoman) -> None:
    path = dragoman.configure('default_model = "demo/echo"\non_overflow = "truncate"\n')
    project = dragoman.cwd / "dragoman.toml"
    project.write_text('default_model = "demo/story"\n')
    found = {check.get("path"): check for check in checks(dragoman, "files")}
    assert found[str(path)]["sets"] == ["default_model", "on_overflow"]
    assert found[str(path)]["overridden"] == ["default_model"]
    assert found[str(project)]["overridden"] == []
    assert found[str(project)]["trusted"] is False
    assert found["/etc/dragoman/config.toml"]["verdict"] == "none"
    named = checks(dragoman, "files", env={"DRAGOMAN_MODEL": "demo/json"})
    assert any(check.get("sets") == ["default_model"] for check in named if "path" not in check)
    assert "not in force: default_model" in dragoman("doctor").out


def test_a_file_of_adapters_is_told_once_and_in_force(dragoman: Dragoman) -> None:
    path = dragoman.configure("")
    folder = path.with_name("adapters")
    folder.mkdir()
    (folder / "talk.toml").write_text('[provider]\nbase_url = "http://127.0.0.1:9"\n')
    told = [check for check in checks(dragoman, "files") if "talk.toml" in check["detail"]]
    (one,) = told
    assert "sets providers.talk" in one["detail"]
    assert "not in force" not in one["detail"]
    assert one["overridden"] == []


def test_it_names_keys_by_their_last_four(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure(
        f'[providers.mine]\nbase_url = "{upstream(models("m")).base_url}"\n'
        'api_key = "env:CORP_KEY"\n'
    )
    env = {"CORP_KEY": SECRET}
    (key,) = checks(dragoman, "keys", env=env)
    assert (key["name"], key["last_four"], key["source"]) == ("mine", "cdef", "$CORP_KEY")
    for arguments in (["doctor"], ["doctor", "--json"]):
        told = dragoman(*arguments, env=env)
        assert SECRET not in told.out + told.err
        assert SECRET[:8] not in told.out + told.err


def test_it_asks_every_provider_without_its_key(dragoman: Dragoman, upstream: Upstream) -> None:
    up = upstream(models("m"))
    down = upstream(models("m"), down=True)
    silent = upstream(stall())
    text = "".join(
        f'[providers.{name}]\nbase_url = "{server.base_url}"\napi_key = "env:CORP_KEY"\n'
        for name, server in (("up", up), ("down", down), ("silent", silent))
    )
    dragoman.configure(text)
    result = dragoman("doctor", "--json", env={"CORP_KEY": SECRET})
    assert result.code == 69
    found = {c["name"]: c for c in result.json()["checks"] if c["subject"] == "providers"}
    assert found["up"]["reachable"] is True
    assert found["up"]["ms"] > 0
    assert found["down"]["verdict"] == found["silent"]["verdict"] == "failed"
    assert "refused" in found["down"]["detail"]
    assert "says nothing within 2 s" in found["silent"]["detail"]
    assert up.requests[0].header("authorization") is None
    assert up.requests[0].method == "HEAD"


def test_any_answer_is_an_answer(dragoman: Dragoman, upstream: Upstream) -> None:

    dragoman.configure(f'[providers.mine]\nbase_url = "{upstream(error(401)).base_url}"\n')
    result = dragoman("doctor")
    assert result.code == 0
    assert "✓ mine" in result.out


def test_broken_configuration_is_told_and_the_rest_looked_at(dragoman: Dragoman) -> None:
    path = dragoman.configure("default_model = \n")
    result = dragoman("doctor")
    assert result.code == 78
    assert f"{path}:1:17" in result.out
    assert "Terminal" in result.out
    missing = dragoman("--config", "nowhere.toml", "doctor")
    assert missing.code == 78
    assert "nowhere.toml" in missing.out
    assert "Terminal" in missing.out


def test_a_gateway_key_that_cannot_be_had_is_told(dragoman: Dragoman) -> None:
    path = dragoman.configure('[[gateway.keys]]\nname = "a"\nkey = "env:NOT_SET"\n')
    for command in (("doctor",), ("config", "check")):
        told = dragoman(*command)
        assert told.code == 78
        assert f"{path}:3:1: refers to the variable NOT_SET, which is not set" in told.out


def test_default_model_that_does_not_exist_is_told(dragoman: Dragoman) -> None:
    dragoman.configure('default_model = "mien/m"\n[providers.mine]\nbase_url = "demo:"\n')
    result = dragoman("doctor")
    assert result.code == 78
    assert "mien/m" in result.out


def test_a_master_key_that_keeps_the_gateway_from_starting_is_told(dragoman: Dragoman) -> None:
    assert checks(dragoman, "master key") == []
    dragoman("gateway-keys", "create", "a")
    assert [check["verdict"] for check in checks(dragoman, "master key")] == ["ok"]
    dragoman.database.with_name("secret.key").chmod(0o644)
    result = dragoman("doctor")
    assert result.code == 78
    assert "others on this machine may read the master key" in result.out
    assert "Fix: chmod 600" in result.out


def test_record_is_counted_and_its_faults_told(dragoman: Dragoman) -> None:
    dragoman("-m", "demo/echo", "Hello")
    (record,) = checks(dragoman, "record")
    assert (record["verdict"], record["exchanges"]) == ("ok", 1)
    dragoman.database.chmod(0o644)
    assert [c["verdict"] for c in checks(dragoman, "record")] == ["ok", "warning"]
    assert "chmod 600 ~/.local/share/dragoman/dragoman.db" in dragoman("doctor").out
    with sqlite3.connect(dragoman.database) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    newer = dragoman("doctor")
    assert newer.code == 1
    assert "newer version" in newer.out
    Path(dragoman.database).write_bytes(b"no database" * 1000)
    for side in dragoman.database.parent.glob("dragoman.db-*"):
        side.unlink()
    broken = dragoman("doctor")
    assert broken.code == 1
    assert "not a database" in broken.out
    assert "Traceback" not in broken.out + broken.err


def test_locked_record_is_told_and_not_waited_for(dragoman: Dragoman) -> None:
    dragoman("-m", "demo/echo", "Hello")
    connection = sqlite3.connect(dragoman.database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    result = dragoman("doctor")
    connection.execute("ROLLBACK")
    connection.close()
    assert result.code == 1
    assert "locked" in result.out


def test_clock_is_compared_with_the_servers(dragoman: Dragoman, upstream: Upstream) -> None:
    answer = models("m")

    def told(ahead_s: float) -> dict[str, Any]:
        when = formatdate(time.time() + ahead_s, usegmt=True)
        server = upstream(answer.with_headers({"date": when}))
        dragoman.configure(f'[providers.mine]\nbase_url = "{server.base_url}"\n')
        (clock,) = checks(dragoman, "clock")
        return clock

    assert told(0)["verdict"] == "ok"
    late = told(3 * 3600)
    assert late["verdict"] == "warning"
    assert "3 hours behind" in late["detail"]
    assert "ahead of" in told(-600)["detail"]
    nonsense = upstream(answer.with_headers({"date": "soon"}))
    dragoman.configure(f'[providers.mine]\nbase_url = "{nonsense.base_url}"\n')
    assert checks(dragoman, "clock")[0]["verdict"] == "ok"


def test_terminal_is_described(dragoman: Dragoman) -> None:
    (piped,) = checks(dragoman, "terminal")
    assert (piped["tty"], piped["color"]) == (False, False)
    ascii_only = dragoman("doctor", env={"PYTHONIOENCODING": "ascii"})
    assert "PYTHONIOENCODING=utf-8" in ascii_only.out
    assert ascii_only.out.isascii()
    shown = dragoman.at_terminal("doctor", env={"NO_COLOR": "1", "COLUMNS": "64"}).result()
    assert shown.code == 0
    assert "a terminal (xterm-256color), 64 columns, no colour (NO_COLOR is set)" in shown.out
