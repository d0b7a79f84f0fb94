"""Sealed secrets: they open for what they were sealed for, with the key that sealed them."""

from __future__ import annotations

import os
import pickle
import string
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.organisations.desk import Desk
from dragoman.organisations.master_keys import find_master_keys, key_file, new_key
from dragoman.organisations.safe import Safe
from dragoman.organisations.sealing import MasterKey, MasterKeys, Purpose, Unreadable
from dragoman.organisations.tokens import digest_of, make_token

TEXT = "sk-canary-🔑"
MINE = Purpose("org_a", "provider", "acme")
LETTERS = f"{string.ascii_letters}{string.digits}-_=."


def keys(*raw: bytes) -> MasterKeys:
    return MasterKeys([MasterKey(key) for key in raw or (os.urandom(32),)])


def test_what_is_sealed_opens_for_the_same_purpose_and_shows_nothing() -> None:
    ring = keys()
    sealed = ring.seal(TEXT, MINE)
    assert ring.open(sealed, MINE).reveal() == TEXT
    assert "canary" not in sealed
    assert sealed != ring.seal(TEXT, MINE)
    assert ring.current.reveal().hex() not in repr(ring.current) + str(ring)


@pytest.mark.parametrize(
    "other",
    [
        MINE._replace(organisation_id="org_b"),
        MINE._replace(kind="webhook"),
        MINE._replace(name="acmf"),
        Purpose("org", "a", "provider acme"),
        Purpose('org_a", "provider', "acme", ""),
    ],
)
def test_a_sealed_text_in_another_place_does_not_open(other: Purpose) -> None:
    ring = keys()
    with pytest.raises(Unreadable, match="damaged, or was sealed for something else"):
        ring.open(ring.seal(TEXT, MINE), other)


def test_every_changed_character_is_noticed() -> None:
    ring = keys()
    sealed = ring.seal("sk-1", MINE)
    for at, letter in enumerate(sealed):
        for other in LETTERS.replace(letter, ""):
            with pytest.raises(Unreadable):
                ring.open(f"{sealed[:at]}{other}{sealed[at + 1 :]}", MINE)
        with pytest.raises(Unreadable):
            ring.open(sealed[:at], MINE)


@pytest.mark.parametrize("text", ["", "v1", "v1.", "v1..", "v1.x.☃", "v9.a.b", "sk-1", "\0", "."])
def test_what_was_never_sealed_does_not_open(text: str) -> None:
    with pytest.raises(Unreadable) as failure:
        keys().open(text, MINE)
    assert failure.value.code == "secret_unreadable"


def test_another_master_key_does_not_open_and_the_old_one_does_beside_the_new() -> None:
    old, new = os.urandom(32), os.urandom(32)
    sealed = keys(old).seal(TEXT, MINE)
    with pytest.raises(Unreadable, match="not among those given"):
        keys(new).open(sealed, MINE)
    both = keys(new, old)
    assert both.open(sealed, MINE).reveal() == TEXT
    assert both.current.id == keys(new).current.id
    assert keys(new).open(both.seal(TEXT, MINE), MINE).reveal() == TEXT


# ---------------------------------------------------------------------------------- master keys


def test_single_user_mode_makes_a_key_for_its_owner_alone_and_keeps_it(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    first = find_master_keys(env, create=True)
    path = key_file(env)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert find_master_keys(env, create=True).ids == find_master_keys(env).ids == first.ids
    assert [file.name for file in path.parent.iterdir()] == ["secret.key"]


def test_without_a_master_key_a_server_is_told_how_to_make_one(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    with pytest.raises(ConfigError) as failure:
        find_master_keys(env)
    assert failure.value.hint is not None
    assert "dragoman secrets new-key" in failure.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_there_is_asked_for_and_not_a_new_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_master_keys({"DRAGOMAN_SECRET_KEY_FILE": str(tmp_path / "gone")}, create=True)
    assert "new-key" not in str(caught.value.hint)
    assert "DRAGOMAN_SECRET_KEY_FILE" in str(caught.value.hint)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    find_master_keys(env, create=True)
    key_file(env).chmod(0o640)
    with pytest.raises(ConfigError, match="others on this machine") as failure:
        find_master_keys(env)
    assert failure.value.hint == f"chmod 600 {key_file(env)}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CANARY" * 8, "has 36 bytes, and needs 32"),
        ("not-base64-CANARY!", "not base64"),
        ("CANARY☃", "not base64"),
    ],
)
def test_what_is_no_master_key_is_refused_and_not_repeated(
    text: str, reason: str, tmp_path: Path
) -> None:
    for env in (
        {"DRAGOMAN_SECRET_KEY": text},
        {"DRAGOMAN_SECRET_KEY": new_key(), "DRAGOMAN_SECRET_KEYS_OLD": text},
    ):
        with pytest.raises(ConfigError, match=reason) as failure:
            find_master_keys(env | {"XDG_DATA_HOME": str(tmp_path)})
        assert "CANARY" not in str(failure.value)


