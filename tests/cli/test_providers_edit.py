"""Testing, removing and switching providers; the user's file keeps everything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.running import Dragoman
from tests.cli.test_exit_codes import check_told
from tests.probe.servers import provider
from tests.upstream.answers import error
from tests.upstream.fault import FaultUpstream
from tests.upstream.llama import LlamaServer

Upstream = Callable[..., FaultUpstream]

FILE = """\
# Mine.
default_model = "a/m" # good

# First
[providers.a] # at home
base_url = "http://127.0.0.1:9/v1"

# Second
[providers.b]
base_url = "http://127.0.0.1:10/v1"
enabled = false # broken

[routes.r]
models = ["a/m", "b/m"]
"""


# ------------------------------------------------------------------------------------- test


def test_test_climbs_the_ladder_and_says_the_first_failure(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(provider("m", images=error(400, message="text only")))
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    result = dragoman("providers", "test", "UP")
    assert (result.code, result.err) == (0, "")
    labels = [line.split()[0] for line in result.out.splitlines() if not line.startswith("  ")]
    assert labels == [
        "URL", "reach", "auth", "models", "chat", "stream", "tools", "schema", "images", "usage",
        "price",
    ]  # fmt: skip
    found = dragoman("providers", "test", "up", "--json").json()
    assert (found["ok"], found["model"], found["base_url"]) == (True, "m", server.base_url)
    steps = {step["name"]: step for step in found["steps"]}
    assert len(steps) == 10
    assert steps["models"]["models"] == ["m"]
    assert steps["images"]["verdict"] == "failed"
    assert steps["images"]["needed"] is False
    assert steps["chat"]["ms"] > 0


def test_test_of_a_real_server(dragoman: Dragoman, llama_server: LlamaServer) -> None:
    dragoman.configure(f'[providers.up]\nbase_url = "{llama_server.base_url}"\n')
    result = dragoman("providers", "test", "up", "-m", f"up/{llama_server.model}")
    assert result.code == 0, result.out + result.err
    assert "✓ kept to the schema" in result.out


FAULTS = {
    "wrong key": (provider("m", key="k"), 77, "auth"),
    "rate limited": (provider("m", chat=error(429)), 75, "chat"),
    "no credit": (provider("m", chat=error(402)), 77, "chat"),
    "no model": (provider(), 69, "chat"),
    "broken": (provider("m", stream=error(500)), 69, "stream"),
    "refused": (None, 69, "reach"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_exit_status_is_that_of_the_step(name: str, dragoman: Dragoman, upstream: Upstream) -> None:
    script, code, step = FAULTS[name]
    server = upstream(script or provider("m"), down=script is None)
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    result = dragoman("providers", "test", "up")
    assert result.code == code, result.out + result.err
    assert "Traceback" not in result.err
    found = dragoman("providers", "test", "up", "--json")
    assert found.code == code
    failed = [s["name"] for s in found.json()["steps"] if s["verdict"] not in ("ok", "skipped")]
    assert step in failed
    assert found.json()["ok"] is False


@pytest.mark.parametrize(
    ("arguments", "text", "code", "said"),
    [
        (["nope"], "", 2, "there is no provider"),
        (["grok"], "", 2, "groq"),
        (["x"], '[providers.x]\nbase_ulr = "http://h"\n', 78, "base_url"),
        (["x"], '[providers.x]\nbase_url = "http://127.0.0.1:9"\napi_key = "env:NO"\n', 69, ""),
    ],
)
def test_what_cannot_be_tested_is_told(
    arguments: list[str], text: str, code: int, said: str, dragoman: Dragoman
) -> None:
    dragoman.configure(text)
    result = dragoman("providers", "test", *arguments)
    assert result.code == code, result.err
    assert said in result.err
    assert "Traceback" not in result.err


def test_ctrl_c_ends_a_test_and_the_question(dragoman: Dragoman, upstream: Upstream) -> None:
    from tests.upstream.answers import stall

    server = upstream(provider("m", chat=stall()))
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    running = dragoman.start("providers", "test", "up")
    running.wait_for("models")
    server.wait_requests(2, 20.0)
    running.interrupt()
    result = running.result()
    assert result.code == 130
    assert "Traceback" not in result.err
    server.requests[-1].wait_closed()


def test_spinner_says_which_step_is_waited_for(dragoman: Dragoman, upstream: Upstream) -> None:
    from tests.upstream.answers import chat

    server = upstream(provider("m", chat=chat("OK").stall(0.8, at=0)))
    dragoman.configure(f'[providers.up]\nbase_url = "{server.base_url}"\n')
    result = dragoman.at_terminal("providers", "test", "up").result()
    assert "chat …" in result.err
    assert dragoman.at_terminal("providers", "test", "up", env={"CI": "1"}).result().err == ""


# ------------------------------------------------------------------------- remove and switch


def test_remove_takes_one_table_and_leaves_the_rest(dragoman: Dragoman) -> None:
    dragoman.configure(FILE)
    result = dragoman("providers", "remove", "A")
    assert (result.code, result.out) == (0, "a is no longer in ~/.config/dragoman/config.toml.\n")
    assert result.err == (
        "Warning: default_model still names it: a/m\nWarning: routes.r still names it: a/m\n"
    )
    assert dragoman.config_file.read_text() == FILE.replace(
        '# First\n[providers.a] # at home\nbase_url = "http://127.0.0.1:9/v1"\n\n', ""
    )


def test_remove_and_add_again_are_inverse(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure(FILE)
    server = upstream(provider("m", "n"))
    assert dragoman("providers", "add", "c", "--base-url", server.url).code == 0
    assert dragoman("providers", "remove", "c").code == 0
    assert dragoman.config_file.read_text() == FILE + "\n"


def test_removed_provider_s_key_is_told_of(dragoman: Dragoman) -> None:
    dragoman.configure(FILE)
    assert dragoman("keys", "set", "a", stdin=b"sk-1234567890abcdef").code == 0
    result = dragoman("providers", "remove", "a")
    assert "dragoman keys remove a" in result.err
    assert dragoman("keys", "list").out.count("there is no such provider") == 1
    assert dragoman("keys", "remove", "a").code == 0


def test_disable_and_enable(dragoman: Dragoman) -> None:
    dragoman.configure(FILE)
    result = dragoman("providers", "disable", "a")
    assert result.out == "a is disabled, in ~/.config/dragoman/config.toml.\n"
    assert dragoman.config_file.read_text() == FILE.replace(
        "[providers.a] # at home\n", "[providers.a] # at home\nenabled = false\n"
    )
    assert "disabled" in dragoman("-m", "a/m", "hi").err
    assert dragoman("providers", "disable", "a").out == "a is disabled already.\n"
    assert dragoman("providers", "enable", "a").code == 0
    assert dragoman.config_file.read_text() == FILE
    assert dragoman("providers", "enable", "b").code == 0
    assert dragoman.config_file.read_text() == FILE.replace("enabled = false # broken\n", "")


def test_built_in_one_can_be_kept_out(dragoman: Dragoman) -> None:
    assert dragoman("providers", "disable", "openai").code == 0
    assert dragoman.config_file.read_text() == "[providers.openai]\nenabled = false\n"
    assert "openai" not in dragoman("providers", "list", env={"OPENAI_API_KEY": "k"}).out
    assert dragoman("providers", "enable", "openai").code == 0
    assert dragoman.config_file.read_text() == ""
    assert "openai" in dragoman("providers", "list", env={"OPENAI_API_KEY": "k"}).out


def test_list_of_tables_keeps_its_shape(dragoman: Dragoman) -> None:
    text = '[[providers]]\nname = "a"\nbase_url = "http://127.0.0.1:9/v1"\n'
    dragoman.configure(text)
    assert dragoman("providers", "disable", "groq").code == 0
    assert dragoman.config_file.read_text() == (
        f'{text}\n[[providers]]\nname = "groq"\nenabled = false\n'
    )
    assert dragoman("providers", "enable", "groq").code == 0
    assert dragoman.config_file.read_text() == text + "\n"


def test_local_file_beside_is_changed_too(dragoman: Dragoman) -> None:
    dragoman.configure('[providers.a]\nbase_url = "http://127.0.0.1:9/v1"\n')
    local = dragoman.configure('[providers.a]\napi_key = "sk-1234"\n', "config.local.toml")
    result = dragoman("providers", "remove", "a")
    assert result.code == 0
    assert (dragoman.config_file.read_text(), local.read_text()) == ("", "")


WRONG = {
    "unknown": (["remove", "nope"], FILE, 2, "there is no provider"),
    "built in": (["remove", "groq"], FILE, 2, "dragoman providers disable groq"),
    "unknown to disable": (["disable", "nope"], FILE, 2, "there is no provider"),
    "broken file": (["disable", "groq"], "[providers", 78, "not valid TOML"),
    "in a value": (
        ["remove", "a"],
        'providers = { a = { base_url = "http://a" } }\n',
        78,
        "by hand",
    ),
    "nothing named": (["remove"], FILE, 2, "NAME"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_changed_is_told_and_kept(name: str, dragoman: Dragoman) -> None:
    arguments, text, code, said = WRONG[name]
    dragoman.configure(text)
    result = dragoman("providers", *arguments)
    assert result.code == code, result.err
    assert said in result.err
    check_told(result)
    assert dragoman.config_file.read_text() == text


def test_project_s_provider_is_left_to_the_project(dragoman: Dragoman) -> None:
    project = dragoman.cwd / "dragoman.toml"
    project.write_text('[providers.p]\nbase_url = "http://127.0.0.1:9/v1"\n')
    result = dragoman("providers", "remove", "p")
    assert result.code == 2
    assert f"{project}:1" in result.err
    check_told(result)
    assert dragoman("providers", "disable", "p").code == 0
    assert "enabled" not in project.read_text()


def test_project_that_decides_is_named(dragoman: Dragoman) -> None:
    project = dragoman.cwd / "dragoman.toml"
    project.write_text('[providers.p]\nbase_url = "http://127.0.0.1:9/v1"\nenabled = false\n')
    assert dragoman("config", "trust").code == 0
    result = dragoman("providers", "enable", "p")
    assert result.code == 2
    assert f"{project}:3" in result.err
    check_told(result)


def test_yaml_of_the_user_is_left_alone(dragoman: Dragoman) -> None:
    text = "providers:\n  a:\n    base_url: http://127.0.0.1:9/v1\n"
    path = dragoman.configure(text, "config.yaml")
    result = dragoman("providers", "remove", "a")
    assert result.code == 78
    assert "only TOML" in result.err
    check_told(result)
    assert path.read_text() == text
