"""A provider that cannot be added: it is said why, and the file stays as it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.adding import KEPT, KEY
from tests.cli.running import Dragoman, Result
from tests.cli.test_exit_codes import check_told
from tests.probe.servers import provider
from tests.upstream.answers import (
    chat_stream,
    empty,
    endless_body,
    error,
    html,
    models,
    redirect,
)
from tests.upstream.fault import FaultUpstream, Send, Stall
from tests.upstream.tls import Authority

Upstream = Callable[..., FaultUpstream]

USAGE = {
    "no such built-in": (["olama"], 2, "did you mean ollama"),
    "a name that cannot be": (["my corp", "--base-url", "http://h/v1"], 2, "cannot be a provider"),
    "the key as a variable": (["x", "--base-url", "http://h", "--key-env", KEY], 2, "--key-env"),
    "two keys": (["x", "--key-env", "A", "--key-stdin"], 2, "two things"),
    "an unknown language": (["x", "--base-url", "http://h", "--api", "soap"], 2, "--api"),
    "no scheme and no test": (["llm.corp.example", "--no-test"], 2, "https://llm.corp.example"),
    "another scheme": (["ftp://host/v1"], 78, "http:// or https://"),
    "a password in the URL": (["http://me:hunter2@127.0.0.1:1"], 78, "no user name or password"),
    "a port that cannot be": (["http://127.0.0.1:99999"], 78, "URL"),
    "spaces": (["http://127.0.0.1 /v1"], 78, "spaces"),
    "a metadata address": (["http://169.254.169.254/v1"], 77, "169.254.169.254"),
    "an unknown host": (["https://no-such-host.invalid"], 69, "no address is known"),
}


@pytest.mark.parametrize("name", USAGE)
def test_wrong_command_line_says_what_is_wrong(name: str, dragoman: Dragoman) -> None:
    arguments, code, said = USAGE[name]
    dragoman.configure(KEPT)
    result = dragoman("providers", "add", *arguments)
    assert result.code == code, result.err
    assert said in result.err
    assert KEY not in result.err + result.out
    assert "hunter2" not in result.err + result.out
    check_told(result)
    assert dragoman.config_file.read_text() == KEPT


SERVERS = {
    "refused": (empty(), {"down": True}, 69, "refused the connection"),
    "a web page": (html(), {}, 69, "no API was found"),
    "nothing": (empty(), {}, 69, "no API was found"),
    "a redirect": (redirect("https://elsewhere.example/v1/models"), {}, 69, "elsewhere.example"),
    "a key is wanted": (provider("m", key=KEY), {}, 77, "Incorrect API key"),
    "no credit": (provider("m", chat=error(402)), {}, 77, ""),
    "unknown model": (provider("m", chat=error(404, message="no such model")), {}, 69, "no such"),
    "chat breaks": (provider("m", chat=error(500)), {}, 69, ""),
    "stream is cut": (provider("m", stream=chat_stream(["Hi"]).cut(at=40)), {}, 69, ""),
    "no models": (provider(), {}, 69, "no model"),
    "no HTTP": (empty(), {"greet": [(Send(b"220 smtp\r\n"), Stall())] * 20}, 69, ""),
}


@pytest.mark.parametrize("name", SERVERS)
def test_provider_that_does_not_answer_is_not_kept(
    name: str, dragoman: Dragoman, upstream: Upstream
) -> None:
    script, options, code, said = SERVERS[name]
    dragoman.configure(KEPT)
    server = upstream(script, **options)
    arguments = ["new", "--base-url", server.url, "--key-stdin"]
    result = dragoman("providers", "add", *arguments, stdin=b"sk-other-key-12345\n")
    assert result.code == code, result.out + result.err
    assert said in result.err
    assert "sk-other" not in result.err + result.out
    check_told(result)
    assert dragoman.config_file.read_text() == KEPT
    assert not (dragoman.home / ".local/share/dragoman/credentials.json").exists()


def test_huge_list_of_models_does_not_matter(dragoman: Dragoman, upstream: Upstream) -> None:
    many = models(*(f"model-{number:05}" for number in range(9_000)))
    result = dragoman(
        "providers", "add", "x", "--base-url", upstream(provider("m", models=many)).url
    )
    assert result.code == 0
    assert "9000 found: model-00000, model-00001, model-00002, …" in result.out


def test_endless_answers_end(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure(KEPT)
    result = dragoman("providers", "add", "x", "--base-url", upstream(endless_body()).url)
    assert result.code in (69, 75)
    check_told(result)
    assert dragoman.config_file.read_text() == KEPT


@pytest.mark.parametrize("expired", [True, False], ids=["expired", "unknown issuer"])
def test_certificate_is_the_reason(
    expired: bool, dragoman: Dragoman, upstream: Upstream, authority: Authority
) -> None:
    server = upstream(provider("m"), tls=authority.server(expired=expired))
    env = {"SSL_CERT_FILE": str(authority.ca_file)} if expired else {}
    result = dragoman("providers", "add", "x", "--base-url", server.url, env=env)
    assert result.code == 69
    assert "certificate" in result.err
    assert ("renewed" if expired else "ca_file") in result.err
    check_told(result)


def test_container_is_recognised(dragoman: Dragoman, upstream: Upstream) -> None:
    port = upstream(empty(), down=True).url.rsplit(":", 1)[1]
    env = {"container": "docker"}
    result = dragoman("providers", "add", f"localhost:{port}", env=env)
    assert result.code == 69
    assert f"--base-url http://host.docker.internal:{port}" in result.err
    kept = dragoman("providers", "add", "ollama", env={**env, "OLLAMA_HOST": f"localhost:{port}"})
    assert "Fix: you are inside a container" in kept.out
    assert f"--base-url http://host.docker.internal:{port}/v1" in kept.out


def test_existing_name_is_left_alone(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure(KEPT)
    server = upstream(provider("m"))
    for name in ("mine", "MINE"):
        result = dragoman("providers", "add", name, "--base-url", server.url)
        assert result.code == 2
        assert "dragoman providers remove mine" in result.err
        check_told(result)
    assert dragoman.config_file.read_text() == KEPT
    assert server.received == 0


def test_name_whose_key_would_be_anothers_is_refused(
    dragoman: Dragoman, upstream: Upstream
) -> None:
    dragoman.configure('[providers.my-corp]\nbase_url = "http://127.0.0.1:9/v1"\n')
    result = dragoman("providers", "add", "my_corp", "--base-url", upstream(provider("m")).url)
    assert result.code == 78
    assert "MY_CORP_API_KEY" in result.err
    check_told(result)


BROKEN_FILES = {
    "no TOML": ("config.toml", "[providers", 78),
    "a list in a value": (
        "config.toml",
        'providers = [{ name = "a", base_url = "http://a" }]\n',
        78,
    ),
    "a folder": ("config.toml", None, 78),
}


@pytest.mark.parametrize("name", BROKEN_FILES)
def test_file_that_cannot_be_changed_is_kept(
    name: str, dragoman: Dragoman, upstream: Upstream
) -> None:
    file, text, code = BROKEN_FILES[name]
    if text is None:
        (dragoman.config_file.parent / file).mkdir(parents=True)
    else:
        dragoman.configure(text, file)
    result = dragoman("providers", "add", "x", "--base-url", upstream(provider("m")).url)
    assert result.code == code, result.err
    check_told(result)
    assert text is None or dragoman.config_file.read_text() == text


def test_key_is_not_kept_without_its_provider(dragoman: Dragoman, upstream: Upstream) -> None:
    dragoman.configure('providers = [{ name = "a", base_url = "http://a" }]\n')
    server = upstream(provider("m", key=KEY))
    arguments = ["x", "--base-url", server.url, "--key-stdin"]
    assert dragoman("providers", "add", *arguments, stdin=KEY.encode()).code == 78
    assert dragoman("keys", "list", "--json").json() == []


def test_json_file_is_left_to_its_owner(dragoman: Dragoman, upstream: Upstream) -> None:
    path = dragoman.configure('{"providers": {}}', "mine.json")
    arguments = ["x", "--base-url", upstream(provider("m")).url, "--config", str(path)]
    result = dragoman("providers", "add", *arguments)
    assert result.code == 78
    assert "only TOML" in result.err
    check_told(result)


def unwritable(folder: Path) -> None:
    """Make a folder that nobody writes into, not even root: a file in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.write_text("")


