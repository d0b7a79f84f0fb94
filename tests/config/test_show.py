"""What `config show` tells: every value with its origin, and no secret."""

from __future__ import annotations

import pytest

from dragoman.config.show import check, key_source, list_settings
from tests.config.loading import Home

CANARY = "sk-canary-7f3a9b"

USER = f"""default_model = "acme/m"

[[providers]]
name = "acme"
base_url = "https://${{HOST:-acme}}.example/v1?key={CANARY}&v=1"
api_key = "{CANARY}"
headers = {{ x-team = "{CANARY}", x-ref = "env:TEAM" }}
body = {{ password = "{CANARY}", top_k = 5, nested = {{ token = "{CANARY}" }} }}
models = [{{ id = "m", context_window = 9, cost = {{ input = 0.5 }} }}, "n"]
retries = 1

[routes.r]
primary = "acme/m"
fallbacks = ["acme/n"]
first_token = 4
"""


def test_every_value_is_shown_with_its_origin_and_as_it_was_written(home: Home) -> None:
    path = home.user(USER)
    home.user("[providers.acme]\nretries = 3\n", "config.local.toml")
    config = home.load(DRAGOMAN_PROVIDERS__ACME__LIMITS__RPM="60")
    found = {setting.name: setting for setting in list_settings(config)}
    assert CANARY not in str(found)
    acme = "providers.acme."
    url = "https://${HOST:-acme}.example/v1?key=(configured directly)&v=1"
    assert found[f"{acme}base_url"].value == url
    assert found[f"{acme}api_key"].value == "(configured directly)"
    assert found[f"{acme}headers.x-ref"].value == "env:TEAM"
    assert found[f"{acme}models.m.cost.input"].value == "0.5"
    assert found[f"{acme}models.n"].value == ""
    assert found[f"{acme}retries"].value == "3"
    assert found[f"{acme}retries"].place.endswith("config.local.toml:2:1")
    assert (found[f"{acme}limits.rpm"].value, found[f"{acme}limits.rpm"].origin) == ("60", "env")
    assert found[f"{acme}limits.rpm"].place == "variable DRAGOMAN_PROVIDERS__ACME__LIMITS__RPM"
    assert found["routes.r.models"].value == "acme/m, acme/n"
    assert found["routes.r.first_token"].value == "4"
    assert (found["default_model"].origin, found["default_model"].place) == ("user", f"{path}:1:1")


@pytest.mark.parametrize(
    ("setting", "shown"),
    [
        ("", "$ACME_API_KEY (default)"),
        ('api_key_env = "CORP_KEY"', "$CORP_KEY"),
        ('api_key_env = ["CORP_KEY", "OTHER"]', "$OTHER"),
        ('api_key_env = "ACME_API_KEY"', "$ACME_API_KEY"),
        ('api_key = "env:CORP_KEY"', "env:CORP_KEY"),
        ('api_key = "${CORP_KEY}"', "${CORP_KEY}"),
        ('api_key = "${CORP_KEY:-secret}"', "${CORP_KEY}"),
        ('api_key = "Bearer ${CORP_KEY}"', "(configured directly)"),
        ('api_key = "sk-x"', "(configured directly)"),
        ('api_key = "keyring:acme"', "keyring:acme"),
        ('auth = "none"', None),
    ],
)
def test_the_source_of_a_key_is_told_in_a_phrase(
    home: Home, setting: str, shown: str | None
) -> None:
    text = f'[[providers]]\nname = "acme"\nbase_url = "http://acme/v1"\n{setting}\n'
    assert key_source(home.read(text).providers["acme"], {"OTHER": "x"}) == shown


def test_check_tells_what_would_fail_on_use_as_well(home: Home) -> None:
    text = '[[providers]]\nname = "acme"\nbase_url = "http://acme/v1"\n'
    config = home.read(
        text + 'api_key = "env:KEY"\nheaders = { x = "${TEAM}" }\ndefault_model = "${MODEL}"\n'
        'retries = "many"\n'
    )
    assert [str(error).split(": ", 1)[1] for error in check(config, {"TEAM": "t"})] == [
        "provider 'acme': retries must be a whole number, not a string",
        "provider 'acme': default_model refers to ${MODEL}, which is not set",
        "refers to the variable KEY, which is not set",
    ]
    assert len(check(config, {})) == 4
    assert check(home.read(text), {}) == []


def test_check_tells_the_gateway_keys_that_cannot_be_had(home: Home) -> None:
    """A gateway would not start; what commands and keyrings hold, only that would tell."""
    sources = ("env:NOT_SET", "file:/nonexistent", "env:EMPTY", "same", "same", "cmd:exit", "good")
    entries = [
        f'[[gateway.keys]]\nname = "k{number}"\nkey = "{source}"\n'
        for number, source in enumerate(sources)
    ]
    found = check(home.read("".join(entries)), {"EMPTY": ""})
    assert [(error.place or "").rsplit(".toml:")[-1] for error in found] == [
        "3:1",
        "6:1",
        "9:1",
        "15:1",
    ]
    assert [str(error).split(": ", 1)[1] for error in found] == [
        "refers to the variable NOT_SET, which is not set",
        "the key file /nonexistent does not exist",
        "the gateway key 'k2' is empty",
        "the gateway key 'k4' is the same as another's",
    ]
    assert all(error.hint for error in found)
