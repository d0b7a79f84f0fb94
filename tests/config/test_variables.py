"""Variables whose value may stand in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.config.variables import SIZE_LIMIT, read_variable
from dragoman.errors import ConfigError
from dragoman.store.database import Server, StoreError, database_place
from dragoman.store.redis import redis_address


def test_a_variable_is_read_from_the_environment_or_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("  from a file\n")
    assert read_variable({}, "A") is None
    assert read_variable({"A": " ", "A_FILE": ""}, "A") is None
    assert read_variable({"A": "itself "}, "A") == "itself"
    assert read_variable({"A_FILE": str(secret)}, "A") == "from a file"


def test_a_variable_said_twice_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="A and A_FILE are both set") as caught:
        read_variable({"A": "hidden", "A_FILE": str(tmp_path)}, "A")
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "it is not text"),
        (b"x" * (SIZE_LIMIT + 1), "is larger than 64 KiB"),
    ],
)
def test_a_file_without_a_secret_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        read_variable({"A_FILE": str(secret)}, "A")


def test_the_database_may_be_named_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "url"
    secret.write_text("postgresql://me:hidden@db/name\n")
    env = {"DRAGOMAN_DATABASE_URL_FILE": str(secret)}
    assert database_place(env) == Server("postgresql://me:hidden@db/name")
    secret.write_text("redis://:hidden@cache:6379/1")
    address = redis_address({"DRAGOMAN_REDIS_URL_FILE": str(secret)})
    assert str(address) == "redis://cache:6379/1"
    with pytest.raises(StoreError, match="cannot be read"):
        database_place({"DRAGOMAN_DATABASE_URL_FILE": str(tmp_path / "none")})
