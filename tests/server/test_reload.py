"""Another configuration comes into force."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.config import Config, Secrets, load
from dragoman.config.adapted import FOLDER
from dragoman.engine.call import Surroundings
from dragoman.server.admission.snapshot import take_snapshot
from dragoman.server.gateway import Gateway
from dragoman.server.reload import Reloader
from dragoman.server.sources import Sources
from tests.library.asking import configure


def test_what_must_hold_for_a_configuration_is_seen_to_before_its_first_request() -> None:
    """Else a new key would be let through without its limits."""
    old, new = configure({}), configure({"mine": {"base_url": "http://127.0.0.1:9/v1"}})
    seen: list[tuple[bool, bool]] = []

    async def reload() -> None:
        around = Surroundings(secrets=Secrets({}))
        snapshot = take_snapshot(old, around, discovered={}, listening="127.0.0.1")
        gateway = Gateway(snapshot)

        async def prepare(config: Config) -> None:
            seen.append((config is new, gateway.snapshot.config is old))

        reloader = Reloader(
            gateway, lambda: (new, {}, {}), "127.0.0.1", directory=None, prepare=prepare
        )
        assert await reloader.reload()
        assert gateway.snapshot.config is new
        await gateway.close()

    asyncio.run(reload())
    assert seen == [(True, True)]


@pytest.mark.parametrize("name", ["config.toml", f"{FOLDER}/mine.toml", f"{FOLDER}/new.toml"])
def test_a_file_that_changes_once_it_was_read_is_seen_whenever_one_begins_to_look(
    tmp_path: Path, name: str
) -> None:
    """Else a worker that is slow to start would never know of what was written meanwhile."""
    folder = _folder(tmp_path)
    (folder / FOLDER).mkdir()
    for file in ("config.toml", f"{FOLDER}/mine.toml"):
        (folder / file).write_text("")
    env = {"HOME": str(tmp_path)}
    config = load(env=env, cwd=tmp_path)
    (folder / name).write_text('default_model = "demo/echo"\n')
    sources = Sources(config, lambda: (load(env=env, cwd=tmp_path), {}, env))
    assert [sources.have_changed() for _ in range(3)] == [False, True, True]
    (folder / name).write_text("")  # of adapters, and of no settings
    (folder / FOLDER / "new.toml").unlink(missing_ok=True)
    sources.accept(sources.read()[0])
    assert [sources.have_changed() for _ in range(3)] == [False] * 3


KEYS = '[[gateway.keys]]\nname = "a"\nkey = "key-aaaa-1111"\n'


def test_a_file_that_is_gone_is_no_configuration_and_the_last_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a slip of `rm` would let everybody in; an empty file says that it is meant."""
    file = _folder(tmp_path) / "config.toml"
    file.write_text(KEYS)
    with caplog.at_level(logging.WARNING, "dragoman.server"):
        found = _reloaded(tmp_path, file.unlink, lambda: file.write_text(""))
    assert found == [(False, "keys"), (True, "single-user")]
    [refused] = [line for line in caplog.messages if "was not reloaded" in line]
    assert f"{file}: was read before and is gone" in refused
    assert "an empty file" in refused


def test_a_file_that_was_moved_is_gone_until_it_is_back(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    file, aside = folder / "config.local.toml", folder / "config.local.bak"
    (folder / "config.toml").write_text("")
    file.write_text(KEYS)
    found = _reloaded(tmp_path, lambda: file.rename(aside), lambda: aside.rename(file))
    assert found == [(False, "keys"), (True, "keys")]


def test_an_adapter_that_is_gone_takes_its_provider_along(tmp_path: Path) -> None:
    """It guards nothing: who asks for it is told that there is no such provider."""
    adapter = _folder(tmp_path) / FOLDER / "acme.toml"
    adapter.parent.mkdir()
    adapter.write_text("")
    assert _reloaded(tmp_path, adapter.unlink) == [(True, "single-user")]


def test_a_mistake_that_only_moved_is_no_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else nothing could be written above it."""
    file = _folder(tmp_path) / "config.toml"
    broken = '[[providers]]\nname = "{}"\nbase_url = "http://127.0.0.1:9"\napi = "none-such"\n'
    file.write_text(broken.format("mine"))
    with caplog.at_level(logging.WARNING, "dragoman.server"):
        found = _reloaded(
            tmp_path,
            lambda: file.write_text(KEYS + broken.format("mine")),
            lambda: file.write_text(broken.format("mine") + broken.format("yours")),
        )
    assert found == [(True, "keys"), (False, "keys")]
    [refused] = [line for line in caplog.messages if "was not reloaded" in line]
    assert "'yours'" in refused


def test_what_is_odd_in_a_configuration_is_told_when_it_comes_into_force(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else a limit that is spelt wrongly is one that nobody misses."""
    file = _folder(tmp_path) / "config.toml"
    odd = '[providers.mine]\nbase_url = "http://127.0.0.1:9"\nlimts = { rpm = 1 }\n'
    file.write_text("")
    with caplog.at_level(logging.WARNING, "dragoman.server"):
        _reloaded(tmp_path, lambda: file.write_text(odd), lambda: file.write_text(f"\n{odd}"))
    told = f"{file}:3:1: provider 'mine': unknown key 'limts' (Did you mean 'limits'?)"
    reloaded = "the configuration was reloaded"
    assert caplog.messages == [reloaded, f"in the configuration: {told}", reloaded]


def _folder(home: Path) -> Path:
    folder = home / ".config" / "dragoman"
    folder.mkdir(parents=True)
    return folder


def _reloaded(home: Path, *changes: Callable[[], object]) -> list[tuple[bool, str]]:
    """Change a home's files and reload: whether that was taken, and who may ask then."""
    env = {"HOME": str(home)}

    async def reload() -> list[tuple[bool, str]]:
        around = Surroundings(secrets=Secrets(env))
        config = load(env=env, cwd=home)
        gateway = Gateway(take_snapshot(config, around, discovered={}, listening="127.0.0.1"))
        reloader = Reloader(gateway, lambda: (load(env=env, cwd=home), {}, env), "127.0.0.1")
        found = []
        for change in changes:
            change()
            found.append((await reloader.reload(), gateway.snapshot.door.mode))
        await gateway.close()
        return found

    return asyncio.run(reload())
