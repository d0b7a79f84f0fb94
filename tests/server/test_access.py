"""Who is let in."""

from __future__ import annotations

import pytest

from dragoman.config import Secrets
from dragoman.errors import ConfigError, Forbidden, Unauthorized
from dragoman.server.admission.access import Door, is_loopback
from dragoman.server.http.messages import Request
from dragoman.types.credential import CredentialSource, Secret
from dragoman.types.server import GatewayKey, ServerSettings


def key(name: str, secret: str) -> GatewayKey:
    return GatewayKey(name, CredentialSource("literal", Secret(secret), None))


def door(*keys: GatewayKey, listening: str = "127.0.0.1", **settings: tuple[str, ...]) -> Door:
    return Door(ServerSettings(**settings), keys, Secrets({}), listening)  # type: ignore[arg-type]


async def _no_body() -> bytes:
    return b""


def request(**headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        "POST", "/v1/chat/completions", "", {"host": "localhost:4400", **named}, _no_body
    )


TWO = (key("one", "first-key"), key("two", "second-key"))


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"authorization": "Bearer first-key"}, "one"),
        ({"authorization": "bearer  second-key "}, "two"),
        ({"x_api_key": "first-key"}, "one"),
        ({"api_key": "second-key"}, "two"),
        ({"x_api_key": "first-key", "authorization": "Bearer first-key"}, "one"),
        ({"x_api_key": "first-key", "authorization": "Basic abc"}, "one"),
    ],
)
def test_each_way_to_send_a_key_opens(headers: dict[str, str], name: str) -> None:
    assert door(*TWO).admit(request(**headers)).key == name


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "no gateway key"),
        ({"authorization": "Bearer "}, "no gateway key"),
        ({"authorization": "first-key"}, "no gateway key"),
        ({"authorization": "Bearer wrong"}, "not valid"),
        ({"authorization": "Bearer first-ke"}, "not valid"),
        ({"authorization": "Bearer first-key\udcff"}, "not valid"),
        ({"x_api_key": "first-key", "authorization": "Bearer second-key"}, "two different"),
    ],
)
def test_anything_else_is_refused(headers: dict[str, str], says: str) -> None:
    with pytest.raises(Unauthorized, match=says):
        door(*TWO).admit(request(**headers))


def test_errors_tell_no_key() -> None:
    with pytest.raises(Unauthorized) as caught:
        door(*TWO).admit(request(authorization="Bearer my-secret-typo"))
    assert "my-secret-typo" not in f"{caught.value} {caught.value.hint}"


def test_a_key_that_is_empty_or_another_s_keeps_the_door_from_being_made() -> None:
    with pytest.raises(ConfigError, match="is empty"):
        door(key("one", ""))
    with pytest.raises(ConfigError, match="same as another"):
        door(key("one", "k"), key("two", "k"))
    with pytest.raises(ConfigError, match="TEAM_KEY"):
        door(GatewayKey("one", CredentialSource("env", "TEAM_KEY", None)))


def test_an_entry_without_a_key_opens_nothing_and_keys_are_needed_still() -> None:
    shut = door(GatewayKey("broken", None))
    assert shut.mode == "keys"
    with pytest.raises(Unauthorized):
        shut.admit(request(authorization="Bearer anything"))


@pytest.mark.parametrize("listening", ["0.0.0.0", "::", "", "10.0.0.5", "gateway.example"])
def test_beyond_this_machine_nobody_is_let_in_without_keys(listening: str) -> None:
    shut = door(listening=listening)
    assert shut.mode == "closed"
    with pytest.raises(Unauthorized, match="not set up"):
        shut.admit(request())


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:4400", "LOCALHOST.", "127.0.0.1:4400", "127.1.2.3", "[::1]:4400",
     "app.localhost:80", "box.lan"],
)  # fmt: skip
def test_this_machine_s_names_open_and_those_allowed(host: str) -> None:
    assert door(allowed_hosts=("box.lan",)).admit(request(host=host)).key is None


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]:4400"]
)
def test_names_that_a_web_page_made_up_for_this_machine_do_not(host: str) -> None:
    with pytest.raises(Forbidden):
        door().admit(request(host=host))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "http://localhost:4400.evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "Cross-Site"},
    ],
)
def test_web_pages_of_others_may_not_ask(headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        door().admit(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:4400", "sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": "https://app.example", "sec_fetch_site": "cross-site"},
    ],
)
def test_our_own_pages_and_those_allowed_may(headers: dict[str, str]) -> None:
    assert door(allowed_origins=("https://app.example/",)).admit(request(**headers)).key is None


def test_only_this_machine_is_this_machine() -> None:
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "[::1]")] == [True] * 4
    others = ("0.0.0.0", "::", "", "10.0.0.1", "localhost.example", "0177.0.0.1", "2130706433")
    assert not any(map(is_loopback, others))
