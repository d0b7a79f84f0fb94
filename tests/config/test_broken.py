"""Whatever is wrong with a file: a clear error with its place, and the rest goes on."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest

from dragoman.config import Config
from dragoman.config.show import check, list_settings
from dragoman.errors import ConfigError
from tests.config.loading import CASES, Home, said

BROKEN: list[dict[str, Any]] = tomllib.loads((CASES / "broken.toml").read_text())["case"]


def test_the_corpus_is_large() -> None:
    assert len(BROKEN) >= 100


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["name"])
def test_a_broken_file_says_what_and_where_and_leaves_the_rest(
    home: Home, case: dict[str, Any]
) -> None:
    path = home.user(case["text"], f"config.{case.get('suffix', 'toml')}")
    config = home.load()
    found = config.notes if case.get("note") else config.problems
    place = f"{path}:{case['at']}" if "at" in case else str(path)
    matching = [e for e in found if case["says"] in str(e)]
    assert matching, found
    assert [e for e in matching if e.place == place], matching
    assert case.get("hint", "") in (matching[0].hint or "")
    if case.get("note"):
        assert config.problems == ()
    if case.get("fine"):
        fine = config.providers["fine"]
        assert (fine.base_url, fine.problems) == ("http://fine/v1", ())
    assert config.providers["openai"].problems == ()


def test_all_errors_of_a_file_are_told_at_once(home: Home) -> None:
    config = home.read(
        'on_overflow = "x"\n[[providers]]\nname = "a"\nbase_url = "a"\nretries = -1\napi = "b"\n'
        '[[providers]]\nbase_url = "b"\n[routes.r]\n'
    )
    assert [str(e).split(":")[1] for e in config.problems] == ["1", "4", "5", "6", "7", "9"]


@pytest.mark.parametrize(
    "text",
    [
        '[[gateway.key]]\nname = "ci"\nkey = "dgk_x"',
        "[gatway]\nkeys = []",
        '[[gateway.keys]]\nname = "ci"\nkey = "dgk_x"\nbudgt = "5 USD"',
        "[gateway]\nlimits = { rmp = 5 }",
        '[[guardrail]]\nname = "x"\nkind = "secrets"',
        "[server]\nzzz = 5",
    ],
)
def test_no_gateway_is_run_without_what_may_have_been_meant_to_guard_it(
    home: Home, text: str
) -> None:
    config = home.read(text)
    assert "unknown key" in str(config.barring[0])
    with pytest.raises(ConfigError, match="what guards the gateway would not hold"):
        config.check_guards()


@pytest.mark.parametrize("text", ["[gateway]\nzzz = 1\n", "[server]\nzzz = 1\n"])
def test_a_key_that_bars_a_file_is_not_said_to_be_ignored(home: Home, text: str) -> None:
    (error,) = home.read(text).barring
    assert "unknown key 'zzz'" in str(error)
    assert (error.hint or "").startswith("It may be ")
    (note,) = home.read("[zzz]\n").notes
    assert note.hint == "It is ignored."


def test_a_link_that_leads_nowhere_is_no_missing_file(home: Home) -> None:
    path = home.user("")
    path.unlink()
    path.symlink_to("gone.toml")
    config = home.load()
    assert [str(error) for error in config.barring] == [f"{path}: is a link that leads nowhere"]


def test_a_providers_problems_are_its_own_too(home: Home) -> None:
    config = home.read('[[providers]]\nname = "a"\nbase_url = "a"\nretries = -1\n')
    assert config.providers["a"].problems == config.problems
    assert len(config.problems) == 2


# --------------------------------------------------------------------------------------- bytes


def _whole(home: Home, config: Config) -> None:
    """Use everything that a configuration offers; nothing of it may fail."""
    assert all(isinstance(text, str) for text in said(config))
    list_settings(config)
    check(config, home.env)
    for error in config.problems:
        assert error.place
        assert str(error).startswith(error.place)


SAMPLES = [
    ("everything.toml", (CASES / "everything.toml").read_bytes()),
    ("polpo.json", (CASES / "polpo" / "fallback.json").read_bytes()),
    (
        "config.yaml",
        (
            b"default_model: acme/m\nproviders:\n- name: acme\n  base_url: 'http://acme/v1'\n"
            b'  headers: {x: "y", z: "${A:-b}"}\n  models: [{id: m, cost: {input: 1.5}}]\n'
            b"- &two {name: two, base_url: http://two/v1}\n- {<<: *two, name: three}\n"
        ),
    ),
]


@pytest.mark.parametrize(("name", "raw"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_file_cut_at_any_byte_is_read_or_refused_with_a_place(
    home: Home, name: str, raw: bytes
) -> None:
    path = home.path / name
    for length in range(len(raw)):
        path.write_bytes(raw[:length])
        try:
            config = home.load(path)
        except ConfigError as error:
            assert str(error).startswith(f"{path}:")  # noqa: PT017
        else:
            _whole(home, config)


@pytest.mark.parametrize(("name", "raw"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_file_with_a_byte_changed_is_read_or_refused(home: Home, name: str, raw: bytes) -> None:
    path = home.path / name
    for position in range(0, len(raw), 11):
        for byte in (b"\x00", b"\xff", b"{", b'"', b"\n"):
            path.write_bytes(raw[:position] + byte + raw[position + 1 :])
            try:
                _whole(home, home.load(path))
            except ConfigError as error:
                assert error.place  # noqa: PT017


@pytest.mark.parametrize(("name", "raw"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_byte_order_mark_and_crlf_change_nothing(home: Home, name: str, raw: bytes) -> None:
    plain = home.read(raw, name, WHO="me")
    windows = home.read(b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n"), name, WHO="me")
    assert [str(e) for e in windows.problems] == [str(e) for e in plain.problems]
    assert {n: p for n, p in windows.providers.items() if p.origin == "file"} == {
        n: p for n, p in plain.providers.items() if p.origin == "file"
    }
    assert windows.routes == plain.routes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_recognised(home: Home, encoding: str) -> None:
    with pytest.raises(ConfigError, match=r"some\.toml:1:1: is not UTF-8; it looks like UTF-16"):
        home.read('default_model = "a"\n'.encode(encoding))


def test_latin_1_is_refused_at_its_place(home: Home) -> None:
    with pytest.raises(ConfigError, match=r"some\.toml:2:6: is not UTF-8") as caught:
        home.read('a = 1\nb = "é"\n'.encode("latin-1"))
    assert caught.value.hint == "Save it as UTF-8."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"a":' * 50_000),
        ("a.json", "[" * 100_000 + "]" * 100_000),
        ("a.toml", "a = " + "[" * 50_000 + "]" * 50_000),
        ("a.yaml", "[" * 5_000 + "]" * 5_000),
    ],
)
def test_deep_nesting_is_refused(home: Home, name: str, text: str) -> None:
    with pytest.raises(ConfigError):
        home.read(text, name)


def test_a_number_of_five_thousand_digits_is_refused(home: Home) -> None:
    for name, text in (("a.json", '{"a": %s}'), ("a.toml", "a = %s")):
        with pytest.raises(ConfigError):
            home.read(text % ("9" * 5000), name)


def test_a_huge_file_is_refused(home: Home) -> None:
    with pytest.raises(ConfigError, match="larger than 4 MiB"):
        home.read("#" * (5 * 1024 * 1024))


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text", [], ["x"], {}, {"x": 1}, [[]]])
def test_no_setting_chokes_on_a_value_of_any_type(home: Home, value: object) -> None:
    from dragoman.config import fields

    for field in fields.PROVIDER:
        data = {"providers": [{"name": "a", "base_url": "http://a/v1", field.name: value}]}
        _whole(home, home.read(json.dumps(data), "some.json"))
    for field in (*fields.MODEL, *fields.COST):
        for model in ({"id": "m", field.name: value}, {"id": "m", "cost": {field.name: value}}):
            data = {"providers": {"a": {"base_url": "http://a/v1", "models": [model]}}}
            _whole(home, home.read(json.dumps(data), "some.json"))
    for field in (*fields.ROUTE, *fields.STEP):
        for route in ({field.name: value}, {"models": [{"model": "a", field.name: value}]}):
            _whole(home, home.read(json.dumps({"routes": {"r": route}}), "some.json"))
    for field in (*fields.TOP,):
        _whole(home, home.read(json.dumps({field.name: value}), "some.json"))
    for key in ("agents", "settings", "env"):
        _whole(home, home.read(json.dumps({key: value}), "some.json"))
        for inner in ("orchestratorModel", "imageModel"):
            _whole(home, home.read(json.dumps({"settings": {inner: value}}), "some.json"))
        _whole(home, home.read(json.dumps({"agents": [{"name": value, "model": value}]}), "a.json"))


# -------------------------------------------------------------------------------------- secrets

CANARY = "sk-canary-7f3a9b"
WRONG_PLACES = [
    'api_key = "{}"',
    'api_key = ["{}"]',
    'api_key = {{ key = "{}" }}',
    'api_key = "${{{}"',
    'api_key = "pre ${{NOT_SET}} {}"',
    'api_key = "cmd:nothing {}"',
    'api_key_env = "{}"',
    'api_keys = ["{}", 3]',
    'base_url = "{}"',
    'base_url = "http://{}:{}@x/"',
    'base_url = "http://x:{}/"',
    'base_url = "http://x/?key={}"',
    'headers = "{}"',
    'headers = {{ authorization = "{}" }}',
    'headers = {{ authorization = ["{}"] }}',
    'query = {{ key = "{}" }}',
    'api = "{}"',
    'auth = "{}"',
    'proxy = "http://me:{}@proxy:1"',
    'proxy = "{}"',
    'preset = "{}"',
    'retries = "{}"',
    'timeouts = {{ total = "{}" }}',
    'timeouts = "{}"',
    'models_only = "{}"',
    'apikey = "{}"',
    'dialect = {{ system_role = "{}" }}',
    'models = [{{ id = "m", input = ["{}"], cost = {{ input = "{}" }} }}]',
    'body = {{ api_key = "{}" }}',
    'tls = {{ verify = "{}" }}',
]


@pytest.mark.parametrize("setting", WRONG_PLACES)
def test_a_secret_in_the_wrong_place_is_in_no_message(home: Home, setting: str) -> None:
    from dragoman.config import Secrets

    line = setting.format(*[CANARY] * setting.count("{}"))
    if not setting.startswith("base_url"):
        line += '\nbase_url = "http://a/v1"'
    config = home.read(f'[[providers]]\nname = "a"\n{line}\n')
    texts = said(config)
    if setting.startswith(("api_key", "headers", "query", "proxy")) and "cmd:" not in setting:
        texts.append(repr(config.providers["a"]))
    try:
        texts.append(repr(Secrets(home.env).credential(config.providers["a"])))
    except ConfigError as error:
        texts += [str(error), str(error.hint)]
    texts += [str(error) for error in check(config, home.env)]
    if "cmd:" not in setting:  # a command is shown as it was written
        texts += [shown.value for shown in list_settings(config) if _may_be_secret(shown.name)]
    assert [text for text in texts if CANARY in text] == []


def _may_be_secret(name: str) -> bool:
    return any(word in name for word in ("key", "headers", "query", "proxy", "body", "base_url"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.toml", 'api_key = "{}'),
        ("a.toml", "api_key = {}"),
        ("a.toml", 'api_key = "{}" "{}"'),
        ("a.json", '{{"api_key": "{}'),
        ("a.json", '{{"api_key": {}}}'),
        ("a.yaml", 'api_key: "{}'),
        ("a.yaml", "api_key: *{}"),
        ("a.yaml", "api_key: !{} x"),
        ("a.yaml", "api_key: {}: {}"),
        ("a.yaml", "api_key: %{}"),
    ],
)
def test_a_parsers_message_does_not_quote_the_file(home: Home, name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        home.read(text.format(*[CANARY] * text.count("{}")), name)
    assert CANARY not in str(caught.value)
    assert CANARY not in str(caught.value.hint)


def test_nothing_is_ever_written_to_the_users_file(home: Home) -> None:
    path = home.user('unknown = 1\n[[providers]]\nname = "a"\nbase_url = "b"\n')
    before = path.read_bytes()
    home.load()
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_configuration_shows_no_secret_when_it_is_printed(home: Home) -> None:
    config = home.read(
        f'[[providers]]\nname = "a"\nbase_url = "http://a/v1"\napi_key = "{CANARY}"\n'
    )
    for shown in (config, config.settings, config.providers["a"], config.notes):
        assert CANARY not in repr(shown)


@pytest.mark.parametrize("setting", ["default_model", "body", "headers", "api_key", "name"])
def test_half_a_character_is_refused(home: Home, setting: str) -> None:
    value: object = "\ud800"
    if setting in ("body", "headers"):
        value = {"x": value}
    data = {"providers": [{"name": "a", "base_url": "http://a/v1", setting: value}]}
    config = home.read(json.dumps(data), "some.json")
    for text in said(config):
        text.encode()
    assert config.problems or setting in ("headers", "api_key")