def test_home_that_cannot_be_written_is_told(dragoman: Dragoman, upstream: Upstream) -> None:
    unwritable(dragoman.config_file.parent)
    server = upstream(provider("m"))
    result = dragoman("providers", "add", "x", "--base-url", server.url)
    assert result.code in (1, 78), result.err
    check_told(result)


def test_full_disk_loses_nothing(dragoman: Dragoman, upstream: Upstream) -> None:
    import resource
    import subprocess

    dragoman.configure(KEPT)
    server = upstream(provider("m"))
    done = subprocess.run(
        dragoman.command(["providers", "add", "x", "--base-url", server.url]),
        capture_output=True,
        text=True,
        cwd=dragoman.cwd,
        env={**dragoman.env, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=120,
        check=False,
        # No file may grow beyond this: what a full disk does, for anybody.
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64)),
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    assert result.code == 1, result.err
    assert "nothing has changed" in result.err
    check_told(result)
    assert dragoman.config_file.read_text() == KEPT
    assert [path.name for path in dragoman.config_file.parent.iterdir()] == ["config.toml"]


KEYS = {
    "none": (b"", "no key was given"),
    "blank": (b" \n\n", "no key was given"),
    "two lines": (b"sk-one-1234567\nsk-two-1234567\n", "line break"),
    "typographic": ("sk-“quoted”-1234567".encode(), "typographic"),
    "binary": (bytes(range(256)), "no HTTP header can carry"),
    "a novel": (b"a" * 100_000, "too long"),
}


@pytest.mark.parametrize("name", KEYS)
def test_key_that_cannot_be_one_is_refused(
    name: str, dragoman: Dragoman, upstream: Upstream
) -> None:
    given, said = KEYS[name]
    arguments = ["x", "--base-url", upstream(provider("m")).url, "--key-stdin"]
    result = dragoman("providers", "add", *arguments, stdin=given)
    assert result.code == 2
    assert said in result.err
    assert "sk-" not in result.err
    check_told(result)


def test_closed_stdin_is_no_key(dragoman: Dragoman, upstream: Upstream) -> None:
    import subprocess

    server = upstream(provider("m"))
    arguments = ["providers", "add", "x", "--base-url", server.url, "--key-stdin"]
    done = subprocess.run(
        dragoman.command(arguments),
        capture_output=True,
        text=True,
        cwd=dragoman.cwd,
        env=dragoman.env,
        timeout=120,
        check=False,
        preexec_fn=lambda: os.close(0),
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    assert result.code == 2, result.err
    check_told(result)
