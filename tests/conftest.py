"""Fixtures that every test may use: the upstreams."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dragoman.adapters import find
from dragoman.store import Place
from tests.upstream.aimock import AimockServer
from tests.upstream.fault import FaultUpstream
from tests.upstream.llama import LlamaServer
from tests.upstream.postgres import PostgresServer, find_binaries
from tests.upstream.redis import RedisServer, find_server
from tests.upstream.tls import Authority

# What a shell starts in the background ignores Ctrl-C, and so would all that is started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines are slow and noisy: no example has a deadline. A gate must not depend on chance.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session", autouse=True)
def _no_ones_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what is learned in tests out of the home of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def registered_adapters() -> Iterator[None]:
    """Forget the adapters that a test registers: they hold for the whole process."""
    before = dict(find._registered)
    yield
    find._registered.clear()
    find._registered.update(before)


@pytest.fixture
def upstream() -> Iterator[Callable[..., FaultUpstream]]:
    """Start scripted upstreams that end with the test: `upstream(chat("Hello"))`."""
    with contextlib.ExitStack() as stack:
        yield lambda *script, **options: stack.enter_context(FaultUpstream(*script, **options))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Sign certificates: `upstream(chat("Hello"), tls=authority.server())`."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaServer]:
    """Run a real llama.cpp server: `base_url`, `model`, `tool_bias`."""
    with LlamaServer(tmp_path_factory.mktemp("llama")) as server:
        yield server


@pytest.fixture(scope="session")
def one_aimock() -> Iterator[AimockServer]:
    """Run the aimock server from npm for all tests of this process."""
    with AimockServer() as server:
        yield server


@pytest.fixture
def aimock_server(one_aimock: AimockServer) -> AimockServer:
    """Have aimock without other tests' answers: `base_url`, `answer()`, `requests()`, `reset()`."""
    one_aimock.reset()
    return one_aimock


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run a real PostgreSQL: `new()` makes an empty database. Skips where there is none."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine (Debian's package: postgresql)")
    with PostgresServer(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run a real Redis: `new()` is an empty database. Skips where there is none."""
    program = find_server()
    if program is None:
        pytest.skip("there is no Redis on this machine (Debian's package: redis-server)")
    with RedisServer(program) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Say where a database can be made, once for each kind."""
    if request.param == "sqlite":
        return tmp_path / "new" / "dragoman.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new()
