"""Where a provider's key is looked for, in which order, and what is said when there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.config import Config, Secrets
from dragoman.config.show import check, key_source
from dragoman.errors import ConfigError
from tests.config.loading import Home, said


def acme(more: str = "") -> str:
    return f'[[providers]]\nname = "acme"\nbase_url = "https://acme.example/v1"\n{more}\n'


def key(home: Home, config: Config, name: str = "acme", **env: str) -> str | None:
    found = Secrets(home.env | env).credential(config.providers[name])
    return None if found is None else found.secret.reveal()


@pytest.mark.parametrize(
    ("more", "env", "expected"),
    [
        ('api_key = "lit"\napi_key_env = "B"', {"B": "b", "ACME_API_KEY": "c"}, "lit"),
        ('api_key = "env:A"\napi_key_env = "B"', {"A": "a", "B": "b"}, "a"),
        ('api_key = "${A}"\napi_key_env = "B"', {"A": "a", "B": "b"}, "a"),
        ('api_key = "pre-${A:-x}-$$"', {}, "pre-x-$"),
        ('api_key_env = "B"', {"B": "b", "ACME_API_KEY": "c"}, "b"),
        ('api_key_env = "B"', {"ACME_API_KEY": "c"}, "c"),
        ('api_key_env = ["B", "C"]', {"C": "second", "ACME_API_KEY": "c"}, "second"),
        ("", {"ACME_API_KEY": "c"}, "c"),
        ("", {"OPENAI_API_KEY": "never", "API_KEY": "never"}, None),
        ('api_key = ""', {"ACME_API_KEY": "c"}, None),
        ('api_key = "${A:-}"', {"ACME_API_KEY": "c"}, None),
        ('api_key = "${A}"', {"A": "", "ACME_API_KEY": "c"}, None),
        ('api_key_env = "B"', {"B": "", "ACME_API_KEY": "c"}, None),
        ("", {"ACME_API_KEY": ""}, None),
        ('api_key_env = "B"\napi_key_optional = true', {}, None),
        ('auth = "none"', {"ACME_API_KEY": "c"}, None),
    ],
)
def test_the_first_source_that_says_anything_counts(
    home: Home, more: str, env: dict[str, str], expected: str | None
) -> None:
    config = home.read(acme(more), **env)
    assert config.problems == ()
    assert key(home, config, **env) == expected


@pytest.mark.parametrize(
    ("name", "variable"),
    [("vllm-local", "VLLM_LOCAL_API_KEY"), ("a.b_c", "A_B_C_API_KEY"), ("1x", "1X_API_KEY")],
)
def test_the_conventional_variable_is_the_name_in_capitals(
    home: Home, name: str, variable: str
) -> None:
    config = home.read(acme().replace('"acme"', f'"{name}"'))
    assert key_source(config.providers[name]) == f"${variable} (default)"
    assert key(home, config, name, **{variable: "k"}) == "k"


def test_an_unset_variable_is_an_error_on_use_that_names_all_that_were_looked_at(
    home: Home,
) -> None:
    config = home.read(acme('api_key_env = "CORP_KEY"'))
    assert config.problems == ()
    with pytest.raises(ConfigError) as caught:
        key(home, config)
    assert "$CORP_KEY and $ACME_API_KEY are not set" in str(caught.value)
    assert str(caught.value).startswith(str(home.path / "some.toml:4:1"))


@pytest.mark.parametrize("reference", ["${CORP_KEY}", "env:CORP_KEY"])
def test_a_reference_to_a_missing_variable_names_provider_field_file_and_variable(
    home: Home, reference: str
) -> None:
    config = home.read(acme(f'api_key = "{reference}"'), ACME_API_KEY="not this one")
    assert config.problems == ()
    assert [str(error) for error in check(config, home.env)]
    with pytest.raises(ConfigError) as caught:
        key(home, config, ACME_API_KEY="not this one")
    for part in ("acme", "api_key", "some.toml:4:1", "CORP_KEY"):
        assert part in str(caught.value)
    assert caught.value.hint


def test_a_missing_variable_outside_of_keys_is_an_error_of_that_provider_alone(
    home: Home,
) -> None:
    text = acme().replace("acme.example", "${CORP_HOST}") + acme().replace("acme", "fine")
    config = home.read(text)
    assert config.problems == ()
    (problem,) = config.providers["acme"].problems
    for part in ("acme", "base_url", "some.toml:3:1", "CORP_HOST"):
        assert part in str(problem)
    assert config.providers["fine"].problems == ()
    config = home.read(text, CORP_HOST="llm.corp")
    assert config.providers["acme"].problems == ()
    assert config.providers["acme"].base_url == "https://llm.corp/v1"


def test_two_providers_whose_keys_would_be_in_one_variable_are_an_error(home: Home) -> None:
    config = home.read(
        acme().replace('"acme"', '"my-corp"') + acme().replace('"acme"', '"my.corp"')
    )
    (problem,) = config.problems
    assert "MY_CORP_API_KEY" in str(problem)
    assert config.providers["my-corp"].problems == ()
    assert config.providers["my.corp"].problems == (problem,)


def test_several_keys_rotate_and_are_picked_by_position(home: Home) -> None:
    config = home.read(acme('api_keys = ["env:A", "env:B"]'))
    provider = config.providers["acme"]
    assert provider.rotate
    assert key_source(provider) == "2 keys"
    secrets = Secrets(home.env | {"A": "a", "B": "b"})
    found = [secrets.credential(provider, position) for position in (0, 1)]
    assert [(c.secret.reveal(), c.label) for c in found if c] == [("a", "$A"), ("b", "$B")]


def test_a_literal_key_is_noted_except_where_secrets_belong(home: Home) -> None:
    home.user(acme('api_key = "sk-canary-0123456789"'))
    (note,) = home.load().notes
    assert "the key itself is in this file" in str(note)
    assert "env:ACME_API_KEY" in str(note.hint)
    home.user(acme())
    home.user('[providers.acme]\napi_key = "sk-canary-0123456789"', "config.local.toml")
    config = home.load()
    assert config.notes == ()
    assert key(home, config) == "sk-canary-0123456789"


def test_several_literal_keys_are_noted_once(home: Home) -> None:
    home.user(acme('api_keys = ["sk-canary-0123456789", "sk-canary-9876543210", "env:A", ""]'))
    (note,) = home.load().notes
    assert "provider 'acme': 2 keys themselves are in this file" in str(note)
    assert note.hint == (
        'Keep them elsewhere: api_keys = ["env:ACME_API_KEY", …], or in config.local.toml.'
    )
    assert "canary" not in f"{note} {note.hint}"


def test_a_layer_that_speaks_of_the_key_replaces_what_lower_ones_said(home: Home) -> None:
    home.user(acme('api_key = "low"'))
    home.user('[providers.acme]\napi_key_env = "HIGH"', "config.local.toml")
    assert key(home, home.load(), HIGH="high") == "high"


@pytest.mark.parametrize(
    "pasted", ["sk-proj-0123456789abcdefghij", "gsk_0123456789abcdefghijABCDEFGHIJ", "$CORP_KEY"]
)
def test_a_key_pasted_where_a_variable_belongs_is_noticed_and_not_repeated(
    home: Home, pasted: str
) -> None:
    for setting in (f'api_key_env = "{pasted}"', f'api_key = "env:{pasted}"'):
        config = home.read(acme(setting))
        assert len(config.problems) == 1
        assert not any(pasted.removeprefix("$") in text for text in said(config))


# ------------------------------------------------------------------------------------- references


def resolve(home: Home, reference: str, **env: str) -> str | None:
    config = home.read(acme(f"api_key = {json.dumps(reference)}"), "folder/c.toml")
    assert config.problems == ()
    return key(home, config, **env)


def test_a_key_file_is_read_without_its_line_break(home: Home) -> None:
    home.write("folder/key.txt", b"\xef\xbb\xbfsecret\r\n")
    assert resolve(home, "file:key.txt") == "secret"
    assert resolve(home, "file:~/folder/key.txt") == "secret"
    assert resolve(home, f"file:{home.path}/folder/key.txt") == "secret"
    assert resolve(home, "file:${D}/key.txt", D=str(home.path / "folder")) == "secret"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"two\nlines", "line break"),
        (b"\xff\xfe", "not text"),
        ("typo“graphic".encode(), "no HTTP header"),
        (b"x" * 100_000, "too large"),
    ],
)
def test_a_key_file_that_will_not_do_says_why(home: Home, content: bytes | None, says: str) -> None:
    if content is not None:
        home.write("folder/key.txt", content)
    with pytest.raises(ConfigError, match=says):
        resolve(home, "file:key.txt")


def test_an_empty_key_file_means_no_key(home: Home) -> None:
    home.write("folder/key.txt", "\n")
    assert resolve(home, "file:key.txt") is None


@pytest.mark.parametrize("text", ["a\x00b", "a\tb", "a\nb", "\x7f"])
def test_control_characters_in_a_key_are_refused(home: Home, text: str) -> None:
    with pytest.raises(ConfigError, match="control character"):
        resolve(home, "env:K", K=text)


def test_a_trailing_line_break_in_a_variable_is_stripped(home: Home) -> None:
    assert resolve(home, "env:K", K="key\r\n") == "key"


def test_a_stored_credential_comes_last_and_is_bound_to_its_origin(home: Home) -> None:
    store = home.write(
        ".local/share/dragoman/credentials.json",
        json.dumps(
            {"credentials": {"acme": {"origin": "https://acme.example", "secret": "stored"}}}
        ),
    )
    store.chmod(0o600)
    config = home.read(acme())
    assert key(home, config) == "stored"
    assert key(home, config, ACME_API_KEY="variable") == "variable"
    moved = home.read(acme().replace("acme.example", "evil.example"))
    assert key(home, moved) is None
    other_port = home.read(acme().replace("acme.example", "acme.example:444"))
    assert key(home, other_port) is None


def test_a_store_that_others_may_read_is_refused(home: Home) -> None:
    store = home.write(".local/share/dragoman/credentials.json", '{"credentials": {}}')
    store.chmod(0o644)
    with pytest.raises(ConfigError) as caught:
        key(home, home.read(acme()))
    assert "others may read it" in str(caught.value)
    assert caught.value.hint == f"chmod 600 {store}"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"credentials": 3}', '{"credentials": {"a": 3}}', "\0"]
)
def test_a_broken_store_is_a_clear_error(home: Home, text: str) -> None:
    home.write(".local/share/dragoman/credentials.json", text).chmod(0o600)
    with pytest.raises(ConfigError, match="not a store of credentials"):
        key(home, home.read(acme()))


# --------------------------------------------------------------------------------------- commands


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def counting(home: Home, output: str) -> str:
    """A command that leaves a mark each time that it runs."""
    script = home.write("print-key", f"#!/bin/sh\necho run >> '{home.path}/runs'\n{output}\n")
    script.chmod(0o755)
    return f"cmd:{script}"


def runs(home: Home) -> int:
    path = home.path / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_command_is_run_once_while_it_does_not_say_that_it_expires(home: Home) -> None:
    config = home.read(acme(f'api_key = "{counting(home, "echo tok")}"'))
    clock = Clock()
    secrets = Secrets(home.env, clock)
    for _ in range(3):
        credential = secrets.credential(config.providers["acme"])
        assert credential is not None
        assert credential.secret.reveal() == "tok"
        clock.now += 1e9
    assert runs(home) == 1


def _jwt(exp: float) -> str:
    import base64

    claims = base64.urlsafe_b64encode(json.dumps({"exp": exp}).encode()).decode().rstrip("=")
    return f"aaa.{claims}.zzz"


@pytest.mark.parametrize(
    ("printed", "secret"),
    [
        (_jwt(1_000_000 + 3600), _jwt(1_000_000 + 3600)),
        (json.dumps({"token": "t", "expires_in": 3600}), "t"),
        (json.dumps({"access_token": "t", "expires_in": "3600"}), "t"),
        (json.dumps({"accessToken": "t", "expires_on": 1_003_600}), "t"),
        (json.dumps({"token": "t", "expiry": "1970-01-12T14:46:40Z"}), "t"),
        (json.dumps({"token": _jwt(1_003_600)}), _jwt(1_003_600)),
    ],
)
def test_a_command_is_asked_again_shortly_before_what_it_printed_expires(
    home: Home, printed: str, secret: str
) -> None:
    command = counting(home, f"cat <<'EOF'\n{printed}\nEOF")
    config = home.read(acme(f'api_key = "{command}"'))
    clock = Clock()
    secrets = Secrets(home.env, clock)
    expected_runs = {0: 1, 3500: 1, 3545: 2, 3546: 2}
    for after, count in expected_runs.items():
        clock.now = 1_000_000 + after
        credential = secrets.credential(config.providers["acme"])
        assert credential is not None
        assert credential.secret.reveal() == secret
        assert runs(home) == count


def test_a_command_is_split_like_a_shell_would_and_run_without_one(home: Home) -> None:
    assert resolve(home, "cmd:printf '%s' 'a  b;$(id)'") == "a  b;$(id)"
    assert resolve(home, "cmd:printf '%s' ${WORD}", WORD="a b; rm x") == "a b; rm x"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("no-such-program canary", "no program no-such-program"),
        ("sh -c 'echo canary; echo canary >&2; exit 3'", "sh failed with exit code 3"),
        ("true canary", "true printed nothing"),
        ("printf 'canary", "a quote is not closed"),
        ("printf '\\377canary'", "printed no text"),
        ('printf \'{"other": "canary"}\'', "JSON without a token"),
        ("printf 'canary\\ncanary'", "line break"),
        ("printf %s ${NOT_SET}", "NOT_SET"),
        ("/ canary", "cannot be run"),
    ],
)
def test_a_command_that_fails_says_how_and_never_what_it_holds(
    home: Home, command: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        resolve(home, f"cmd:{command}")
    assert "canary" not in str(caught.value)
    assert "canary" not in str(caught.value.hint)
    assert "some.toml" in str(caught.value) or "c.toml:4:1 (acme.api_key)" in str(caught.value)


def test_a_command_that_hangs_is_stopped(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from dragoman.config import secrets

    monkeypatch.setattr(secrets, "COMMAND_TIMEOUT_S", 0.05)
    with pytest.raises(ConfigError, match=r"longer than 0\.05 s"):
        resolve(home, "cmd:sleep 10")


def test_a_failed_command_is_run_again(home: Home) -> None:
    command = counting(home, f"test -e '{home.path}/ready' && echo tok")
    config = home.read(acme(f'api_key = "{command}"'))
    secrets = Secrets(home.env)
    with pytest.raises(ConfigError, match="exit code 1"):
        secrets.credential(config.providers["acme"])
    Path(home.path / "ready").touch()
    credential = secrets.credential(config.providers["acme"])
    assert credential is not None
    assert credential.label == f"cmd:{home.path}/print-key …"


# ---------------------------------------------------------------------------------------- keyring


@pytest.fixture
def keyring_backend() -> object:
    import keyring
    from keyring.backend import KeyringBackend

    entries = {("dragoman", "acme"): "ring", ("svc", "me"): "other"}

    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            return entries.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            entries[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del entries[service, username]

    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


@pytest.mark.usefixtures("keyring_backend")
def test_the_keyring_is_asked(home: Home) -> None:
    assert resolve(home, "keyring:acme") == "ring"
    assert resolve(home, "keyring:svc/me") == "other"
    with pytest.raises(ConfigError, match="nothing under 'nobody'") as caught:
        resolve(home, "keyring:nobody")
    assert caught.value.hint == "keyring set dragoman nobody"


def test_a_machine_without_a_keyring_says_so(home: Home) -> None:
    import keyring
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    try:
        with pytest.raises(ConfigError, match="keyring cannot be read"):
            resolve(home, "keyring:acme")
    finally:
        keyring.set_keyring(before)