def test_variables_say_the_key_its_file_and_the_old_ones(tmp_path: Path) -> None:
    new, old, older = new_key(), new_key(), new_key()
    path = tmp_path / "secret"
    path.write_text(f"{new}\n{old}\n")
    both = {"DRAGOMAN_SECRET_KEY_FILE": str(path), "DRAGOMAN_SECRET_KEYS_OLD": older}
    found = find_master_keys(both)
    said = find_master_keys(
        {
            "DRAGOMAN_SECRET_KEY": new.replace("+", "-").replace("/", "_"),
            "DRAGOMAN_SECRET_KEYS_OLD": f"{old},{older}, {new}",
        }
    )
    assert found.ids == said.ids
    assert len(found.ids) == 3
    with pytest.raises(ConfigError, match="both in"):
        find_master_keys(both | {"DRAGOMAN_SECRET_KEY": new})
    with pytest.raises(ConfigError, match="No such file"):
        find_master_keys({"DRAGOMAN_SECRET_KEY_FILE": str(tmp_path / "none")})
    path.write_text("")
    with pytest.raises(ConfigError, match="holds no master key"):
        find_master_keys(both)


# --------------------------------------------------------------------------------- the database


def test_the_pepper_is_the_same_for_everybody_and_outlives_the_master_key(desk: Desk) -> None:
    old, new = new_key(), new_key()
    before = Safe(desk, {"DRAGOMAN_SECRET_KEY": old})
    token = before.make_token("dk")
    again = Safe(desk, {"DRAGOMAN_SECRET_KEY": new, "DRAGOMAN_SECRET_KEYS_OLD": old})
    assert again.digest(token.text.reveal()) == token.digest


def test_a_wrong_master_key_is_told_at_the_start_and_seals_nothing(desk: Desk) -> None:
    Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()}).check()
    wrong = Safe(desk, {"DRAGOMAN_SECRET_KEY": new_key()})
    for ask in (
        wrong.check,
        lambda: wrong.seal(TEXT, MINE),
        lambda: wrong.make_token("dk"),
        lambda: wrong.digest("dk_x"),
    ):
        with pytest.raises(ConfigError, match="not the master key of this database"):
            ask()


def test_a_master_key_that_is_gone_is_asked_for_and_no_other_made(
    desk: Desk, tmp_path: Path
) -> None:
    env = {"XDG_DATA_HOME": str(tmp_path)}
    before = Safe(desk, env, create=True)
    sealed = before.seal(TEXT, MINE)
    key = key_file(env).read_text()
    key_file(env).unlink()
    after = Safe(desk, env, create=True)
    for ask in (
        after.check,
        after.keys,
        lambda: after.check_key(needed=True),
        lambda: after.check_key(needed=False),
        lambda: after.open(sealed, MINE),
        lambda: after.make_token("dk"),
        lambda: before.seal(TEXT, MINE),
    ):
        with pytest.raises(ConfigError, match="the master key is gone") as failure:
            ask()
        assert failure.value.hint is not None
        assert failure.value.hint.startswith(f"bring it back, as {key_file(env)}")
    assert not key_file(env).exists()
    key_file(env).write_text(key)
    key_file(env).chmod(0o600)
    assert after.open(sealed, MINE).reveal() == TEXT


def test_a_damaged_pepper_is_told_as_such(desk: Desk) -> None:
    env = {"DRAGOMAN_SECRET_KEY": new_key()}
    Safe(desk, env).check()
    with desk.read() as connection:
        connection.write("UPDATE setting SET value = value || 'AAAA'")
    with pytest.raises(ConfigError, match="setting 'pepper' is damaged"):
        Safe(desk, env).check()


def test_a_changed_key_file_is_noticed_without_a_restart(desk: Desk, tmp_path: Path) -> None:
    path, old, new = tmp_path / "secret", new_key(), new_key()
    path.write_text(old)
    running = Safe(desk, {"DRAGOMAN_SECRET_KEY_FILE": str(path)})
    sealed = running.seal(TEXT, MINE)
    path.write_text(f"{new}\n{old}\n")
    other = Safe(desk, {"DRAGOMAN_SECRET_KEY_FILE": str(path)})
    assert running.open(other.seal(TEXT, MINE), MINE).reveal() == TEXT
    assert running.open(sealed, MINE).reveal() == TEXT
    assert running.seal(TEXT, MINE).split(".")[1] == other.keys().current.id


# --------------------------------------------------------------------------------------- tokens


def test_a_token_is_long_and_its_digest_says_nothing() -> None:
    pepper = os.urandom(32)
    tokens = [make_token("dk", pepper) for _ in range(200)]
    texts = {token.text.reveal() for token in tokens}
    assert len(texts) == 200
    for token in tokens:
        text = token.text.reveal()
        assert len(text) == 46
        assert text[3:].isalnum()
        assert token.prefix == f"{text[:7]}…{text[-4:]}"
        assert token.digest == digest_of(text, pepper) != digest_of(text, os.urandom(32))
        assert text not in repr(token)
    with pytest.raises(TypeError):
        pickle.dumps(tokens[0].text)


def test_a_digest_of_anything_that_a_header_can_hold_can_be_had() -> None:
    for text in ("", "☃", "\udcff", "\0", "x" * 100_000):
        assert len(digest_of(text, b"pepper")) == 64
