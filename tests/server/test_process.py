"""The gateway as a process: started, asked, told to stop, reloaded, with one worker and several."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.process import LONG_S, Process, children, wait_until
from tests.server.serving import ask
from tests.upstream.fault import FaultUpstream, chat, chat_stream

StartUpstream = Callable[..., FaultUpstream]
PROMPT = [{"role": "user", "content": "hi"}]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start gateways that end with the test."""
    started: list[Process] = []

    def start(config: str, *arguments: str) -> Process:
        home = tmp_path / str(len(started))
        home.mkdir()
        started.append(Process(home, config, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def provider(server: FaultUpstream, **more: str) -> str:
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    return f'[providers.mine]\nbase_url = "{server.base_url}"\n{lines}'


def test_it_answers_says_where_and_ends_at_once_when_idle(start: Any) -> None:
    gateway = start('default_model = "demo/echo"\n')
    status, answer = gateway.chat("demo/echo")
    assert (status, answer["choices"][0]["message"]["content"]) == (200, "hi")
    gateway.process.send_signal(signal.SIGTERM)
    gateway.process.wait(LONG_S)  # to wait for requests would take ten minutes
    code, out, err = gateway.stop()
    assert code == 0
    assert f"{gateway.url}/v1" in out
    assert err == ""


def test_every_exchange_is_in_the_ledger_when_it_has_ended(start: Any) -> None:
    gateway = start("")
    for _ in range(20):
        assert gateway.chat("demo/echo")[0] == 200
    gateway.stop()
    rows = gateway.rows("SELECT endpoint, status, outcome, source, overhead_s > 0 FROM exchange")
    assert rows == [("/chat/completions", 200, "ok", "gateway", 1)] * 20
    assert gateway.rows("SELECT count(*) FROM attempt") == [(20,)]
    assert gateway.rows("SELECT count(*) FROM message") == [(0,)]


def test_what_is_in_flight_is_finished_before_it_ends(start: Any, upstream: StartUpstream) -> None:
    server = upstream(chat("late").stall(1.0, at=0))
    gateway = start(provider(server))
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(gateway.chat("mine/m")))
    asking.start()
    wait_until(lambda: len(server.requests) == 1)
    code, _, _ = gateway.stop()
    asking.join()
    assert code == 0
    assert answers[0][0] == 200


def test_a_stream_that_takes_too_long_at_the_end_is_told_so(
    start: Any, upstream: StartUpstream
) -> None:
    answer = chat_stream(["one", "two"])
    server = upstream(answer.stall(60.0, at=answer.body.index(b"two")))
    gateway = start(provider(server) + "[server]\ndrain = 0.3\n")
    body = json.dumps({"model": "mine/m", "messages": PROMPT, "stream": True}).encode()
    request = urllib.request.Request(
        f"{gateway.url}/v1/chat/completions", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=LONG_S) as stream:
        while b"one" not in stream.readline():
            continue
        code, _, _ = gateway.stop()
        rest = stream.read()
    assert b"shutting_down" in rest
    assert b"[DONE]" not in rest
    assert code == 0
    assert gateway.rows("SELECT outcome FROM exchange") == [("interrupted",)]


def test_keys_in_the_file_are_needed_by_every_request(start: Any) -> None:
    gateway = start('[[gateway.keys]]\nname = "team"\nkey = "env:TEAM_KEY"\n')
    assert gateway.chat("demo/echo")[0] == 401
    body = json.dumps({"model": "demo/echo", "messages": PROMPT}).encode()
    for name, value in (
        ("authorization", "Bearer team-secret"),
        ("x-api-key", "team-secret"),
        ("api-key", "team-secret"),
    ):
        request = urllib.request.Request(
            f"{gateway.url}/v1/chat/completions",
            body,
            {"content-type": "application/json", name: value},
        )
        with urllib.request.urlopen(request, timeout=LONG_S) as answer:
            assert answer.status == 200
    gateway.stop()
    assert gateway.rows("SELECT DISTINCT gateway_key FROM exchange") == [("team",)]


def test_the_command_line_reads_what_the_gateway_wrote(start: Any) -> None:
    gateway = start("")
    gateway.chat("demo/echo")
    gateway.stop()
    env = {"HOME": str(gateway.home), "PATH": os.environ["PATH"]}

    def said(*arguments: str) -> str:
        program = [sys.executable, "-m", "dragoman", *arguments]
        return subprocess.run(program, env=env, capture_output=True, text=True, check=True).stdout

    assert "demo/echo  ok" in said("logs")
    assert "asked at /chat/completions, told 200" in said("logs", "show")
    assert "gateway" in said("usage", "--by", "client")


def test_a_changed_file_is_picked_up_and_a_broken_one_is_not(
    start: Any, upstream: StartUpstream
) -> None:
    one, two = upstream(chat("one")), upstream(chat("two"))
    gateway = start(provider(one))
    assert gateway.chat("mine/m")[1]["choices"][0]["message"]["content"] == "one"
    gateway.file.write_text("[providers.mine\n")
    gateway.process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert gateway.chat("mine/m")[1]["choices"][0]["message"]["content"] == "one"
    gateway.file.write_text(provider(two))  # nobody tells it: it looks
    wait_until(lambda: gateway.chat("mine/m")[1]["choices"][0]["message"]["content"] == "two")
    _, _, err = gateway.stop()
    assert "was not reloaded" in err
    assert "Traceback" not in err


def test_a_file_that_is_changed_while_it_drains_is_read(
    start: Any, upstream: StartUpstream
) -> None:
    """Its own sockets are closed by then, and where it listened is still its own."""
    server = upstream(chat("late").stall(4.0, at=0))
    gateway = start(provider(server))
    asking = threading.Thread(target=lambda: gateway.chat("mine/m"))
    asking.start()
    wait_until(lambda: len(server.requests) == 1)
    gateway.process.send_signal(signal.SIGTERM)
    gateway.file.write_text(provider(server) + "retries = 1\n")
    gateway.process.wait(LONG_S)
    asking.join()
    code, _, err = gateway.stop()
    assert code == 0
    assert "the configuration was reloaded" in err
    assert "died" not in err


def test_a_key_that_is_gone_is_refused_within_seconds(start: Any) -> None:
    gateway = start("")
    assert gateway.chat("demo/echo")[0] == 200
    gateway.file.write_text('[[gateway.keys]]\nname = "team"\nkey = "env:TEAM_KEY"\n')
    wait_until(lambda: gateway.chat("demo/echo")[0] == 401)


def test_several_workers_answer_share_their_counts_and_are_replaced(start: Any) -> None:
    gateway = start("", "--workers", "2")
    workers = children(gateway.process.pid)
    assert len(workers) == 2
    for _ in range(30):
        assert gateway.chat("demo/echo")[0] == 200

    def counted() -> float:
        text = ask(f"{gateway.url}/metrics", method="GET")[2].decode()
        lines = [line for line in text.splitlines() if line.startswith("dragoman_requests_total")]
        return sum(float(line.split()[-1]) for line in lines)

    wait_until(lambda: counted() == 30)
    os.kill(int(workers[0]), signal.SIGKILL)
    wait_until(lambda: len(set(children(gateway.process.pid)) - set(workers)) == 1)
    assert gateway.chat("demo/echo")[0] == 200
    code, _, err = gateway.stop()
    assert code == 0
    assert "another takes its place" in err


def test_a_worker_that_takes_anothers_place_is_guarded_as_the_others_are(start: Any) -> None:
    gateway = start("", "--workers", "2")
    gateway.file.write_text('[[gateway.keys]]\nname = "team"\nkey = "env:TEAM_KEY"\n')

    def told(times: int = 20) -> set[int]:
        return {gateway.chat("demo/echo")[0] for _ in range(times)}

    wait_until(lambda: told() == {401})
    gateway.file.unlink()  # that is no configuration, and the last good one stays
    workers = children(gateway.process.pid)
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    wait_until(lambda: len(set(children(gateway.process.pid)) - set(workers)) == 2)
    assert told() == {401}
    _, _, err = gateway.stop()
    assert "Traceback" not in err


def test_workers_end_when_nobody_is_left_to_look_after_them(start: Any) -> None:
    gateway = start("", "--workers", "2")
    workers = children(gateway.process.pid)
    gateway.process.kill()
    gateway.process.wait()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def test_a_port_that_is_taken_is_said_in_three_lines(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "dragoman", "serve", "--port", str(port)],
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )
    assert done.returncode == 78
    assert f"cannot listen at 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
