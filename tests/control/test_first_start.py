"""The first start of a gateway that others can reach, as a process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.control.plane import PASSWORD
from tests.server.process import Process
from tests.server.serving import ask

KEY = "DRAGOMAN_SECRET_KEY"
ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start `dragoman serve --host 0.0.0.0`, which ends with the test."""
    started: list[Process] = []

    def start(**env: str) -> Process:
        given = {KEY: "A" * 43 + "=", **env}
        started.append(Process(tmp_path, "", "--host", "0.0.0.0", env=given))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_a_link_is_printed_that_makes_the_operator_once(start: Callable[..., Process]) -> None:
    process = start()
    assert ask(f"{process.url}/v1/models", method="GET")[0] == 401
    assert process.process.stdout is not None
    found = None
    while found is None:
        line = process.process.stdout.readline()
        assert line, "no link was printed"
        found = re.search(r"Set-up +(http://\S+/setup)#(su_\w+)", line)
    page = ask(f"{process.url}/setup", method="GET")
    assert page[0] == 200
    assert found[2].encode() not in page[2]
    body = json.dumps({"token": found[2], **ADA}).encode()
    status, headers, answer = ask(f"{process.url}/api/v1/setup", body)
    assert (status, json.loads(answer)["operator"]) == (201, True)
    cookie = {named.lower(): said for named, said in headers.items()}["set-cookie"].split(";")[0]
    assert ask(f"{process.url}/api/v1/accounts", method="GET", cookie=cookie)[0] == 200
    assert ask(f"{process.url}/api/v1/setup", body)[0] == 401
    _, _, err = process.stop()
    assert found[2] not in err
    again = start()
    assert ask(f"{again.url}/api/v1/session", json.dumps(ADA).encode())[0] == 200
    assert "Set-up" not in again.stop()[1]


def test_a_variable_makes_the_operator_and_no_link_is_needed(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    process = start(DRAGOMAN_ADMIN_PASSWORD_FILE=str(secret), DRAGOMAN_ADMIN_EMAIL=ADA["email"])
    status, _, answer = ask(f"{process.url}/api/v1/session", json.dumps(ADA).encode())
    assert (status, json.loads(answer)["operator"]) == (200, True)
    _, out, err = process.stop()
    assert "Set-up" not in out
    assert PASSWORD not in out + err
