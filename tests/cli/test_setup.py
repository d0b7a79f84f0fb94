"""Setting up: what is here is found, shown, and written only when somebody says so."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable

import pytest

from tests.cli.running import Dragoman
from tests.cli.test_exit_codes import check_told
from tests.probe.servers import serving
from tests.upstream.answers import endless_body, error, html, models, stall
from tests.upstream.fault import FaultUpstream
from tests.upstream.llama import LlamaServer
from tests.upstream.script import Answer

Upstream = Callable[..., FaultUpstream]

KEY = "gsk_1234567890abcdef"


def answer(text: str) -> Answer:
    return Answer(200, (("content-type", "application/json"),), text.encode())


def ollama(*ids: str) -> Callable[..., object]:
    return serving({"/api/version": answer('{"version":"0.12.3"}'), "/v1/models": models(*ids)})


def port_of(server: FaultUpstream | LlamaServer) -> str:
    return server.url.rsplit(":", 1)[1]


def written(dragoman: Dragoman) -> dict[str, object]:
    return tomllib.loads(dragoman.config_file.read_text())


def test_nothing_found_is_told_with_what_to_do(dragoman: Dragoman) -> None:
    result = dragoman("setup")
    assert (result.code, result.err) == (0, "")
    assert "Nothing was found" in result.out
    assert "dragoman providers add URL" in result.out
    assert not dragoman.config_file.exists()


def test_a_key_that_several_providers_read_is_offered_once(dragoman: Dragoman) -> None:
    result = dragoman("setup", "--yes", env={"GEMINI_API_KEY": KEY})
    assert result.out.count("GEMINI_API_KEY is set") == 1
    assert set(written(dragoman)["providers"]) == {"gemini"}


def test_yes_writes_what_was_found_and_it_works(
    dragoman: Dragoman, llama_server: LlamaServer
) -> None:
    port = port_of(llama_server)
    result = dragoman("setup", "--yes", "--port", port, env={"GROQ_API_KEY": KEY})
    assert (result.code, result.err) == (0, "")
    assert f"✓ llama.cpp    http://localhost:{port}/v1   1 model" in result.out
    assert "✓ GROQ_API_KEY is set in your environment" in result.out
    text = dragoman.config_file.read_text()
    assert "".join(f"  {line}\n" if line else "\n" for line in text.splitlines()) in result.out
    assert KEY not in text + result.out
    assert written(dragoman) == {
        "default_model": f"llamacpp/{llama_server.model}",
        "providers": {
            "llamacpp": {"preset": "llamacpp", "base_url": f"http://localhost:{port}/v1"},
            "groq": {"preset": "groq"},
        },
    }
    assert dragoman.config_file.stat().st_mode & 0o777 == 0o600
    assert dragoman("config", "check").code == 0
    assert dragoman("-o", "max_tokens", "4", "hi").code == 0


def test_without_a_terminal_it_shows_and_says_what_to_do(
    dragoman: Dragoman, llama_server: LlamaServer
) -> None:
    result = dragoman("setup", "--port", port_of(llama_server))
    assert result.code == 2
    assert "[providers.llamacpp]" in result.out
    assert "dragoman setup --yes" in result.err
    check_told(result)
    assert not dragoman.config_file.exists()


def test_person_is_asked_and_sees_the_file_first(dragoman: Dragoman, upstream: Upstream) -> None:
    server = upstream(ollama("nomic-embed-text", "llama3.2:3b", "qwen3:8b"))
    env = {"OLLAMA_HOST": f"127.0.0.1:{port_of(server)}", "GROQ_API_KEY": KEY}
    running = dragoman.at_terminal("setup", env=env)
    running.wait_for("Add Ollama? [Y/n]", err=True)
    running.type("\n")
    running.wait_for("Add groq? [Y/n]", err=True)
    running.type("n\n")
    running.wait_for("Default model? [ollama/llama3.2:3b]", err=True)
    running.type("ollama/qwen3:8b\n")
    running.wait_for("Write it? [Y/n]", err=True)
    running.wait_for("[providers.ollama]")
    assert not dragoman.config_file.exists()
    running.type("y\n")
    assert running.result().code == 0
    found = written(dragoman)
    assert found["default_model"] == "ollama/qwen3:8b"
    assert found["providers"] == {
        "ollama": {"preset": "ollama", "base_url": f"http://localhost:{port_of(server)}/v1"}
    }


@pytest.mark.parametrize("answers", ["n\n", "y\n\nn\n"], ids=["none", "not the file"])
def test_no_means_nothing_is_written(
    answers: str, dragoman: Dragoman, llama_server: LlamaServer
) -> None:
    running = dragoman.at_terminal("setup", "--port", port_of(llama_server))
    running.type(answers)
    result = running.result()
    assert result.code == 0
    assert result.out.endswith("Nothing is written.\n")
    assert not dragoman.config_file.exists()


def test_ctrl_c_at_a_question_writes_nothing(dragoman: Dragoman, llama_server: LlamaServer) -> None:
    running = dragoman.at_terminal("setup", "--port", port_of(llama_server))
    running.wait_for("Add llama.cpp?", err=True)
    running.interrupt_at_prompt()
    result = running.result()
    assert result.code == 130
    assert "Traceback" not in result.err
    assert not dragoman.config_file.exists()


def test_second_time_only_what_is_new_is_added(
    dragoman: Dragoman, llama_server: LlamaServer
) -> None:
    dragoman.configure("# Mine.\n\n[aliases]\nfast = 'groq'  # quick\n")
    arguments = ["setup", "--yes", "--port", port_of(llama_server)]
    assert dragoman(*arguments).code == 0
    first = dragoman.config_file.read_text()
    assert first.startswith("# Mine.\n")
    assert "[aliases]\nfast = 'groq'  # quick\n" in first
    more = dragoman(*arguments, env={"GROQ_API_KEY": KEY})
    assert more.code == 0
    assert "llamacpp" not in more.out.split("config.toml, added at the end:")[1]
    second = dragoman.config_file.read_text()
    assert second.startswith(first)
    assert tomllib.loads(second)["default_model"] == tomllib.loads(first)["default_model"]
    again = dragoman(*arguments, env={"GROQ_API_KEY": KEY})
    assert again.code == 0
    assert "Nothing new" in again.out
    assert dragoman.config_file.read_text() == second


def test_gptme_s_file_is_taken_over_without_showing_its_keys(dragoman: Dragoman) -> None:
    folder = dragoman.home / ".config/gptme"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(
        '[prompt]\nabout_user = "me"\n\n[env]\nMODEL = "up/m1"\n\n[[providers]]\nname = "up"\n'
        f'base_url = "http://127.0.0.1:9/v1"\napi_key = "{KEY}"\ndefault_model = "m1"\n'
    )
    result = dragoman("setup", "--yes", env={"GROQ_API_KEY": KEY})
    assert result.code == 0, result.err
    assert KEY not in result.out + result.err
    assert 'api_key = "…"' in result.out
    found = written(dragoman)
    assert found["default_model"] == "up/m1"
    assert found["providers"] == [
        {
            "name": "up",
            "base_url": "http://127.0.0.1:9/v1",
            "api_key": KEY,
            "default_model": "m1",
        },
        {"name": "groq", "preset": "groq"},
    ]
    assert dragoman("config", "check").code == 0


def test_file_of_a_project_is_taken_over_by_a_person_only(dragoman: Dragoman) -> None:
    folder = dragoman.cwd / ".polpo"
    folder.mkdir()
    polpo = {"providers": {"evil": {"baseUrl": "http://evil/v1", "apiKey": "${GROQ_API_KEY}"}}}
    (folder / "polpo.json").write_text(json.dumps(polpo))
    result = dragoman("setup", "--yes", env={"GROQ_API_KEY": KEY})
    assert result.code == 0
    assert "evil" not in dragoman.config_file.read_text()
    dragoman.config_file.unlink()
    running = dragoman.at_terminal("setup")
    running.wait_for("polpo.json? [y/N]", err=True)
    running.type("y\n")
    running.wait_for("Write it?", err=True)
    running.wait_for("http://evil/v1")
    running.type("y\n")
    assert running.result().code == 0
    assert "evil" in dragoman.config_file.read_text()


def test_stored_key_counts_as_found(dragoman: Dragoman) -> None:
    assert dragoman("keys", "set", "mistral", stdin=KEY.encode()).code == 0
    result = dragoman("setup", "--yes")
    assert "a key for mistral is stored" in result.out
    assert written(dragoman)["providers"] == {"mistral": {"preset": "mistral"}}


def test_server_that_does_not_say_what_it_is_gets_a_name(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    server = upstream(serving({"/v1/models": models("some-model")}))
    port = port_of(server)
    assert dragoman("setup", "--yes", "--port", port).code == 0
    assert written(dragoman)["providers"] == {
        f"local-{port}": {"base_url": f"http://localhost:{port}/v1"}
    }


def test_two_servers_of_a_kind_get_two_names(dragoman: Dragoman, upstream: Upstream) -> None:
    ports = [port_of(upstream(ollama("a"))), port_of(upstream(ollama("b")))]
    result = dragoman("setup", "--yes", "--port", ports[0], "--port", ports[1])
    assert result.code == 0
    providers = written(dragoman)["providers"]
    assert isinstance(providers, dict)
    assert set(providers) == {"ollama", f"ollama-{ports[1]}"}


OTHERS = {
    "web page": html(),
    "locked": error(401),
    "silent": stall(),
    "endless": endless_body(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_else_listens_is_told_and_not_taken(
    name: str, dragoman: Dragoman, upstream: Upstream
) -> None:
    port = port_of(upstream(OTHERS[name]))
    result = dragoman("setup", "--yes", "--port", port)
    assert result.code == 0
    assert f":{port} " in result.out
    assert "nothing listening" not in next(
        line for line in result.out.splitlines() if f":{port} " in line
    )
    assert not dragoman.config_file.exists()


WRONG = {
    "broken file": (["--yes"], "[providers", 78, "not valid TOML"),
    "a port that cannot be": (["--port", "99999"], "", 2, "99999"),
    "a word": (["now"], "", 2, "now"),
    "a list in a value": (["--yes"], "providers = []\n[a]\n", 78, "by hand"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_told_and_the_file_kept(name: str, dragoman: Dragoman) -> None:
    arguments, text, code, said = WRONG[name]
    dragoman.configure(text)
    result = dragoman("setup", *arguments, env={"GROQ_API_KEY": KEY})
    assert result.code == code, result.err
    assert said in result.err
    check_told(result)
    assert dragoman.config_file.read_text() == text


def test_home_that_cannot_be_written_is_told(dragoman: Dragoman) -> None:
    (dragoman.home / ".config").write_text("a file where a folder should be")
    result = dragoman("setup", "--yes", env={"GROQ_API_KEY": KEY})
    assert result.code in (1, 78), result.err
    check_told(result)


def test_named_file_is_the_one_that_is_written(dragoman: Dragoman) -> None:
    result = dragoman("setup", "--yes", "--config", "mine.toml", env={"GROQ_API_KEY": KEY})
    assert result.code == 0, result.err
    assert (dragoman.cwd / "mine.toml").exists()
    assert not dragoman.config_file.exists()


def test_plain_terminal_gets_plain_marks(dragoman: Dragoman) -> None:
    env = {"PYTHONIOENCODING": "ascii", "GROQ_API_KEY": KEY}
    result = dragoman("setup", "--yes", env=env)
    assert result.code == 0
    assert "  + GROQ_API_KEY" in result.out
