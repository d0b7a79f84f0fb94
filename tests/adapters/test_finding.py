"""A provider of any kind is one file, or none: added while everything runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.adapters import Adapter
from dragoman.adapters.find import find_adapter, register
from dragoman.config import Config
from dragoman.errors import ConfigError
from tests.adapters.acme import Acme, serve
from tests.server.process import Process, wait_until
from tests.upstream.fault import FaultUpstream, Request, chat

Start = Callable[..., FaultUpstream]
Load = Callable[..., Config]

ACME = (Path(__file__).parent / "acme.py").read_text()
LIST = '{"listed": {"base_url": "%s/v1", "api_key_env": "TEAM_KEY", "headers": {"x-from": "us"}}}'


def folder(home: Path) -> Path:
    found = home / ".config/dragoman/adapters"
    found.mkdir(parents=True, exist_ok=True)
    return found


def test_a_class_in_the_folder_is_a_provider(tmp_path: Path, load: Load) -> None:
    (folder(tmp_path) / "acme.py").write_text(ACME)
    config = load(ACME_KEY="k")
    provider = config.providers["acme"]
    assert (provider.base_url, provider.origin) == ("http://acme.invalid", "user")
    assert str(provider.credentials[0]) == "env:ACME_KEY"
    assert config.problems == ()
    assert [p.name for p in config.custom] == ["acme"]


def test_what_the_user_says_of_it_comes_on_top(tmp_path: Path, load: Load) -> None:
    (folder(tmp_path) / "acme.py").write_text(ACME)
    table = '[[providers]]\nname = "acme"\ndefault_model = "large"\ntimeouts = { total = 9 }\n'
    (tmp_path / ".config/dragoman/config.toml").write_text(table)
    provider = load().providers["acme"]
    assert (provider.default_model, provider.timeouts.total) == ("large", 9)
    assert provider.base_url == "http://acme.invalid"


def test_its_key_stays_with_its_own_host(tmp_path: Path, load: Load) -> None:
    (folder(tmp_path) / "acme.py").write_text(ACME)
    table = '[[providers]]\nname = "acme"\nbase_url = "https://elsewhere.example"\n'
    (tmp_path / ".config/dragoman/config.toml").write_text(table)
    provider = load(ACME_KEY="k").providers["acme"]
    assert "env:ACME_KEY" not in [str(source) for source in provider.credentials]


def test_several_classes_in_a_file_are_several_providers(tmp_path: Path, load: Load) -> None:
    more = (
        ACME + "\n\nclass Other(Acme):\n    name = 'second'\n\n\nclass Bare(Adapter):\n    pass\n"
    )
    (folder(tmp_path) / "many.py").write_text(more)
    assert [p.name for p in load().custom] == ["acme", "second"]


def test_a_folder_that_others_may_write_to_is_not_read(tmp_path: Path, load: Load) -> None:
    place = folder(tmp_path)
    (place / "acme.py").write_text("raise SystemExit('run')\n")
    place.chmod(0o777)
    (problem,) = load().problems
    assert "can be written by everybody" in str(problem)
    place.chmod(0o755)
    (place / "acme.py").chmod(0o666)
    (problem,) = load().problems
    assert "acme.py: is not used" in str(problem)


def test_a_project_brings_no_adapters(tmp_path: Path, load: Load) -> None:
    (tmp_path / "dragoman.toml").write_text('default_model = "demo/echo"\n')
    (tmp_path / "adapters").mkdir()
    (tmp_path / "adapters/evil.py").write_text("raise SystemExit('run')\n")
    config = load()
    assert (config.problems, "evil" in config.providers) == ((), False)


def test_a_table_names_a_file_beside_it(tmp_path: Path, load: Load) -> None:
    place = folder(tmp_path).parent
    (place / "mine.py").write_text(ACME)
    table = '[[providers]]\nname = "x"\nadapter = "mine.py:Acme"\napi_key_env = "K"\n'
    (place / "config.toml").write_text(table)
    provider = load().providers["x"]
    assert provider.adapter == f"{place}/mine.py:Acme"
    assert provider.base_url == "http://acme.invalid"


def test_an_unknown_adapter_is_told_with_its_place(tmp_path: Path, load: Load) -> None:
    place = folder(tmp_path).parent / "config.toml"
    place.write_text('[[providers]]\nname = "x"\nbase_url = "http://h"\nadapter = "nobodys"\n')
    (problem,) = load().problems
    assert f"{place}:1" in str(problem)
    assert "there is no adapter 'nobodys'" in str(problem)
    assert problem.hint is not None
    assert "acme.py:Acme" in problem.hint


def test_a_file_with_several_asks_which(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(ACME + "\n\nclass Other(Adapter):\n    pass\n")
    with pytest.raises(ConfigError, match="several adapters") as caught:
        find_adapter(str(path), "x")
    assert caught.value.hint == "name one: Acme, Other"


def test_a_decorator_makes_a_provider_in_this_process(load: Load) -> None:
    register("registered")(type("Registered", (Acme,), {}))
    register("without-a-table")(type("Bare", (Adapter,), {}))
    assert "without-a-table" not in load().providers
    provider = load().providers["registered"]
    assert (provider.base_url, provider.origin) == ("http://acme.invalid", "installed")


def test_an_installed_package_brings_its_provider(tmp_path: Path, upstream: Start) -> None:
    server = upstream(serve)
    site = tmp_path / "site"
    info = site / "dragoman_acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text("[dragoman.adapters]\nacme = acme_plugin:Acme\n")
    (site / "acme_plugin.py").write_text(ACME.replace("http://acme.invalid", server.url))
    root = Path(__file__).parents[2]
    env = {"HOME": str(tmp_path), "PYTHONPATH": f"{site}{os.pathsep}{root}", "ACME_KEY": "k1"}
    done = subprocess.run(
        [sys.executable, "-m", "dragoman", "-m", "acme/small", "hello"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == ("HELLO", 0), done.stderr


def test_a_provider_of_each_kind_is_one_file_while_the_gateway_runs(
    tmp_path: Path, upstream: Start
) -> None:
    acme = upstream(serve)

    def plain(request: Request) -> object:
        return chat(f"from {request.header('x-from')}")

    listed = upstream(plain)
    here = ACME.replace("http://acme.invalid", acme.url).replace("ACME_KEY", "TEAM_KEY")
    gateway = Process(tmp_path, "")
    try:
        place = tmp_path / "adapters"
        place.mkdir()
        (place / "acme.py").write_text(here)
        wait_until(lambda: gateway.chat("acme/small")[0] == 200)
        (place / "providers.json").write_text(LIST % listed.url)
        wait_until(lambda: gateway.chat("listed/m")[0] == 200)
        _, answer = gateway.chat("acme/small")
        assert answer["choices"][0]["message"]["content"] == "HI"
        _, answer = gateway.chat("listed/m")
        assert answer["choices"][0]["message"]["content"] == "from us"
        (place / "acme.py").write_text(f"{here}\n1/0\n")
        wait_until(lambda: gateway.reported > 0)
        assert gateway.chat("acme/small")[0] == 200, "the last good one stays"
    finally:
        gateway.stop()
