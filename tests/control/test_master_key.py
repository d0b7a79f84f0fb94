"""A master key is made on one's own machine when it is needed; elsewhere its lack is said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from dragoman.organisations.master_keys import key_file
from tests.control.plane import Plane

KEYS = "organisations/default/keys"
Serve = Callable[..., Plane]


@pytest.mark.parametrize("keys", [[], [{"name": "ci", "key": "key-aaaa-1111"}]])
def test_a_gateway_on_ones_own_machine_makes_one(
    serve_plane: Serve, tmp_path: Path, keys: list[dict[str, str]]
) -> None:
    env = {"HOME": str(tmp_path)}
    plane = serve_plane(env=env, gateway_keys=keys)
    assert plane.ask("POST", KEYS, {"name": "a"}).status == 201
    sealed = plane.ask("PUT", "organisations/default/credentials/groq", {"token": "sk-0123456789"})
    assert sealed.status == 200
    assert key_file(env).exists()


def test_without_one_operators_hear_how_to_make_it_and_others_that_it_is_not_theirs_to_mend(
    serve_plane: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "dragoman.control")
    env = {"HOME": str(tmp_path)}
    plane = serve_plane(env=env, listening="0.0.0.0")
    operator = plane.session(plane.account("root@example.com", operator=True))
    owner = plane.session(plane.account("ada@example.com", default="owner"))
    said = plane.ask("POST", KEYS, {"name": "a"}, headers=operator)
    assert (said.status, said.code) == (503, "no_master_key")
    assert "dragoman secrets new-key" in said.json["error"]["hint"]
    said = plane.ask("POST", KEYS, {"name": "a"}, headers=owner)
    assert (said.status, said.code) == (503, "no_master_key")
    assert b"secrets new-key" not in said.body
    assert "log" in said.json["error"]["hint"]
    assert "there is no master key" in caplog.text
    assert not key_file(env).exists()
