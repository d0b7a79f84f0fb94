"""Keys are kept where only their owner can read them, and sent to their own origin alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest

from dragoman.config import load
from dragoman.config.secrets import Secrets
from dragoman.config.stored import find_stored, list_stored, remove_key, store_file, store_key
from dragoman.errors import ConfigError
from dragoman.types.credential import Secret
from tests.config.file_keyring import FileKeyring

KEY = Secret("sk-1234567890abcdef")
GROQ = "https://api.groq.com/openai/v1"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


@pytest.fixture
def ring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], Mapping[str, str]]]:
    """Put a keyring into place; gives what it holds."""
    path = tmp_path / "ring.json"
    monkeypatch.setenv("TEST_KEYRING", str(path))
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield lambda: json.loads(path.read_text()) if path.exists() else {}
    keyring.set_keyring(before)


def key_of(name: str, env: Mapping[str, str], base_url: str | None = None) -> str | None:
    """The key that a provider would be sent."""
    overrides = {"providers": {name: {"base_url": base_url}}} if base_url else {}
    config = load(env=env, cwd=Path("/"), overrides=overrides)
    found = Secrets(env).credential(config.providers[name])
    return found.secret.reveal() if found else None


def test_file_is_its_owners_alone_and_the_key_is_found(env: dict[str, str]) -> None:
    stored = store_key("groq", KEY, GROQ, env, in_file=True)
    assert (stored.origin, stored.in_keyring) == ("https://api.groq.com", False)
    assert store_file(env).stat().st_mode & 0o777 == 0o600
    assert store_file(env).parent.stat().st_mode & 0o077 == 0
    assert key_of("groq", env) == KEY.reveal()


def test_what_changes_while_somebody_uses_keys_is_seen(env: dict[str, str]) -> None:
    secrets, provider = Secrets(env), load(env=env, cwd=Path("/")).providers["groq"]

    def key() -> str | None:
        try:
            found = secrets.credential(provider)
        except ConfigError:  # there is none
            return None
        return found.secret.reveal() if found else None

    assert key() is None
    store_key("groq", KEY, GROQ, env, in_file=True)
    assert (key(), key()) == (KEY.reveal(), KEY.reveal())
    store_key("groq", Secret("another-key-0815"), GROQ, env, in_file=True)
    assert key() == "another-key-0815"
    remove_key("groq", env)
    assert key() is None


def test_a_keyring_is_asked_once(
    env: dict[str, str], ring: Callable[[], Mapping[str, str]]
) -> None:
    store_key("groq", KEY, GROQ, env)
    secrets, provider = Secrets(env), load(env=env, cwd=Path("/")).providers["groq"]
    assert secrets.credential(provider) is not None
    keyring.set_keyring(keyring.backends.fail.Keyring())
    assert ring()
    assert secrets.credential(provider) is not None


def test_key_is_never_sent_to_another_origin(env: dict[str, str]) -> None:
    store_key("groq", KEY, GROQ, env, in_file=True)
    for url in ("http://api.groq.com/openai/v1", "https://api.groq.com:8443/v1", "https://evil/v1"):
        assert key_of("groq", env, url) is None
    assert key_of("groq", env, "https://API.groq.com:443/other") == KEY.reveal()


def test_keyring_holds_the_key_and_the_file_only_its_origin(
    env: dict[str, str], ring: Callable[[], Mapping[str, str]]
) -> None:
    stored = store_key("groq", KEY, GROQ, env)
    assert (stored.in_keyring, stored.why_file, stored.last_four) == (True, None, "cdef")
    assert ring() == {"dragoman/groq": KEY.reveal()}
    assert KEY.reveal() not in store_file(env).read_text()
    assert key_of("groq", env) == KEY.reveal()
    assert key_of("groq", env, "https://evil/v1") is None
    assert remove_key("groq", env)
    assert ring() == {}
    assert list_stored(env) == ()


@pytest.mark.parametrize(
    ("fault", "why"),
    [("locked", "KeyringLocked"), ("odd", "OSError"), ("forgets", "did not keep it")],
)
def test_keyring_that_fails_leaves_the_file_and_says_why(
    fault: str,
    why: str,
    env: dict[str, str],
    ring: Callable[[], Mapping[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEST_KEYRING_FAULT", fault)
    stored = store_key("groq", KEY, GROQ, env)
    assert why in (stored.why_file or "")
    assert "sk-" not in (stored.why_file or "")
    assert key_of("groq", env) == KEY.reveal()
    assert ring() == {}


def test_without_a_keyring_the_file_is_used(env: dict[str, str]) -> None:
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        stored = store_key("groq", KEY, GROQ, env)
    finally:
        keyring.set_keyring(before)
    assert stored.why_file == "this machine has no keyring"


def test_key_that_moves_to_the_file_leaves_the_keyring(
    env: dict[str, str], ring: Callable[[], Mapping[str, str]]
) -> None:
    store_key("groq", KEY, GROQ, env)
    store_key("groq", Secret("sk-new-new-new-new"), GROQ, env, in_file=True)
    assert ring() == {}
    assert key_of("groq", env) == "sk-new-new-new-new"


def test_key_that_cannot_be_forgotten_by_the_keyring_is_told(
    env: dict[str, str], ring: Callable[[], Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store_key("groq", KEY, GROQ, env)
    monkeypatch.setenv("TEST_KEYRING_FAULT", "odd")
    with pytest.raises(ConfigError) as caught:
        remove_key("groq", env)
    assert "sk-" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.hint == "keyring del dragoman groq"
    assert list_stored(env) == ()


def test_several_keys_are_kept_apart_and_replaced(env: dict[str, str]) -> None:
    for name, url in (("b", "https://b/v1"), ("a", "https://a/v1"), ("b", "https://b2/v1")):
        store_key(name, Secret(f"sk-{name}-1234567890"), url, env, in_file=True)
    assert [(key.name, key.origin, key.last_four) for key in list_stored(env)] == [
        ("a", "https://a", "7890"),
        ("b", "https://b2", "7890"),
    ]
    assert remove_key("a", env)
    assert not remove_key("a", env)
    assert find_stored("b", env) is not None


def test_nothing_of_a_short_key_is_shown(env: dict[str, str]) -> None:
    store_key("a", Secret("short"), "https://a/v1", env, in_file=True)
    assert list_stored(env)[0].last_four == ""
    assert "short" not in f"{list_stored(env)}"


def test_file_that_others_may_read_is_refused(env: dict[str, str]) -> None:
    store_key("groq", KEY, GROQ, env, in_file=True)
    store_file(env).chmod(0o644)
    for use in (
        lambda: list_stored(env),
        lambda: store_key("a", KEY, "https://a/v1", env, in_file=True),
    ):
        with pytest.raises(ConfigError) as caught:
            use()
        assert caught.value.hint == f"chmod 600 {store_file(env)}"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"credentials": 3}', b"\xff", b"[" * 9999])
def test_broken_file_is_told_and_kept(content: bytes, env: dict[str, str]) -> None:
    store_file(env).parent.mkdir(parents=True)
    store_file(env).write_bytes(content)
    store_file(env).chmod(0o600)
    with pytest.raises(ConfigError, match="is not a store of credentials"):
        store_key("groq", KEY, GROQ, env, in_file=True)
    assert store_file(env).read_bytes() == content


def test_provider_without_a_url_has_nothing_to_bind_a_key_to(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="no base URL"):
        store_key("groq", KEY, "", env, in_file=True)
    assert not store_file(env).exists()


def test_key_leaves_the_keyring_again_when_the_file_cannot_be_written(
    env: dict[str, str], ring: Callable[[], Mapping[str, str]], tmp_path: Path
) -> None:
    (tmp_path / ".local").write_text("a file where a folder should be")
    with pytest.raises(OSError, match=r"\.local"):
        store_key("groq", KEY, GROQ, env)
    assert ring() == {}
