"""Which proxy a request goes through."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.transport.proxy import find_proxy, parse_proxy
from dragoman.types.credential import Secret
from dragoman.types.http import parse_url

CASES = tomllib.loads((Path(__file__).parent / "cases" / "proxy.toml").read_text("utf-8"))["case"]


@pytest.mark.parametrize(
    ("env", "url", "expected"),
    [(case["env"], url, proxy) for case in CASES for url, proxy in case["use"].items()],
)
def test_environment_chooses_the_proxy(env: dict[str, str], url: str, expected: str) -> None:
    proxy = find_proxy(parse_url(url), None, env)
    assert ("" if proxy is None else str(proxy)) == expected


def test_providers_own_proxy_comes_before_the_environment_and_its_exemptions() -> None:
    env = {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}
    for url in ("http://a.test/", "http://localhost/"):
        assert str(find_proxy(parse_url(url), Secret("http://own:2"), env)) == "own:2"


def test_user_and_password_are_decoded_and_shown_to_nobody() -> None:
    proxy = parse_proxy("http://us%40er:p%3Ass@host:1", "HTTP_PROXY")
    assert proxy.headers == {"proxy-authorization": "Basic dXNAZXI6cDpzcw=="}
    assert repr(proxy) == "Proxy(host:1)"


@pytest.mark.parametrize(
    "text",
    [
        "socks5://me:canary@host:1",
        "https://me:canary@host:1",
        "http://me:canary@host:port",
        "http://me:canary@host:99999",
        "http://me:canary@",
        "http://me:canary@[::1",
        "ftp://canary",
        "http://",
    ],
)
def test_proxy_that_we_cannot_use_is_a_fault_of_the_configuration(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_proxy(text, "ALL_PROXY")
    assert caught.value.place == "ALL_PROXY"
    assert "canary" not in f"{caught.value} {caught.value.hint}"
    assert "http://" in (caught.value.hint or "")
