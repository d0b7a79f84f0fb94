"""A socket that somebody else holds: given to a gateway, and to the next one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from dragoman.errors import ConfigError
from dragoman.server.sockets import widest_host
from dragoman.server.systemd import notify, take_sockets
from tests.server.process import Process
from tests.upstream.fault import FaultUpstream, chat

CONFIG = '[providers.mine]\nbase_url = "{url}"\n'


def test_a_gateway_takes_the_place_of_another_behind_the_same_socket(
    tmp_path: Path, upstream: Callable[..., FaultUpstream]
) -> None:
    config = CONFIG.format(url=upstream(chat("ok")).base_url)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        first = Process(tmp_path, config, handed=sock)
        assert first.chat("mine/m")[0] == 200
        second = Process(tmp_path, config, "--workers", "2", handed=sock)
        assert first.stop()[0] == 0
        assert second.chat("mine/m")[0] == 200
        code, out, err = second.stop()
        assert (code, err) == (0, "")
        assert f"http://127.0.0.1:{sock.getsockname()[1]}/v1" in out


def test_whoever_made_the_socket_decides_who_needs_a_key(
    tmp_path: Path, upstream: Callable[..., FaultUpstream]
) -> None:
    config = CONFIG.format(url=upstream(chat("ok")).base_url)
    with socket.create_server(("0.0.0.0", 0)) as sock:
        gateway = Process(tmp_path, config, handed=sock)
        status, _ = gateway.chat("mine/m")
        _, out, _ = gateway.stop()
    assert status == 401
    assert "none needed" not in out
    assert "only this machine" not in out


def test_the_widest_of_several_sockets_counts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as near, socket.create_server(("", 0)) as far:
        assert widest_host([near]) == "127.0.0.1"
        assert widest_host([near, far]) == "0.0.0.0"


@pytest.mark.parametrize("pid", ["", "1", "self"])
def test_sockets_for_others_are_not_taken(pid: str) -> None:
    env = {"LISTEN_FDS": "no" if pid == "self" else "1", "LISTEN_FDNAMES": "a"}
    env["LISTEN_PID"] = str(os.getpid()) if pid == "self" else pid
    assert take_sockets(env) == ()
    assert env == {}


@pytest.mark.parametrize("kind", ["a file", "a connection", "datagrams"])
def test_what_does_not_listen_is_refused(kind: str) -> None:
    made: Mapping[str, str] = {
        "a file": "os.open('/dev/null', os.O_RDONLY)",
        "a connection": "socket.socketpair()[0].detach()",
        "datagrams": "socket.socket(type=socket.SOCK_DGRAM).detach()",
    }
    program = (
        "import os, socket\nfrom dragoman.server.systemd import take_sockets\n"
        f"os.dup2({made[kind]}, 3)\n"
        "take_sockets({'LISTEN_FDS': '1', 'LISTEN_PID': str(os.getpid())})"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{ConfigError.__name__}: LISTEN_FDS: descriptor 3 cannot be served" in done.stderr


def test_nobody_has_to_listen_when_we_say_how_we_are(tmp_path: Path) -> None:
    notify({}, "READY=1")
    notify({"NOTIFY_SOCKET": "vsock:2:1"}, "READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind("\0dragoman-tests-" + str(os.getpid()))
        notify({"NOTIFY_SOCKET": f"@dragoman-tests-{os.getpid()}"}, "READY=1")
        assert told.recv(100) == b"READY=1"
